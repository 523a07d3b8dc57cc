//! What is signed about a delivery: the coordinator's grant before it, the consumer's receipt after it, and the
//! provider's countersignature.
//!
//! Deliveries are accounted in windows of five minutes by the coordinator's clock. A receipt is cumulative
//! within its window, so that a lost one is made good by the next, and the last one counts. It names window,
//! session and sequence, so that no receipt can stand for another.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::id::{NodeId, StreamId, hex32};
use crate::key::SecretKey;
use crate::signed::{Document, Signed, VerifyError};
use crate::units::UnixMs;
use crate::verification::{Claim, all_hold};

/// Five minutes of UTC, counted from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Window(pub u64);

impl Window {
    /// Milliseconds in a window.
    pub const MS: u64 = 300_000;

    /// The window that holds `at`.
    pub fn of(at: UnixMs) -> Self {
        Self(at.0 / Self::MS)
    }

    /// Its first millisecond.
    pub fn begins_at(self) -> UnixMs {
        UnixMs(self.0.saturating_mul(Self::MS))
    }

    /// The first millisecond after it.
    pub fn ends_at(self) -> UnixMs {
        UnixMs(self.0.saturating_add(1).saturating_mul(Self::MS))
    }
}

hex32! {
    /// Names a [`Grant`]: its digest ([`Signed::digest`]).
    GrantId
}

/// The coordinator's word that what `provider` gives `consumer` in a window counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Who gives.
    pub provider: NodeId,
    /// Who receives.
    pub consumer: NodeId,
    /// The stream.
    pub stream: StreamId,
    /// When.
    pub window: Window,
    /// The most bytes that count.
    pub cap_bytes: u64,
    /// No receipt under this grant is taken from then on.
    pub expires_at: UnixMs,
}

impl Document for Grant {
    const DOMAIN: &'static str = "streamrp2p 2026 grant 1";
    const MAX_LEN: usize = 512;
}

impl Grant {
    /// The name that receipts call it by.
    pub fn id(&self) -> GrantId {
        GrantId(Signed::digest_of(self))
    }
}

impl Signed<Grant> {
    /// The name that receipts call it by: the same as [`Grant::id`] of its content.
    pub fn id(&self) -> GrantId {
        GrantId(self.digest())
    }
}

/// What a consumer counted of one provider since it began to count. Cumulative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProviderTally {
    /// Who gave them.
    pub provider: NodeId,
    /// Verified bytes of blocks.
    pub bytes: u64,
    /// Verified blocks.
    pub blocks: u32,
    /// Of these, blocks that came before their deadline.
    pub on_time: u32,
    /// Blocks that did not verify.
    pub bad: u32,
    /// Blocks that were asked for or promised, did not come in the time they are given, and were asked of others then.
    pub missed: u32,
}

/// What a consumer received from one provider since the window began, or since its session did, if that was later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The stream.
    pub stream: StreamId,
    /// When.
    pub window: Window,
    /// Who gave.
    pub provider: NodeId,
    /// Who received, and signs.
    pub consumer: NodeId,
    /// The grant it falls under. Without one it proves that the provider was at work, and pays nothing.
    pub grant: Option<GrantId>,
    /// The consumer's session, as in its heartbeats.
    pub session: u64,
    /// Counts the receipts of this consumer for this provider, window and session from 1.
    pub sequence: u32,
    /// Verified bytes.
    pub bytes: u64,
    /// Verified blocks.
    pub blocks: u32,
    /// Of these, blocks that came before their deadline.
    pub on_time: u32,
    /// Blocks that did not verify.
    pub bad: u32,
    /// Blocks that were asked for or promised, did not come in the time they are given, and were asked of others then.
    pub missed: u32,
}

impl Receipt {
    /// A consumer signs for no more providers than this in a window.
    pub const MAX_PROVIDERS: usize = 8;

    /// Whether it can stand after `earlier`, of the same session: later, and nothing taken back.
    pub fn follows(&self, earlier: &Self) -> bool {
        self.sequence > earlier.sequence
            && self.bytes >= earlier.bytes
            && self.blocks >= earlier.blocks
            && self.on_time >= earlier.on_time
            && self.bad >= earlier.bad
            && self.missed >= earlier.missed
    }

    /// Whether its counts can be true together.
    pub fn is_consistent(&self) -> bool {
        self.on_time <= self.blocks && (self.blocks > 0 || self.bytes == 0)
    }
}

impl Document for Receipt {
    const DOMAIN: &'static str = "streamrp2p 2026 receipt 2";
    const MAX_LEN: usize = 512;
}

/// The provider's agreement with a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Countersignature {
    /// The receipt's digest ([`Signed::digest`]).
    pub receipt: [u8; 32],
}

impl Document for Countersignature {
    const DOMAIN: &'static str = "streamrp2p 2026 receipt countersignature 1";
    const MAX_LEN: usize = 32;
}

/// A receipt that both ends have signed: whoever holds it can check it without asking anybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedByBoth {
    /// Who received.
    pub consumer: NodeId,
    /// Who gave.
    pub provider: NodeId,
    /// Signed by the consumer.
    pub receipt: Signed<Receipt>,
    /// Signed by the provider.
    pub countersignature: Signed<Countersignature>,
}

/// Why a receipt signed by both is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The consumer's signature.
    #[error("the receipt is refused: {0}")]
    Receipt(VerifyError),
    /// The provider's signature.
    #[error("the countersignature is refused: {0}")]
    Countersignature(VerifyError),
    /// Each holds, but they are about different things.
    #[error("the signatures do not belong together")]
    Mismatch,
    /// Its counts contradict each other.
    #[error("more blocks came on time than came, or bytes came in no block")]
    Counts,
}

impl SignedByBoth {
    /// What the provider makes of a receipt it agrees with.
    pub fn new(consumer: NodeId, receipt: Signed<Receipt>, provider: &SecretKey) -> Self {
        let countersignature = Signed::new(&Countersignature { receipt: receipt.digest() }, provider);
        Self { consumer, provider: provider.node_id(), receipt, countersignature }
    }

    /// The bytes that stand for it where it is kept: postcard's.
    pub fn to_wire(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("ids and byte strings are plain data: encoding them cannot fail")
    }

    /// What [`SignedByBoth::to_wire`] wrote, not yet believed; `None` where the bytes are something else.
    pub fn from_wire(bytes: &[u8]) -> Option<Self> {
        postcard::take_from_bytes(bytes).ok().filter(|(_, rest)| rest.is_empty()).map(|(both, _)| both)
    }

    /// The receipt, if consumer and provider signed this very one and it makes sense.
    pub fn verify(&self) -> Result<Receipt, ReceiptError> {
        let receipt = self.receipt.verify_node(&self.consumer).map_err(ReceiptError::Receipt)?;
        let agreed =
            self.countersignature.verify_node(&self.provider).map_err(ReceiptError::Countersignature)?;
        self.agreed(receipt, agreed)
    }

    /// [`SignedByBoth::verify`] of many, for about half the time as long as all signatures hold.
    pub fn verify_all(receipts: &[Self]) -> Vec<Result<Receipt, ReceiptError>> {
        let claims = receipts.iter().map(Self::claims).collect::<Result<Vec<_>, _>>();
        if !claims.is_ok_and(|claims| all_hold(&claims.concat())) {
            return receipts.iter().map(Self::verify).collect();
        }
        let content = |both: &Self| {
            let receipt = both.receipt.content().map_err(ReceiptError::Receipt)?;
            let agreed = both.countersignature.content().map_err(ReceiptError::Countersignature)?;
            both.agreed(receipt, agreed)
        };
        receipts.iter().map(content).collect()
    }

    fn claims(&self) -> Result<[Claim<'_>; 2], VerifyError> {
        Ok([self.receipt.claim(&self.consumer.0)?, self.countersignature.claim(&self.provider.0)?])
    }

    /// The receipt, if what the two have signed belongs together.
    fn agreed(&self, receipt: Receipt, agreed: Countersignature) -> Result<Receipt, ReceiptError> {
        let belongs = receipt.consumer == self.consumer
            && receipt.provider == self.provider
            && agreed.receipt == self.receipt.digest();
        if !belongs {
            return Err(ReceiptError::Mismatch);
        }
        if !receipt.is_consistent() {
            return Err(ReceiptError::Counts);
        }
        Ok(receipt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn consumer() -> SecretKey {
        SecretKey::from_seed([1; 32])
    }

    fn provider() -> SecretKey {
        SecretKey::from_seed([2; 32])
    }

    fn receipt() -> Receipt {
        Receipt {
            stream: "alice".parse().unwrap(),
            window: Window(7),
            provider: provider().node_id(),
            consumer: consumer().node_id(),
            grant: Some(GrantId([3; 32])),
            session: u64::MAX,
            sequence: 4,
            bytes: 1_000_000,
            blocks: 31,
            on_time: 30,
            bad: 0,
            missed: 2,
        }
    }

    fn both(receipt: &Receipt) -> SignedByBoth {
        SignedByBoth::new(consumer().node_id(), Signed::new(receipt, &consumer()), &provider())
    }

    #[test]
    fn a_window_is_five_minutes() {
        assert_eq!(Window::of(UnixMs(299_999)), Window(0));
        assert_eq!(Window::of(UnixMs(300_000)), Window(1));
        assert_eq!((Window(1).begins_at(), Window(1).ends_at()), (UnixMs(300_000), UnixMs(600_000)));
    }

    #[test]
    fn a_receipt_that_both_signed_survives_the_wire_and_is_believed() {
        let back = SignedByBoth::from_wire(&both(&receipt()).to_wire()).unwrap();
        assert_eq!(back.verify(), Ok(receipt()));
    }

    #[test]
    fn the_bytes_that_are_signed_stay_as_they_are() {
        // Whoever keeps a receipt must be able to check it in years: another layout is another domain.
        let signed = Signed::new(&receipt(), &consumer());
        assert_eq!(
            HEXLOWER.encode(&signed.digest()),
            "7a843467f5946e70ed686e2445402fa2f86211e2677f91b6b015b3ef9ae3e848"
        );
        assert_eq!(Receipt::DOMAIN, "streamrp2p 2026 receipt 2");
    }

    #[test]
    fn a_grant_has_the_same_name_signed_and_unsigned() {
        let (provider, consumer) = (provider().node_id(), consumer().node_id());
        let (stream, window) = ("alice".parse().unwrap(), Window(7));
        let grant = Grant { provider, consumer, stream, window, cap_bytes: 5, expires_at: UnixMs(9) };
        assert_eq!(Signed::new(&grant, &self::provider()).id(), grant.id());
        assert_ne!(Grant { cap_bytes: 6, ..grant.clone() }.id(), grant.id());
    }

    #[test]
    fn signatures_that_do_not_belong_together_are_not_believed() {
        let one = both(&receipt());
        let other = both(&Receipt { bytes: 2_000_000, sequence: 5, ..receipt() });
        let mixed = SignedByBoth { countersignature: other.countersignature, ..one.clone() };
        assert_eq!(mixed.verify(), Err(ReceiptError::Mismatch));
        let stranger = SecretKey::from_seed([9; 32]);
        let for_another = both(&Receipt { provider: stranger.node_id(), ..receipt() });
        assert_eq!(for_another.verify(), Err(ReceiptError::Mismatch));
        let claimed_by_another = SignedByBoth::new(consumer().node_id(), one.receipt.clone(), &stranger);
        assert_eq!(claimed_by_another.verify(), Err(ReceiptError::Mismatch));
        let of_another = SignedByBoth { consumer: stranger.node_id(), ..one };
        assert!(matches!(of_another.verify(), Err(ReceiptError::Receipt(VerifyError::BadSignature))));
    }

    #[test]
    fn counts_that_contradict_each_other_are_not_believed() {
        assert_eq!(both(&Receipt { on_time: 32, ..receipt() }).verify(), Err(ReceiptError::Counts));
        let from_nothing = Receipt { blocks: 0, on_time: 0, ..receipt() };
        assert_eq!(both(&from_nothing).verify(), Err(ReceiptError::Counts));
    }

    #[test]
    fn a_later_receipt_takes_nothing_back() {
        let earlier = receipt();
        assert!(Receipt { sequence: 5, bytes: 1_000_001, ..receipt() }.follows(&earlier));
        assert!(!Receipt { bytes: 1_000_001, ..receipt() }.follows(&earlier));
        assert!(!Receipt { sequence: 5, bytes: 999_999, ..receipt() }.follows(&earlier));
        assert!(!Receipt { sequence: 5, bad: 0, on_time: 29, ..receipt() }.follows(&earlier));
        assert!(!Receipt { sequence: 5, missed: 1, ..receipt() }.follows(&earlier));
    }

    /// A receipt with one of the things wrong that can be, or with none.
    fn maybe_wrong(sequence: u32, wrong: u8) -> SignedByBoth {
        let good = Receipt { sequence, ..receipt() };
        let other = both(&Receipt { sequence: sequence + 1_000, ..receipt() });
        match wrong {
            0 => SignedByBoth { countersignature: other.countersignature, ..both(&good) },
            1 => both(&Receipt { on_time: 32, ..good }),
            2 => SignedByBoth { consumer: provider().node_id(), ..both(&good) },
            3 => SignedByBoth { provider: consumer().node_id(), ..both(&good) },
            _ => both(&good),
        }
    }

    proptest! {
        #[test]
        fn many_are_verified_as_each_alone(wrong in proptest::collection::vec(0_u8..20, 0..20)) {
            let receipts: Vec<SignedByBoth> =
                (1..).zip(wrong).map(|(sequence, wrong)| maybe_wrong(sequence, wrong)).collect();
            let alone: Vec<_> = receipts.iter().map(SignedByBoth::verify).collect();
            prop_assert_eq!(SignedByBoth::verify_all(&receipts), alone);
        }

        #[test]
        fn no_flipped_bit_is_worth_a_byte(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let mut wire = both(&receipt()).to_wire();
            let at = at.index(wire.len());
            wire[at] ^= 1 << bit;
            if let Some(changed) = SignedByBoth::from_wire(&wire) {
                prop_assert!(changed.verify().is_err());
            }
        }
    }
}
