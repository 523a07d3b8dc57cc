//! Which addresses may be asked: those of the public Internet, and what the operator allows besides. Pure.
//!
//! Server-side request forgery is asking a server to ask for one: an address named by a stranger that means
//! something else from inside, such as a router, a database or a cloud's metadata service. The tables follow
//! the IANA special-purpose address registries (RFC 6890 and its successors); what is not known to be public
//! is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Networks that may be asked though they are not public: for tests, and for nodes in the operator's own
/// network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressRules {
    /// The networks. An IPv4 address inside an IPv6 one is not meant by an IPv4 network.
    pub allowed: Vec<IpNet>,
}

/// Why an address is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// It is not of the public Internet.
    #[error("{address} must not be asked: {why}")]
    Address {
        /// The address.
        address: IpAddr,
        /// What it is.
        why: &'static str,
    },
    /// The operator did not allow the port.
    #[error("port {0} must not be asked")]
    Port(u16),
}

/// Whether `address` may be asked.
pub fn may_be_asked(address: IpAddr, rules: &AddressRules) -> Result<(), Forbidden> {
    // An IPv4 address mapped into IPv6 is that IPv4 address: the system connects to it over IPv4.
    let address = address.to_canonical();
    if rules.allowed.iter().any(|network| network.contains(&address)) {
        return Ok(());
    }
    let special = match address {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => special_v6(v6),
    };
    special.map_or(Ok(()), |why| Err(Forbidden::Address { address, why }))
}

/// Whose line an address is, as text: its /24, or of IPv6 its /48, which a customer may have whole.
pub fn line(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => format!("{}/24", Ipv4Addr::from_bits(v4.to_bits() & !0xff)),
        IpAddr::V6(v6) => format!("{}/48", Ipv6Addr::from_bits(v6.to_bits() >> 80 << 80)),
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

const SPECIAL_V4: [(Ipv4Net, &str); 16] = [
    (v4(0, 0, 0, 0, 8), "this network"),
    (v4(10, 0, 0, 0, 8), "private"),
    (v4(100, 64, 0, 0, 10), "shared behind a carrier's NAT"),
    (v4(127, 0, 0, 0, 8), "loopback"),
    (v4(169, 254, 0, 0, 16), "link-local"),
    (v4(172, 16, 0, 0, 12), "private"),
    (v4(192, 0, 0, 0, 24), "set aside for protocols"),
    (v4(192, 0, 2, 0, 24), "documentation"),
    (v4(192, 31, 196, 0, 24), "set aside for AS112"),
    (v4(192, 88, 99, 0, 24), "6to4 relays"),
    (v4(192, 168, 0, 0, 16), "private"),
    (v4(198, 18, 0, 0, 15), "benchmarks"),
    (v4(198, 51, 100, 0, 24), "documentation"),
    (v4(203, 0, 113, 0, 24), "documentation"),
    (v4(224, 0, 0, 0, 4), "multicast"),
    (v4(240, 0, 0, 0, 4), "reserved, or broadcast"),
];

/// All that IANA has given to anybody as public (RFC 4291 section 2.4).
const GLOBAL_UNICAST: Ipv6Net = v6(0x2000, 0, 0, 3);
const SIX_TO_FOUR: Ipv6Net = v6(0x2002, 0, 0, 16);
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 96);
const SPECIAL_V6: [(Ipv6Net, &str); 3] = [
    (v6(0x2001, 0, 0, 23), "set aside for protocols, such as Teredo and benchmarks"),
    (v6(0x2001, 0xdb8, 0, 32), "documentation"),
    (v6(0x3fff, 0, 0, 20), "documentation"),
];

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    SPECIAL_V4.iter().find(|(network, _)| network.contains(&address)).map(|(_, why)| *why)
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    let bits = address.to_bits();
    // The low 32 bits of what is shifted to them.
    #[allow(clippy::cast_possible_truncation, reason = "the low 32 bits are meant")]
    let embedded = |shift: u32| Ipv4Addr::from_bits((bits >> shift) as u32);
    if NAT64.contains(&address) {
        return special_v4(embedded(0));
    }
    if SIX_TO_FOUR.contains(&address) {
        return special_v4(embedded(80));
    }
    if !GLOBAL_UNICAST.contains(&address) {
        return Some("not of the public Internet");
    }
    SPECIAL_V6.iter().find(|(network, _)| network.contains(&address)).map(|(_, why)| *why)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_asked(text: &str) -> bool {
        may_be_asked(text.parse().unwrap(), &AddressRules::default()).is_ok()
    }

    #[test]
    fn public_addresses_are_asked() {
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2003::1",
            "2606:4700:4700::1111",
            "3ffe::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert!(is_asked(public), "{public}");
        }
    }

    #[test]
    fn whatever_means_something_else_from_inside_is_not() {
        for special in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.0.0",
            "169.254.169.254",
            "169.254.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.0.192",
            "192.0.2.1",
            "192.31.196.1",
            "192.88.99.1",
            "192.168.0.1",
            "192.168.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::a00:1",
            "64:ff9b:1::808:808",
            "100::1",
            "2001::1",
            "2001:0:808:808::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a00:1::",
            "2002:c0a8:101::1",
            "3fff::1",
            "3fff:fff:ffff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
        ] {
            assert!(!is_asked(special), "{special}");
        }
    }

    #[test]
    fn the_operator_may_allow_a_network_and_nothing_beside_it() {
        let rules =
            AddressRules { allowed: vec!["10.1.0.0/16".parse().unwrap(), "fd00:1::/32".parse().unwrap()] };
        let is_asked = |text: &str| may_be_asked(text.parse().unwrap(), &rules).is_ok();
        assert!(is_asked("10.1.255.1") && is_asked("::ffff:10.1.0.1") && is_asked("fd00:1::7"));
        assert!(!is_asked("10.2.0.1") && !is_asked("fd00:2::7") && !is_asked("127.0.0.1"));
        assert!(!is_asked("64:ff9b::a01:1"), "a translator's idea of 10.1.0.1 is another network's");
    }

    #[test]
    fn a_line_is_what_a_customer_has() {
        let of = |text: &str| line(text.parse().unwrap());
        assert_eq!(of("198.51.100.200"), "198.51.100.0/24");
        assert_eq!(of("::ffff:198.51.100.7"), "198.51.100.0/24");
        assert_eq!(of("2001:db8:7:ffff::1"), "2001:db8:7::/48");
        assert_ne!(of("2001:db8:7::1"), of("2001:db8:8::1"));
    }

    /// What the standard library knows of special addresses: another's table to hold ours against.
    fn is_special_by_std(address: Ipv4Addr) -> bool {
        address.is_private()
            || address.is_loopback()
            || address.is_link_local()
            || address.is_broadcast()
            || address.is_documentation()
            || address.is_multicast()
            || address.is_unspecified()
    }

    proptest! {
        #[test]
        fn no_special_address_is_asked_in_whatever_it_is_wrapped(
            // As many special ones as others.
            bits in prop_oneof![
                any::<u32>(),
                (0_u32..1 << 24).prop_map(|low| 10 << 24 | low),
                (0_u32..1 << 16).prop_map(|low| 192 << 24 | 168 << 16 | low),
                (0_u32..1 << 24).prop_map(|low| 127 << 24 | low),
            ],
            rest in any::<u64>(),
        ) {
            let v4 = Ipv4Addr::from_bits(bits);
            let plain = may_be_asked(v4.into(), &AddressRules::default()).is_ok();
            prop_assert!(!(plain && is_special_by_std(v4)), "{v4}");
            let wrapped = [
                u128::from(bits) | 0xffff << 32,
                u128::from(bits) | 0x64_ff9b << 96,
                0x2002_u128 << 112 | u128::from(bits) << 80 | u128::from(rest),
            ];
            for bits in wrapped {
                let v6 = Ipv6Addr::from_bits(bits);
                prop_assert_eq!(may_be_asked(v6.into(), &AddressRules::default()).is_ok(), plain, "{}", v6);
            }
        }

        #[test]
        fn no_special_ipv6_address_is_asked(bits in any::<u128>()) {
            let v6 = Ipv6Addr::from_bits(bits);
            let special = v6.is_loopback() || v6.is_unspecified() || v6.is_multicast()
                || v6.is_unique_local() || v6.is_unicast_link_local();
            prop_assert!(!special || may_be_asked(v6.into(), &AddressRules::default()).is_err(), "{v6}");
        }
    }
}
