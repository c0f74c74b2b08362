//! An internet without a censor: what is served, and what refuses by itself.

use crate::client::{
    connect, example, getaddrinfo, handshake, hits, http, https, query, query_tcp, request, tls_config,
};
use netsonde_lab::scenario::{Alpn, Claim, Host};
use netsonde_lab::test::in_lab;
use netsonde_lab::{CLIENT_IPV4, Lab, Scenario};
use std::io::{Read, Write};
use std::net::IpAddr;
use std::time::{Duration, Instant};

const DATA_CENTRES: [&str; 6] = [
    "149.154.175.50",
    "149.154.167.51",
    "149.154.175.100",
    "149.154.167.91",
    "149.154.171.5",
    "95.161.76.100",
];
const COM_443: &str = "23.192.228.80:443";
const ORG_443: &str = "23.215.0.132:443";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn world(hosts: Vec<Host>) -> Scenario {
    Scenario {
        delay_ms: 1,
        hosts,
        ..Scenario::default()
    }
}

#[test]
fn everything_is_served_and_no_rule_acts() {
    in_lab("clean::everything_is_served_and_no_rule_acts", || {
        let set_up = || {
            let start = Instant::now();
            (Lab::start(&example("clean")).unwrap(), start.elapsed())
        };
        let [(lab, first), (_, second), (_, third)] = [set_up(), set_up(), set_up()];
        println!("set-up took {first:?}, {second:?}, {third:?}");
        // The fastest, for the machine may have other things to do.
        let fastest = first.min(second).min(third);
        assert!(fastest < Duration::from_secs(1), "{fastest:?}");

        assert_eq!(
            lab.client(|| getaddrinfo("web.telegram.org")).unwrap(),
            [ip("149.154.167.99")]
        );
        let page = https(&lab, "149.154.167.99:443", "web.telegram.org").unwrap();
        assert!(
            page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("<title>Telegram Web</title>"),
            "{page}"
        );
        assert!(
            lab.client(|| http("149.154.167.99:80", "web.telegram.org"))
                .unwrap()
                .contains("Telegram Web")
        );
        for address in DATA_CENTRES {
            for port in [80, 443] {
                let page = lab
                    .client(|| http(&format!("{address}:{port}"), address))
                    .unwrap();
                assert!(
                    page.starts_with("HTTP/1.1 200 OK\r\n"),
                    "{address}:{port}: {page}"
                );
            }
        }
        // A certificate for the address, as the real one has.
        assert!(
            https(&lab, "8.8.8.8:443", "dns.google")
                .unwrap()
                .contains("200 OK")
        );
        assert!(https(&lab, "8.8.8.8:443", "8.8.8.8").unwrap().contains("200 OK"));
        assert_eq!(hits(&lab), [0; 0]);
    });
}

#[test]
fn resolvers_know_every_name_and_no_other() {
    in_lab("clean::resolvers_know_every_name_and_no_other", || {
        let host = |name: &str| Host {
            name: name.into(),
            ..Host::default()
        };
        let lab = Lab::start(&world(vec![
            Host {
                aliases: vec!["alias.test".into()],
                addresses: vec![ip("192.0.2.1")],
                ..host("Site.test")
            },
            Host {
                cname: Some("site.test".into()),
                ..host("www.test")
            },
            Host {
                cname: Some("loop.test".into()),
                ..host("loop.test")
            },
            Host {
                addresses: vec![ip("2001:db8::1")],
                ..host("six.test")
            },
            Host {
                addresses: vec![ip("9.9.9.9")],
                dns: vec![53],
                ..host("dns.test")
            },
        ]))
        .unwrap();
        for resolver in ["130.192.3.21", "9.9.9.9"] {
            let ask = |name: &str| {
                let answers = lab.client(|| query(resolver, name, Duration::from_millis(100)));
                assert_eq!(answers.len(), 1, "{name} at {resolver}");
                let (_, code, addresses) = answers[0].clone();
                assert_eq!(
                    lab.client(|| query_tcp(resolver, name)).unwrap(),
                    (code, addresses.clone())
                );
                (code, addresses)
            };
            let found = (0, vec![ip("192.0.2.1")]);
            assert_eq!(
                [
                    ask("site.test"),
                    ask("SITE.test"),
                    ask("alias.test"),
                    ask("www.test")
                ],
                [0; 4].map(|_| found.clone())
            );
            assert_eq!(
                ask("six.test"),
                (0, vec![]),
                "a name without an address of that kind"
            );
            assert_eq!(ask("other.test"), (3, vec![]));
            assert_eq!(ask("loop.test"), (3, vec![]));
        }
        assert_eq!(lab.client(|| getaddrinfo("www.test")).unwrap(), [ip("192.0.2.1")]);
        assert_eq!(
            lab.client(|| getaddrinfo("six.test")).unwrap(),
            [ip("2001:db8::1")]
        );
    });
}

#[test]
fn the_providers_resolver_may_lie_and_others_do_not() {
    in_lab("clean::the_providers_resolver_may_lie_and_others_do_not", || {
        let mut scenario = example("clean");
        scenario
            .resolver
            .lies
            .insert("example.com".into(), Claim::Dns(vec![ip("10.10.34.35")]));
        scenario
            .resolver
            .lies
            .insert("Example.org".into(), Claim::Nxdomain);
        let lab = Lab::start(&scenario).unwrap();
        let ask = |resolver, name| {
            lab.client(|| query(resolver, name, Duration::from_millis(200)))
                .remove(0)
        };
        assert_eq!(ask("130.192.3.21", "example.com").2, [ip("10.10.34.35")]);
        assert_eq!(ask("130.192.3.21", "example.org").1, 3);
        assert_eq!(ask("8.8.8.8", "example.com").2, [ip("23.192.228.80")]);
        assert_eq!(ask("8.8.8.8", "example.org").1, 0);
        assert_eq!(hits(&lab), [0; 0]);
    });
}

#[test]
fn alpn_is_as_the_scenario_says() {
    in_lab("clean::alpn_is_as_the_scenario_says", || {
        let site = |name: &str, address: &str, alpn| Host {
            name: name.into(),
            addresses: vec![ip(address)],
            https: vec![443],
            alpn,
            ..Host::default()
        };
        let lab = Lab::start(&world(vec![
            site("both.test", "192.0.2.1", vec![Alpn::H2, Alpn::Http11]),
            site("old.test", "192.0.2.2", vec![Alpn::Http11]),
        ]))
        .unwrap();
        let agreed = |endpoint: &str, name: &str, offer: &[&str]| {
            let config = tls_config(&lab, offer);
            let tls = lab
                .client(|| handshake(connect(endpoint).unwrap(), &config, name))
                .unwrap();
            tls.conn
                .alpn_protocol()
                .map(|protocol| String::from_utf8(protocol.to_vec()).unwrap())
        };
        assert_eq!(
            agreed("192.0.2.1:443", "both.test", &["h2", "http/1.1"]).as_deref(),
            Some("h2")
        );
        assert_eq!(
            agreed("192.0.2.1:443", "both.test", &["http/1.1"]).as_deref(),
            Some("http/1.1")
        );
        assert_eq!(agreed("192.0.2.1:443", "both.test", &[]), None);
        assert_eq!(
            agreed("192.0.2.2:443", "old.test", &["h2", "http/1.1"]).as_deref(),
            Some("http/1.1")
        );
    });
}

#[test]
fn hosts_that_share_an_address_are_told_apart_by_name() {
    in_lab(
        "clean::hosts_that_share_an_address_are_told_apart_by_name",
        || {
            let site = |name: &str| Host {
                name: name.into(),
                addresses: vec![ip("192.0.2.1")],
                http: vec![80],
                https: vec![443],
                ..Host::default()
            };
            let lab = Lab::start(&world(vec![site("a.test"), site("b.test")])).unwrap();
            for name in ["a.test", "b.test"] {
                let title = format!("<title>{name}</title>");
                assert!(https(&lab, "192.0.2.1:443", name).unwrap().contains(&title));
                assert!(
                    lab.client(|| http("192.0.2.1:80", name))
                        .unwrap()
                        .contains(&title)
                );
            }
            assert!(
                lab.client(|| http("192.0.2.1:80", "c.test"))
                    .unwrap()
                    .contains("<title>a.test</title>")
            );
        },
    );
}

#[test]
fn a_page_has_its_status_its_headers_and_takes_a_post() {
    in_lab(
        "clean::a_page_has_its_status_its_headers_and_takes_a_post",
        || {
            let host = Host {
                name: "old.test".into(),
                addresses: vec![ip("192.0.2.1")],
                http: vec![8080],
                status: 301,
                headers: [("Location".into(), "https://new.test/".into())].into(),
                body: Some("moved".into()),
                ..Host::default()
            };
            let lab = Lab::start(&world(vec![host])).unwrap();
            let response = lab.client(|| {
            let mut stream = connect("192.0.2.1:8080").unwrap();
            let request = "POST / HTTP/1.1\r\nHost: old.test:8080\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody";
            stream.write_all(request.as_bytes()).unwrap();
            let mut response = String::new();
            stream.read_to_string(&mut response).unwrap();
            response
        });
            assert!(
                response.starts_with("HTTP/1.1 301 Moved Permanently\r\n"),
                "{response}"
            );
            assert!(
                response.contains("\r\nlocation: https://new.test/\r\n") && response.ends_with("moved"),
                "{response}"
            );
        },
    );
}

#[test]
fn a_port_that_serves_nothing_refuses() {
    in_lab("clean::a_port_that_serves_nothing_refuses", || {
        let lab = Lab::start(&example("clean")).unwrap();
        let error = lab.client(|| connect("149.154.167.99:81")).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ECONNREFUSED), "{error}");
        lab.client(|| connect("149.154.167.99:80")).unwrap();
    });
}

#[test]
fn a_round_trip_takes_twice_the_delay() {
    in_lab("clean::a_round_trip_takes_twice_the_delay", || {
        let lab = Lab::start(&Scenario {
            delay_ms: 50,
            ..example("clean")
        })
        .unwrap();
        let start = Instant::now();
        let stream = lab.client(|| connect("149.154.167.99:80")).unwrap();
        let took = start.elapsed();
        assert!(
            took >= Duration::from_millis(100) && took < Duration::from_secs(1),
            "{took:?}"
        );
        assert_eq!(stream.local_addr().unwrap().ip(), IpAddr::from(CLIENT_IPV4));
    });
}

#[test]
fn certificates_are_wrong_in_the_way_they_should_be() {
    in_lab("clean::certificates_are_wrong_in_the_way_they_should_be", || {
        for (scenario, complaint) in [
            ("cert-expired", "certificate expired"),
            ("cert-wrong-host", "not valid for name \"example.com\""),
            ("cert-unknown-authority", "UnknownIssuer"),
        ] {
            let lab = Lab::start(&example(scenario)).unwrap();
            let error = https(&lab, COM_443, "example.com").unwrap_err().to_string();
            assert!(error.contains(complaint), "{scenario}: {error}");
            assert!(
                https(&lab, ORG_443, "example.org")
                    .unwrap()
                    .starts_with("HTTP/1.1 200 OK\r\n")
            );
            assert_eq!(hits(&lab), [0; 0]);
        }
    });
}

#[test]
fn a_certificate_may_be_for_names_of_others() {
    in_lab("clean::a_certificate_may_be_for_names_of_others", || {
        let site = |name: &str, address: &str, certificate_names| Host {
            name: name.into(),
            addresses: vec![ip(address)],
            https: vec![443],
            certificate_names,
            ..Host::default()
        };
        let lab = Lab::start(&world(vec![
            site("imitator.test", "192.0.2.1", vec!["site.test".into()]),
            site("site.test", "192.0.2.2", Vec::new()),
        ]))
        .unwrap();
        let page = https(&lab, "192.0.2.1:443", "site.test").unwrap();
        assert!(page.contains("<title>imitator.test</title>"), "{page}");
        let error = https(&lab, "192.0.2.2:443", "imitator.test")
            .unwrap_err()
            .to_string();
        assert!(error.contains("not valid for name \"imitator.test\""), "{error}");
    });
}

#[test]
fn threads_of_the_client_are_the_client_too() {
    in_lab("clean::threads_of_the_client_are_the_client_too", || {
        let lab = Lab::start(&example("clean")).unwrap();
        let runtime = || {
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap()
        };
        let address = lab.client(|| {
            runtime().block_on(async {
                let lookup = async {
                    tokio::net::lookup_host("example.org:80")
                        .await
                        .unwrap()
                        .next()
                        .unwrap()
                };
                let task =
                    tokio::spawn(async { tokio::net::TcpStream::connect(lookup.await).await.unwrap() });
                task.await.unwrap().peer_addr().unwrap()
            })
        });
        assert_eq!(address.ip(), ip("23.215.0.132"));
    });
}

#[test]
fn a_megabyte_arrives_whole() {
    in_lab("clean::a_megabyte_arrives_whole", || {
        let host = Host {
            name: "big.test".into(),
            addresses: vec![ip("192.0.2.1")],
            https: vec![443],
            body_bytes: Some(1 << 20),
            ..Host::default()
        };
        let lab = Lab::start(&world(vec![host])).unwrap();
        let config = tls_config(&lab, &["http/1.1"]);
        let page = lab.client(|| {
            request(
                handshake(connect("192.0.2.1:443").unwrap(), &config, "big.test")?,
                "big.test",
            )
        });
        assert!(page.unwrap().ends_with(&"x".repeat(1 << 20)));
    });
}
