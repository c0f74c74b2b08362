//! What makes a whole internet of a few hosts: names of one address that answer differently, answers for some only,
//! proxies, names without hosts, and scenarios that share a world.

use crate::client::{connect, getaddrinfo, handshake, hits, http, https, query, request_page, tls_config};
use hickory_proto::rr::RecordType;
use netsonde_lab::scenario::{Action, Answer, Claim, Host, Rule, To, When};
use netsonde_lab::test::in_lab;
use netsonde_lab::{CLIENT_IPV4, Lab, Scenario};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::IpAddr;
use std::time::Duration;

const RESOLVER: &str = "130.192.3.21";
const PROXY: &str = "192.0.2.9";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn host(name: &str, address: &str) -> Host {
    Host {
        name: name.into(),
        addresses: vec![ip(address)],
        http: vec![80],
        https: vec![443],
        ..Host::default()
    }
}

fn header(name: &str, value: &str) -> BTreeMap<String, String> {
    [(name.to_owned(), value.to_owned())].into()
}

fn page(lab: &Lab, endpoint: &str, host: &str, path: &str) -> String {
    lab.client(|| request_page(connect(endpoint).unwrap(), host, path))
        .unwrap()
}

#[test]
fn some_paths_and_some_askers_are_answered_in_their_own_way() {
    in_lab(
        "world::some_paths_and_some_askers_are_answered_in_their_own_way",
        || {
            let mut site = host("site.test", "192.0.2.1");
            site.page = Some("usual".into());
            site.headers = header("alt-svc", "h3");
            site.answers = vec![
                Answer {
                    path: Some("/old".into()),
                    status: 308,
                    headers: header("location", "/new"),
                    ..Answer::default()
                },
                Answer {
                    path: Some("/picky".into()),
                    to: To::Client,
                    status: 503,
                    body: Some("not you".into()),
                    ..Answer::default()
                },
                Answer {
                    path: Some("/picky".into()),
                    to: To::Others,
                    headers: header("alt-svc", "none"),
                    page: Some("usual".into()),
                    ..Answer::default()
                },
            ];
            let mut proxy = host("proxy.test", PROXY);
            (proxy.http, proxy.https, proxy.forward) = (Vec::new(), Vec::new(), vec![80]);
            let scenario = Scenario {
                hosts: vec![site, proxy],
                pages: [("usual".to_owned(), "as usual".to_owned())].into(),
                ..Scenario::default()
            };
            scenario.check().unwrap();
            let lab = Lab::start(&scenario).unwrap();
            let moved = page(&lab, "192.0.2.1:80", "site.test", "/old?much");
            assert!(moved.starts_with("HTTP/1.1 308 "), "{moved}");
            assert!(moved.contains("\r\nlocation: /new\r\n") && moved.contains("\r\nalt-svc: h3\r\n"));
            assert!(moved.ends_with("\r\n\r\n"), "no body: {moved}");
            let usual = page(&lab, "192.0.2.1:80", "site.test", "/new");
            assert!(
                usual.starts_with("HTTP/1.1 200 ") && usual.ends_with("\r\n\r\nas usual"),
                "{usual}"
            );
            let refused = page(&lab, "192.0.2.1:80", "site.test", "/picky");
            assert!(
                refused.starts_with("HTTP/1.1 503 ") && refused.ends_with("not you"),
                "{refused}"
            );
            // The proxy is another host.
            let let_in = page(&lab, "192.0.2.9:80", "site.test", "/picky");
            assert!(
                let_in.starts_with("HTTP/1.1 200 ") && let_in.ends_with("as usual"),
                "{let_in}"
            );
            assert!(let_in.contains("\r\nalt-svc: none\r\n"), "{let_in}");
        },
    );
}

#[test]
fn random_bytes_come_without_their_number() {
    in_lab("world::random_bytes_come_without_their_number", || {
        let mut random = host("random.test", "192.0.2.1");
        random.random_bytes = Some(100_000);
        let mut whole = host("whole.test", "192.0.2.2");
        whole.body_bytes = Some(100_000);
        let scenario = Scenario {
            hosts: vec![random, whole],
            ..Scenario::default()
        };
        let lab = Lab::start(&scenario).unwrap();
        let fetch = |name: &str, address: &str| {
            lab.client(|| {
                let mut stream = connect(&format!("{address}:80")).unwrap();
                // HTTP/1.0, in which nothing but the end says where a body of unknown length ends.
                write!(stream, "GET / HTTP/1.0\r\nHost: {name}\r\n\r\n").unwrap();
                let mut response = Vec::new();
                stream.read_to_end(&mut response).unwrap();
                let head = response
                    .windows(4)
                    .position(|bytes| bytes == b"\r\n\r\n")
                    .unwrap();
                let body = response.split_off(head + 4);
                (String::from_utf8(response).unwrap(), body)
            })
        };
        let (head, body) = fetch("random.test", "192.0.2.1");
        assert!(!head.contains("content-length"), "{head}");
        assert_eq!(body.len(), 100_000);
        let values: std::collections::BTreeSet<u8> = body.into_iter().collect();
        assert_eq!(values.len(), 256, "every byte there is");
        let (head, body) = fetch("whole.test", "192.0.2.2");
        assert!(head.contains("content-length: 100000\r\n"), "{head}");
        assert_eq!(body.len(), 100_000);
    });
}

#[test]
fn a_proxy_passes_on_by_name_and_is_not_censored() {
    in_lab("world::a_proxy_passes_on_by_name_and_is_not_censored", || {
        let mut proxy = host("proxy.test", PROXY);
        (proxy.http, proxy.https, proxy.forward) = (Vec::new(), Vec::new(), vec![80, 443]);
        let mut scenario = Scenario {
            hosts: vec![host("a.test", "192.0.2.1"), host("b.test", "192.0.2.2"), proxy],
            ..Scenario::default()
        };
        let lies = &mut scenario.resolver.lies;
        lies.insert("a.test".into(), Claim::Dns(vec![ip(PROXY)]));
        let lab = Lab::start(&scenario).unwrap();
        assert_eq!(lab.client(|| getaddrinfo("a.test")).unwrap(), [ip(PROXY)]);
        for name in ["a.test", "b.test"] {
            let title = format!("<title>{name}</title>");
            let found = lab.client(|| http(&format!("{PROXY}:80"), name)).unwrap();
            assert!(found.contains(&title), "{found}");
            let found = https(&lab, &format!("{PROXY}:443"), name).unwrap();
            assert!(found.contains(&title), "{found}");
        }
        // There is no host to pass this on to, and nobody is passed on to the proxy itself.
        for name in ["c.test", "proxy.test"] {
            assert_eq!(lab.client(|| http(&format!("{PROXY}:80"), name)).unwrap(), "");
        }
    });
}

#[test]
fn names_need_no_hosts() {
    in_lab("world::names_need_no_hosts", || {
        let mut google = host("dns.google", "8.8.8.8");
        google.dns = vec![53];
        let mut scenario = Scenario {
            hosts: vec![
                google,
                host("down.test", "192.0.2.1"),
                host("up.test", "192.0.2.2"),
            ],
            ..Scenario::default()
        };
        scenario.names = [
            ("whoami.test", Claim::Asker),
            ("down.test", Claim::Cname("empty.test".into())),
            ("empty.test", Claim::Dns(Vec::new())),
            ("local.test", Claim::Dns(vec![ip("127.0.0.1")])),
        ]
        .map(|(name, claim)| (name.to_owned(), claim))
        .into();
        scenario.check().unwrap();
        let lab = Lab::start(&scenario).unwrap();
        for resolver in [RESOLVER, "8.8.8.8"] {
            let ask = |name: &str| {
                let (_, code, addresses) = lab
                    .client(|| query(resolver, name, Duration::from_millis(50)))
                    .remove(0);
                (code, addresses)
            };
            assert_eq!(ask("whoami.test"), (0, vec![CLIENT_IPV4.into()]));
            assert_eq!(ask("local.test"), (0, vec![ip("127.0.0.1")]));
            assert_eq!(ask("down.test"), (0, vec![]));
            assert_eq!(ask("up.test"), (0, vec![ip("192.0.2.2")]));
            let down = lab.client(|| crate::resolve::ask_for(resolver, "down.test", RecordType::A));
            assert_eq!(down.texts, ["empty.test."]);
        }
    });
}

#[test]
fn a_forged_response_arrives_byte_for_byte() {
    in_lab("world::a_forged_response_arrives_byte_for_byte", || {
        let forged = "HTTP/1.0 200 OK\r\n\r\n<title>Access Denied</title>";
        let scenario = Scenario {
            hosts: vec![host("a.test", "192.0.2.1"), host("b.test", "192.0.2.2")],
            rules: vec![Rule::new(
                When::Host("a.test".into()),
                Action::Response(forged.to_owned()),
            )],
            ..Scenario::default()
        };
        let lab = Lab::start(&scenario).unwrap();
        assert_eq!(lab.client(|| http("192.0.2.1:80", "a.test")).unwrap(), forged);
        assert_eq!(hits(&lab), [1]);
        let page = lab.client(|| http("192.0.2.2:80", "b.test")).unwrap();
        assert!(page.contains("<title>b.test</title>"), "{page}");
        assert_eq!(hits(&lab), [1]);
    });
}

/// A scenario with a program that serves `run.test`, written as a document.
fn with_program(command: &[&str]) -> Scenario {
    let command = command.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>();
    let text = format!(
        r#"
        [resolver]
        lies = {{ "site.test" = "nxdomain" }}
        [[host]]
        name = "root.test"
        addresses = ["193.0.14.129"]
        dns = [53]
        [[host]]
        name = "site.test"
        addresses = ["192.0.2.1"]
        http = [80]
        [[host]]
        name = "run.test"
        addresses = ["192.0.2.2"]
        run = {{ command = [{}], ports = [443], resolver = "193.0.14.129" }}
        [[rule]]
        when = {{ host = "site.test" }}
        do = "reset"
        "#,
        command.join(", ")
    );
    Scenario::from_toml("run.toml", &text).unwrap()
}

/// What the program of the test below says on each connection: what it gets from a server that the client is kept from.
fn serve(address: &str, certificate: &str, key: &str) -> ! {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let certificate = CertificateDer::from_pem_file(certificate).unwrap();
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = std::sync::Arc::new(config);
    let listener = std::net::TcpListener::bind((address, 443)).unwrap();
    loop {
        let (stream, _) = listener.accept().unwrap();
        let session = rustls::ServerConnection::new(config.clone()).unwrap();
        let mut tls = rustls::StreamOwned::new(session, stream);
        let mut request = [0; 1024];
        // The lab itself connects, to see whether somebody listens.
        if tls.read(&mut request).is_err() {
            continue;
        }
        let found = getaddrinfo("site.test").unwrap();
        let page = http(&format!("{}:80", found[0]), "site.test").unwrap();
        let authority = std::fs::read_to_string(std::env::var("SSL_CERT_FILE").unwrap()).unwrap();
        write!(tls, "{page}\n{authority}").unwrap();
        tls.conn.send_close_notify();
        tls.flush().unwrap();
    }
}

#[test]
fn a_program_serves_beside_the_servers_where_nobody_censors() {
    let test = "world::a_program_serves_beside_the_servers_where_nobody_censors";
    if let Some(role) = crate::processes::role() {
        let words: Vec<&str> = role.split_whitespace().collect();
        serve(words[0], words[1], words[2]);
    }
    in_lab(test, || {
        let this = std::env::current_exe().unwrap();
        let role = format!("{}={{address}} {{certificate}} {{key}}", crate::processes::ROLE);
        let scenario = with_program(&[
            "env",
            &role,
            this.to_str().unwrap(),
            test,
            "--exact",
            "--nocapture",
        ]);
        let lab = Lab::start(&scenario).unwrap();
        let config = tls_config(&lab, &[]);
        let said = lab.client(|| {
            let stream = handshake(connect("192.0.2.2:443").unwrap(), &config, "run.test").unwrap();
            request_page(stream, "run.test", "/").unwrap()
        });
        assert!(said.contains("<title>site.test</title>"), "{said}");
        assert!(said.ends_with(lab.ca_pem()), "{said}");
        assert_eq!(hits(&lab), [0]);
        // The client is lied to, and kept from what the program gets.
        assert!(lab.client(|| getaddrinfo("site.test")).is_err());
        assert!(lab.client(|| http("192.0.2.1:80", "site.test")).is_err());
        assert_eq!(hits(&lab), [1]);
    });
}

#[test]
fn a_program_that_does_not_come_up_is_named_with_the_reason() {
    in_lab(
        "world::a_program_that_does_not_come_up_is_named_with_the_reason",
        || {
            let complaint = |command: &[&str]| match Lab::start(&with_program(command)) {
                Ok(_) => panic!("it started"),
                Err(error) => error.to_string(),
            };
            insta::assert_snapshot!(complaint(&["no-such-program-here", "x"]), @"run.test: run `no-such-program-here x`: there is no such program; is it in PATH, and its interpreter installed?");
            insta::assert_snapshot!(complaint(&["false"]), @"run.test: run `false`: it ended before it listened on 192.0.2.2:443: exit status: 1; what it said is above");
        },
    );
}
