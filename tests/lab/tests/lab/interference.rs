//! Censors that look into QUIC, encrypted DNS and Encrypted Client Hello, or remember; each with its uncensored twin.

use crate::client::{
    PATIENCE, connect, example, handshake, hits, http, https, query, request, roots, tls_config,
    tls_config_with_ech,
};
use crate::servers::over_quic;
use netsonde_lab::Lab;
use netsonde_lab::scenario::{Action, Reads, Rule, When};
use netsonde_lab::test::in_lab;
use rustls::client::EchGreaseConfig;
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_AES_128;
use rustls::crypto::aws_lc_rs::kx_group::{X25519, X25519MLKEM768};
use rustls::crypto::hpke::Hpke;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

const COM: (&str, &str) = ("23.192.228.80:443", "example.com");
const ORG: (&str, &str) = ("23.215.0.132:443", "example.org");

fn is_served(response: io::Result<String>) {
    let response = response.unwrap();
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
}

fn is_reset<T: std::fmt::Debug>(outcome: io::Result<T>) {
    let error = outcome.unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ECONNRESET), "{error}");
}

/// Whether a QUIC handshake is done in time.
fn quic(lab: &Lab, (endpoint, name): (&str, &str)) -> bool {
    let config = tls_config(lab, &["h3"]);
    over_quic(lab, (endpoint, name), &config, async |_| ()).is_ok()
}

#[test]
fn quic_is_dropped_by_its_name() {
    in_lab("interference::quic_is_dropped_by_its_name", || {
        let lab = Lab::start(&example("quic-sni-drop")).unwrap();
        assert!(!quic(&lab, COM));
        assert_eq!(hits(&lab), [1]);
        assert!(quic(&lab, ORG));
        // The rule is for QUIC only.
        is_served(https(&lab, COM.0, COM.1));
        assert_eq!(hits(&lab), [1]);
    });
}

/// A client whose hello takes more than one packet.
fn post_quantum(lab: &Lab, alpn: &str) -> Arc<rustls::ClientConfig> {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.kx_groups = vec![X25519MLKEM768, X25519];
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots(lab.ca_pem()))
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    Arc::new(config)
}

#[test]
fn hellos_that_span_packets_are_read() {
    in_lab("interference::hellos_that_span_packets_are_read", || {
        let mut scenario = example("quic-sni-drop");
        scenario
            .rules
            .push(Rule::new(When::Sni("example.com".into()), Action::Reset));
        let lab = Lab::start(&scenario).unwrap();
        let config = post_quantum(&lab, "h3");
        let mut hello = Vec::new();
        rustls::ClientConnection::new(Arc::clone(&config), "example.com".try_into().unwrap())
            .unwrap()
            .write_tls(&mut hello)
            .unwrap();
        assert!(hello.len() > 1300, "{} bytes", hello.len());
        assert!(over_quic(&lab, COM, &config, async |_| ()).is_err());
        assert_eq!(hits(&lab), [1, 0]);
        assert!(over_quic(&lab, ORG, &config, async |_| ()).is_ok());
        let config = post_quantum(&lab, "http/1.1");
        is_reset(lab.client(|| handshake(connect(COM.0)?, &config, COM.1).map(drop)));
        assert_eq!(hits(&lab), [1, 1]);
        is_served(lab.client(|| request(handshake(connect(ORG.0)?, &config, ORG.1)?, ORG.1)));
        assert_eq!(hits(&lab), [1, 1]);
    });
}

#[test]
fn all_of_udp_443_is_dropped() {
    in_lab("interference::all_of_udp_443_is_dropped", || {
        let lab = Lab::start(&example("udp-443-drop")).unwrap();
        assert!(!quic(&lab, COM));
        assert!(!quic(&lab, ORG));
        assert_eq!(hits(&lab), [2]);
        is_served(https(&lab, COM.0, COM.1));
        assert_eq!(hits(&lab), [2]);
    });
}

#[test]
fn the_port_of_dns_over_tls_is_dropped() {
    in_lab("interference::the_port_of_dns_over_tls_is_dropped", || {
        let lab = Lab::start(&example("dot-port-drop")).unwrap();
        let error = lab.client(|| connect("8.8.8.8:853")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(hits(&lab), [1]);
        is_served(https(&lab, "8.8.8.8:443", "dns.google"));
        assert_eq!(hits(&lab), [1]);
    });
}

#[test]
fn dns_over_https_is_reset_by_its_name() {
    in_lab("interference::dns_over_https_is_reset_by_its_name", || {
        let lab = Lab::start(&example("doh-sni-reset")).unwrap();
        is_reset(https(&lab, "8.8.8.8:443", "dns.google"));
        assert_eq!(hits(&lab), [1]);
        // By address no name is shown.
        is_served(https(&lab, "8.8.8.8:443", "8.8.8.8"));
        assert!(quic(&lab, ("8.8.8.8:443", "dns.google")));
        assert_eq!(hits(&lab), [1]);
    });
}

#[test]
fn encrypted_client_hello_is_reset_or_dropped_wherever_it_goes() {
    in_lab(
        "interference::encrypted_client_hello_is_reset_or_dropped_wherever_it_goes",
        || {
            let suite = DH_KEM_X25519_HKDF_SHA256_AES_128;
            let grease = || EchGreaseConfig::new(suite, suite.generate_key_pair().unwrap().0);
            for (scenario, error) in [("ech-reset", libc::ECONNRESET), ("ech-drop", libc::EAGAIN)] {
                let lab = Lab::start(&example(scenario)).unwrap();
                let config = tls_config_with_ech(&lab, grease().into());
                let outcome = lab.client(|| handshake(connect(ORG.0)?, &config, ORG.1).map(drop));
                assert_eq!(outcome.unwrap_err().raw_os_error(), Some(error), "{scenario}");
                assert_eq!(hits(&lab), [1]);
                is_served(https(&lab, ORG.0, ORG.1));
                is_served(https(&lab, "104.18.10.118:443", "accepts.ech.test"));
                assert_eq!(hits(&lab), [1]);
            }
        },
    );
}

#[test]
fn a_punished_endpoint_is_blocked_for_a_while_and_others_are_not() {
    in_lab(
        "interference::a_punished_endpoint_is_blocked_for_a_while_and_others_are_not",
        || {
            let mut scenario = example("residual");
            scenario.rules[0].residual_seconds = 1;
            scenario.hosts[0].aliases.push("www.example.net".into());
            let lab = Lab::start(&scenario).unwrap();
            is_served(https(&lab, COM.0, "www.example.net"));
            assert_eq!(hits(&lab), [0]);
            is_reset(https(&lab, COM.0, COM.1));
            assert_eq!(hits(&lab), [1]);
            let error = https(&lab, COM.0, "www.example.net").unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::ECONNREFUSED), "{error}");
            is_served(https(&lab, ORG.0, ORG.1));
            is_served(lab.client(|| http("23.192.228.80:80", "example.com")));
            assert_eq!(hits(&lab), [2]);
            std::thread::sleep(Duration::from_secs(1));
            is_served(https(&lab, COM.0, "www.example.net"));
            assert_eq!(hits(&lab), [2]);
        },
    );
}

#[test]
fn a_punishment_by_silence_is_silence() {
    in_lab("interference::a_punishment_by_silence_is_silence", || {
        let mut scenario = example("residual");
        scenario.rules[0].action = Action::Drop;
        let lab = Lab::start(&scenario).unwrap();
        assert!(https(&lab, COM.0, COM.1).is_err());
        let error = lab.client(|| connect(COM.0)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(hits(&lab), [2]);
        is_served(https(&lab, ORG.0, ORG.1));
    });
}

/// Sends a hello in two segments, cut after this many bytes; the first bytes of the answer.
fn split_hello(lab: &Lab, at: usize) -> io::Result<usize> {
    let config = tls_config(lab, &["http/1.1"]);
    let mut hello = Vec::new();
    let name = COM.1.try_into().unwrap();
    rustls::ClientConnection::new(config, name)
        .unwrap()
        .write_tls(&mut hello)
        .unwrap();
    lab.client(|| {
        let mut stream: TcpStream = connect(COM.0)?;
        stream.set_nodelay(true)?;
        let (first, second) = hello.split_at(at.min(hello.len()));
        stream.write_all(first)?;
        std::thread::sleep(Duration::from_millis(5));
        stream.write_all(second)?;
        stream.read(&mut [0; 5])
    })
}

#[test]
fn a_censor_of_first_packets_is_evaded_by_splitting() {
    in_lab(
        "interference::a_censor_of_first_packets_is_evaded_by_splitting",
        || {
            let lab = Lab::start(&example("split-hello")).unwrap();
            is_reset(split_hello(&lab, usize::MAX));
            assert_eq!(hits(&lab), [1]);
            assert_eq!(split_hello(&lab, 20).unwrap(), 5);
            assert_eq!(hits(&lab), [1]);
            // One that puts the message together is not.
            let mut scenario = example("split-hello");
            scenario.rules[0].reads = Reads::EveryPacket;
            let lab = Lab::start(&scenario).unwrap();
            is_reset(split_hello(&lab, 20));
            assert_eq!(hits(&lab), [1]);
        },
    );
}

#[test]
fn a_slow_forger_loses_the_race_and_both_answers_come() {
    in_lab(
        "interference::a_slow_forger_loses_the_race_and_both_answers_come",
        || {
            let lab = Lab::start(&example("dns-injection")).unwrap();
            let answers = lab.client(|| query("8.8.8.8", "example.com", PATIENCE / 4));
            let found: Vec<_> = answers
                .iter()
                .map(|(_, _, addresses)| addresses[0].to_string())
                .collect();
            assert_eq!(found, ["23.192.228.80", "10.10.34.35"]);
            assert!(answers[1].0 >= Duration::from_millis(30), "{answers:?}");
            assert_eq!(hits(&lab), [1]);
            let answers = lab.client(|| query("8.8.8.8", "example.org", PATIENCE / 4));
            assert_eq!(answers.len(), 1);
            assert_eq!(hits(&lab), [1]);
        },
    );
}

#[test]
fn queries_fail_or_are_refused_before_the_true_answer() {
    in_lab(
        "interference::queries_fail_or_are_refused_before_the_true_answer",
        || {
            for (scenario, rcode) in [("dns-servfail", 2), ("dns-refused", 5)] {
                let lab = Lab::start(&example(scenario)).unwrap();
                let codes = |name: &str| -> Vec<u16> {
                    let answers = lab.client(|| query("8.8.8.8", name, PATIENCE / 4));
                    answers.into_iter().map(|(_, code, _)| code).collect()
                };
                assert_eq!(codes("example.com"), [rcode, 0]);
                assert_eq!(hits(&lab), [1]);
                assert_eq!(codes("example.org"), [0]);
                assert_eq!(hits(&lab), [1]);
            }
        },
    );
}
