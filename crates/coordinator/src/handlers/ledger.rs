//! The book, as an operator writes to it.

pub(crate) mod correct;
pub(crate) mod deposit;

use streamr_coordinator_api::ErrorCode;

use crate::bookkeeping::Refusal;
use crate::problem::Refused;
use crate::storage::LedgerError;

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let detail = format!("Nothing was booked: {refusal}.");
        let code = match refusal {
            Refusal::Amount | Refusal::Currency => ErrorCode::BadRequest,
            Refusal::KeyReused { .. } => ErrorCode::KeyReused,
            Refusal::EntryUnknown(_) => ErrorCode::EntryUnknown,
            Refusal::NotCorrectable(_) | Refusal::Decided { .. } => ErrorCode::LedgerConflict,
            Refusal::Ledger(error) => return error.into(),
        };
        Self::new(code, detail)
    }
}

impl From<LedgerError> for Refused {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Storage(error) => error.into(),
            error => Self::new(ErrorCode::LedgerConflict, format!("Nothing was booked: {error}.")),
        }
    }
}
