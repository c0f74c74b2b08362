//! Removing the probe's own addresses from a measurement.

use super::{
    SCRUBBED,
    scan::{self, Kind},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Removes known addresses, in every textual form, from JSON documents.
///
/// Forms of an IPv4 address: dotted or dashed, in this order of octets or reversed (as names of access lines and
/// `in-addr.arpa` have it), with leading zeros, mapped into IPv6. Of an IPv6 address: any compression, any case,
/// leading zeros, colons written as `%3A`, 32 hexadecimal digits, the nibbles of `ip6.arpa`. A port may follow. Both
/// in keys and in values, and inside base64 data, where the address's bare octets are replaced by zeros too. An
/// address inside a longer number is another number and stays.
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
            if let Some(end) = self.address_at(text, index) {
                out.extend_from_slice(SCRUBBED.as_bytes());
                index = end;
            } else {
                out.push(byte);
                index += 1;
            }
        }
        out
    }

    /// Where the address that begins at `start` ends, if a known one begins there.
    fn address_at(&self, text: &[u8], start: usize) -> Option<usize> {
        let first = scan::at(text, start);
        if !first.is_ascii_hexdigit() && first != b':' && first != b'%' {
            return None;
        }
        if first.is_ascii_digit()
            && !scan::before(text, start).is_ascii_digit()
            && let Some(end) = self.quad_at(text, start)
        {
            return Some(end);
        }
        if first.is_ascii_hexdigit() && self.inside_digits(text, start) {
            return None;
        }
        self.v6_at(text, start).or_else(|| self.spelling_at(text, start))
    }

    /// Whether the hexadecimal digit at `start` continues a number. The digits of `%3A` do not begin one.
    #[expect(clippy::unused_self, reason = "reads better among its siblings")]
    fn inside_digits(&self, text: &[u8], start: usize) -> bool {
        let escaped = start >= 3
            && text
                .get(start - 3..start)
                .is_some_and(|escape| escape.eq_ignore_ascii_case(b"%3a"));
        scan::before(text, start).is_ascii_hexdigit() && !escaped
    }

    fn quad_at(&self, text: &[u8], start: usize) -> Option<usize> {
        let (address, end) = scan::quad(text, start, b'.').or_else(|| scan::quad(text, start, b'-'))?;
        let [a, b, c, d] = address.octets();
        let reversed = Ipv4Addr::new(d, c, b, a);
        (self.v4.contains(&address) || self.v4.contains(&reversed)).then_some(end)
    }

    fn v6_at(&self, text: &[u8], start: usize) -> Option<usize> {
        let run = scan::run(text, start);
        if run.iter().filter(|piece| piece.kind == Kind::Colon).count() < 2 {
            return None;
        }
        // The longest spelling first; what remains may be a port.
        (1..=run.len().min(17)).rev().find_map(|length| {
            let pieces = run.get(..length)?;
            let address = scan::v6(text, pieces)?;
            let known = match address.to_canonical() {
                IpAddr::V4(address) => self.v4.contains(&address),
                IpAddr::V6(address) => self.v6.contains(&address),
            };
            if known {
                pieces.last().map(|piece| piece.end)
            } else {
                None
            }
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

fn position(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
