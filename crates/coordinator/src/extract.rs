//! What handlers take from a request, refused as problems where it is missing or wrong.

mod person;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use streamr_coordinator_api::ErrorCode;
use streamr_model::{NodeId, StreamId};
use url::Url;

use crate::problem::Refused;
use crate::secret::SecretHash;
use crate::state::AppState;
use crate::storage::Stream;

pub(crate) use person::{Asker, ClientAddress, NodeKeeper, Operator, Person, StreamKeeper, StreamOwner};

/// A JSON body, in either direction.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let axum::Json(body) = axum::Json::from_request(request, state).await?;
        Ok(Self(body))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// A parameter of the path.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let axum::extract::Path(value) = axum::extract::Path::from_request_parts(parts, state).await?;
        Ok(Self(value))
    }
}

/// The streamer or its signer: whoever has the publish secret of the stream in the path.
pub(crate) struct Publisher(pub(crate) Stream);

impl FromRequestParts<AppState> for Publisher {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Refused> {
        let secret = bearer(&parts.headers)?;
        let Path(id) = Path::<StreamId>::from_request_parts(parts, app).await?;
        let stream = app.storage.read().await?.stream(&id).await?.ok_or_else(|| unknown_stream(&id))?;
        if stream.secret == secret {
            Ok(Self(stream))
        } else {
            Err(unauthorised("This is not the stream's publish secret."))
        }
    }
}

/// An enrolled node, by its token.
pub(crate) struct EnrolledNode(pub(crate) NodeId);

impl EnrolledNode {
    /// Refuses whoever asks about another node than itself.
    pub(crate) fn only(&self, node: &NodeId) -> Result<(), Refused> {
        if self.0 == *node { Ok(()) } else { Err(unauthorised("This is another node's token.")) }
    }
}

impl FromRequestParts<AppState> for EnrolledNode {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Refused> {
        let token = bearer(&parts.headers)?;
        let node = app.storage.read().await?.node_of_token(token).await?;
        node.map(Self).ok_or_else(|| unauthorised("No node is enrolled with this token. Enrol again."))
    }
}

/// The bearer token that came with the request, whoever's it is.
pub(crate) struct Token(pub(crate) SecretHash);

impl<S: Send + Sync> FromRequestParts<S> for Token {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        bearer(&parts.headers).map(Self)
    }
}

/// The coordinator's address as this request sees it: what the operator configured, else the host it asked.
pub(crate) struct OwnUrl(pub(crate) Url);

impl FromRequestParts<AppState> for OwnUrl {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Refused> {
        if let Some(url) = &app.public_url {
            return Ok(Self(url.clone()));
        }
        // HTTP/2 has the host in the URI, HTTP/1.1 in a header.
        let header = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = parts.uri.authority().map(|authority| authority.as_str()).or(header);
        let url = host.and_then(|host| format!("http://{host}/").parse().ok());
        url.map(Self)
            .ok_or_else(|| Refused::new(ErrorCode::BadRequest, "The request has no usable Host header."))
    }
}

/// The hash of the bearer token (RFC 6750).
fn bearer(headers: &HeaderMap) -> Result<SecretHash, Refused> {
    let header = headers.get(header::AUTHORIZATION).and_then(|header| header.to_str().ok());
    let token = header
        .and_then(|header| header.split_once(' '))
        .filter(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty());
    match token {
        Some((_, token)) => Ok(SecretHash::of(token.trim())),
        None => Err(unauthorised("Send the token as “Authorization: Bearer TOKEN”.")),
    }
}

fn unauthorised(detail: &str) -> Refused {
    Refused::new(ErrorCode::Unauthorised, detail)
}

/// No stream has this id.
pub(crate) fn unknown_stream(id: &StreamId) -> Refused {
    Refused::new(ErrorCode::StreamUnknown, format!("No stream “{id}” is registered here."))
}
