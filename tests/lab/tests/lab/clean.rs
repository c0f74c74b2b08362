//! An internet without a censor.

use crate::client::{
    connect, example, getaddrinfo, handshake, hits, http, https, query, query_tcp, tls_config,
};
use netsonde_lab::test::in_lab;
use netsonde_lab::{Lab, Scenario};
use std::time::{Duration, Instant};

const DATA_CENTRES: [&str; 6] = [
    "149.154.175.50",
    "149.154.167.51",
    "149.154.175.100",
    "149.154.167.91",
    "149.154.171.5",
    "95.161.76.100",
];

#[test]
fn everything_is_served_and_no_rule_acts() {
    in_lab("clean::everything_is_served_and_no_rule_acts", || {
        let start = Instant::now();
        let lab = Lab::start(&example("clean")).unwrap();
        let set_up = start.elapsed();
        println!("set-up took {set_up:?}");
        assert!(set_up < Duration::from_secs(1), "{set_up:?}");

        let addresses = lab.client(|| getaddrinfo("web.telegram.org")).unwrap();
        assert_eq!(addresses, ["149.154.167.99".parse::<std::net::IpAddr>().unwrap()]);
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
        assert_eq!(hits(&lab), []);
    });
}
