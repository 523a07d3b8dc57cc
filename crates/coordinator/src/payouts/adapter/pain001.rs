//! ISO 20022 pain.001.001.09, customer credit transfer initiation: the file that banks take.
//!
//! One payment information block, in the order of the message definition; amounts in the currency's own digits,
//! control sum and counts over them. Only payments that are still pending are in it. Payees need an IBAN.

use data_encoding::HEXLOWER;
use quick_xml::escape::escape;
use streamr_coordinator_api::PayoutState;
use streamr_model::{MicroUnits, UnixMs};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{AdapterError, PayoutAdapter, Submission};
use crate::ledger::{Currency, IdempotencyKey, PayoutId};
use crate::money::payment_text;
use crate::payouts::{Instruction, InvalidPayee, Order, PayeeAccount, StoredPayee};

/// On whose behalf the bank pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debtor(StoredPayee);

impl Debtor {
    /// With the account's holder and IBAN, checked.
    pub fn new(name: &str, iban: &str) -> Result<Self, InvalidPayee> {
        let destination = streamr_coordinator_api::Destination::Iban(iban.to_owned());
        let payee = streamr_coordinator_api::Payee { name: name.to_owned(), destination };
        payee.try_into().map(Self)
    }
}

/// The file. It costs nothing here; what the bank takes for it, the bank says.
#[derive(Debug, Clone)]
pub struct Pain001(pub Debtor);

impl PayoutAdapter for Pain001 {
    async fn quote(
        &self,
        _: Currency,
        instructions: &[Instruction],
    ) -> Result<Vec<MicroUnits>, AdapterError> {
        Ok(vec![MicroUnits(0); instructions.len()])
    }

    async fn submit(&self, order: &Order) -> Result<Submission, AdapterError> {
        Ok(Submission::Document {
            name: format!("payouts-{}.xml", order.batch),
            media_type: "application/xml",
            content: document(&self.0, order)?,
        })
    }

    async fn status(&self, _: &IdempotencyKey) -> Result<Vec<(PayoutId, PayoutState)>, AdapterError> {
        Ok(Vec::new())
    }
}

const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09";

/// XML under way. Elements close themselves: what is inside is a closure.
#[derive(Default)]
struct Xml(String);

impl Xml {
    fn element(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.with("", name, inside);
    }

    fn with(&mut self, attribute: &str, name: &str, inside: impl FnOnce(&mut Self)) {
        self.0.push_str(&format!("<{name}{attribute}>"));
        inside(self);
        self.0.push_str(&format!("</{name}>"));
    }

    fn leaf(&mut self, name: &str, text: &str) {
        self.element(name, |xml| xml.0.push_str(&escape(text)));
    }
}

fn document(debtor: &Debtor, order: &Order) -> Result<String, AdapterError> {
    let pending: Vec<&Instruction> =
        order.instructions.iter().filter(|it| it.state == PayoutState::Pending).collect();
    if pending.iter().any(|it| !matches!(it.payee.account, PayeeAccount::Iban(_))) {
        return Err(AdapterError::Unreachable);
    }
    let sum = MicroUnits(pending.iter().fold(0, |sum, it| it.net().0.saturating_add(sum)));
    let sum = payment_text(sum, order.currency);
    let count = pending.len().to_string();
    let id = message_id(&order.batch);
    let (date_time, date) = moments(order.begun_at).ok_or(AdapterError::Unreachable)?;

    let mut xml = Xml("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned());
    xml.with(&format!(" xmlns=\"{NAMESPACE}\""), "Document", |xml| {
        xml.element("CstmrCdtTrfInitn", |xml| {
            xml.element("GrpHdr", |xml| {
                xml.leaf("MsgId", &id);
                xml.leaf("CreDtTm", &date_time);
                xml.leaf("NbOfTxs", &count);
                xml.leaf("CtrlSum", &sum);
                xml.element("InitgPty", |xml| xml.leaf("Nm", &debtor.0.name));
            });
            xml.element("PmtInf", |xml| {
                xml.leaf("PmtInfId", &id);
                xml.leaf("PmtMtd", "TRF");
                xml.leaf("NbOfTxs", &count);
                xml.leaf("CtrlSum", &sum);
                let in_euro = order.currency.as_str() == "EUR";
                if in_euro {
                    xml.element("PmtTpInf", |xml| xml.element("SvcLvl", |xml| xml.leaf("Cd", "SEPA")));
                }
                xml.element("ReqdExctnDt", |xml| xml.leaf("Dt", &date));
                xml.element("Dbtr", |xml| xml.leaf("Nm", &debtor.0.name));
                account(xml, "DbtrAcct", &debtor.0);
                // The bank is in the IBAN.
                xml.element("DbtrAgt", |xml| {
                    xml.element("FinInstnId", |xml| xml.element("Othr", |xml| xml.leaf("Id", "NOTPROVIDED")));
                });
                xml.leaf("ChrgBr", if in_euro { "SLEV" } else { "SHAR" });
                for instruction in pending {
                    transfer(xml, order.currency, instruction);
                }
            });
        });
    });
    xml.0.push('\n');
    Ok(xml.0)
}

fn account(xml: &mut Xml, name: &str, of: &StoredPayee) {
    xml.element(name, |xml| xml.element("Id", |xml| xml.leaf("IBAN", of.account.as_str())));
}

fn transfer(xml: &mut Xml, currency: Currency, instruction: &Instruction) {
    xml.element("CdtTrfTxInf", |xml| {
        xml.element("PmtId", |xml| xml.leaf("EndToEndId", &instruction.payout.to_string()));
        xml.element("Amt", |xml| {
            xml.with(&format!(" Ccy=\"{currency}\""), "InstdAmt", |xml| {
                xml.0.push_str(&payment_text(instruction.net(), currency));
            });
        });
        xml.element("Cdtr", |xml| xml.leaf("Nm", &instruction.payee.name));
        account(xml, "CdtrAcct", &instruction.payee);
        xml.element("RmtInf", |xml| xml.leaf("Ustrd", "Support of live streams"));
    });
}

/// At most 35 characters, which a batch's name need not have.
fn message_id(batch: &IdempotencyKey) -> String {
    let hash = blake3::derive_key("streamrp2p coordinator pain.001 message id v1", batch.as_str().as_bytes());
    HEXLOWER.encode(&hash[..16])
}

/// A moment as date and time, and its day, both in UTC.
fn moments(at: UnixMs) -> Option<(String, String)> {
    let at = OffsetDateTime::from_unix_timestamp(i64::try_from(at.0 / 1000).ok()?).ok()?;
    Some((at.format(&Rfc3339).ok()?, at.date().to_string()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use quick_xml::Reader;
    use quick_xml::events::Event;
    use streamr_coordinator_api::PayoutMethod;

    use super::*;
    use crate::payouts::plan;
    use crate::payouts::plan::tests::owed;

    fn order(names: &[(&str, i64)]) -> Order {
        let (batch, currency): (IdempotencyKey, Currency) = ("b-1".parse().unwrap(), "EUR".parse().unwrap());
        let owed = (1..).zip(names).map(|(id, (name, amount))| owed(id, *amount, name)).collect();
        Order {
            method: PayoutMethod::Pain001,
            begun_at: UnixMs(1_795_000_000_000),
            without_payee: 0,
            submitted_at: None,
            accepted_at: None,
            instructions: plan(&batch, currency, owed),
            batch,
            currency,
        }
    }

    /// The texts of each element, by its name.
    fn read(document: &str) -> BTreeMap<String, Vec<String>> {
        let mut reader = Reader::from_str(document);
        let (mut texts, mut open): (BTreeMap<String, Vec<String>>, Vec<String>) = Default::default();
        let mut text = String::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) => {
                    open.push(start.name().as_ref().to_owned());
                    text.clear();
                }
                Event::Text(piece) => text.push_str(&piece),
                Event::GeneralRef(name) => {
                    text.push_str(quick_xml::escape::resolve_predefined_entity(&name).unwrap());
                }
                Event::End(_) => {
                    texts.entry(open.pop().unwrap()).or_default().push(std::mem::take(&mut text));
                }
                Event::Eof => break,
                _ => {}
            }
        }
        assert!(open.is_empty());
        texts
    }

    fn debtor() -> Debtor {
        Debtor::new("Alice & Co", "DE89370400440532013000").unwrap()
    }

    #[test]
    fn sums_and_counts_are_those_of_the_payments() {
        let document = document(&debtor(), &order(&[("Ada", 12_345_678), ("Ben", 990_000)])).unwrap();
        let texts = read(&document);
        assert_eq!(texts["InstdAmt"], ["12.34", "0.99"]);
        assert_eq!((&texts["CtrlSum"], &texts["NbOfTxs"]), (&vec!["13.33".into(); 2], &vec!["2".into(); 2]));
        assert_eq!(texts["IBAN"], ["DE89370400440532013000"; 3]);
        assert!(texts["MsgId"][0].len() <= 35 && texts["EndToEndId"].iter().all(|id| id.len() <= 35));
        assert!(document.contains(&format!("<Document xmlns=\"{NAMESPACE}\">")));
        let begun = OffsetDateTime::from_unix_timestamp(1_795_000_000).unwrap();
        assert_eq!(texts["Dt"], [begun.date().to_string()]);
    }

    #[test]
    fn a_name_cannot_add_elements() {
        let evil = "</Nm><IBAN>X</IBAN>\"'&";
        let texts = read(&document(&debtor(), &order(&[(evil, 1_000_000)])).unwrap());
        assert_eq!(texts["Nm"], ["Alice & Co", "Alice & Co", evil]);
        assert_eq!(texts["IBAN"].len(), 2);
    }

    #[test]
    fn what_is_settled_is_not_sent_again() {
        let mut order = order(&[("Ada", 1_000_000), ("Ben", 2_000_000)]);
        order.instructions[0].state = PayoutState::Posted;
        let texts = read(&document(&debtor(), &order).unwrap());
        assert_eq!((&texts["InstdAmt"], &texts["CtrlSum"][0]), (&vec!["2.00".into()], &"2.00".to_owned()));
    }

    #[test]
    fn somebody_without_an_iban_cannot_be_paid_by_a_bank() {
        let mut order = order(&[("Ada", 1_000_000)]);
        order.instructions[0].payee.account = PayeeAccount::Handle("ada".into());
        assert!(matches!(document(&debtor(), &order), Err(AdapterError::Unreachable)));
        assert!(Debtor::new("Alice", "DE00").is_err());
    }
}
