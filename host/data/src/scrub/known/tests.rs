//! What goes, and what stays.

use super::*;
use proptest::prelude::*;
use serde_json::json;

const V4: &str = "88.99.81.188";
const V6: &str = "2a01:4f8:c012:8aa4::1";

fn scrubber() -> Scrubber {
    Scrubber::new([V4, V6].map(|address| address.parse().unwrap()))
}

#[test]
fn every_spelling_goes() {
    for text in [
        V4,
        "088.099.081.188",
        "188.81.99.88",
        "88-99-81-188",
        "188-81-99-88",
        "88_99_81_188",
        "188_81_99_88",
        "88%2e99%2E81.188",
        "[88.99.81.188]",
        "[2a01:4f8:c012:8aa4::1]",
        "2a01-4f8-c012-8aa4--1",
        "2A01-4f8-c012-8aa4-0-0-0-1",
        "64:ff9b::5863:51bc",
        "64:ff9b::88.99.81.188",
        "64-ff9b--5863-51bc",
        "2002:5863:51bc::",
        "2002:5863:51bc:1:2:3:4:5",
        "::ffff:88.99.81.188",
        "::ffff:5863:51bc",
        V6,
        "2A01:4F8:C012:8AA4::1",
        "2a01:04f8:c012:8aa4:0000:0000:0000:0001",
        "2a01:4f8:c012:8aa4:0:0:0:1",
        "2a01:4f8:c012:8aa4::0.0.0.1",
        "2a01%3A4f8%3ac012%3A8aa4%3A%3A1",
        "2a0104f8c0128aa40000000000000001",
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.4.a.a.8.2.1.0.c.8.f.4.0.1.0.a.2",
    ] {
        assert_eq!(scrubber().text(text), SCRUBBED, "{text}");
    }
}

#[test]
fn what_stands_around_stays() {
    for (text, expected) in [
        ("dial 88.99.81.188:443", "dial [scrubbed]:443"),
        ("[2a01:4f8:c012:8aa4::1]:443", "[scrubbed]:443"),
        ("2a01:4f8:c012:8aa4::1:443", "[scrubbed]:443"),
        (
            "static.188.81.99.88.clients.example",
            "static.[scrubbed].clients.example",
        ),
        ("ip:2a01:4f8:c012:8aa4::1.", "ip:[scrubbed]."),
        ("u=%2288.99.81.188%22", "u=%22[scrubbed]%22"),
        ("%202a01:4f8:c012:8aa4::1", "%20[scrubbed]"),
        ("dyn-2a01-4f8-c012-8aa4--1.example", "dyn-[scrubbed].example"),
        ("dyn--2a01-4f8-c012-8aa4--1-dsl", "dyn--[scrubbed]-dsl"),
        ("[88.99.81.188, x]", "[[scrubbed], x]"),
        ("v88.99.81.188x", "v[scrubbed]x"),
    ] {
        assert_eq!(scrubber().text(text), expected);
    }
}

#[test]
fn other_numbers_stay() {
    for text in [
        "188.99.81.188",
        "88.99.81.1880",
        "88.99.81.18",
        "88.99.81",
        "88_99_81_1880",
        "88%2e99%2e81%2e1880",
        "88-99_81-188",
        "2a01-4f8-c012-8aa4--12",
        "64:ff9b::5863:51bd",
        "2002:5863:51bd::1",
        "2003:5863:51bc::1",
        "0x586351bc 1482904000 0130.0143.0121.0274",
        "2a01:4f8:c012:8aa4::12",
        "12a01:4f8:c012:8aa4::1",
        "2a01:4f8:c012:8aa4::",
        "02a0104f8c0128aa400000000000000010",
        "127.0.0.1",
    ] {
        assert_eq!(scrubber().text(text), text);
    }
}

#[test]
fn keys_values_and_base64_are_scrubbed() {
    let whole = STANDARD.encode(format!("\u{ff} {V4} "));
    let raw = STANDARD.encode([1, 2, 88, 99, 81, 188, 3]);
    let mut document = json!({
        "probe_ip": "127.0.0.1",
        V4: [{"a": V6, "n": 188}],
        "body": {"data": whole, "format": "base64"},
        "raw_response": raw,
    });
    scrubber().measurement(&mut document);
    let expected = json!({
        "probe_ip": "127.0.0.1",
        "[scrubbed]": [{"a": "[scrubbed]", "n": 188}],
        "body": {"data": STANDARD.encode("\u{ff} [scrubbed] "), "format": "base64"},
        "raw_response": STANDARD.encode([1, 2, 0, 0, 0, 0, 3]),
    });
    assert_eq!(document, expected);
}

#[test]
fn long_texts_of_anything_take_no_time() {
    for piece in [
        ":", "a:", "::1", "1.2.3.", "%3A", "f", "-", "a-", "--1", "1%2e", "1_2_3_", "[",
    ] {
        let text = piece.repeat((1 << 16) / piece.len());
        let begin = std::time::Instant::now();
        let _ = scrubber().text(&text);
        assert!(begin.elapsed().as_secs() < 10, "{piece}: {:?}", begin.elapsed());
    }
}

#[test]
fn nobodys_addresses_are_left_alone() {
    let scrubber = Scrubber::new(["127.0.0.1", "::1", "0.0.0.0"].map(|address| address.parse().unwrap()));
    assert_eq!(scrubber.text("127.0.0.1 ::1 0.0.0.0"), "127.0.0.1 ::1 0.0.0.0");
}

/// The ways to write an IPv6 address: which case, which groups in full, whether to compress, how to end.
fn spell(address: Ipv6Addr, upper: bool, full: [bool; 8], compress: bool, colon: &str) -> String {
    let group = |(group, full): (u16, bool)| {
        if full {
            format!("{group:04x}")
        } else {
            format!("{group:x}")
        }
    };
    let groups: Vec<String> = address.segments().into_iter().zip(full).map(group).collect();
    let text = if compress {
        address.to_string()
    } else {
        groups.join(":")
    };
    let text = if upper { text.to_uppercase() } else { text };
    text.replace(':', colon)
}

proptest! {
    #[test]
    fn no_spelling_of_an_ipv6_address_leaks(
        bits: u128, zeros: u8, upper: bool, full: [bool; 8], compress: bool,
        colon in prop::sample::select(vec![":", "%3A", "%3a", "-"]),
        before in "[ g-z\\[\"=,;]{0,3}", after in "([ g-z\\]\"=,;].{0,9})?",
    ) {
        // So that there is something to compress.
        let mut segments = Ipv6Addr::from_bits(bits).segments();
        for (position, segment) in segments.iter_mut().enumerate() {
            if zeros >> position & 1 == 1 {
                *segment = 0;
            }
        }
        let address = Ipv6Addr::from(segments);
        prop_assume!(!address.is_loopback() && !address.is_unspecified());
        prop_assume!(!(before.ends_with('[') && after.starts_with(']')));
        let scrubber = Scrubber::new([IpAddr::V6(address)]);
        let spelled = spell(address, upper, full, compress, colon);
        let text = scrubber.text(&format!("{before}{spelled}{after}"));
        prop_assert_eq!(text, format!("{before}{SCRUBBED}{}", scrubber.text(&after)));
    }

    #[test]
    fn no_spelling_of_an_ipv4_address_leaks(
        bits: u32, padded: bool, separator in prop::sample::select(vec![".", "-", "_", "%2e", "%2E"]),
        before in "[^0-9]{0,3}", after in "([^0-9].{0,9})?",
    ) {
        let address = Ipv4Addr::from_bits(bits);
        prop_assume!(!address.is_loopback() && !address.is_unspecified());
        let scrubber = Scrubber::new([IpAddr::V4(address)]);
        let octet = |octet: u8| if padded { format!("{octet:03}") } else { octet.to_string() };
        let spelled = address.octets().map(octet).join(separator);
        let text = scrubber.text(&format!("{before}{spelled}{after}"));
        prop_assert!(!text.contains(&spelled), "{}", text);
        prop_assert!(text.contains(SCRUBBED), "{}", text);
    }

    #[test]
    fn no_ipv6_address_with_an_ipv4_address_in_it_leaks(
        bits: u32, suffix: [u16; 5], upper: bool, compress: bool,
        colon in prop::sample::select(vec![":", "%3A", "-"]),
    ) {
        let address = Ipv4Addr::from_bits(bits);
        prop_assume!(!address.is_loopback() && !address.is_unspecified());
        let scrubber = Scrubber::new([IpAddr::V4(address)]);
        let [high, low] = [(bits >> 16) as u16, (bits & 0xffff) as u16];
        let [a, b, c, d, e] = suffix;
        for segments in [
            [0, 0, 0, 0, 0, 0xffff, high, low],
            [0x64, 0xff9b, 0, 0, 0, 0, high, low],
            [0x2002, high, low, a, b, c, d, e],
            [0x2002, high, low, a, 0, 0, 0, 1],
        ] {
            let spelled = spell(Ipv6Addr::from(segments), upper, [false; 8], compress, colon);
            prop_assert_eq!(scrubber.text(&format!("({spelled})")), "([scrubbed])");
        }
    }

    #[test]
    fn any_text_is_survived_and_stable(text in ".{0,200}") {
        let once = scrubber().text(&text);
        prop_assert_eq!(scrubber().text(&once), once);
    }
}
