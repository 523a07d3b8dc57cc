//! How many requests one address may make: a token bucket for each address and class of route. Pure; the
//! clock is an argument.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

/// Addresses remembered at most. At the bound, idle ones are forgotten; if all are busy, newcomers share one
/// bucket for each class.
const MAX_BUCKETS: usize = 16_384;

/// Routes that share a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Enrolment, invites looked up, streams registered: what would be guessed or flooded.
    Enrol,
    /// Accounts made: each costs a password hash and a row that stays.
    SignUp,
    /// Passwords and passkeys tried. How often one handle may be tried is `accounts::throttle`'s.
    SignIn,
    /// What people change who are signed in.
    Account,
    /// What a signer repeats.
    Publish,
    /// Heartbeats. A whole household or campus may share one address.
    Heartbeat,
    /// Everything that is only read.
    Read,
}

impl Class {
    /// Requests at once, and requests per second in the long run.
    fn allowance(self) -> (f64, f64) {
        match self {
            Self::Enrol => (60.0, 2.0),
            Self::SignUp => (10.0, 1.0 / 60.0),
            Self::SignIn => (30.0, 0.5),
            Self::Account => (60.0, 2.0),
            Self::Publish => (100.0, 10.0),
            Self::Heartbeat => (600.0, 50.0),
            Self::Read => (600.0, 50.0),
        }
    }
}

/// Who shares a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Who {
    Address(IpAddr),
    Newcomers,
}

impl Who {
    fn of(address: IpAddr) -> Self {
        Self::Address(network(address))
    }
}

/// What one customer has: an IPv4 address, or an IPv6 /64.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// All buckets.
#[derive(Debug, Default)]
pub struct Limits {
    buckets: HashMap<(Who, Class), Bucket>,
    swept_at: Option<Instant>,
}

impl Limits {
    /// Takes one request of `address` into account; the seconds to wait where there were too many.
    pub fn admit(&mut self, address: IpAddr, class: Class, now: Instant) -> Result<(), u32> {
        let (burst, per_s) = class.allowance();
        let key = self.key(Who::of(address), class, now);
        let bucket = self.buckets.entry(key).or_insert(Bucket { tokens: burst, at: now });
        bucket.tokens = refilled(bucket, class, now);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            let wait_s = (1.0 - bucket.tokens) / per_s;
            // At most a second divided by the smallest rate, a minute: far inside u32.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            return Err(wait_s.ceil() as u32);
        }
        bucket.tokens -= 1.0;
        Ok(())
    }

    fn key(&mut self, who: Who, class: Class, now: Instant) -> (Who, Class) {
        if self.buckets.contains_key(&(who, class)) || self.buckets.len() < MAX_BUCKETS {
            return (who, class);
        }
        // Looking through them all at most once a second keeps a flood from making this the expensive part.
        if self.swept_at.is_none_or(|at| now.duration_since(at).as_secs() >= 1) {
            self.swept_at = Some(now);
            self.buckets.retain(|(_, class), bucket| refilled(bucket, *class, now) < class.allowance().0);
        }
        if self.buckets.len() < MAX_BUCKETS { (who, class) } else { (Who::Newcomers, class) }
    }
}

fn refilled(bucket: &Bucket, class: Class, now: Instant) -> f64 {
    let (burst, per_s) = class.allowance();
    let elapsed_s = now.saturating_duration_since(bucket.at).as_secs_f64();
    elapsed_s.mul_add(per_s, bucket.tokens).min(burst)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn address(n: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(n).into()
    }

    fn use_up(limits: &mut Limits, address: IpAddr, class: Class, now: Instant) -> usize {
        (0..10_000).take_while(|_| limits.admit(address, class, now).is_ok()).count()
    }

    #[test]
    fn a_burst_is_let_through_and_then_the_rate() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        assert_eq!(use_up(&mut limits, address(1), Class::Enrol, now), 60);
        assert_eq!(limits.admit(address(1), Class::Enrol, now), Err(1));
        assert_eq!(use_up(&mut limits, address(1), Class::Enrol, now + Duration::from_secs(3)), 6);
    }

    #[test]
    fn an_address_makes_few_accounts_and_then_one_a_minute() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        assert_eq!(use_up(&mut limits, address(1), Class::SignUp, now), 10);
        assert_eq!(limits.admit(address(1), Class::SignUp, now), Err(60));
        assert_eq!(use_up(&mut limits, address(1), Class::SignUp, now + Duration::from_secs(121)), 2);
    }

    #[test]
    fn addresses_and_classes_do_not_use_up_each_others_allowance() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        use_up(&mut limits, address(1), Class::Enrol, now);
        assert_eq!(limits.admit(address(2), Class::Enrol, now), Ok(()));
        assert_eq!(limits.admit(address(1), Class::Heartbeat, now), Ok(()));
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        let of = |text: &str| text.parse::<IpAddr>().unwrap();
        use_up(&mut limits, of("2001:db8::1"), Class::Enrol, now);
        assert!(limits.admit(of("2001:db8::ffff:2"), Class::Enrol, now).is_err());
        assert!(limits.admit(of("2001:db8:0:1::1"), Class::Enrol, now).is_ok());
        use_up(&mut limits, address(0x0102_0304), Class::Enrol, now);
        assert!(limits.admit(of("::ffff:1.2.3.4"), Class::Enrol, now).is_err());
    }

    #[test]
    fn the_table_is_bounded_and_forgets_the_idle_first() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        let many = u32::try_from(MAX_BUCKETS).unwrap();
        for n in 0..many + 200 {
            let _ = limits.admit(address(n), Class::Enrol, now);
        }
        assert!(limits.buckets.len() <= MAX_BUCKETS + 4);
        assert!(limits.admit(address(many + 500), Class::Enrol, now).is_err(), "newcomers share one bucket");
        let later = now + Duration::from_secs(60);
        assert_eq!(limits.admit(address(many + 500), Class::Enrol, later), Ok(()));
        assert!(limits.buckets.len() < 10, "the idle are forgotten");
    }
}
