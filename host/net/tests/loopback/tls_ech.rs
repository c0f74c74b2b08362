//! Encrypted hellos, with servers that accept them, that reject them, and that do not know them.

use crate::{support::Bench, tls::named};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use netsonde_data::{FailureCode, observation::TlsHandshake};
use netsonde_lab::ech::{EchMode, EchServer};
use netsonde_net::{
    Connection,
    tls::{BackendName, Ech, HandshakeError, HandshakeOptions, Version, Versions},
};

const NAME: &str = "secret.example.org";
const PUBLIC: &str = "public.example.net";

/// The libraries that are there.
pub(crate) fn backends() -> &'static [BackendName] {
    if cfg!(feature = "boringssl") {
        &[BackendName::Rustls, BackendName::BoringSsl]
    } else {
        &[BackendName::Rustls]
    }
}

async fn shake(
    mode: EchMode,
    backend: BackendName,
    ech: impl FnOnce(&EchServer) -> Ech,
) -> (Result<Connection, HandshakeError>, TlsHandshake, EchServer) {
    let server = EchServer::start(mode, NAME, PUBLIC).unwrap();
    let bench = Bench::trusting(server.ca_pem());
    let connection = bench
        .net
        .connect(&bench.tx, server.address(), None)
        .await
        .unwrap();
    let options = HandshakeOptions {
        ech: ech(&server),
        backend,
        ..named(NAME)
    };
    let result = bench.net.handshake(&bench.tx, connection, options).await;
    (result, bench.seen().tls_handshakes.remove(0), server)
}

fn published(server: &EchServer) -> Ech {
    Ech::Configs(server.config_list().to_vec())
}

#[tokio::test]
async fn an_accepted_hello_is_seen_as_such() {
    for backend in backends() {
        let (result, seen, server) = shake(EchMode::Accept, *backend, published).await;
        assert!(result.unwrap().is_ech_accepted());
        assert_eq!((seen.failure, seen.x_ech_accepted), (None, Some(true)));
        assert_eq!(
            (seen.server_name.as_str(), seen.outer_server_name.as_deref()),
            (NAME, Some(PUBLIC))
        );
        assert_eq!(seen.echconfig.unwrap(), STANDARD.encode(server.config_list()));
        assert_eq!(seen.tls_version, "TLSv1.3");
    }
}

#[tokio::test]
async fn a_rejected_hello_comes_with_what_is_accepted() {
    for backend in backends() {
        let (result, seen, server) = shake(EchMode::Reject, *backend, published).await;
        let failed = result.unwrap_err();
        let retry = failed.ech_retry_configs.unwrap();
        assert_eq!(
            seen.failure.unwrap().as_str(),
            "unknown_failure: tls: server rejected ECH"
        );
        assert_eq!(
            (seen.x_ech_accepted, seen.x_ech_retry_configs),
            (Some(false), Some(STANDARD.encode(&retry)))
        );
        assert!(!seen.peer_certificates.is_empty());
        assert_eq!(seen.peer_certificates.len(), failed.peer_certificates.len());

        let bench = Bench::trusting(server.ca_pem());
        let connection = bench
            .net
            .connect(&bench.tx, server.address(), None)
            .await
            .unwrap();
        let options = HandshakeOptions {
            ech: Ech::Configs(retry),
            backend: *backend,
            ..named(NAME)
        };
        let again = bench.net.handshake(&bench.tx, connection, options).await.unwrap();
        assert!(again.is_ech_accepted());
    }
}

#[tokio::test]
async fn a_server_that_knows_nothing_of_it_rejects_without_a_word() {
    for backend in backends() {
        let (result, seen, _server) = shake(EchMode::Ignorant, *backend, published).await;
        assert_eq!(result.unwrap_err().ech_retry_configs, None);
        assert_eq!(
            (seen.x_ech_accepted, seen.x_ech_retry_configs),
            (Some(false), None)
        );
    }
}

#[tokio::test]
async fn grease_changes_nothing_but_the_hello() {
    for backend in backends() {
        for mode in [EchMode::Accept, EchMode::Ignorant] {
            let (result, seen, _server) = shake(mode, *backend, |_| Ech::Grease).await;
            assert!(!result.unwrap().is_ech_accepted());
            assert_eq!((seen.failure, seen.x_ech_accepted), (None, None));
            assert_eq!(seen.echconfig.as_deref(), Some("GREASE"));
            assert_eq!(seen.outer_server_name.as_deref(), Some(NAME));
        }
    }
}

#[tokio::test]
async fn a_made_up_configuration_brings_the_real_one_to_light() {
    for backend in backends() {
        let (result, seen, server) = shake(EchMode::Accept, *backend, |_| Ech::MadeUp).await;
        let retry = result.unwrap_err().ech_retry_configs.unwrap();
        assert_eq!(retry, server.config_list());
        assert_eq!(seen.failure, None, "to be rejected was what was asked for");
        assert_eq!(seen.echconfig.as_deref(), Some("GREASE"));
        assert_eq!(seen.x_ech_retry_configs.unwrap(), STANDARD.encode(retry));
        assert_eq!(seen.x_ech_accepted, None);
    }
}

#[tokio::test]
async fn what_can_not_be_offered_is_refused() {
    let server = EchServer::start(EchMode::Accept, NAME, PUBLIC).unwrap();
    let bench = Bench::trusting(server.ca_pem());
    let of = |ech| HandshakeOptions { ech, ..named(NAME) };
    let old = HandshakeOptions {
        versions: Some(Versions::new(Version::Tls12, Version::Tls12).unwrap()),
        ..of(Ech::Grease)
    };
    let nameless = HandshakeOptions {
        server_name: None,
        ..of(Ech::MadeUp)
    };
    for (options, why) in [
        (of(Ech::Configs(b"nonsense".to_vec())), "InvalidConfigList"),
        (old, "ECH needs TLS 1.3"),
        (nameless, "public name"),
    ] {
        let connection = bench
            .net
            .connect(&bench.tx, server.address(), None)
            .await
            .unwrap();
        let refused = bench
            .net
            .handshake(&bench.tx, connection, options)
            .await
            .unwrap_err();
        assert!(refused.to_string().contains(why), "{refused}");
        assert_eq!(
            crate::support::code::<()>(Err(refused.error)),
            FailureCode::INVALID_ARGUMENT
        );
    }
    assert!(bench.seen().tls_handshakes.is_empty());
}
