//! What `BoringSSL`'s hellos look like: those of Chrome.

use crate::{
    support::Bench,
    tls::{Authority, echo, named, shake},
    tls_options::listening,
};
use netsonde_net::tls::{BackendName, Ech, HandshakeOptions};
use std::time::Duration;

/// `X25519MLKEM768`.
const POST_QUANTUM: u16 = 0x11ec;

fn like_chrome() -> HandshakeOptions {
    HandshakeOptions {
        alpn: vec!["h2".to_owned(), "http/1.1".to_owned()],
        backend: BackendName::BoringSsl,
        ech: Ech::Grease,
        ..named("example.org")
    }
}

fn number(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}

fn numbers(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks(2).map(number).collect()
}

fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

/// The cipher suites and the extensions of a hello, in its order.
struct Hello {
    ciphers: Vec<u16>,
    extensions: Vec<(u16, Vec<u8>)>,
}

impl Hello {
    /// Of a record.
    fn read(record: &[u8]) -> Self {
        // The headers of record and message, the version, the random.
        let rest = &record[5 + 4 + 2 + 32..];
        let rest = &rest[1 + usize::from(rest[0])..];
        let (ciphers, rest) = rest[2..].split_at(number(rest).into());
        let mut rest = &rest[1 + usize::from(rest[0]) + 2..];
        let mut extensions = Vec::new();
        while !rest.is_empty() {
            let (content, after) = rest[4..].split_at(number(&rest[2..]).into());
            extensions.push((number(rest), content.to_vec()));
            rest = after;
        }
        Self {
            ciphers: numbers(ciphers),
            extensions,
        }
    }

    fn extension(&self, wanted: u16) -> &[u8] {
        let found = self.extensions.iter().find(|(id, _)| *id == wanted);
        &found
            .unwrap_or_else(|| panic!("there is no extension {wanted}"))
            .1
    }

    /// The order of the extensions that are no GREASE.
    fn order(&self) -> Vec<u16> {
        let ids = self.extensions.iter().map(|(id, _)| *id);
        ids.filter(|id| !is_grease(*id)).collect()
    }
}

async fn hello() -> (Hello, String) {
    let (address, mut reads) = listening().await;
    let bench = Bench::new();
    let options = HandshakeOptions {
        timeout: Some(Duration::from_millis(200)),
        ..like_chrome()
    };
    shake(&bench, address, options).await.unwrap_err();
    let mut record = Vec::new();
    while let Ok(segment) = reads.try_recv() {
        record.extend(segment);
    }
    let ja4 = bench.seen().tls_handshakes.remove(0).x_ja4.unwrap();
    (Hello::read(&record), ja4)
}

#[tokio::test]
async fn a_hello_is_like_that_of_chrome() {
    let (hello, ja4) = hello().await;
    // Chrome has 16 extensions: with ALPS. The first hash, of the cipher suites, is the one published for Chrome.
    assert!(ja4.starts_with("t13d1515h2_8daaf6152771_"), "{ja4}");
    assert!(is_grease(hello.ciphers[0]), "{:x?}", hello.ciphers);
    let grease = hello.extensions.iter().filter(|(id, _)| is_grease(*id));
    assert_eq!(grease.count(), 2);
    assert_eq!(hello.extension(16), b"\0\x0c\x02h2\x08http/1.1");
    let groups = numbers(&hello.extension(10)[2..]);
    assert!(is_grease(groups[0]), "{groups:x?}");
    assert_eq!(groups[1..], [POST_QUANTUM, 29, 23, 24]);
    let mut shares = &hello.extension(51)[2..];
    let mut offered = Vec::new();
    while !shares.is_empty() {
        offered.push(number(shares));
        shares = &shares[4 + usize::from(number(&shares[2..]))..];
    }
    assert!(is_grease(offered[0]), "{offered:x?}");
    assert_eq!(offered[1..], [POST_QUANTUM, 29]);
}

#[tokio::test]
async fn extensions_are_shuffled_and_ja4_is_the_same_all_the_same() {
    let (first, ja4) = hello().await;
    let mut is_shuffled = false;
    for _ in 0..5 {
        let (other, other_ja4) = hello().await;
        assert_eq!(other_ja4, ja4);
        is_shuffled |= other.order() != first.order();
        let [mut one, mut two] = [first.order(), other.order()];
        one.sort_unstable();
        two.sort_unstable();
        assert_eq!(one, two);
    }
    assert!(is_shuffled, "six hellos in one order: {:?}", first.order());
}

#[tokio::test]
async fn the_same_certificate_fails_for_the_same_reason() {
    let (authority, unknown) = (Authority::new(), Authority::new());
    let bench = Bench::trusting(&authority.pem());
    for (address, name, failure) in [
        (
            echo(authority.server("example.org", |_| {})).await,
            "example.org",
            None,
        ),
        (
            echo(authority.server("example.net", |_| {})).await,
            "example.org",
            Some("ssl_invalid_hostname"),
        ),
        (
            echo(unknown.server("example.org", |_| {})).await,
            "example.org",
            Some("ssl_unknown_authority"),
        ),
    ] {
        for backend in [BackendName::Rustls, BackendName::BoringSsl] {
            let options = HandshakeOptions {
                backend,
                ..named(name)
            };
            let shaken = shake(&bench, address, options).await;
            let seen = bench.seen().tls_handshakes.pop().unwrap();
            assert_eq!(shaken.is_ok(), failure.is_none());
            assert_eq!(
                seen.failure.as_ref().map(netsonde_data::FailureCode::as_str),
                failure
            );
            assert!(!seen.peer_certificates.is_empty());
            if failure.is_none() {
                assert_eq!(
                    (seen.tls_version.as_str(), seen.x_backend.as_deref()),
                    ("TLSv1.3", Some(backend_name(backend)))
                );
                assert!(
                    seen.cipher_suite.starts_with("TLS_AES_")
                        || seen.cipher_suite.starts_with("TLS_CHACHA20_"),
                    "{}",
                    seen.cipher_suite
                );
            }
        }
    }
}

fn backend_name(backend: BackendName) -> &'static str {
    match backend {
        BackendName::Rustls => "rustls",
        BackendName::BoringSsl => "boringssl",
    }
}
