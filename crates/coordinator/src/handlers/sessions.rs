//! Sessions of people: signing in and out.

pub(crate) mod passkey;
pub(crate) mod passkey_begin;
pub(crate) mod sign_in;
pub(crate) mod sign_out;
pub(crate) mod sign_out_everywhere;
