//! `GET /v1/invites/{code}`

use axum::extract::State;
use streamr_coordinator_api::{ErrorCode, InvitePreview};

use crate::extract::{Json, Path, unknown_stream};
use crate::handlers::openapi::ProblemResponse;
use crate::problem::Refused;
use crate::secret::SecretHash;
use crate::state::AppState;
use crate::storage::UseOfInvite;

/// What an invite is for, without using it.
#[utoipa::path(get, path = "/invites/{code}", tag = "invites", security(()),
    params(("code" = String, Path, description = "The invite's code")),
    responses((status = 200, description = "It can be used", body = InvitePreview), (status = "default", response = ProblemResponse)))]
pub(crate) async fn preview(
    Path(code): Path<String>,
    State(app): State<AppState>,
) -> Result<Json<InvitePreview>, Refused> {
    let mut tx = app.storage.read().await?;
    let Some(invite) = tx.invite(SecretHash::of_invite_code(&code)).await? else {
        return Err(refusal(UseOfInvite::Unknown));
    };
    if invite.used_by.is_some() {
        return Err(refusal(UseOfInvite::Used));
    }
    if invite.is_revoked {
        return Err(refusal(UseOfInvite::Revoked));
    }
    if invite.expires_at <= app.now() {
        return Err(refusal(UseOfInvite::Expired));
    }
    let stream = tx.stream(&invite.stream).await?.ok_or_else(|| unknown_stream(&invite.stream))?;
    Ok(Json(InvitePreview {
        stream: stream.stream,
        streamer: stream.streamer,
        title: stream.title,
        expires_at: invite.expires_at,
    }))
}

/// Why an invite cannot be used, in words.
pub(crate) fn refusal(why: UseOfInvite) -> Refused {
    let (code, detail) = match why {
        UseOfInvite::Used => (
            ErrorCode::InviteUsed,
            "An invite works once, and this one was used. Ask the streamer for another.",
        ),
        UseOfInvite::Expired => {
            (ErrorCode::InviteExpired, "This invite is too old. Ask the streamer for another.")
        }
        UseOfInvite::Revoked => {
            (ErrorCode::InviteRevoked, "The streamer has taken this invite back. Ask for another.")
        }
        UseOfInvite::Unknown | UseOfInvite::Accepted => {
            (ErrorCode::InviteUnknown, "No invite has this code. Check that the whole link was copied.")
        }
    };
    Refused::new(code, detail)
}

#[cfg(test)]
mod tests {
    use streamr_coordinator_api::{ErrorCode, InvitePreview};

    use crate::testing::{Node, Running, code_of};

    #[tokio::test]
    async fn looking_at_an_invite_does_not_use_it() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        let code = coordinator.invite("alice", &secret).await;
        for typed in [code.clone(), code.to_uppercase()] {
            let answer = coordinator.get(&format!("/v1/invites/{typed}")).await;
            let preview: InvitePreview = answer.json().await.unwrap();
            assert_eq!((preview.stream.as_str(), preview.streamer.as_str()), ("alice", "alice"));
        }
    }

    #[tokio::test]
    async fn an_invite_that_cannot_be_used_says_why() {
        let coordinator = Running::start().await;
        let secret = coordinator.register("alice").await;
        let (used, old) =
            (coordinator.invite("alice", &secret).await, coordinator.invite("alice", &secret).await);
        Node::new(1).enrol(&coordinator, Some(&used)).await.unwrap();
        coordinator.clock.advance_s(3600);
        for (code, expected) in [
            (used.as_str(), ErrorCode::InviteUsed),
            (old.as_str(), ErrorCode::InviteExpired),
            ("never-made", ErrorCode::InviteUnknown),
        ] {
            let answer = coordinator.get(&format!("/v1/invites/{code}")).await;
            assert_eq!(code_of(answer).await, expected);
        }
    }
}
