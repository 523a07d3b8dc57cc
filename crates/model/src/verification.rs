//! Whether Ed25519 signatures (RFC 8032) hold: one relation, for one of them and for many at once.
//!
//! A signature (R, s) of the key A over a message M holds if s is below the group's order ℓ, A and R are
//! points not of small order, and 8(sB − R − kA) = 0 with k = SHA-512(R ‖ A ‖ M) mod ℓ. It is the factor 8
//! that many of these equations can be added up under: without it, parts of small order could cancel out in a
//! sum and not alone (ZIP 215; Chalkias, Garillot and Nikolaenko, “Taming the many EdDSAs”, 2020). What a sum
//! accepts is what each of its signatures is accepted for alone, but for a chance of 2⁻¹²⁸.

use std::collections::BTreeMap;
use std::iter;

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::VartimeMultiscalarMul;
use sha2::{Digest, Sha512};

/// That `public` made `signature` over `message`.
#[derive(Debug, Clone)]
pub(crate) struct Claim<'a> {
    pub(crate) public: &'a [u8; 32],
    pub(crate) message: Vec<u8>,
    pub(crate) signature: &'a [u8; 64],
}

/// The numbers of a signature.
struct Parts {
    r: EdwardsPoint,
    s: Scalar,
    k: Scalar,
}

impl Claim<'_> {
    /// Whether it is true.
    pub(crate) fn holds(&self) -> bool {
        let (Some(a), Some(Parts { r, s, k })) = (point(self.public), self.parts()) else { return false };
        let difference = EdwardsPoint::vartime_double_scalar_mul_basepoint(&k, &-a, &s) - r;
        difference.is_small_order()
    }

    fn parts(&self) -> Option<Parts> {
        let (r, s) = self.signature.split_first_chunk::<32>()?;
        let s = Option::from(Scalar::from_canonical_bytes(s.try_into().ok()?))?;
        let hash = Sha512::new().chain_update(r).chain_update(self.public).chain_update(&self.message);
        Some(Parts { r: point(r)?, s, k: Scalar::from_bytes_mod_order_wide(&hash.finalize().into()) })
    }
}

/// A point of large order.
fn point(bytes: &[u8; 32]) -> Option<EdwardsPoint> {
    CompressedEdwardsY(*bytes).decompress().filter(|point| !point.is_small_order())
}

/// Whether all `claims` are true. Many at once cost about half of what they cost singly.
pub(crate) fn all_hold(claims: &[Claim<'_>]) -> bool {
    let Some(parts) = claims.iter().map(Claim::parts).collect::<Option<Vec<Parts>>>() else { return false };
    let weights = weights(&parts);
    // Of one key there may be many: its point is multiplied once.
    let mut of_keys: BTreeMap<&[u8; 32], Scalar> = BTreeMap::new();
    for ((claim, Parts { k, .. }), weight) in claims.iter().zip(&parts).zip(&weights) {
        *of_keys.entry(claim.public).or_default() += weight * k;
    }
    let Some(keys) = of_keys.keys().map(|key| point(key)).collect::<Option<Vec<EdwardsPoint>>>() else {
        return false;
    };
    let of_base: Scalar = parts.iter().zip(&weights).map(|(parts, weight)| parts.s * weight).sum();
    // The sum of the equations times −1, so that the weights stay short.
    let sum = EdwardsPoint::vartime_multiscalar_mul(
        iter::once(-of_base).chain(weights.iter().copied()).chain(of_keys.into_values()),
        iter::once(ED25519_BASEPOINT_POINT).chain(parts.iter().map(|parts| parts.r)).chain(keys),
    );
    sum.is_small_order()
}

/// A weight of 128 bits for each signature that nobody can know before all of them are chosen: whoever could,
/// would choose them so that errors cancel out. They follow from the signatures and what they are about,
/// because k is a hash of key, R and message.
fn weights(parts: &[Parts]) -> Vec<Scalar> {
    let mut hasher =
        blake3::Hasher::new_derive_key("streamrp2p 2026 weights of signatures checked together 1");
    for Parts { s, k, .. } in parts {
        hasher.update(s.as_bytes()).update(k.as_bytes());
    }
    let mut bytes = hasher.finalize_xof();
    let weight = |_: &Parts| {
        let mut weight = [0; 16];
        bytes.fill(&mut weight);
        Scalar::from(u128::from_le_bytes(weight))
    };
    parts.iter().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::EIGHT_TORSION;
    use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
    use proptest::prelude::*;

    use super::*;

    /// A signature by somebody who knows what they do: A and R may have parts of small order, and s an error.
    struct Crafted {
        public: [u8; 32],
        message: Vec<u8>,
        signature: [u8; 64],
    }

    impl Crafted {
        fn new(seed: u64, message: &[u8], torsion_of_a: usize, torsion_of_r: usize, error: u64) -> Self {
            let (secret, nonce) =
                (Scalar::from(seed) + Scalar::ONE, Scalar::from(seed) * Scalar::from(977_u64));
            let with = |scalar: &Scalar, torsion: usize| {
                (EdwardsPoint::mul_base(scalar) + EIGHT_TORSION[torsion]).compress().to_bytes()
            };
            let (public, r) = (with(&secret, torsion_of_a), with(&nonce, torsion_of_r));
            let hash = Sha512::new().chain_update(r).chain_update(public).chain_update(message);
            let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
            let s = nonce + k * secret + Scalar::from(error);
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&r);
            signature[32..].copy_from_slice(s.as_bytes());
            Self { public, message: message.to_vec(), signature }
        }

        fn claim(&self) -> Claim<'_> {
            Claim { public: &self.public, message: self.message.clone(), signature: &self.signature }
        }
    }

    fn honest(n: u8) -> Crafted {
        let key = SigningKey::from_bytes(&[n / 3; 32]);
        let message = vec![n; usize::from(n)];
        Crafted { public: key.verifying_key().to_bytes(), signature: key.sign(&message).to_bytes(), message }
    }

    fn together(crafted: &[Crafted]) -> bool {
        all_hold(&crafted.iter().map(Crafted::claim).collect::<Vec<_>>())
    }

    #[test]
    fn honest_signatures_hold_alone_and_together_in_any_number() {
        let all: Vec<Crafted> = (0..=255).map(honest).collect();
        assert!(all.iter().all(|one| one.claim().holds()));
        for count in [0, 1, 2, 3, 64, 128, 256] {
            assert!(together(&all[..count]), "{count}");
        }
    }

    #[test]
    fn one_false_signature_among_many_is_noticed_wherever_it_stands() {
        for at in [0, 1, 63, 127] {
            let mut all: Vec<Crafted> = (0..128).map(honest).collect();
            all[at].message.push(0);
            assert!(!together(&all) && !all[at].claim().holds());
        }
        // Two errors that cancel out in a sum without weights.
        let order_less = |error: Scalar, mut one: Crafted| {
            let s: [u8; 32] = one.signature[32..].try_into().unwrap();
            let s = Scalar::from_canonical_bytes(s).unwrap() + error;
            one.signature[32..].copy_from_slice(s.as_bytes());
            one
        };
        assert!(!together(&[order_less(Scalar::ONE, honest(1)), order_less(-Scalar::ONE, honest(2))]));
    }

    #[test]
    fn weak_keys_weak_nonces_and_large_numbers_are_refused_alone_and_together() {
        let good = honest(7);
        for torsion in EIGHT_TORSION {
            let weak = torsion.compress().to_bytes();
            let of_weak_key = Crafted { public: weak, message: vec![], signature: good.signature };
            let mut of_weak_nonce = honest(7);
            of_weak_nonce.signature[..32].copy_from_slice(&weak);
            for bad in [of_weak_key, of_weak_nonce] {
                assert!(!bad.claim().holds() && !together(&[honest(1), bad]));
            }
        }
        // s + ℓ is the same number, and another signature.
        let mut order = [0_u8; 32];
        order[..16].copy_from_slice(&27_742_317_777_372_353_535_851_937_790_883_648_493_u128.to_le_bytes());
        order[31] = 0x10;
        let mut malleable = honest(7);
        let mut carry = 0_u16;
        for (byte, of_order) in malleable.signature[32..].iter_mut().zip(order) {
            carry += u16::from(*byte) + u16::from(of_order);
            *byte = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        assert!(!malleable.claim().holds() && !together(&[malleable]));
    }

    proptest! {
        #[test]
        fn what_is_accepted_together_is_what_each_is_accepted_for_alone(
            made in proptest::collection::vec((0_u64..5, 0_usize..8, 0_usize..8, 0_u64..6), 0..12),
        ) {
            let crafted: Vec<Crafted> = made
                .into_iter()
                .enumerate()
                // Most are true.
                .map(|(n, (seed, a, r, error))| {
                    Crafted::new(seed + 1, &n.to_le_bytes(), a, r, error.saturating_sub(4))
                })
                .collect();
            let alone = crafted.iter().all(|one| one.claim().holds());
            prop_assert_eq!(together(&crafted), alone);
        }

        #[test]
        fn what_the_strictest_check_accepts_is_accepted(seed: [u8; 32], message: Vec<u8>, at in 0_usize..64, bit in 0_u8..8) {
            let key = SigningKey::from_bytes(&seed);
            let public = key.verifying_key().to_bytes();
            let mut signature = key.sign(&message).to_bytes();
            let crafted = Crafted { public, message: message.clone(), signature };
            prop_assert!(crafted.claim().holds());
            signature[at] ^= 1 << bit;
            let strictly = VerifyingKey::from_bytes(&public).unwrap()
                .verify_strict(&message, &Signature::from_bytes(&signature)).is_ok();
            prop_assert_eq!(Crafted { signature, ..crafted }.claim().holds(), strictly);
        }
    }
}
