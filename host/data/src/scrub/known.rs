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
mod tests;
