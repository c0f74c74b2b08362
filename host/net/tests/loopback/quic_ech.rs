//! Encrypted hellos inside QUIC, with servers that accept them, that reject them, and that do not know them.

use crate::{quic, support::Bench, tls::named};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use netsonde_data::observation::TlsHandshake;
use netsonde_lab::ech::{EchMode, EchServer};
use netsonde_net::{
    Connection,
    http::Request,
    tls::{Ech, HandshakeError, HandshakeOptions},
};

const NAME: &str = "secret.example.org";
const PUBLIC: &str = "public.example.net";

async fn shake(server: &EchServer, ech: Ech) -> (Result<Connection, HandshakeError>, TlsHandshake, Bench) {
    let bench = Bench::trusting(server.ca_pem());
    let options = HandshakeOptions { ech, ..named(NAME) };
    let result = quic::shake(&bench, server.address(), options).await;
    let seen = quic::only(&bench);
    (result, seen, bench)
}

fn start(mode: EchMode) -> (EchServer, Ech) {
    let server = EchServer::start(mode, NAME, PUBLIC).unwrap();
    let published = Ech::Configs(server.config_list().to_vec());
    (server, published)
}

#[tokio::test]
async fn an_accepted_hello_is_seen_as_such() {
    let (server, published) = start(EchMode::Accept);
    let (result, seen, bench) = shake(&server, published).await;
    let connection = result.unwrap();
    assert!(connection.is_ech_accepted());
    assert_eq!((seen.failure, seen.x_ech_accepted), (None, Some(true)));
    assert_eq!(
        (seen.server_name.as_str(), seen.outer_server_name.as_deref()),
        (NAME, Some(PUBLIC))
    );
    // The server says so too.
    let request = Request {
        url: format!("https://{NAME}/cdn-cgi/trace"),
        ..Request::default()
    };
    let page = bench
        .net
        .round_trip(&bench.tx, &connection, request)
        .await
        .unwrap();
    assert!(page.body.ends_with(b"sni=encrypted\n"), "{page:?}");
}

#[tokio::test]
async fn a_rejected_hello_comes_with_what_is_accepted() {
    let (server, published) = start(EchMode::Reject);
    let (result, seen, _) = shake(&server, published).await;
    let failed = result.unwrap_err();
    assert_eq!(
        seen.failure.unwrap().as_str(),
        "unknown_failure: tls: server rejected ECH"
    );
    assert_eq!(seen.x_ech_accepted, Some(false));
    assert_eq!(failed.peer_certificates.len(), seen.peer_certificates.len());
    assert!(!failed.peer_certificates.is_empty());
    let retry = failed.ech_retry_configs.unwrap();
    assert_eq!(seen.x_ech_retry_configs, Some(STANDARD.encode(&retry)));
    let (again, seen, _) = shake(&server, Ech::Configs(retry)).await;
    assert!(again.unwrap().is_ech_accepted());
    assert_eq!(seen.x_ech_accepted, Some(true));
}

#[tokio::test]
async fn a_server_that_knows_nothing_of_it_rejects_without_a_word() {
    let (server, published) = start(EchMode::Ignorant);
    let (result, seen, _) = shake(&server, published).await;
    assert!(result.is_err());
    assert_eq!(
        (seen.x_ech_accepted, seen.x_ech_retry_configs),
        (Some(false), None)
    );
}

#[tokio::test]
async fn grease_changes_nothing_but_the_hello() {
    let (server, _) = start(EchMode::Accept);
    let (result, seen, _) = shake(&server, Ech::Grease).await;
    assert!(!result.unwrap().is_ech_accepted());
    assert_eq!((seen.failure, seen.x_ech_accepted), (None, None));
    assert_eq!(seen.echconfig.as_deref(), Some("GREASE"));
}
