//! Passwords as Argon2id (RFC 9106), with the parameters that OWASP's Password Storage Cheat Sheet asks for.
//!
//! A hash takes 19 MiB and some tens of milliseconds on purpose, so few are made at once and few may wait;
//! whoever comes to a full queue is told to come again.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use streamr_coordinator_api::ErrorCode;
use tokio::sync::Semaphore;

use crate::problem::Refused;
use crate::secret::random;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes made at once.
const AT_ONCE: usize = 2;
/// Hashes made or waited for at once: about a second's work.
const WAITING: usize = 24;

/// What is kept of a password, with the parameters that made it: they may rise later.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredPassword {
    /// Random, different for every password.
    pub salt: [u8; 16],
    /// The hash.
    pub hash: [u8; 32],
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl std::fmt::Debug for StoredPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoredPassword(…)")
    }
}

/// Why there is no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HashError {
    /// Too many wait already.
    #[error("too many passwords are being checked")]
    Busy,
    /// Stored parameters that Argon2 does not take, or no memory.
    #[error("the password could not be hashed")]
    Failed,
}

impl From<HashError> for Refused {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => {
                Self::new(ErrorCode::Unavailable, "Too many people sign in at once. Try again in a moment.")
                    .retry_after(2)
            }
            HashError::Failed => {
                tracing::error!(%error, "signing in failed");
                Self::new(ErrorCode::Internal, "The password could not be checked.")
            }
        }
    }
}

/// Hashes passwords, a bounded number at once.
#[derive(Debug, Clone)]
pub(crate) struct Passwords {
    admitted: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { admitted: Arc::new(Semaphore::new(WAITING)), running: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Passwords {
    /// What to keep of a new password.
    pub(crate) async fn hash(&self, password: String) -> Result<StoredPassword, HashError> {
        let salt = random();
        let hash = self.derive(password, salt, (MEMORY_KIB, PASSES, LANES)).await?;
        Ok(StoredPassword { salt, hash, memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES })
    }

    /// Whether `password` is the one that is stored. Where none is stored the answer is no, after the same time.
    pub(crate) async fn matches(
        &self,
        password: String,
        stored: Option<&StoredPassword>,
    ) -> Result<bool, HashError> {
        let Some(stored) = stored else {
            self.derive(password, random(), (MEMORY_KIB, PASSES, LANES)).await?;
            return Ok(false);
        };
        let cost = (stored.memory_kib, stored.passes, stored.lanes);
        let hash = self.derive(password, stored.salt, cost).await?;
        // blake3::Hash compares in constant time.
        Ok(blake3::Hash::from_bytes(hash) == blake3::Hash::from_bytes(stored.hash))
    }

    async fn derive(
        &self,
        password: String,
        salt: [u8; 16],
        (memory_kib, passes, lanes): (u32, u32, u32),
    ) -> Result<[u8; 32], HashError> {
        let admitted = self.admitted.clone().try_acquire_owned().map_err(|_| HashError::Busy)?;
        let running = self.running.clone().acquire_owned().await.map_err(|_| HashError::Busy)?;
        let hashing = tokio::task::spawn_blocking(move || {
            // Held by the work itself: a client that hangs up frees no place before its hash is done.
            let _held = (admitted, running);
            let params = Params::new(memory_kib, passes, lanes, Some(32)).map_err(|_| HashError::Failed)?;
            let mut hash = [0; 32];
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                .hash_password_into(password.as_bytes(), &salt, &mut hash)
                .map_err(|_| HashError::Failed)?;
            Ok(hash)
        });
        hashing.await.map_err(|_| HashError::Failed)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_itself_matches_and_no_two_hashes_are_alike() {
        let passwords = Passwords::default();
        let one = passwords.hash("rain on the roof".into()).await.unwrap();
        let two = passwords.hash("rain on the roof".into()).await.unwrap();
        assert_ne!(one, two);
        assert_eq!(passwords.matches("rain on the roof".into(), Some(&one)).await, Ok(true));
        assert_eq!(passwords.matches("rain on the door".into(), Some(&one)).await, Ok(false));
        assert_eq!(passwords.matches("rain on the roof".into(), None).await, Ok(false));
    }

    #[tokio::test]
    async fn the_parameters_that_are_stored_are_used() {
        let passwords = Passwords::default();
        let cost = (64, 1, 1);
        let hash = passwords.derive("rain on the roof".into(), [7; 16], cost).await.unwrap();
        let older = StoredPassword { salt: [7; 16], hash, memory_kib: 64, passes: 1, lanes: 1 };
        assert_eq!(passwords.matches("rain on the roof".into(), Some(&older)).await, Ok(true));
        let absurd = StoredPassword { memory_kib: 0, ..older };
        assert_eq!(passwords.matches("rain on the roof".into(), Some(&absurd)).await, Err(HashError::Failed));
    }

    #[tokio::test]
    async fn a_full_queue_says_so_and_is_free_again_afterwards() {
        let passwords = Passwords::default();
        let held =
            passwords.admitted.clone().try_acquire_many_owned(u32::try_from(WAITING).unwrap()).unwrap();
        assert_eq!(passwords.hash("rain on the roof".into()).await, Err(HashError::Busy));
        drop(held);
        assert!(passwords.hash("rain on the roof".into()).await.is_ok());
        assert_eq!(passwords.admitted.available_permits(), WAITING);
    }

    #[tokio::test]
    async fn no_more_than_two_are_made_at_once() {
        let passwords = Passwords::default();
        let held = passwords.running.clone().try_acquire_many_owned(2).unwrap();
        let mut waiting = Box::pin(passwords.hash("rain on the roof".into()));
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(held);
        assert!(waiting.await.is_ok());
    }
}
