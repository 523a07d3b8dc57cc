//! What a person says to the coordinator about their node.

use reqwest::{Method, RequestBuilder};
use streamr_coordinator_api::{ClaimNode, DeclareDowntime, ErrorCode, MakeDispute, Problem, ShowName};
use streamr_model::{AccountClaim, NodeId, SecretKey, Signed, StreamId, UnixMs};

use super::{ClientError, CoordinatorClient, MAX_BODY, answer};
use crate::view::Saying;

const HOUR_MS: u64 = 3_600_000;

impl CoordinatorClient {
    /// Says it. `token` is the node's, and `key` signs what is the node's own word.
    pub(crate) async fn say(&self, saying: &Saying, token: &str, key: &SecretKey) -> Result<(), ClientError> {
        let request = self.saying(saying, token, key)?;
        answer(request, MAX_BODY).await.map(drop)
    }

    fn saying(&self, saying: &Saying, token: &str, key: &SecretKey) -> Result<RequestBuilder, ClientError> {
        let node = key.node_id();
        let to =
            |method, path: &str| self.request(method, &format!("/nodes/{node}{path}")).bearer_auth(token);
        Ok(match saying {
            Saying::Claim { handle, code } => {
                let claim = Signed::new(&self.claim(node, handle, code), key);
                self.request(Method::POST, "/nodes/claims").json(&ClaimNode { node, claim })
            }
            Saying::Release => to(Method::DELETE, "/account"),
            Saying::ShowName { name } => {
                to(Method::PUT, "/name").json(&ShowName { name: name.trim().to_owned() })
            }
            Saying::HideName => to(Method::DELETE, "/name"),
            Saying::DeclareDowntime { begins_at_ms, ends_at_ms } => {
                let (begins_at, ends_at) = (UnixMs(*begins_at_ms), UnixMs(*ends_at_ms));
                to(Method::POST, "/downtimes").json(&DeclareDowntime { begins_at, ends_at })
            }
            Saying::WithdrawDowntime { begins_at_ms } => {
                to(Method::DELETE, &format!("/downtimes/{begins_at_ms}"))
            }
            Saying::Dispute { stream, began_at_ms, text } => {
                let stream: StreamId = stream.parse().map_err(|error| {
                    ClientError::Refused(Problem::new(ErrorCode::StreamUnknown, format!("{error}")))
                })?;
                let hour = began_at_ms / HOUR_MS;
                let dispute = MakeDispute { text: text.trim().to_owned() };
                to(Method::PUT, &format!("/disputes/{stream}/{hour}")).json(&dispute)
            }
        })
    }

    fn claim(&self, node: NodeId, handle: &str, code: &str) -> AccountClaim {
        AccountClaim {
            node,
            handle: handle.trim().to_owned(),
            code: code.trim().to_owned(),
            coordinator: self.address.clone(),
        }
    }
}
