//! What registering and ending a stream of the old house do, in one transaction.

use streamr_model::{MicroUnits, UnixMs};

use super::closing::{close_stream, closed_until};
use super::names::OldStreamId;
use super::registration::{NewStream, Registrar};
use crate::storage::{OldStream, StorageError, Tx};

/// Streams that each kind of registrar may leave here, ended ones included.
fn most(registrar: Registrar) -> u64 {
    match registrar {
        Registrar::Operator => 1024,
        Registrar::Anybody => 64,
    }
}

/// Why a stream is not registered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("Stream already registered")]
    Taken,
    #[error("This coordinator takes no more streams of the old kind")]
    Full,
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Registers a stream. The operator may register anew what has ended, and what somebody else registered: so a
/// balance is topped up, and a claimed one set aside. What was earned before stays as it is.
pub(crate) async fn register(
    tx: &mut Tx,
    new: NewStream,
    registrar: Registrar,
    now: UnixMs,
) -> Result<OldStream, Refusal> {
    let open_since = closed_until(now);
    let before = tx.old_stream(&new.stream).await?;
    let (count, largest) = tx.count_old_streams(registrar).await?;
    let is_free = before.as_ref().is_none_or(|before| match registrar {
        Registrar::Operator => !before.is_active || before.registrar == Registrar::Anybody,
        Registrar::Anybody => !before.is_active && before.registrar == Registrar::Anybody,
    });
    if !is_free {
        return Err(Refusal::Taken);
    }
    let adds_one = before.as_ref().is_none_or(|before| before.registrar != registrar);
    if adds_one && count >= most(registrar) {
        return Err(Refusal::Full);
    }
    if let Some(before) = &before {
        // What is over is paid from what was set aside for it.
        close_stream(tx, before, open_since).await?;
    }
    let pool_left = match registrar {
        Registrar::Operator => new.balance,
        Registrar::Anybody => MicroUnits(0),
    };
    let stream = OldStream {
        number: before.map_or(largest + 1, |before| before.number),
        stream: new.stream,
        sponsor: new.sponsor,
        rtmp_url: new.rtmp_url,
        balance: new.balance,
        pool_left,
        registrar,
        is_active: true,
        open_since,
        registered_at: now,
    };
    tx.save_old_stream(&stream).await?;
    Ok(stream)
}

/// Ends a stream; `None` if there is no active one with this id. Its last hours are closed like any others.
pub(crate) async fn end(tx: &mut Tx, stream: &OldStreamId) -> Result<Option<OldStream>, StorageError> {
    let Some(active) = tx.old_stream(stream).await?.filter(|stream| stream.is_active) else {
        return Ok(None);
    };
    let ended = OldStream { is_active: false, ..active };
    tx.save_old_stream(&ended).await?;
    Ok(Some(ended))
}
