//! Between our names for nodes and libp2p's: a node's id is the Ed25519 key its peer id is made from.

use libp2p::PeerId;
use libp2p::identity::{Keypair, PublicKey, ed25519};
use streamr_model::{NodeId, SecretKey};

use crate::api::RelayError;

pub(super) fn keypair(key: &SecretKey) -> Result<Keypair, RelayError> {
    Keypair::ed25519_from_bytes(key.to_seed()).map_err(|error| RelayError::Network(error.to_string()))
}

/// `None` where the id is not a point of the curve, so nobody can hold its key.
pub(super) fn peer_id(node: &NodeId) -> Option<PeerId> {
    let key = ed25519::PublicKey::try_from_bytes(&node.0).ok()?;
    Some(PublicKey::from(key).to_peer_id())
}

/// `None` for peers whose identity is not an Ed25519 key: they are not of this network.
pub(super) fn node_id(peer: &PeerId) -> Option<NodeId> {
    // A peer id of an Ed25519 key is the identity multihash of its protobuf form, so the key is in it.
    let key = PublicKey::try_decode_protobuf(peer.as_ref().digest()).ok()?;
    key.try_into_ed25519().ok().map(|key| NodeId(key.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nodes_id_and_its_peer_id_stand_for_each_other() {
        let key = SecretKey::from_seed([5; 32]);
        let peer = keypair(&key).unwrap().public().to_peer_id();
        assert_eq!(peer_id(&key.node_id()), Some(peer));
        assert_eq!(node_id(&peer), Some(key.node_id()));
    }
}
