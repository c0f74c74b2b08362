//! Removing the probe's own addresses from a measurement.

use super::{
    SCRUBBED,
    scan::{self, Kind, Piece, Separator},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What stands between the numbers of an IPv4 address.
const SEPARATORS: [&Separator; 3] = [&[b".", b"%2e"], &[b"-"], &[b"_"]];

/// Removes known addresses from JSON documents, in these spellings:
///
/// * An IPv4 address: four decimal numbers, leading zeros or not, with dots, dots written as `%2E`, dashes or
///   underscores between them, in this order or reversed (as names of access lines and `in-addr.arpa` have it).
/// * An IPv4 address in an IPv6 address, which goes as a whole: mapped (`::ffff:0:0/96`), of NAT64 with the well-known
///   prefix (`64:ff9b::/96`), of 6to4 (`2002::/16`, whatever follows the address).
/// * An IPv6 address: any compression, any case, leading zeros, the last 32 bits as an IPv4 address; with colons,
///   colons written as `%3A`, or dashes. Also its 32 hexadecimal digits without anything between them, and the nibbles
///   of `ip6.arpa`.
///
/// Brackets around an address go with it; a port after it stays. All this both in keys and in values, and inside base64
/// data, where the address's bare octets are replaced by zeros too. An address inside a longer number is another number
/// and stays.
///
/// Any other spelling stays: an IPv4 address as one number or with octal or hexadecimal parts, other ways of putting it
/// into an IPv6 address (Teredo, NAT64 with a network's own prefix), anything encoded twice.
#[derive(Clone, Debug)]
pub struct Scrubber {
    v4: Vec<Ipv4Addr>,
    v6: Vec<Ipv6Addr>,
    /// Lower-case spellings that need no scanner.
    spellings: Vec<String>,
}

impl Scrubber {
    /// A scrubber for these addresses. Loopback and unspecified addresses are left alone: they are nobody's, and a
    /// measurement is full of them (`probe_ip` is always `127.0.0.1`).
    pub fn new(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let mut scrubber = Self {
            v4: Vec::new(),
            v6: Vec::new(),
            spellings: Vec::new(),
        };
        for address in addresses {
            match address.to_canonical() {
                address if address.is_loopback() || address.is_unspecified() => {}
                IpAddr::V4(address) => scrubber.v4.push(address),
                IpAddr::V6(address) => {
                    let digits = format!("{:032x}", address.to_bits());
                    let nibbles: Vec<String> = digits.chars().rev().map(String::from).collect();
                    scrubber.spellings.extend([digits, nibbles.join(".")]);
                    scrubber.v6.push(address);
                }
            }
        }
        scrubber
    }

    /// Remove the addresses from every key and every value.
    pub fn measurement(&self, document: &mut Value) {
        if self.v4.is_empty() && self.v6.is_empty() {
            return;
        }
        match document {
            Value::String(text) => self.string(text),
            Value::Array(list) => list.iter_mut().for_each(|item| self.measurement(item)),
            Value::Object(map) => self.object(map),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// `text` without the addresses.
    pub fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned()
    }

    fn string(&self, text: &mut String) {
        let scrubbed = self.bytes(text.as_bytes());
        if scrubbed != text.as_bytes() {
            *text = String::from_utf8_lossy(&scrubbed).into_owned();
        }
    }

    fn object(&self, map: &mut Map<String, Value>) {
        let is_binary_data = map.get("format").and_then(Value::as_str) == Some("base64");
        *map = std::mem::take(map)
            .into_iter()
            .map(|(mut key, mut value)| {
                if (is_binary_data && key == "data") || key == "raw_response" {
                    self.base64(&mut value);
                }
                self.string(&mut key);
                self.measurement(&mut value);
                (key, value)
            })
            .collect();
    }

    /// Remove the addresses from what a base64 text stands for. Text that is no base64 is left to the caller.
    fn base64(&self, value: &mut Value) {
        let Value::String(text) = value else { return };
        let Ok(bytes) = STANDARD.decode(text.as_bytes()) else {
            return;
        };
        let scrubbed = self.octets(self.bytes(&bytes));
        if scrubbed != bytes {
            *text = STANDARD.encode(scrubbed);
        }
    }

    /// `bytes` with the addresses' bare octets, as DNS answers and certificates hold them, replaced by zeros.
    fn octets(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        let v4 = self.v4.iter().map(|address| address.octets().to_vec());
        let v6 = self.v6.iter().map(|address| address.octets().to_vec());
        for needle in v4.chain(v6) {
            let mut start = 0;
            while let Some(found) = bytes.get(start..).and_then(|rest| position(rest, &needle)) {
                if let Some(part) = bytes.get_mut(start + found..start + found + needle.len()) {
                    part.fill(0);
                }
                start += found + needle.len();
            }
        }
        bytes
    }

    /// `text` with every spelling of an address replaced.
    fn bytes(&self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        let mut index = 0;
        while let Some(&byte) = text.get(index) {
            if let Some(end) = self
                .bracketed_at(text, index)
                .or_else(|| self.address_at(text, index))
            {
                out.extend_from_slice(SCRUBBED.as_bytes());
                index = end;
            } else {
                out.push(byte);
                index += 1;
            }
        }
        out
    }

    /// Where the address ends, brackets included, whose opening bracket is at `start`.
    fn bracketed_at(&self, text: &[u8], start: usize) -> Option<usize> {
        if scan::at(text, start) != b'[' {
            return None;
        }
        let end = self.address_at(text, start + 1)?;
        (scan::at(text, end) == b']').then_some(end + 1)
    }

    /// Where the address that begins at `start` ends, if a known one begins there.
    fn address_at(&self, text: &[u8], start: usize) -> Option<usize> {
        let first = scan::at(text, start);
        if !first.is_ascii_hexdigit() && !matches!(first, b':' | b'%' | b'-') {
            return None;
        }
        let after_escape = scan::after_escape(text, start);
        if first.is_ascii_digit()
            && (after_escape || !scan::before(text, start).is_ascii_digit())
            && let Some(end) = self.quad_at(text, start)
        {
            return Some(end);
        }
        if first.is_ascii_hexdigit() && scan::before(text, start).is_ascii_hexdigit() && !after_escape {
            return None;
        }
        self.v6_at(text, start).or_else(|| self.spelling_at(text, start))
    }

    fn quad_at(&self, text: &[u8], start: usize) -> Option<usize> {
        let mut separators = SEPARATORS.iter();
        let (address, end) = separators.find_map(|separator| scan::quad(text, start, separator))?;
        let [a, b, c, d] = address.octets();
        let reversed = Ipv4Addr::new(d, c, b, a);
        (self.v4.contains(&address) || self.v4.contains(&reversed)).then_some(end)
    }

    fn v6_at(&self, text: &[u8], start: usize) -> Option<usize> {
        [scan::run, scan::dashed_run]
            .into_iter()
            .find_map(|run| self.v6_in(text, &run(text, start)))
    }

    fn v6_in(&self, text: &[u8], run: &[Piece]) -> Option<usize> {
        if run.iter().filter(|piece| piece.kind == Kind::Colon).count() < 2 {
            return None;
        }
        // The longest spelling first; what remains may be a port.
        scan::plausible(run).find_map(|pieces| {
            let address = scan::v6(text, pieces)?;
            let known =
                self.v6.contains(&address) || embedded(address).is_some_and(|v4| self.v4.contains(&v4));
            pieces.last().filter(|_| known).map(|piece| piece.end)
        })
    }

    fn spelling_at(&self, text: &[u8], start: usize) -> Option<usize> {
        self.spellings.iter().find_map(|spelling| {
            let end = start + spelling.len();
            let same = text.get(start..end)?.eq_ignore_ascii_case(spelling.as_bytes());
            (same && !scan::at(text, end).is_ascii_hexdigit()).then_some(end)
        })
    }
}

/// The IPv4 address that an IPv6 address holds: mapped, or of NAT64 or 6to4.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let ([0, 0, 0, 0, 0, 0xffff, high, low]
    | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
    | [0x2002, high, low, ..]) = address.segments()
    else {
        return None;
    };
    Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
}

fn position(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
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
}
