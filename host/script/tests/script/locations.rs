//! Location files.

use netsonde_script::parse_locations;

use crate::conformance::fixture;

#[test]
fn the_location_file_of_the_design_is_read() {
    let Some(text) = fixture("seed_location.jsonc") else {
        return;
    };
    let locations = parse_locations("seed_location.jsonc", text.as_bytes()).unwrap();
    let (ipv4, ipv6) = (locations.ipv4.unwrap(), locations.ipv6.unwrap());
    assert_eq!(ipv4.probe_ip, Some("88.99.81.188".parse().unwrap()));
    assert_eq!((ipv4.probe_asn, ipv4.probe_cc.as_str()), (24940, "DE"));
    assert_eq!(ipv6.resolver_ip, Some("2a01:4f8:0:a231::add:2b".parse().unwrap()));
    assert_eq!(ipv6.resolver_network_name, "Hetzner Online GmbH");
}

#[test]
fn one_family_is_enough_and_null_is_none() {
    let locations =
        parse_locations("x", br#"{ "ipv4": null, "ipv6": { "probe_ip": "2001:db8::1" } }"#).unwrap();
    assert_eq!(locations.ipv4, None);
    assert_eq!(locations.ipv6.unwrap().probe_asn, 0);
    for nothing in ["{}", r#"{ "ipv4": null }"#] {
        let diagnostics = parse_locations("x", nothing.as_bytes()).unwrap_err();
        assert!(diagnostics.to_string().contains("neither"), "{diagnostics}");
    }
}

#[test]
fn everything_wrong_with_a_location_is_said_at_once() {
    let text = r#"{
        "ipv4": {
            "probe_ip": "2001:db8::1",
            "probe_asn": "AS137",
            "probe_cc": "it",
            "probe_netwrok_name": "GARR",
            "resolver_ip": "resolver.example",
            "resolver_asn": 4294967296,
            "resolver_cc": 39,
        },
        "ipv5": {},
    }"#;
    let diagnostics = parse_locations("location.jsonc", text.as_bytes()).unwrap_err();
    let found: Vec<(usize, &str)> = diagnostics
        .iter()
        .map(|one| (one.line(), one.message()))
        .collect();
    assert_eq!(
        found,
        [
            (3, "2001:db8::1 is an address of the other family"),
            (4, "`probe_asn` must be a whole number from 0 to 4294967295"),
            (5, "`probe_cc` must be two capital letters"),
            (6, "`ipv4` has no member `probe_netwrok_name`"),
            (7, "`resolver_ip` must be an IP address, not `resolver.example`"),
            (8, "`resolver_asn` must be a whole number from 0 to 4294967295"),
            (9, "`resolver_cc` must be a string, not a number"),
            (11, "a location file has no member `ipv5`"),
        ]
    );
}

#[test]
fn an_empty_location_file_is_not_taken_for_a_script() {
    for nothing in ["", "// later"] {
        let text = parse_locations("x", nothing.as_bytes()).unwrap_err().to_string();
        assert!(text.contains("a location file is {"), "{text}");
        assert!(!text.contains("script"), "{text}");
    }
}
