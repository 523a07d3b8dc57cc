//! Who asks, where it is a person: by their session, or the operator token, which may do what an operator may.

use std::net::IpAddr;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::header;
use axum::http::request::Parts;
use streamr_coordinator_api::ErrorCode;
use streamr_model::{NodeId, StreamId};

use super::{OwnUrl, Path, bearer, unauthorised, unknown_stream};
use crate::accounts::lifetime::{Lifetime, NOTED_EVERY_MS};
use crate::accounts::{Account, Deed, may};
use crate::problem::Refused;
use crate::secret::SecretHash;
use crate::sign_in::cookie;
use crate::state::AppState;
use crate::storage::Stream;

/// Where the request comes from, as the limits see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl FromRequestParts<AppState> for ClientAddress {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Refused> {
        let known = parts.extensions.get::<Self>().copied();
        known.ok_or_else(|| Refused::new(ErrorCode::Internal, "The request's address is not known."))
    }
}

/// A person who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) account: Account,
    /// Their session.
    pub(crate) session: SecretHash,
}

impl FromRequestParts<AppState> for Person {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Refused> {
        match asker(parts, app).await? {
            Some(Asker::Person(person)) => Ok(person),
            _ => Err(unauthorised("Sign in first.")),
        }
    }
}

/// Whoever asks where both a person and the operator token may.
#[derive(Debug, Clone)]
pub(crate) enum Asker {
    /// Whoever has the operator token: the root of all trust here.
    OperatorToken,
    /// A person who is signed in.
    Person(Person),
}

impl Asker {
    /// The account that asks; the operator token is nobody's.
    pub(crate) fn account(&self) -> Option<&Account> {
        match self {
            Self::OperatorToken => None,
            Self::Person(person) => Some(&person.account),
        }
    }

    /// Whether whoever asks may do it.
    pub(crate) fn may(&self, deed: Deed) -> bool {
        self.account().is_none_or(|account| may(account.role, deed))
    }

    /// Refuses whoever may not do it.
    pub(crate) fn must(&self, deed: Deed) -> Result<(), Refused> {
        if self.may(deed) {
            return Ok(());
        }
        let detail = match deed {
            Deed::Stream => "Only streamers register streams. Ask the operator to make this account one.",
            Deed::Administer => "Only an operator may do this.",
        };
        Err(Refused::new(ErrorCode::Forbidden, detail))
    }
}

impl FromRequestParts<AppState> for Asker {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Refused> {
        asker(parts, app).await?.ok_or_else(|| unauthorised("Sign in first, or send the operator token."))
    }
}

impl OptionalFromRequestParts<AppState> for Asker {
    type Rejection = Refused;

    /// `None` is nobody in particular. Who sends a wrong token is refused all the same; a cookie that is over, or
    /// that another site's page sends, is nobody's: it must not keep anybody from making an account.
    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Option<Self>, Refused> {
        let by_token = parts.headers.contains_key(header::AUTHORIZATION);
        let asker = asker(parts, app).await;
        if by_token { asker } else { Ok(asker.ok().flatten()) }
    }
}

/// An operator: by account, or by the operator token.
#[derive(Debug, Clone)]
pub(crate) struct Operator(pub(crate) Asker);

impl FromRequestParts<AppState> for Operator {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Refused> {
        let asker = <Asker as FromRequestParts<_>>::from_request_parts(parts, app).await?;
        asker.must(Deed::Administer)?;
        Ok(Self(asker))
    }
}

/// The person whose the stream in the path is, or an operator. Not who merely has the publish secret: a
/// thief of that must not be able to lock the streamer out.
pub(crate) struct StreamOwner(pub(crate) Stream);

impl FromRequestParts<AppState> for StreamOwner {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Refused> {
        let asker = <Asker as FromRequestParts<_>>::from_request_parts(parts, app).await?;
        let stream = stream_of_path(parts, app).await?;
        owns(app, &asker, &stream).await?;
        Ok(Self(stream))
    }
}

/// Whoever looks after the invites of the stream in the path: who has its publish secret, its owner, an
/// operator.
pub(crate) struct StreamKeeper(pub(crate) Stream);

impl FromRequestParts<AppState> for StreamKeeper {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Refused> {
        if parts.headers.contains_key(header::AUTHORIZATION) {
            let secret = bearer(&parts.headers)?;
            let stream = stream_of_path(parts, app).await?;
            if stream.secret == secret {
                return Ok(Self(stream));
            }
        }
        let StreamOwner(stream) = StreamOwner::from_request_parts(parts, app).await?;
        Ok(Self(stream))
    }
}

/// Who may part the node in the path from its account: the person whose it is, the node itself by its token, an
/// operator.
pub(crate) struct NodeKeeper(pub(crate) NodeId);

impl FromRequestParts<AppState> for NodeKeeper {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Refused> {
        let Path(node) = Path::<NodeId>::from_request_parts(parts, app).await?;
        if parts.headers.contains_key(header::AUTHORIZATION) {
            let token = bearer(&parts.headers)?;
            if app.storage.read().await?.node_of_token(token).await? == Some(node) {
                return Ok(Self(node));
            }
        }
        let asker = <Asker as FromRequestParts<_>>::from_request_parts(parts, app).await?;
        if asker.may(Deed::Administer) {
            return Ok(Self(node));
        }
        let owner = app.storage.read().await?.owner_of_node(&node).await?;
        if owner.is_some() && owner == asker.account().map(|account| account.id) {
            return Ok(Self(node));
        }
        Err(Refused::new(ErrorCode::Forbidden, "This node is not this account's."))
    }
}

async fn stream_of_path(parts: &mut Parts, app: &AppState) -> Result<Stream, Refused> {
    let Path(id) = Path::<StreamOfPath>::from_request_parts(parts, app).await?;
    let found = app.storage.read().await?.stream(&id.stream).await?;
    found.ok_or_else(|| unknown_stream(&id.stream))
}

/// The one parameter that matters here of paths that may have more.
#[derive(serde::Deserialize)]
struct StreamOfPath {
    stream: StreamId,
}

async fn owns(app: &AppState, asker: &Asker, stream: &Stream) -> Result<(), Refused> {
    if asker.may(Deed::Administer) {
        return Ok(());
    }
    let owner = app.storage.read().await?.owner_of_stream(&stream.stream).await?;
    if owner.is_some() && owner == asker.account().map(|account| account.id) {
        return Ok(());
    }
    Err(Refused::new(ErrorCode::Forbidden, "This stream belongs to somebody else."))
}

/// How a token came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carried {
    Bearer,
    Cookie,
}

async fn asker(parts: &mut Parts, app: &AppState) -> Result<Option<Asker>, Refused> {
    if parts.headers.contains_key(header::AUTHORIZATION) {
        let token = bearer(&parts.headers)?;
        if token == app.operator {
            return Ok(Some(Asker::OperatorToken));
        }
        return person(parts, app, token, Carried::Bearer).await.map(Some);
    }
    if !parts.headers.contains_key(header::COOKIE) {
        return Ok(None);
    }
    let OwnUrl(own) = OwnUrl::from_request_parts(parts, app).await?;
    match cookie::read(&parts.headers, &own).map(SecretHash::of) {
        Some(token) => person(parts, app, token, Carried::Cookie).await.map(Some),
        None => Ok(None),
    }
}

async fn person(
    parts: &mut Parts,
    app: &AppState,
    token: SecretHash,
    carried: Carried,
) -> Result<Asker, Refused> {
    if carried == Carried::Cookie && !parts.method.is_safe() {
        let OwnUrl(own) = OwnUrl::from_request_parts(parts, app).await?;
        if !cookie::is_from_own_page(&parts.headers, &own) {
            let detail = "A session's cookie changes things only from this coordinator's own pages.";
            return Err(Refused::new(ErrorCode::Forbidden, detail));
        }
    }
    let now = app.now();
    let found = app.storage.read().await?.sign_in(token).await?;
    let session = found
        .filter(|found| Lifetime::of(found.account.role).lasts(found.began_at, found.last_at, now))
        .ok_or_else(|| unauthorised("Nobody is signed in with this token, or no longer. Sign in again."))?;
    if now.0.saturating_sub(session.last_at.0) >= NOTED_EVERY_MS {
        let mut tx = app.storage.write().await?;
        tx.note_sign_in(token, now).await?;
        tx.commit().await?;
    }
    Ok(Asker::Person(Person { account: session.account, session: token }))
}
