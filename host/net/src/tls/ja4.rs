//! JA4: a short name for what a `ClientHello` looks like, so that censors that tell clients apart by it can be studied.
//!
//! The format is `JA4` for TLS clients by `FoxIO` (its BSD-licensed part): protocol, version, whether there is an SNI,
//! numbers of cipher suites and extensions, the first ALPN value; then shortened hashes of the sorted cipher suites and
//! of the sorted extensions with the signature algorithms. Values that RFC 8701 reserves (GREASE) count for nothing.

use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// `server_name`.
const SNI: u16 = 0x0000;
/// `signature_algorithms`.
const SIGNATURE_ALGORITHMS: u16 = 0x000d;
/// `application_layer_protocol_negotiation`.
const ALPN: u16 = 0x0010;
/// `supported_versions`.
const SUPPORTED_VERSIONS: u16 = 0x002b;

/// The JA4 of a `ClientHello`: the handshake message with its four bytes of header and without record headers.
/// `protocol` is `t` for TLS over TCP, `q` for QUIC, `d` for DTLS. None where the bytes are no whole `ClientHello`.
pub fn ja4(protocol: char, client_hello: &[u8]) -> Option<String> {
    let hello = Hello::parse(client_hello)?;
    let sni = if hello.has(SNI) { 'd' } else { 'i' };
    let mut ja4 = String::new();
    write!(
        ja4,
        "{protocol}{}{sni}{:02}{:02}{}_{}_{}",
        version(hello.version()),
        hello.ciphers.len().min(99),
        hello.extensions.len().min(99),
        hello.first_alpn(),
        hello.cipher_hash(),
        hello.extension_hash()
    )
    .ok()?;
    Some(ja4)
}

/// What of a `ClientHello` the fingerprint is made of.
struct Hello<'a> {
    legacy_version: u16,
    ciphers: Vec<u16>,
    extensions: Vec<(u16, &'a [u8])>,
}

impl<'a> Hello<'a> {
    fn parse(message: &'a [u8]) -> Option<Self> {
        let mut message = Reader(message);
        if message.u8()? != 1 {
            return None;
        }
        let length = message.length(3)?;
        let mut body = Reader(message.take(length)?);
        let legacy_version = body.u16()?;
        body.take(32)?;
        body.list(1)?;
        let ciphers = numbers(body.list(2)?).filter(|id| !is_grease(*id)).collect();
        body.list(1)?;
        let mut extensions = Vec::new();
        if !body.0.is_empty() {
            let mut list = Reader(body.list(2)?);
            while !list.0.is_empty() {
                let (id, content) = (list.u16()?, list.list(2)?);
                if !is_grease(id) {
                    extensions.push((id, content));
                }
            }
        }
        Some(Self {
            legacy_version,
            ciphers,
            extensions,
        })
    }

    fn has(&self, extension: u16) -> bool {
        self.extension(extension).is_some()
    }

    fn extension(&self, wanted: u16) -> Option<&'a [u8]> {
        self.extensions
            .iter()
            .find(|(id, _)| *id == wanted)
            .map(|(_, content)| *content)
    }

    /// The newest version that is offered.
    fn version(&self) -> u16 {
        self.extension(SUPPORTED_VERSIONS)
            .and_then(|content| Reader(content).list(1))
            .and_then(|versions| numbers(versions).filter(|version| !is_grease(*version)).max())
            .unwrap_or(self.legacy_version)
    }

    /// First and last character of the first protocol; of its hexadecimal form, where they are no letters or digits.
    fn first_alpn(&self) -> String {
        let first = self
            .extension(ALPN)
            .and_then(|content| Reader(content).list(2))
            .and_then(|protocols| Reader(protocols).list(1))
            .unwrap_or_default();
        let (Some(begin), Some(end)) = (first.first(), first.last()) else {
            return "00".to_owned();
        };
        if begin.is_ascii_alphanumeric() && end.is_ascii_alphanumeric() {
            [char::from(*begin), char::from(*end)].iter().collect()
        } else {
            let (begin, end) = (hex::encode([*begin]), hex::encode([*end]));
            begin.chars().take(1).chain(end.chars().skip(1)).collect()
        }
    }

    fn cipher_hash(&self) -> String {
        let mut ciphers = self.ciphers.clone();
        ciphers.sort_unstable();
        short_hash(&hex_list(&ciphers))
    }

    fn extension_hash(&self) -> String {
        let mut ids: Vec<u16> = self.extensions.iter().map(|(id, _)| *id).collect();
        ids.retain(|id| !matches!(*id, SNI | ALPN));
        ids.sort_unstable();
        let algorithms: Vec<u16> = self
            .extension(SIGNATURE_ALGORITHMS)
            .and_then(|content| Reader(content).list(2))
            .map(|list| numbers(list).filter(|id| !is_grease(*id)).collect())
            .unwrap_or_default();
        let mut text = hex_list(&ids);
        if !algorithms.is_empty() {
            text.push('_');
            text.push_str(&hex_list(&algorithms));
        }
        short_hash(&text)
    }
}

/// The two characters for a version.
fn version(version: u16) -> &'static str {
    match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        0xfeff => "d1",
        0xfefd => "d2",
        0xfefc => "d3",
        _ => "00",
    }
}

/// Whether RFC 8701 reserves the value.
fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

fn hex_list(values: &[u16]) -> String {
    let mut list = String::with_capacity(values.len() * 5);
    for value in values {
        if !list.is_empty() {
            list.push(',');
        }
        let mut digits = [0; 4];
        // Four digits are what two bytes take.
        if hex::encode_to_slice(value.to_be_bytes(), &mut digits).is_ok() {
            list.extend(digits.map(char::from));
        }
    }
    list
}

/// Twelve characters of the hash; zeroes for nothing.
fn short_hash(text: &str) -> String {
    if text.is_empty() {
        return "000000000000".to_owned();
    }
    let hash = Sha256::digest(text);
    hex::encode(hash.get(..6).unwrap_or_default())
}

fn numbers(list: &[u8]) -> impl Iterator<Item = u16> + '_ {
    list.as_chunks::<2>()
        .0
        .iter()
        .map(|pair| u16::from_be_bytes(*pair))
}

/// Reads big-endian fields, as TLS has them.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    /// A number of `width` bytes that says how long something is.
    pub(super) fn length(&mut self, width: usize) -> Option<usize> {
        let digits = self.take(width)?;
        Some(
            digits
                .iter()
                .fold(0, |length, digit| length << 8 | usize::from(*digit)),
        )
    }

    /// What follows its own length of `width` bytes.
    pub(super) fn list(&mut self, width: usize) -> Option<&'a [u8]> {
        let length = self.length(width)?;
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A hello with these cipher suites and extensions.
    fn hello(ciphers: &[u16], extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.push(0);
        body.extend(list(
            2,
            &ciphers.iter().flat_map(|id| id.to_be_bytes()).collect::<Vec<_>>(),
        ));
        body.extend([1, 0]);
        let extensions: Vec<u8> = extensions
            .iter()
            .flat_map(|(id, content)| [id.to_be_bytes().to_vec(), list(2, content)].concat())
            .collect();
        body.extend(list(2, &extensions));
        [vec![1], list(3, &body)].concat()
    }

    fn list(width: usize, content: &[u8]) -> Vec<u8> {
        let length = content.len().to_be_bytes();
        [&length[length.len() - width..], content].concat()
    }

    fn ids(text: &str) -> Vec<u16> {
        text.split(',')
            .map(|id| u16::from_str_radix(id, 16).unwrap())
            .collect()
    }

    /// The example in the description of the format.
    #[test]
    fn the_example_of_the_format_has_the_name_it_says() {
        let ciphers = ids("0a0a,1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035");
        let algorithms = ids("0403,0804,0401,0503,0805,0501,0806,0601");
        let algorithms: Vec<u8> = algorithms.iter().flat_map(|id| id.to_be_bytes()).collect();
        let extensions: Vec<_> =
            ids("2a2a,001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015")
                .into_iter()
                .map(|id| match id {
                    ALPN => (id, list(2, b"\x02h2\x08http/1.1")),
                    SIGNATURE_ALGORITHMS => (id, list(2, &algorithms)),
                    SUPPORTED_VERSIONS => (id, list(1, &[0x5a, 0x5a, 3, 4, 3, 3])),
                    _ => (id, Vec::new()),
                })
                .collect();
        assert_eq!(
            ja4('t', &hello(&ciphers, &extensions)).unwrap(),
            "t13d1516h2_8daaf6152771_e5627efa2ab1"
        );
    }

    #[test]
    fn what_is_not_there_is_zero() {
        assert_eq!(
            ja4('q', &hello(&[], &[])).unwrap(),
            "q12i000000_000000000000_000000000000"
        );
    }

    #[test]
    fn a_protocol_without_letters_is_named_in_hexadecimal() {
        let with = |protocol: &[u8]| {
            let hello = hello(&[], &[(ALPN, list(2, &list(1, protocol)))]);
            ja4('t', &hello).unwrap()[8..10].to_owned()
        };
        assert_eq!(with(b"h3"), "h3");
        assert_eq!(with(b"x"), "xx");
        assert_eq!(with(&[0xab]), "ab");
        assert_eq!(with(&[0x30, 0xab]), "3b");
        assert_eq!(with(&[0xab, 0xcd]), "ad");
    }

    proptest! {
        #[test]
        fn bytes_of_any_kind_are_survived(bytes: Vec<u8>) {
            let _ = ja4('t', &bytes);
        }

        #[test]
        fn the_order_of_suites_and_extensions_does_not_matter(
            mut ciphers: Vec<u16>,
            mut extensions in proptest::collection::btree_map(any::<u16>(), Just(Vec::new()), 0..20)
                .prop_map(|map| map.into_iter().collect::<Vec<(u16, Vec<u8>)>>()),
        ) {
            ciphers.truncate(200);
            let there = ja4('t', &hello(&ciphers, &extensions)).unwrap();
            ciphers.reverse();
            extensions.reverse();
            prop_assert_eq!(there.len(), 36);
            prop_assert_eq!(there, ja4('t', &hello(&ciphers, &extensions)).unwrap());
        }

        #[test]
        fn a_hello_cut_short_has_no_name(cut in 0_usize..60) {
            let whole = hello(&[0x1301], &[(SNI, vec![0; 10])]);
            prop_assume!(cut < whole.len());
            prop_assert_eq!(ja4('t', &whole[..cut]), None);
        }
    }
}
