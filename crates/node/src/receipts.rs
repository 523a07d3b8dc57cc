//! Receipts: what this node signs for what it got, and what it keeps of what others signed for. Pure.
//!
//! [`Signing`] is the consumer's side, [`Collecting`] the provider's, [`Measuring`] that of a consumer whose word the
//! coordinator asks for. None reads a clock or does I/O; keys sign, which needs no chance.

mod collecting;
mod measuring;
mod signing;

pub(crate) use collecting::Collecting;
pub(crate) use measuring::Measuring;
pub(crate) use signing::Signing;
