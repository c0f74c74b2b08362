//! Every action of the censor, as a client's sockets see it, with its uncensored twin.

use crate::client::{
    PATIENCE, connect, example, getaddrinfo, handshake, hits, http, https, query, query_tcp, request,
    tls_config,
};
use netsonde_lab::scenario::{Action, Endpoint, Host, Rule, When};
use netsonde_lab::test::in_lab;
use netsonde_lab::{Lab, Scenario};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

const COM: &str = "23.192.228.80";
const ORG: &str = "23.215.0.132";
const COM_443: &str = "23.192.228.80:443";
const ORG_443: &str = "23.215.0.132:443";
const BOGON: &str = "10.10.34.35";
/// How long to wait for a second answer that should not come.
const SHORT: Duration = Duration::from_millis(100);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn is_served(response: io::Result<String>) {
    let response = response.unwrap();
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
}

/// example.com and example.org, and one rule.
fn scenario(when: When, action: Action) -> Scenario {
    let site = |name: &str, address: &str| Host {
        name: name.to_owned(),
        addresses: vec![ip(address)],
        http: vec![80],
        https: vec![443],
        ..Host::default()
    };
    Scenario {
        hosts: vec![site("example.com", COM), site("example.org", ORG)],
        rules: vec![Rule::new(when, action)],
        ..Scenario::default()
    }
}

#[test]
fn a_reset_on_sni_is_econnreset() {
    in_lab("censored::a_reset_on_sni_is_econnreset", || {
        let lab = Lab::start(&example("sni-rst")).unwrap();
        let error = https(&lab, "149.154.167.99:443", "web.telegram.org").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ECONNRESET), "{error}");
        assert_eq!(hits(&lab), [1]);
        is_served(https(&lab, ORG_443, "example.org"));
        is_served(lab.client(|| http("149.154.167.99:80", "web.telegram.org")));
        assert_eq!(lab.rule_hits(), [("web.telegram.org is reset".to_owned(), 1)]);
    });
}

#[test]
fn the_same_server_is_reached_by_another_name() {
    in_lab("censored::the_same_server_is_reached_by_another_name", || {
        let mut world = scenario(When::Sni("example.com".into()), Action::Reset);
        world.hosts[0].aliases.push("front.example.net".into());
        let lab = Lab::start(&world).unwrap();
        is_served(https(&lab, COM_443, "front.example.net"));
        assert_eq!(hits(&lab), [0]);
        assert_eq!(
            https(&lab, COM_443, "example.com").unwrap_err().raw_os_error(),
            Some(libc::ECONNRESET)
        );
        assert_eq!(hits(&lab), [1]);
    });
}

#[test]
fn a_client_hello_in_several_segments_is_recognised() {
    in_lab(
        "censored::a_client_hello_in_several_segments_is_recognised",
        || {
            let lab = Lab::start(&scenario(When::Sni("EXAMPLE.com".into()), Action::Reset)).unwrap();
            let config = tls_config(&lab, &[]);
            let in_pieces = |endpoint: &str, name: &'static str| {
                lab.client(|| {
                    let mut hello = Vec::new();
                    let mut tls =
                        rustls::ClientConnection::new(config.clone(), name.try_into().unwrap()).unwrap();
                    tls.write_tls(&mut hello).unwrap();
                    let mut stream = connect(endpoint)?;
                    stream.set_nodelay(true)?;
                    for piece in hello.chunks(100) {
                        stream.write_all(piece)?;
                        std::thread::sleep(Duration::from_millis(2));
                    }
                    stream.read(&mut [0; 5])
                })
            };
            let error = in_pieces(COM_443, "example.com").unwrap_err();
            assert!(
                matches!(error.raw_os_error(), Some(libc::ECONNRESET | libc::EPIPE)),
                "{error}"
            );
            assert_eq!(hits(&lab), [1]);
            assert_eq!(in_pieces(ORG_443, "example.org").unwrap(), 5);
            assert_eq!(hits(&lab), [1]);
        },
    );
}

#[test]
fn a_close_on_sni_is_an_early_end() {
    in_lab("censored::a_close_on_sni_is_an_early_end", || {
        let lab = Lab::start(&scenario(When::Sni("example.com".into()), Action::Close)).unwrap();
        assert_eq!(
            https(&lab, COM_443, "example.com").unwrap_err().kind(),
            ErrorKind::UnexpectedEof
        );
        assert_eq!(hits(&lab), [1]);
        is_served(https(&lab, ORG_443, "example.org"));
        assert_eq!(hits(&lab), [1]);
    });
}

#[test]
fn a_drop_on_sni_is_silence_after_connecting() {
    in_lab("censored::a_drop_on_sni_is_silence_after_connecting", || {
        let lab = Lab::start(&example("sni-drop")).unwrap();
        lab.client(|| connect(COM_443)).unwrap();
        assert_eq!(hits(&lab), [0]);
        // A read that times out is EAGAIN.
        let error = https(&lab, COM_443, "example.com").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EAGAIN), "{error}");
        assert_eq!(hits(&lab), [1]);
        is_served(https(&lab, ORG_443, "example.org"));
        assert_eq!(hits(&lab), [1]);
    });
}

#[test]
fn a_refused_endpoint_is_econnrefused() {
    in_lab("censored::a_refused_endpoint_is_econnrefused", || {
        let lab = Lab::start(&example("tcp-refused")).unwrap();
        let error = lab.client(|| connect(COM_443)).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ECONNREFUSED), "{error}");
        assert_eq!(hits(&lab), [1]);
        is_served(lab.client(|| http(&format!("{COM}:80"), "example.com")));
        is_served(https(&lab, ORG_443, "example.org"));
        assert_eq!(hits(&lab), [1]);
    });
}

#[test]
fn a_dropped_endpoint_is_silence_and_counts_once() {
    in_lab("censored::a_dropped_endpoint_is_silence_and_counts_once", || {
        let lab = Lab::start(&example("tcp-drop")).unwrap();
        let connect_for = |wait| {
            let endpoint: SocketAddr = COM_443.parse().unwrap();
            lab.client(|| std::net::TcpStream::connect_timeout(&endpoint, wait))
                .unwrap_err()
        };
        // Long enough for the kernel to send its SYN a second time.
        assert_eq!(
            connect_for(Duration::from_millis(1500)).kind(),
            ErrorKind::TimedOut
        );
        assert_eq!(hits(&lab), [1]);
        assert_eq!(connect_for(PATIENCE).kind(), ErrorKind::TimedOut);
        assert_eq!(hits(&lab), [2]);
        is_served(https(&lab, ORG_443, "example.org"));
        assert_eq!(hits(&lab), [2]);
    });
}

#[test]
fn a_dropped_endpoint_is_silent_over_udp_too() {
    in_lab("censored::a_dropped_endpoint_is_silent_over_udp_too", || {
        let resolver = |name: &str, address: &str| Host {
            name: name.into(),
            addresses: vec![ip(address)],
            dns: vec![53],
            ..Host::default()
        };
        let blocked = Endpoint {
            address: ip("8.8.8.8"),
            port: Some(53),
        };
        let mut world = scenario(When::Endpoint(blocked), Action::Drop);
        world.hosts.extend([
            resolver("dns.google", "8.8.8.8"),
            resolver("one.one.one.one", "1.1.1.1"),
        ]);
        let lab = Lab::start(&world).unwrap();
        assert_eq!(lab.client(|| query("8.8.8.8", "example.com", PATIENCE)), []);
        assert_eq!(hits(&lab), [1]);
        assert_eq!(
            lab.client(|| query("1.1.1.1", "example.com", SHORT))[0].2,
            [ip(COM)]
        );
        assert_eq!(hits(&lab), [1]);
    });
}

#[test]
fn an_injected_answer_comes_first_and_the_true_one_second() {
    in_lab(
        "censored::an_injected_answer_comes_first_and_the_true_one_second",
        || {
            let lab = Lab::start(&Scenario {
                delay_ms: 100,
                ..example("dns-bogon")
            })
            .unwrap();
            let answers = lab.client(|| query("130.192.3.21", "example.com", PATIENCE));
            let said: Vec<_> = answers
                .iter()
                .map(|(_, code, addresses)| (*code, addresses.clone()))
                .collect();
            assert_eq!(said, [(0, vec![ip(BOGON)]), (0, vec![ip(COM)])]);
            let round_trip = Duration::from_millis(200);
            assert!(
                answers[0].0 < round_trip && answers[1].0 >= round_trip,
                "{answers:?}"
            );
            assert_eq!(hits(&lab), [1]);
            let answers = lab.client(|| query("130.192.3.21", "example.org", SHORT));
            assert_eq!(answers.len(), 1);
            assert_eq!(hits(&lab), [1]);
            // The C library asks for both kinds of address from one socket: one flow.
            assert_eq!(lab.client(|| getaddrinfo("example.com")).unwrap(), [ip(BOGON)]);
            assert_eq!(hits(&lab), [2]);
        },
    );
}

#[test]
fn one_socket_may_ask_for_censored_and_other_names() {
    in_lab(
        "censored::one_socket_may_ask_for_censored_and_other_names",
        || {
            let lab = Lab::start(&scenario(When::Dns("example.com".into()), Action::Drop)).unwrap();
            let answered = lab.client(|| {
                let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
                socket.set_read_timeout(Some(PATIENCE)).unwrap();
                let ask = |name: &str| {
                    socket
                        .send_to(&crate::client::dns_query(name), "130.192.3.21:53")
                        .unwrap();
                    socket.recv(&mut [0; 512]).is_ok()
                };
                [ask("example.org"), ask("example.com"), ask("example.org")]
            });
            assert_eq!(answered, [true, false, true]);
            assert_eq!(hits(&lab), [1]);
        },
    );
}

#[test]
fn an_injected_nxdomain_is_no_such_name() {
    in_lab("censored::an_injected_nxdomain_is_no_such_name", || {
        let lab = Lab::start(&example("nxdomain")).unwrap();
        let error = lab.client(|| getaddrinfo("example.com")).unwrap_err();
        assert!(error.to_string().contains("Name or service not known"), "{error}");
        assert_eq!(hits(&lab), [1]);
        assert_eq!(lab.client(|| getaddrinfo("example.org")).unwrap(), [ip(ORG)]);
        assert_eq!(hits(&lab), [1]);
    });
}

#[test]
fn dns_over_tcp_is_answered_in_the_place_of_the_resolver() {
    in_lab(
        "censored::dns_over_tcp_is_answered_in_the_place_of_the_resolver",
        || {
            let lab = Lab::start(&example("dns-bogon")).unwrap();
            assert_eq!(
                lab.client(|| query_tcp("130.192.3.21", "example.com")).unwrap(),
                (0, vec![ip(BOGON)])
            );
            assert_eq!(hits(&lab), [1]);
            assert_eq!(
                lab.client(|| query_tcp("130.192.3.21", "example.org")).unwrap(),
                (0, vec![ip(ORG)])
            );
            assert_eq!(hits(&lab), [1]);
        },
    );
}

#[test]
fn a_blockpage_takes_the_place_of_the_page() {
    in_lab("censored::a_blockpage_takes_the_place_of_the_page", || {
        let lab = Lab::start(&example("http-blockpage")).unwrap();
        let page = lab.client(|| http(&format!("{COM}:80"), "example.com")).unwrap();
        assert!(page.contains("<title>Access denied</title>"), "{page}");
        assert_eq!(hits(&lab), [1]);
        let page = lab.client(|| http(&format!("{ORG}:80"), "example.org")).unwrap();
        assert!(page.contains("<title>example.org</title>"), "{page}");
        is_served(https(&lab, COM_443, "example.com"));
        assert_eq!(hits(&lab), [1]);
    });
}

#[test]
fn a_blockpage_of_many_segments_arrives_whole() {
    in_lab("censored::a_blockpage_of_many_segments_arrives_whole", || {
        let page = "no ".repeat(5000);
        let lab = Lab::start(&scenario(
            When::Host("example.com".into()),
            Action::Blockpage(page.clone()),
        ))
        .unwrap();
        assert!(
            lab.client(|| http(&format!("{COM}:80"), "example.com"))
                .unwrap()
                .ends_with(&page)
        );
        assert_eq!(hits(&lab), [1]);
        is_served(lab.client(|| http(&format!("{COM}:80"), "example.org")));
        assert_eq!(hits(&lab), [1]);
    });
}

#[test]
fn a_reset_on_host_is_econnreset() {
    in_lab("censored::a_reset_on_host_is_econnreset", || {
        let lab = Lab::start(&scenario(When::Host("*.com".into()), Action::Reset)).unwrap();
        let error = lab
            .client(|| http(&format!("{COM}:80"), "example.com"))
            .unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ECONNRESET), "{error}");
        assert_eq!(hits(&lab), [1]);
        is_served(lab.client(|| http(&format!("{COM}:80"), "example.org")));
        assert_eq!(hits(&lab), [1]);
    });
}

#[test]
fn a_throttled_flow_takes_its_time() {
    in_lab("censored::a_throttled_flow_takes_its_time", || {
        let lab = Lab::start(&example("throttling")).unwrap();
        let time = |endpoint: &str, name: &str| {
            let start = Instant::now();
            let mut tls = lab
                .client(|| handshake(connect(endpoint).unwrap(), &tls_config(&lab, &[]), name))
                .unwrap();
            tls.sock.set_read_timeout(Some(10 * PATIENCE)).unwrap();
            let page = lab.client(|| request(&mut tls, name)).unwrap();
            assert!(page.len() > 200_000, "{} bytes", page.len());
            start.elapsed()
        };
        let free = time(ORG_443, "example.org");
        assert_eq!(hits(&lab), [0]);
        // 200 kB at 50 kB/s.
        let throttled = time(COM_443, "example.com");
        assert!(
            throttled > Duration::from_secs(4) && throttled < Duration::from_secs(15),
            "{throttled:?}"
        );
        assert!(free < throttled / 2, "{free:?}");
        assert_eq!(hits(&lab), [1]);
    });
}

#[test]
fn ipv6_is_censored_like_ipv4() {
    in_lab("censored::ipv6_is_censored_like_ipv4", || {
        let (com, org) = ("2600:1406:3a00:21::173e:2e65", "2600:1408:ec00:36::1736:7f24");
        let mut world = scenario(When::Sni("example.com".into()), Action::Reset);
        world.hosts[0].addresses.push(ip(com));
        world.hosts[1].addresses.push(ip(org));
        let refused = Endpoint {
            address: ip(org),
            port: Some(80),
        };
        world
            .rules
            .push(Rule::new(When::Endpoint(refused), Action::Refuse));
        let lab = Lab::start(&world).unwrap();
        assert!(
            lab.client(|| getaddrinfo("example.com"))
                .unwrap()
                .contains(&ip(com))
        );
        let error = https(&lab, &format!("[{com}]:443"), "example.com").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ECONNRESET), "{error}");
        assert_eq!(hits(&lab), [1, 0]);
        is_served(https(&lab, &format!("[{org}]:443"), "example.org"));
        assert_eq!(hits(&lab), [1, 0]);
        let error = lab.client(|| connect(&format!("[{org}]:80"))).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ECONNREFUSED), "{error}");
        is_served(lab.client(|| http(&format!("[{com}]:80"), "example.com")));
        assert_eq!(hits(&lab), [1, 1]);
    });
}

#[test]
fn the_first_rule_that_matches_governs_the_flow() {
    in_lab("censored::the_first_rule_that_matches_governs_the_flow", || {
        let mut world = scenario(When::Sni("example.com".into()), Action::Close);
        world
            .rules
            .push(Rule::new(When::Sni("*.com".into()), Action::Reset));
        let lab = Lab::start(&world).unwrap();
        assert_eq!(
            https(&lab, COM_443, "example.com").unwrap_err().kind(),
            ErrorKind::UnexpectedEof
        );
        assert_eq!(hits(&lab), [1, 0]);
        is_served(https(&lab, ORG_443, "example.org"));
        assert_eq!(hits(&lab), [1, 0]);
    });
}

#[test]
fn two_labs_at_once_do_not_know_of_each_other() {
    in_lab("censored::two_labs_at_once_do_not_know_of_each_other", || {
        let (clean, censored) = (
            Lab::start(&example("clean")).unwrap(),
            Lab::start(&example("sni-rst")).unwrap(),
        );
        std::thread::scope(|scope| {
            scope.spawn(|| is_served(https(&clean, "149.154.167.99:443", "web.telegram.org")));
            let error = https(&censored, "149.154.167.99:443", "web.telegram.org").unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::ECONNRESET), "{error}");
        });
        assert_eq!(hits(&censored), [1]);
        // The authority of one is a stranger to the other.
        assert_ne!(clean.ca_pem(), censored.ca_pem());
        drop(censored);
        is_served(https(&clean, "149.154.167.99:443", "web.telegram.org"));
        assert_eq!(hits(&clean), [0; 0]);
    });
}
