//! Bodies of the old surface, as bytes: what is wrong in them is told in its own words.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};

use super::refused::OldRefused;

/// A whole body. Old clients are not asked how they call it: whatever its content type, it is read as JSON.
pub(crate) struct Body(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = OldRefused;

    async fn from_request(request: Request, state: &S) -> Result<Self, OldRefused> {
        let body = Bytes::from_request(request, state).await;
        body.map(Self).map_err(|rejection| OldRefused::new(rejection.status(), rejection.body_text()))
    }
}
