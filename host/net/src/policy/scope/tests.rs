use super::*;
use proptest::prelude::*;

fn own() -> Networks {
    [
        ("203.1.2.3".parse().unwrap(), 24),
        ("192.168.7.20".parse().unwrap(), 24),
        ("2600:1:2:3::4".parse().unwrap(), 64),
    ]
    .into_iter()
    .collect()
}

fn of(address: &str) -> Vec<Scope> {
    scopes(address.parse().unwrap(), &own()).into_iter().collect()
}

#[test]
fn each_place_is_known_by_its_kind() {
    for (addresses, scope) in [
        (
            vec!["127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"],
            Scope::Loopback,
        ),
        (
            vec![
                "203.1.2.77",
                "192.168.7.1",
                "192.168.7.255",
                "2600:1:2:3::1",
                "::ffff:192.168.7.1",
            ],
            Scope::Lan,
        ),
        (
            vec![
                "10.10.34.35",
                "172.31.0.1",
                "192.168.8.1",
                "100.64.0.1",
                "fd12::1",
                "fec0::1",
            ],
            Scope::Private,
        ),
        (vec!["169.254.1.1", "fe80::1"], Scope::LinkLocal),
        (
            vec![
                "169.254.169.254",
                "169.254.170.2",
                "100.100.100.200",
                "168.63.129.16",
                "fd00:ec2::254",
            ],
            Scope::Metadata,
        ),
        (
            vec!["224.0.0.251", "239.255.255.250", "ff02::1"],
            Scope::Multicast,
        ),
        (vec!["255.255.255.255"], Scope::Broadcast),
        (
            vec!["0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0"],
            Scope::Unspecified,
        ),
        (
            vec![
                "192.0.2.1",
                "198.51.100.1",
                "203.0.113.1",
                "198.18.0.1",
                "240.0.0.1",
                "192.0.0.8",
                "192.88.99.1",
                "2001:db8::1",
                "2001:2::1",
                "2001:20::1",
                "3fff::1",
                "100::1",
                "4000::1",
                "5f00::1",
                "1::1",
            ],
            Scope::Reserved,
        ),
    ] {
        for address in addresses {
            assert_eq!(of(address), [scope], "{address}");
        }
    }
}

#[test]
fn public_addresses_have_no_scope() {
    for address in [
        "8.8.8.8",
        "223.255.255.255",
        "::ffff:8.8.8.8",
        "2606:4700::1111",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
        "2001:0:808:808::f7f7:f7f7",
        "2606:4700::5efe:8.8.8.8",
    ] {
        assert_eq!(of(address), [], "{address}");
    }
}

#[test]
fn teredo_hides_its_client_behind_a_complement() {
    // 192.168.8.1 is 3f57:f7fe.
    assert_eq!(of("2001:0:808:808::3f57:f7fe"), [Scope::Private]);
    assert_eq!(of("2001:0:7f00:1::f7f7:f7f7"), [Scope::Loopback]);
}

#[test]
fn names_read_back() {
    for scope in Scope::ALL {
        assert_eq!(Scope::from_name(scope.as_str()), Some(scope));
    }
    assert_eq!(Scope::from_name("internet"), None);
}

/// Every way to write an IPv4 address into an IPv6 one that some gateway understands.
fn spellings(v4: Ipv4Addr) -> Vec<Ipv6Addr> {
    let [a, b, c, d] = v4.octets();
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let bytes = |octets: [u8; 16]| Ipv6Addr::from(octets);
    let nat64 = |rest: [u8; 10]| {
        let mut octets = [0, 0x64, 0xff, 0x9b, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        octets[6..].copy_from_slice(&rest);
        bytes(octets)
    };
    vec![
        v4.to_ipv6_mapped(),
        Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
        Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
        nat64([a, b, 0, c, d, 0, 0, 0, 0, 0]),
        nat64([7, a, 0, b, c, d, 0, 0, 0, 0]),
        nat64([7, 7, 0, a, b, c, d, 0, 0, 0]),
        nat64([0, 0, 0, 0, 0, 0, a, b, c, d]),
        Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
        Ipv6Addr::new(0x2001, 0, high, low, 0, 0, 0xf7f7, 0xf7f7),
        Ipv6Addr::new(0x2001, 0, 0x808, 0x808, 0, 0, !high, !low),
        Ipv6Addr::new(0x2606, 0x4700, 0, 0, 0, 0x5efe, high, low),
        Ipv6Addr::new(0x2606, 0x4700, 0, 0, 0x200, 0x5efe, high, low),
    ]
}

proptest! {
    #[test]
    fn no_spelling_makes_a_place_better(bits: u32) {
        let v4 = Ipv4Addr::from_bits(bits);
        let own = own();
        for scope in scopes(v4.into(), &own) {
            for spelling in spellings(v4) {
                // 0.0.0.0/8 inside local NAT64 is the padding of another length; the block itself is private.
                let expected = if local_nat64(spelling) && scope == Scope::Unspecified { Scope::Private } else { scope };
                prop_assert!(scopes(spelling.into(), &own).contains(&expected), "{v4} as {spelling}");
            }
        }
    }

    #[test]
    fn the_first_bits_are_tried_too(first in prop::sample::select(vec![0u8, 10, 100, 127, 169, 172, 192, 198, 203, 224, 240, 255]), rest: [u8; 3]) {
        let v4 = Ipv4Addr::new(first, rest[0], rest[1], rest[2]);
        if bogon::is_bogon(v4.into()) {
            let own = own();
            prop_assert!(!scopes(v4.into(), &own).is_empty(), "{v4}");
            for spelling in spellings(v4) {
                prop_assert!(!scopes(spelling.into(), &own).is_empty(), "{v4} as {spelling}");
            }
        }
    }

    #[test]
    fn what_is_bogon_is_not_public(bits: u128) {
        let v6 = Ipv6Addr::from_bits(bits);
        if bogon::is_bogon(v6.into()) && v6.to_ipv4_mapped().is_none() {
            prop_assert!(!scopes(v6.into(), &own()).is_empty(), "{v6}");
        }
    }

    #[test]
    fn neighbours_are_never_public(host: u8, interface: u64) {
        let own = own();
        let v4 = Ipv4Addr::new(203, 1, 2, host);
        prop_assert!(scopes(v4.into(), &own).contains(&Scope::Lan));
        let v6 = Ipv6Addr::from_bits((0x2600_0001_0002_0003_u128 << 64) | u128::from(interface));
        prop_assert!(scopes(v6.into(), &own).contains(&Scope::Lan));
    }
}
