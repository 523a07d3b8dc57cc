//! What ties a node to a person's account.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::id::{NodeId, hex32};
use crate::signed::Document;

hex32! {
    /// An account: 32 bytes drawn when it was made. It says nothing about the person and never changes.
    AccountId
}

/// A node's word that it belongs to an account, signed by the node.
///
/// It takes both: the code, which only the signed-in person was given and which names this node, and the
/// node's key. Whoever has stolen one of them can do nothing with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountClaim {
    /// The node.
    pub node: NodeId,
    /// The account's handle, so that whoever signs sees to whom the node is given.
    pub handle: String,
    /// The claim code as it was given to the person.
    pub code: String,
    /// The coordinator's address as the node knows it, so that a claim given to one is worthless to another.
    pub coordinator: String,
}

impl Document for AccountClaim {
    const DOMAIN: &'static str = "streamrp2p 2026 account claim 1";
    const MAX_LEN: usize = 1024;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heartbeat::EnrolmentProof;
    use crate::key::SecretKey;
    use crate::signed::{Signed, VerifyError};

    fn key() -> SecretKey {
        SecretKey::from_seed([3; 32])
    }

    fn claim() -> AccountClaim {
        AccountClaim {
            node: key().node_id(),
            handle: "alice".into(),
            code: "c0de".into(),
            coordinator: "https://coordinator.example".into(),
        }
    }

    #[test]
    fn only_the_nodes_own_key_makes_its_claim() {
        let signed = Signed::new(&claim(), &key());
        assert_eq!(signed.verify_node(&key().node_id()), Ok(claim()));
        let other = SecretKey::from_seed([4; 32]);
        assert_eq!(signed.verify_node(&other.node_id()), Err(VerifyError::BadSignature));
    }

    #[test]
    fn an_enrolment_proof_is_never_taken_for_a_claim() {
        let proof = EnrolmentProof {
            node: key().node_id(),
            challenge: "alice".into(),
            coordinator: "https://coordinator.example".into(),
        };
        let wire = serde_bytes_of(&Signed::new(&proof, &key()));
        let posed: Signed<AccountClaim> = postcard::from_bytes(&wire).unwrap();
        assert_eq!(posed.verify_node(&key().node_id()), Err(VerifyError::BadSignature));
    }

    fn serde_bytes_of(signed: &impl Serialize) -> Vec<u8> {
        postcard::to_allocvec(signed).unwrap()
    }
}
