//! OONI's failure strings (df-007 and the list of its engine): each is produced by a test, or can not occur here.
//!
//! The tests below produce the strings that no other test is about. [`STRINGS`] is the whole list.

use crate::support::{Bench, code};
use netsonde_data::FailureCode;
use netsonde_net::dns::{LookupOptions, QueryType, Resolver};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// Where a string comes from.
enum Origin {
    /// A test produces it: the file, seen from the root of the workspace, and the name of the test in it.
    Test(&'static str, &'static str),
    /// It can not occur here, and why.
    Never(&'static str),
}
use Origin::{Never, Test};

const HERE: &str = "host/net/tests/loopback/failures.rs";
const INTERFERENCE: &str = "host/cli/tests/interference";

/// What can only be an error of ours: no operation of a guest leads there.
const OURS: &str = "the probe owns its sockets, buffers and addresses, so only a defect of ours could bring it; the \
                    mapping of the error number is tested in host/data";
/// What only Windows says.
const WINDOWS: &str = "a code of Windows' resolver; elsewhere getaddrinfo's own codes say it otherwise";

/// Every string of OONI's engine.
#[rustfmt::skip]
const STRINGS: &[(&str, Origin)] = &[
    ("address_family_not_supported", Never("a socket is opened in the family of its address, and only a kernel built without IPv6 lacks one; the mapping is tested in host/data")),
    ("address_in_use", Never("guests can not choose a local address or port; the mapping is tested in host/data")),
    ("address_not_available", Test(HERE, "no_local_port_is_address_not_available")),
    ("already_connected", Never(OURS)),
    ("android_dns_cache_no_data", Never("only Android's getaddrinfo has EAI_NODATA for a cached denial; data that carries it is read (host/data)")),
    ("bad_address", Never(OURS)),
    ("bad_file_descriptor", Never(OURS)),
    ("connection_aborted", Never("Linux says ECONNABORTED to servers only; on Windows WSAECONNABORTED is mapped")),
    ("connection_already_closed", Test("host/net/tests/loopback/tls.rs", "a_dropped_handshake_is_interrupted_and_closes")),
    ("connection_already_in_progress", Never(OURS)),
    ("connection_refused", Test(INTERFERENCE, "a_refused_connection")),
    ("connection_reset", Test(INTERFERENCE, "a_reset_on_sni")),
    ("destination_address_required", Never(OURS)),
    ("dns_bogon_error", Test("host/cli/tests/censorship.rs", "an_injected_bogon_is_recorded_and_leads_nowhere_for_urlgetter")),
    ("dns_no_answer", Test("host/net/tests/loopback/dns.rs", "an_answer_without_addresses_is_none")),
    ("dns_non_recoverable_failure", Never(WINDOWS)),
    ("dns_nxdomain_error", Test(INTERFERENCE, "nxdomain_of_the_system_resolver")),
    ("dns_refused_error", Test(HERE, "response_codes_have_strings")),
    ("dns_reply_with_wrong_query_id", Test("host/net/tests/loopback/dns.rs", "the_first_datagram_decides_even_with_another_id")),
    ("dns_server_misbehaving", Test(HERE, "response_codes_have_strings")),
    ("dns_servfail_error", Test(HERE, "response_codes_have_strings")),
    ("dns_temporary_failure", Never(WINDOWS)),
    ("eof_error", Test("host/net/tests/loopback/tcp.rs", "the_end_of_the_stream_and_a_reset_are_told_apart")),
    ("generic_timeout_error", Test(INTERFERENCE, "dropped_packets")),
    ("host_unreachable", Test(INTERFERENCE, "an_unreachable_host")),
    ("http_invalid_redirect_location_host", Test("guests/urlgetter/src/fetch.rs", "redirects_that_lead_nowhere_are_failures")),
    ("interrupted", Test("host/net/tests/loopback/tcp.rs", "a_dropped_connect_is_interrupted")),
    ("invalid_argument", Test("host/net/tests/loopback/tls.rs", "a_connection_shakes_hands_once")),
    ("json_parse_error", Never("a guest's own string, for a test helper's reply that is no JSON; no guest here asks one yet")),
    ("message_size", Test("host/net/tests/loopback/quic.rs", "a_reply_that_is_too_long_or_never_comes_fails_the_exchange_alone")),
    ("network_down", Never("Linux takes the routes of an interface that goes down away: a connection then finds the network unreachable; the mapping is tested in host/data")),
    ("network_reset", Never("Linux does not say ENETRESET to sockets that we open; the mapping is tested in host/data")),
    ("network_unreachable", Test(HERE, "no_route_is_network_unreachable")),
    ("no_buffer_space", Never("the kernel waits for room in a socket's buffer, and drops from a full device queue without a word; the mapping is tested in host/data")),
    ("no_protocol_option", Never("an option that the system does not have is left out, not set blindly; the mapping is tested in host/data")),
    ("not_a_socket", Never(OURS)),
    ("not_connected", Never(OURS)),
    ("operation_would_block", Never("no socket is read or written before it is ready; the mapping is tested in host/data")),
    ("permission_denied", Test(HERE, "a_broadcast_address_is_permission_denied")),
    ("protocol_not_supported", Never("only TCP and UDP sockets are opened, which every system has; the mapping is tested in host/data")),
    ("quic_incompatible_version", Test("host/net/tests/loopback/quic_failures.rs", "a_server_without_our_version_names_its_own")),
    ("ssl_failed_handshake", Test("host/net/src/quic/failure.rs", "alerts_have_the_strings_that_ooni_gives_them")),
    ("ssl_invalid_certificate", Test(INTERFERENCE, "an_expired_certificate")),
    ("ssl_invalid_hostname", Test(INTERFERENCE, "another_hosts_certificate")),
    ("ssl_unknown_authority", Test(INTERFERENCE, "nobodys_certificate")),
    ("timed_out", Test(HERE, "the_kernels_own_patience_is_timed_out")),
    ("wrong_protocol_type", Never(OURS)),
];

/// The strings of a failure: as data has it, and as our code may spell it.
fn spellings(string: &str) -> [String; 2] {
    [
        format!("\"{string}\""),
        format!("FailureCode::{}", string.to_uppercase()),
    ]
}

/// The source of a file, or of all files of a folder.
fn source(path: &Path) -> String {
    if path.is_dir() {
        let mut files: Vec<_> = std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        return files.iter().map(|file| source(file)).collect();
    }
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn every_string_is_produced_by_a_test_or_has_a_reason_why_not() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    assert_eq!(STRINGS.len(), 47);
    for (string, origin) in STRINGS {
        assert!(
            FailureCode::KNOWN.iter().any(|known| known.as_str() == *string),
            "{string} is a known failure"
        );
        match origin {
            Never(why) => assert!(!why.is_empty()),
            Test(file, name) => {
                let source = source(&root.join(file));
                assert!(
                    source.contains(&format!("fn {name}(")) || source.contains(&format!("    {name}: ")),
                    "{file} has the test {name}, which produces {string}"
                );
                assert!(
                    spellings(string).iter().any(|spelling| source.contains(spelling)),
                    "{file} has a test that expects {string}"
                );
            }
        }
    }
}

#[tokio::test]
async fn response_codes_have_strings() {
    let expected = [
        (2, FailureCode::DNS_SERVFAIL_ERROR),
        (3, FailureCode::DNS_NXDOMAIN_ERROR),
        (4, FailureCode::DNS_SERVER_MISBEHAVING),
        (5, FailureCode::DNS_REFUSED_ERROR),
    ];
    for (rcode, failure) in expected {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let resolver = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut message = [0; 512];
            let (count, client) = socket.recv_from(&mut message).await.unwrap();
            message[2] = 0x81;
            message[3] = 0x80 | rcode;
            socket.send_to(&message[..count], client).await.unwrap();
        });
        let bench = Bench::new();
        let result = bench.net.lookup(&bench.tx, "example.org", asking(resolver)).await;
        assert_eq!(code(result), failure);
        let query = &bench.seen().queries[0];
        assert_eq!(
            (query.failure.clone(), query.rcode),
            (Some(failure), rcode.into())
        );
    }
}

#[tokio::test]
async fn a_broadcast_address_is_permission_denied() {
    // A socket may send to a broadcast address only if it says so, which ours never do.
    let bench = Bench::new();
    let resolver = "127.255.255.255:53".parse().unwrap();
    let result = bench.net.lookup(&bench.tx, "example.org", asking(resolver)).await;
    assert_eq!(code(result), FailureCode::PERMISSION_DENIED);
}

fn asking(resolver: SocketAddr) -> LookupOptions {
    LookupOptions {
        resolver: Resolver::Udp(resolver),
        query_types: vec![QueryType::A],
        timeout: Some(Duration::from_secs(5)),
        ..LookupOptions::default()
    }
}

/// What needs a network of its own: routes, ports and the patience of a kernel.
#[cfg(target_os = "linux")]
mod in_a_network_of_its_own {
    use super::*;
    use crate::support::{silent, unanswering};
    use netsonde_lab::{Lab, Scenario, test::in_lab};

    /// Set in the process that is the lab's client.
    const CLIENT: &str = "NETSONDE_TEST_IS_THE_CLIENT";

    /// Run the body of `test` as the client of an empty lab, which has IPv4 only.
    fn as_client(test: &str, body: impl Future<Output = ()>) {
        if std::env::var_os(CLIENT).is_some() {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            return runtime.unwrap().block_on(body);
        }
        let test = format!("failures::in_a_network_of_its_own::{test}");
        in_lab(&test, || {
            let lab = Lab::start(&Scenario::default()).unwrap();
            let mut again = lab.command(std::env::current_exe().unwrap());
            again
                .args([test.as_str(), "--exact", "--nocapture"])
                .env(CLIENT, "1");
            let output = again.output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && said.contains("1 passed"), "{said}");
        });
    }

    /// Set a parameter of the client's own kernel.
    fn sysctl(name: &str, value: &str) {
        std::fs::write(format!("/proc/sys/net/ipv4/{name}"), value).unwrap();
    }

    #[test]
    fn no_route_is_network_unreachable() {
        as_client("no_route_is_network_unreachable", async {
            let bench = Bench::new();
            let to = "[2001:db8::1]:80".parse().unwrap();
            let result = bench.net.connect(&bench.tx, to, None).await;
            assert_eq!(code(result), FailureCode::NETWORK_UNREACHABLE);
        });
    }

    #[test]
    fn no_local_port_is_address_not_available() {
        as_client("no_local_port_is_address_not_available", async {
            let bench = Bench::new();
            let to = silent().await;
            sysctl("ip_local_port_range", "40000 40000");
            let _taken = bench.net.connect(&bench.tx, to, None).await.unwrap();
            let result = bench.net.connect(&bench.tx, to, None).await;
            assert_eq!(code(result), FailureCode::ADDRESS_NOT_AVAILABLE);
        });
    }

    #[test]
    fn the_kernels_own_patience_is_timed_out() {
        as_client("the_kernels_own_patience_is_timed_out", async {
            let bench = Bench::new();
            let (to, _held, _listener) = unanswering().await;
            sysctl("tcp_syn_retries", "1");
            let result = bench.net.connect(&bench.tx, to, None).await;
            assert_eq!(code(result), FailureCode::TIMED_OUT);
        });
    }
}
