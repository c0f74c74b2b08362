//! Handshakes that differ from the usual one.

use crate::{
    support::{Bench, code, replying, server},
    tls::{Authority, echo, named, shake},
    tls_session::strict,
};
use netsonde_data::{FailureCode, observation::TlsHandshake};
use netsonde_net::tls::{BackendName, HandshakeOptions, Identity, Sni, Version, Versions, ja4};
use rustls::{ServerConfig, server::Acceptor};
use std::{sync::Arc, time::Duration};
use tokio::{io::AsyncReadExt, sync::mpsc};
use tokio_rustls::LazyConfigAcceptor;

fn handshake(bench: &Bench) -> TlsHandshake {
    bench.seen().tls_handshakes.pop().unwrap()
}

/// A server that tells which name it was asked for.
async fn asking(config: ServerConfig) -> (std::net::SocketAddr, mpsc::UnboundedReceiver<Option<String>>) {
    let (told, names) = mpsc::unbounded_channel();
    let config = Arc::new(config);
    let address = server(move |stream| {
        let (told, config) = (told.clone(), Arc::clone(&config));
        async move {
            let begun = LazyConfigAcceptor::new(Acceptor::default(), stream)
                .await
                .unwrap();
            told.send(begun.client_hello().server_name().map(ToOwned::to_owned))
                .unwrap();
            if let Ok(mut stream) = begun.into_stream(config).await {
                let _ = stream.read(&mut [0; 64]).await;
            }
        }
    })
    .await;
    (address, names)
}

#[tokio::test]
async fn a_name_can_be_verified_without_being_sent() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let (address, mut names) = asking(authority.server("example.org", |_| {})).await;
    let with = |sni, name: &str| HandshakeOptions { sni, ..named(name) };

    shake(&bench, address, named("example.org")).await.unwrap();
    assert_eq!(names.recv().await.unwrap().as_deref(), Some("example.org"));
    assert_eq!(handshake(&bench).server_name, "example.org");
    assert_eq!(handshake(&bench).x_verified_name, None);

    shake(&bench, address, with(Sni::Absent, "example.org"))
        .await
        .unwrap();
    assert_eq!(names.recv().await.unwrap(), None);
    assert_eq!(handshake(&bench).server_name, "");
    assert_eq!(handshake(&bench).x_verified_name.as_deref(), Some("example.org"));

    let decoy = with(Sni::Name("decoy.example".to_owned()), "example.org");
    shake(&bench, address, decoy).await.unwrap();
    assert_eq!(names.recv().await.unwrap().as_deref(), Some("decoy.example"));
    assert_eq!(handshake(&bench).server_name, "decoy.example");
    assert_eq!(handshake(&bench).x_verified_name.as_deref(), Some("example.org"));

    let wrong = with(Sni::Name("example.org".to_owned()), "another.example");
    assert_eq!(
        code(shake(&bench, address, wrong).await),
        FailureCode::SSL_INVALID_HOSTNAME
    );
}

#[tokio::test]
async fn an_address_is_no_sni() {
    let bench = Bench::new();
    let options = HandshakeOptions {
        sni: Sni::Name("192.0.2.1".to_owned()),
        ..named("example.org")
    };
    let refused = shake(&bench, replying(b"").await, options).await.unwrap_err();
    assert!(
        refused.to_string().contains("can not be sent as SNI"),
        "{refused}"
    );
}

#[tokio::test]
async fn protocols_that_no_hello_can_hold_are_refused() {
    let bench = Bench::new();
    for alpn in [
        vec![String::new()],
        vec!["a".repeat(256)],
        vec!["a".repeat(200); 42],
    ] {
        let options = HandshakeOptions {
            alpn,
            ..named("example.org")
        };
        let refused = shake(&bench, replying(b"").await, options).await.unwrap_err();
        assert!(refused.to_string().contains("as ALPN"), "{refused}");
    }
    assert!(bench.seen().tls_handshakes.is_empty());
}

/// A server that tells what it reads, each read by itself, and says nothing.
pub(crate) async fn listening() -> (std::net::SocketAddr, mpsc::UnboundedReceiver<Vec<u8>>) {
    let (told, reads) = mpsc::unbounded_channel();
    let address = server(move |mut stream| {
        let told = told.clone();
        async move {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                told.send(buffer[..count].to_vec()).unwrap();
            }
        }
    })
    .await;
    (address, reads)
}

#[tokio::test]
async fn a_hello_is_split_where_it_was_asked_for_and_named_as_it_was_sent() {
    let (address, mut reads) = listening().await;
    for split_hello_at in [None, Some(3), Some(100), Some(100_000)] {
        let bench = Bench::new();
        let options = HandshakeOptions {
            split_hello_at,
            timeout: Some(Duration::from_millis(200)),
            ..named("example.org")
        };
        let failed = code(shake(&bench, address, options).await);
        assert_eq!(failed, FailureCode::GENERIC_TIMEOUT_ERROR);
        let mut segments = Vec::new();
        while let Ok(segment) = reads.try_recv() {
            segments.push(segment);
        }
        let written: Vec<_> = bench
            .events("write")
            .iter()
            .map(|event| event.num_bytes)
            .collect();
        let read: Vec<_> = segments.iter().map(|segment| segment.len() as u64).collect();
        assert_eq!(written, read);
        match split_hello_at {
            Some(at @ ..1000) => assert!(read.len() == 2 && read[0] == at as u64, "{read:?}"),
            _ => assert_eq!(read.len(), 1),
        }
        // Without the header of its only record, this is the message.
        let name = ja4('t', &segments.concat()[5..]);
        assert_eq!(handshake(&bench).x_ja4, name);
        assert!(name.unwrap().starts_with("t13d"));
    }
}

#[tokio::test]
async fn a_server_that_asks_who_we_are_is_told() {
    let authority = Authority::new();
    let (config, options) = strict(&authority);
    let address = echo(config).await;
    let bench = Bench::trusting(&authority.pem());

    let connection = shake(&bench, address, options).await.unwrap();
    bench.net.write(&connection, b"me", None).await.unwrap();
    assert_eq!(
        bench.net.read(&connection, 2, None).await.unwrap().as_ref(),
        b"me"
    );

    // In TLS 1.3 the client is done before the server has asked.
    let options = HandshakeOptions {
        versions: Some(Versions::new(Version::Tls12, Version::Tls12).unwrap()),
        ..named("example.org")
    };
    let failed = code(shake(&bench, address, options).await);
    assert_eq!(
        failed.as_str(),
        "unknown_failure: remote error: tls: certificate required"
    );
    assert_eq!(
        handshake(&bench).x_failure_detail.unwrap(),
        "alert received: CertificateRequired (116)"
    );

    let options = HandshakeOptions {
        identity: Some(Identity {
            certificates_pem: authority.pem(),
            key_pem: "nonsense".to_owned(),
        }),
        ..named("example.org")
    };
    let refused = shake(&bench, address, options).await.unwrap_err();
    assert!(refused.to_string().contains("private key"), "{refused}");
}

#[tokio::test]
async fn what_a_string_does_not_say_is_in_the_detail() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let address = echo(authority.server("example.net", |_| {})).await;
    assert_eq!(
        code(shake(&bench, address, named("example.org")).await),
        FailureCode::SSL_INVALID_HOSTNAME
    );
    let detail = handshake(&bench).x_failure_detail.unwrap();
    assert!(detail.contains("example.net"), "{detail}");

    let alert = replying(b"\x15\x03\x03\0\x02\x02\x28").await;
    let failed = bench.net.connect(&bench.tx, alert, None).await.unwrap();
    let failed = bench
        .net
        .handshake(&bench.tx, failed, named("example.org"))
        .await
        .unwrap_err();
    assert!(failed.to_string().contains("HandshakeFailure (40)"), "{failed}");
    assert_eq!(
        handshake(&bench).x_failure_detail.unwrap(),
        "alert received: HandshakeFailure (40)"
    );
}

#[tokio::test]
async fn the_certificates_of_a_failure_are_the_callers_too() {
    let (authority, unknown) = (Authority::new(), Authority::new());
    let bench = Bench::trusting(&authority.pem());
    let address = echo(unknown.server("example.org", |_| {})).await;
    let connection = bench.net.connect(&bench.tx, address, None).await.unwrap();
    let failed = bench
        .net
        .handshake(&bench.tx, connection, named("example.org"))
        .await
        .unwrap_err();
    assert_eq!(failed.peer_certificates.len(), 2);
    assert_eq!(failed.ech_retry_configs, None);
}

#[tokio::test]
async fn who_shook_hands_is_written_down() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let address = echo(authority.server("example.org", |_| {})).await;
    let connection = shake(&bench, address, named("example.org")).await.unwrap();
    assert_eq!(handshake(&bench).x_backend.as_deref(), Some("rustls"));
    assert_eq!(connection.tls_version(), Some("TLSv1.3"));
    assert_eq!(
        connection.cipher_suite(),
        Some(handshake(&bench).cipher_suite.as_str())
    );
}

#[cfg(not(feature = "boringssl"))]
#[tokio::test]
async fn a_backend_that_is_not_there_is_a_failure_that_says_what_to_do() {
    let bench = Bench::new();
    let options = HandshakeOptions {
        backend: BackendName::BoringSsl,
        ..named("example.org")
    };
    let failed = code(shake(&bench, replying(b"").await, options).await);
    assert!(
        failed
            .as_str()
            .contains("build netsonde with its feature `boringssl`"),
        "{failed}"
    );
    let seen = handshake(&bench);
    assert_eq!(
        (seen.failure, seen.x_backend.as_deref()),
        (Some(failed), Some("boringssl"))
    );
    assert_eq!(bench.events("tls_handshake_done").len(), 1);
    assert!(bench.events("write").is_empty());
}

#[tokio::test]
async fn versions_that_rustls_does_not_speak_are_a_failure_that_says_who_does() {
    let bench = Bench::new();
    let options = HandshakeOptions {
        versions: Some(Versions::new(Version::Tls10, Version::Tls13).unwrap()),
        backend: BackendName::Rustls,
        ..named("example.org")
    };
    let failed = code(shake(&bench, replying(b"").await, options).await);
    assert!(failed.as_str().contains("backend boringssl"), "{failed}");
    assert_eq!(handshake(&bench).failure, Some(failed));
    assert!(Versions::new(Version::Tls13, Version::Tls12).is_err());
}
