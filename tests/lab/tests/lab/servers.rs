//! The servers beside plain DNS, HTTP and HTTPS, each asked by a client that is not of the lab.

use crate::client::{connect, dns_query, example, getaddrinfo, handshake, http, request, tls_config};
use crate::resolve::{Answers, answers, ask_for, dns_query_for};
use hickory_proto::rr::RecordType;
use netsonde_lab::scenario::{Claim, Host, Rcode};
use netsonde_lab::test::in_lab;
use netsonde_lab::{CLIENT_IPV4, CLIENT_IPV6, Lab, Scenario};
use std::io::{Read, Write};
use std::net::UdpSocket;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

const ORG: &str = "23.215.0.132";
const GOOGLE: &str = "8.8.8.8";

fn everything() -> Lab {
    Lab::start(&example("clean-everything")).unwrap()
}

fn is_example_org(found: &Answers) {
    assert_eq!(found.code, 0);
    assert_eq!(found.texts, [ORG]);
}

#[test]
fn names_are_resolved_over_tls() {
    in_lab("servers::names_are_resolved_over_tls", || {
        let lab = everything();
        let config = tls_config(&lab, &["dot"]);
        let found = lab.client(|| {
            let mut tls = handshake(connect("8.8.8.8:853").unwrap(), &config, "dns.google").unwrap();
            assert_eq!(tls.conn.alpn_protocol(), Some(&b"dot"[..]));
            let query = dns_query("example.org");
            tls.write_all(&u16::try_from(query.len()).unwrap().to_be_bytes())
                .unwrap();
            tls.write_all(&query).unwrap();
            let mut length = [0; 2];
            tls.read_exact(&mut length).unwrap();
            let mut answer = vec![0; u16::from_be_bytes(length).into()];
            tls.read_exact(&mut answer).unwrap();
            answers(&answer)
        });
        is_example_org(&found);
    });
}

/// curl's exit must be 0; what it printed.
fn output(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    output.stdout
}

#[test]
fn names_are_resolved_over_https() {
    in_lab("servers::names_are_resolved_over_https", || {
        let lab = everything();
        let query = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(query.path(), dns_query("example.org")).unwrap();
        for version in ["--http1.1", "--http2"] {
            let answer = output(
                lab.command("curl")
                    .args(["-sS", version, "-H", "content-type: application/dns-message"])
                    .arg("--data-binary")
                    .arg(format!("@{}", query.path().display()))
                    .arg("https://dns.google/dns-query"),
            );
            is_example_org(&answers(&answer));
        }
        // "example.org", type A, as RFC 8484 writes queries into addresses.
        let text = "AAABAAABAAAAAAAAB2V4YW1wbGUDb3JnAAABAAE";
        let answer = output(
            lab.command("curl")
                .arg("-sS")
                .arg(format!("https://dns.google/dns-query?dns={text}")),
        );
        is_example_org(&answers(&answer));
        // Hosts that do not resolve have a page there, like everywhere.
        let page = output(lab.command("curl").args(["-sS", "https://example.org/dns-query"]));
        assert!(
            String::from_utf8(page)
                .unwrap()
                .contains("<title>example.org</title>")
        );
    });
}

/// How long a QUIC handshake may take.
const QUIC_PATIENCE: Duration = Duration::from_secs(2);

/// A QUIC connection to an endpoint, and what is done with it.
pub(crate) fn over_quic<T: Send, F: Future<Output = T>>(
    lab: &Lab,
    (endpoint, name): (&str, &str),
    config: &Arc<rustls::ClientConfig>,
    body: impl FnOnce(quinn::Connection) -> F + Send,
) -> Result<T, quinn::ConnectionError> {
    let config = quinn::crypto::rustls::QuicClientConfig::try_from(Arc::clone(config)).unwrap();
    let mut config = quinn::ClientConfig::new(Arc::new(config));
    let mut transport = quinn::TransportConfig::default();
    transport.max_idle_timeout(Some(QUIC_PATIENCE.try_into().unwrap()));
    config.transport_config(Arc::new(transport));
    lab.client(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let client = quinn::Endpoint::client("0.0.0.0:0".parse().unwrap()).unwrap();
            let connecting = client.connect_with(config, endpoint.parse().unwrap(), name);
            Ok(body(connecting.unwrap().await?).await)
        })
    })
}

#[test]
fn names_are_resolved_over_quic() {
    in_lab("servers::names_are_resolved_over_quic", || {
        let lab = everything();
        let found = over_quic(
            &lab,
            ("8.8.8.8:853", "dns.google"),
            &tls_config(&lab, &["doq"]),
            async |connection| {
                let (mut send, mut receive) = connection.open_bi().await.unwrap();
                let query = dns_query("example.org");
                let length = u16::try_from(query.len()).unwrap().to_be_bytes();
                send.write_all(&[&length[..], &query].concat()).await.unwrap();
                send.finish().unwrap();
                let answer = receive.read_to_end(4096).await.unwrap();
                assert_eq!(
                    usize::from(u16::from_be_bytes([answer[0], answer[1]])),
                    answer.len() - 2
                );
                answers(&answer[2..])
            },
        );
        is_example_org(&found.unwrap());
    });
}

/// Sends one request over HTTP/3; the response's body.
async fn over_http3(connection: quinn::Connection, method: &str, uri: &str, body: Vec<u8>) -> Vec<u8> {
    use bytes::Buf;
    let (mut driver, mut requests) = h3::client::new(h3_quinn::Connection::new(connection))
        .await
        .unwrap();
    let driving = tokio::spawn(async move { driver.wait_idle().await });
    let request = http::Request::builder().method(method).uri(uri).body(()).unwrap();
    let mut stream = requests.send_request(request).await.unwrap();
    stream.send_data(bytes::Bytes::from(body)).await.unwrap();
    stream.finish().await.unwrap();
    let response = stream.recv_response().await.unwrap();
    assert_eq!(response.status(), 200);
    let mut page = Vec::new();
    while let Some(mut chunk) = stream.recv_data().await.unwrap() {
        let length = chunk.remaining();
        page.extend(chunk.copy_to_bytes(length));
    }
    driving.abort();
    page
}

#[test]
fn pages_and_names_are_served_over_http3() {
    in_lab("servers::pages_and_names_are_served_over_http3", || {
        let lab = everything();
        let page = over_quic(
            &lab,
            ("23.215.0.132:443", "example.org"),
            &tls_config(&lab, &["h3"]),
            async |connection| over_http3(connection, "GET", "https://example.org/", Vec::new()).await,
        );
        let page = String::from_utf8(page.unwrap()).unwrap();
        assert!(page.contains("<title>example.org</title>"), "{page}");
        let answer = over_quic(
            &lab,
            ("8.8.8.8:443", "dns.google"),
            &tls_config(&lab, &["h3"]),
            async |connection| {
                let query = dns_query("example.org");
                over_http3(connection, "POST", "https://dns.google/dns-query", query).await
            },
        );
        is_example_org(&answers(&answer.unwrap()));
        let config = tls_config(&lab, &["h3"]);
        for (name, sni) in [("dns.google", "sni=plaintext"), ("8.8.8.8", "sni=off")] {
            let page = over_quic(&lab, ("8.8.8.8:443", name), &config, async |connection| {
                let trace = "https://dns.google/cdn-cgi/trace";
                over_http3(connection, "GET", trace, Vec::new()).await
            });
            let page = String::from_utf8(page.unwrap()).unwrap();
            assert!(page.contains(sni), "{name}: {page}");
        }
        // Announced by HTTPS, and not by hosts that have none.
        let announced = output(lab.command("curl").args(["-sSI", "https://example.org/"]));
        let announced = String::from_utf8(announced).unwrap();
        assert!(announced.contains("alt-svc: h3=\":443\""), "{announced}");
        let silent = output(lab.command("curl").args(["-sSI", "https://example.com/"]));
        assert!(!String::from_utf8(silent).unwrap().contains("alt-svc"));
    });
}

#[test]
fn a_server_of_other_versions_says_so() {
    in_lab("servers::a_server_of_other_versions_says_so", || {
        let lab = everything();
        let outcome = over_quic(
            &lab,
            ("104.18.13.118:443", "old-quic.test"),
            &tls_config(&lab, &["h3"]),
            async |_| (),
        );
        assert!(
            matches!(outcome, Err(quinn::ConnectionError::VersionMismatch)),
            "{outcome:?}"
        );
    });
}

#[test]
fn records_of_every_kind_are_answered() {
    in_lab("servers::records_of_every_kind_are_answered", || {
        let lab = everything();
        let ask = |name: &str, kind| lab.client(|| ask_for(GOOGLE, name, kind)).texts;
        assert_eq!(ask("example.org", RecordType::TXT), ["v=spf1 -all"]);
        assert_eq!(ask("example.org", RecordType::NS), ["a.iana-servers.net."]);
        assert_eq!(
            ask("example.org", RecordType::CAA),
            ["0 issue \"pki.example.org\""]
        );
        assert_eq!(
            ask("132.0.215.23.in-addr.arpa", RecordType::PTR),
            ["example.org."]
        );
        assert_eq!(
            ask("www.example.org", RecordType::TXT),
            ["example.org.", "v=spf1 -all"]
        );
        assert_eq!(
            ask("example.org", RecordType::HTTPS),
            ["1 . alpn=h3,h2,http/1.1,"]
        );
        assert_eq!(ask("example.com", RecordType::HTTPS), [""; 0]);
        let with_ech = ask("accepts.ech.test", RecordType::HTTPS);
        assert!(
            with_ech[0].starts_with("1 . alpn=h3,h2,http/1.1, ech="),
            "{with_ech:?}"
        );
    });
}

#[test]
fn the_provider_s_resolver_may_fail_silently() {
    in_lab("servers::the_provider_s_resolver_may_fail_silently", || {
        let mut scenario = example("clean-everything");
        let lies = &mut scenario.resolver.lies;
        lies.insert("example.org".into(), Claim::Rcode(Rcode::Servfail));
        lies.insert("example.com".into(), Claim::Rcode(Rcode::Refused));
        let lab = Lab::start(&scenario).unwrap();
        let ask = |resolver: &str, name: &str| lab.client(|| ask_for(resolver, name, RecordType::A)).code;
        assert_eq!(ask("130.192.3.21", "example.org"), 2);
        assert_eq!(ask("130.192.3.21", "example.com"), 5);
        assert_eq!(ask("130.192.3.21", "dns.google"), 0);
        assert_eq!(ask(GOOGLE, "example.org"), 0);
    });
}

#[test]
fn stun_tells_the_client_its_address() {
    in_lab("servers::stun_tells_the_client_its_address", || {
        let lab = everything();
        let request = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
        let ask = |server: &str, any: &str| {
            lab.client(|| {
                let socket = UdpSocket::bind((any, 0)).unwrap();
                socket.set_read_timeout(Some(crate::client::PATIENCE)).unwrap();
                socket.send_to(&request, (server, 19302)).unwrap();
                let mut answer = [0; 100];
                let length = socket.recv(&mut answer).unwrap();
                answer[28..length].to_vec()
            })
        };
        let key = [&[0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
        let hidden = |octets: &[u8]| -> Vec<u8> { octets.iter().zip(&key).map(|(a, b)| a ^ b).collect() };
        assert_eq!(ask("74.125.250.129", "0.0.0.0"), hidden(&CLIENT_IPV4.octets()));
        assert_eq!(
            ask("2001:4860:4864:5:8000::1", "::"),
            hidden(&CLIENT_IPV6.octets())
        );
    });
}

#[test]
fn a_web_page_tells_the_client_its_address() {
    in_lab("servers::a_web_page_tells_the_client_its_address", || {
        let lab = everything();
        let page = output(
            lab.command("curl")
                .args(["-sS4", "https://example.org/cdn-cgi/trace"]),
        );
        assert_eq!(
            String::from_utf8(page).unwrap(),
            format!("h=example.org\nip={CLIENT_IPV4}\nsni=plaintext\n")
        );
    });
}

#[test]
fn the_head_of_a_request_comes_back_to_the_letter() {
    in_lab("servers::the_head_of_a_request_comes_back_to_the_letter", || {
        let lab = everything();
        let response = lab.client(|| {
            let mut stream = connect("37.218.241.94:80").unwrap();
            stream
                .write_all(b"GeT / HTTP/1.1\r\nhOsT: a.com\r\nx-Y: z\r\n\r\n")
                .unwrap();
            let mut response = String::new();
            stream.read_to_string(&mut response).unwrap();
            response
        });
        let (_, body) = response.split_once("\r\n\r\n").unwrap();
        assert_eq!(
            body,
            r#"{"headers_dict":{"hOsT":["a.com"],"x-Y":["z"]},"request_headers":[["hOsT","a.com"],["x-Y","z"]],"request_line":"GeT / HTTP/1.1"}"#
        );
    });
}

#[test]
fn ech_is_found_in_dns_and_accepted() {
    use rustls::client::{EchConfig, EchStatus};
    use rustls::crypto::aws_lc_rs::hpke::ALL_SUPPORTED_SUITES;
    in_lab("servers::ech_is_found_in_dns_and_accepted", || {
        let lab = everything();
        let answer = lab.client(|| {
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            let query = dns_query_for("accepts.ech.test", RecordType::HTTPS);
            socket.send_to(&query, (GOOGLE, 53)).unwrap();
            let mut buffer = [0; 1500];
            let length = socket.recv(&mut buffer).unwrap();
            buffer[..length].to_vec()
        });
        let config_list = crate::resolve::ech_config_list(&answer);
        let mode = EchConfig::new(config_list.into(), ALL_SUPPORTED_SUITES).unwrap();
        let config = crate::client::tls_config_with_ech(&lab, mode.into());
        let (status, page) = lab.client(|| {
            let stream = connect("104.18.10.118:443").unwrap();
            let tls = handshake(stream, &config, "accepts.ech.test").unwrap();
            (tls.conn.ech_status(), request(tls, "accepts.ech.test").unwrap())
        });
        assert_eq!(status, EchStatus::Accepted);
        assert!(page.contains("<title>accepts.ech.test</title>"), "{page}");
    });
}

#[test]
fn a_world_without_ipv4_is_reached() {
    in_lab("servers::a_world_without_ipv4_is_reached", || {
        let lab = Lab::start(&example("ipv6-only")).unwrap();
        let addresses = lab.client(|| getaddrinfo("example.org")).unwrap();
        assert!(!addresses.is_empty() && addresses.iter().all(std::net::IpAddr::is_ipv6));
        let page = lab
            .client(|| http(&format!("[{}]:80", addresses[0]), "example.org"))
            .unwrap();
        assert!(page.contains("200 OK"), "{page}");
        let error = lab.client(|| connect("23.215.0.132:80")).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENETUNREACH), "{error}");
    });
}

#[test]
fn a_resolver_alone_may_be_the_world() {
    in_lab("servers::a_resolver_alone_may_be_the_world", || {
        let host = Host {
            name: "dns.test".into(),
            addresses: vec!["9.9.9.9".parse().unwrap()],
            dot: vec![853],
            ..Host::default()
        };
        let lab = Lab::start(&Scenario {
            hosts: vec![host],
            ..Scenario::default()
        })
        .unwrap();
        assert!(lab.client(|| connect("9.9.9.9:853")).is_ok());
        let error = lab.client(|| connect("9.9.9.9:53")).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ECONNREFUSED), "{error}");
    });
}
