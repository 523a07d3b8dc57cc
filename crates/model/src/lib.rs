//! The words of the house: ids, units and signed documents, with their bytes.
//!
//! Everything that two machines must agree on to the bit is defined here and nowhere else. The crate is
//! pure: it reads no clock, draws no randomness and does no I/O.

pub mod account;
pub mod block;
pub mod heartbeat;
pub mod id;
pub mod key;
pub mod manifest;
pub mod receipt;
pub mod signed;
pub mod units;
mod verification;

pub use account::{AccountClaim, AccountId};
pub use block::{BlockIndex, BlockSet};
pub use heartbeat::{EnrolmentProof, Heartbeat, NodeActivity};
pub use id::{InvalidStreamId, MediaSequence, NodeId, RenditionId, SegmentRef, StreamEpoch, StreamId};
pub use key::{InvalidKey, SecretKey, StreamKey};
pub use manifest::{Manifest, ManifestError, OneOf, SegmentContainer};
pub use receipt::{
    Countersignature, Grant, GrantId, ProviderTally, Receipt, ReceiptError, SignedByBoth, Window,
};
pub use signed::{Document, Signed, VerifyError};
pub use units::{BitsPerSecond, MicroUnits, UnixMs};
