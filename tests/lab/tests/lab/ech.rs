//! Servers with Encrypted Client Hello, asked by rustls's client.

use crate::client::{request_page, roots, tls_builder};
use netsonde_lab::ech::{EchMode, EchServer};
use rustls::client::{EchConfig, EchGreaseConfig, EchStatus};
use rustls::crypto::aws_lc_rs::hpke::{ALL_SUPPORTED_SUITES, DH_KEM_X25519_HKDF_SHA256_AES_128};
use rustls::crypto::hpke::Hpke;
use rustls::pki_types::{EchConfigListBytes, ServerName};
use rustls::{ClientConnection, PeerIncompatible, StreamOwned};
use std::io;
use std::net::TcpStream;
use std::sync::Arc;

const NAME: &str = "secret.example.org";
const PUBLIC: &str = "public.example.net";

/// What the client found: what became of its offer, and the page that says what the server saw.
type Found = (EchStatus, String);

fn offer(config_list: &[u8]) -> rustls::client::EchMode {
    EchConfig::new(EchConfigListBytes::from(config_list), ALL_SUPPORTED_SUITES)
        .unwrap()
        .into()
}

fn ask(server: &EchServer, mode: Option<rustls::client::EchMode>, alpn: &[&str]) -> io::Result<Found> {
    let builder = tls_builder();
    let builder = match mode {
        Some(mode) => builder.with_ech(mode).unwrap(),
        None => builder.with_safe_default_protocol_versions().unwrap(),
    };
    let mut config = builder
        .with_root_certificates(roots(server.ca_pem()))
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from(NAME).unwrap();
    let mut tls = StreamOwned::new(
        ClientConnection::new(Arc::new(config), name).unwrap(),
        TcpStream::connect(server.address())?,
    );
    while tls.conn.is_handshaking() {
        tls.conn.complete_io(&mut tls.sock)?;
    }
    let status = tls.conn.ech_status();
    Ok((status, request_page(tls, NAME, "/cdn-cgi/trace")?))
}

/// The configurations to retry with that came with a rejection, if any did.
fn retry_configs(error: &io::Error) -> Option<Vec<u8>> {
    use rustls::internal::msgs::codec::Codec;
    match error.get_ref().unwrap().downcast_ref().unwrap() {
        rustls::Error::PeerIncompatible(PeerIncompatible::ServerRejectedEncryptedClientHello(configs)) => {
            configs.as_ref().map(Codec::get_encoding)
        }
        other => panic!("no rejection: {other}"),
    }
}

#[test]
fn an_accepting_server_answers_the_inner_client_hello() {
    let server = EchServer::start(EchMode::Accept, NAME, PUBLIC).unwrap();
    for alpn in [&["http/1.1"][..], &[]] {
        let (status, page) = ask(&server, Some(offer(server.config_list())), alpn).unwrap();
        assert_eq!(status, EchStatus::Accepted);
        assert!(page.contains("sni=encrypted"), "{page}");
    }
}

#[test]
fn a_client_without_ech_is_served_by_every_server() {
    for mode in [EchMode::Accept, EchMode::Reject, EchMode::Ignorant] {
        let server = EchServer::start(mode, NAME, PUBLIC).unwrap();
        let (status, page) = ask(&server, None, &["http/1.1"]).unwrap();
        assert_eq!(status, EchStatus::NotOffered);
        assert!(page.contains("sni=plaintext"), "{mode:?}: {page}");
    }
}

#[test]
fn grease_is_no_offer_and_every_server_serves() {
    for mode in [EchMode::Accept, EchMode::Reject, EchMode::Ignorant] {
        let server = EchServer::start(mode, NAME, PUBLIC).unwrap();
        let suite = DH_KEM_X25519_HKDF_SHA256_AES_128;
        let (key, _) = suite.generate_key_pair().unwrap();
        let grease = EchGreaseConfig::new(suite, key).into();
        let (status, page) = ask(&server, Some(grease), &["http/1.1"]).unwrap();
        assert_eq!(status, EchStatus::Grease);
        assert!(page.contains("sni=plaintext"), "{mode:?}: {page}");
    }
}

#[test]
fn a_rejecting_server_sends_configurations_which_it_accepts() {
    let server = EchServer::start(EchMode::Reject, NAME, PUBLIC).unwrap();
    let error = ask(&server, Some(offer(server.config_list())), &["http/1.1"]).unwrap_err();
    let retry = retry_configs(&error).unwrap();
    assert_ne!(retry, server.config_list());
    let (status, page) = ask(&server, Some(offer(&retry)), &["http/1.1"]).unwrap();
    assert_eq!(status, EchStatus::Accepted);
    assert!(page.contains("sni=encrypted"), "{page}");
}

#[test]
fn an_ignorant_server_sends_no_configuration() {
    let server = EchServer::start(EchMode::Ignorant, NAME, PUBLIC).unwrap();
    let error = ask(&server, Some(offer(server.config_list())), &["http/1.1"]).unwrap_err();
    assert_eq!(retry_configs(&error), None);
}
