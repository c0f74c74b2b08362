//! Servers that share no code with us: unbound, aioquic. Each test is skipped, loudly, where its program is absent:
//! `apt install unbound`, and `pip install aioquic` for the Python that `NETSONDE_PYTHON` names (`python3` when it
//! names none).

use crate::{
    quic,
    resolvers::asking,
    support::{Bench, code},
    tls::{Authority, named},
};
use netsonde_data::FailureCode;
use netsonde_net::{
    dns::{LookupOptions, Resolver},
    http::Request,
    tls::{Group, HandshakeOptions},
};
use rcgen::{CertificateParams, KeyPair};
use std::{
    ffi::OsString,
    io::{BufRead as _, BufReader, Read, Write as _},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// Serves HTTP/3, with the certificate, the key and the words that follow; says its port.
const AIOQUIC: &str = r#"
import asyncio, sys
from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated

class Page(QuicConnectionProtocol):
    http = None
    def quic_event_received(self, event):
        if isinstance(event, ProtocolNegotiated):
            self.http = H3Connection(self._quic)
        for seen in self.http.handle_event(event) if self.http else []:
            if isinstance(seen, HeadersReceived):
                asked = dict(seen.headers)
                self.http.send_headers(seen.stream_id, [(b":status", b"200"), (b"x-asked", asked[b":path"])])
                self.http.send_data(seen.stream_id, b"x" * 100000, True)
                self.transmit()

async def main():
    certificate, key, *words = sys.argv[1:]
    config = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN)
    config.load_cert_chain(certificate, key)
    if "grease" in words:
        config.supported_versions = [0x1a2a3a4a]
    server = await serve("127.0.0.1", 0, configuration=config, create_protocol=Page, retry="retry" in words)
    print(server._transport.get_extra_info("sockname")[1], flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"#;

fn python() -> OsString {
    std::env::var_os("NETSONDE_PYTHON").unwrap_or_else(|| "python3".into())
}

/// Whether a program is there, and works when asked for this; if not, says that the test is skipped.
fn is_there(test: &str, program: &std::ffi::OsStr, try_it: &[&str]) -> bool {
    let why = match Command::new(program).args(try_it).output() {
        Ok(output) if output.status.success() => return true,
        Ok(output) => output.status.to_string(),
        Err(error) => error.to_string(),
    };
    let program = program.to_string_lossy();
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED {test}: {program} {}: {why}",
        try_it.join(" ")
    );
    false
}

/// A server in a process of its own, which ends with this.
struct Peer {
    process: Child,
    /// What it serves with.
    _folder: TempDir,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A certificate of the authority's and its key, in files.
fn certificate(authority: &Authority, name: &str, folder: &Path) -> [PathBuf; 2] {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority.issuer()).unwrap();
    let files = [folder.join("certificate.pem"), folder.join("key.pem")];
    std::fs::write(&files[0], certificate.pem()).unwrap();
    std::fs::write(&files[1], key.serialize_pem()).unwrap();
    files
}

/// Reads lines until one says what is waited for; the rest is read, and thrown away, for as long as there is any.
fn wait<T>(output: impl Read + Send + 'static, says: impl Fn(&str) -> Option<T>) -> T {
    let mut lines = BufReader::new(output).lines();
    let mut seen = Vec::new();
    let said = lines.find_map(|line| {
        seen.push(line.unwrap());
        says(seen.last().unwrap())
    });
    std::thread::spawn(move || lines.for_each(drop));
    said.unwrap_or_else(|| panic!("the peer ended: {}", seen.join("\n")))
}

/// A port that is free at this moment, for UDP and TCP.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// unbound, with example.org of its own, on ports for names in the clear, over TLS and over HTTPS.
fn unbound(authority: &Authority) -> (Peer, [SocketAddr; 3]) {
    let folder = tempfile::tempdir().unwrap();
    let [certificate, key] = certificate(authority, "resolver.example", folder.path());
    let [plain, tls, https] = [(); 3].map(|()| free_port());
    let config = format!(
        r#"server:
    do-daemonize: no
    username: ""
    chroot: ""
    pidfile: ""
    use-syslog: no
    verbosity: 1
    module-config: "iterator"
    interface: 127.0.0.1@{plain}
    interface: 127.0.0.1@{tls}
    interface: 127.0.0.1@{https}
    tls-port: {tls}
    https-port: {https}
    tls-service-pem: "{certificate}"
    tls-service-key: "{key}"
    local-zone: "example.org." static
    local-data: "example.org. 60 IN A 192.0.2.7"
    local-data: "example.org. 60 IN AAAA 2001:db8::7"
    local-data: "example.org. 60 IN TXT v=spf1"
    local-data: "example.org. 60 IN CAA 0 issue pki.example"
    local-data: "example.org. 60 IN HTTPS 1 . alpn=h3,h2"
"#,
        certificate = certificate.display(),
        key = key.display(),
    );
    let path = folder.path().join("unbound.conf");
    std::fs::write(&path, config).unwrap();
    let mut process = Command::new("unbound")
        .args(["-d", "-p", "-c"])
        .arg(&path)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait(process.stderr.take().unwrap(), |line| {
        line.contains("start of service").then_some(())
    });
    let peer = Peer {
        process,
        _folder: folder,
    };
    let endpoints = [plain, tls, https].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    (peer, endpoints)
}

#[tokio::test]
async fn unbound_answers_over_each_transport_that_it_has() {
    if !is_there(
        "peers::unbound_answers_over_each_transport_that_it_has",
        "unbound".as_ref(),
        &["-V"],
    ) {
        return;
    }
    let authority = Authority::new();
    let (_peer, [plain, tls, https]) = unbound(&authority);
    let bench = Bench::trusting(&authority.pem());
    let name = "resolver.example".to_owned();
    for (resolver, engine) in [
        (Resolver::Udp(plain), "udp"),
        (Resolver::Tcp(plain), "tcp"),
        (
            Resolver::Dot {
                endpoint: tls,
                name: name.clone(),
            },
            "dot",
        ),
        (
            Resolver::Doh {
                endpoint: https,
                url: format!("https://{name}:{}/dns-query", https.port()),
            },
            "doh",
        ),
    ] {
        let types = ["A", "AAAA", "TXT", "CAA", "HTTPS"];
        let options = LookupOptions {
            query_types: types.map(|name| name.parse().unwrap()).to_vec(),
            ..asking(resolver)
        };
        let answer = bench
            .net
            .ask(&bench.tx, "example.org", options.clone())
            .await
            .unwrap();
        assert_eq!(answer.failure, None, "{engine}");
        assert_eq!(
            answer
                .addresses
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>(),
            ["192.0.2.7", "2001:db8::7"],
            "{engine}"
        );
        let queries = bench.seen().queries;
        let queries = &queries[queries.len() - types.len()..];
        assert!(
            queries
                .iter()
                .all(|query| query.engine == engine && query.failure.is_none())
        );
        let data: Vec<_> = queries
            .iter()
            .filter_map(|query| query.answers[0].x_data.as_deref())
            .collect();
        assert_eq!(
            data,
            ["\"v=spf1\"", "0 issue \"pki.example\"", "1 . alpn=h3,h2"],
            "{engine}"
        );
        let missing = bench
            .net
            .ask(&bench.tx, "www.example.org", options)
            .await
            .unwrap();
        let failure = missing.failure.map(|failure| failure.code);
        assert_eq!(failure, Some(FailureCode::DNS_NXDOMAIN_ERROR), "{engine}");
    }
}

/// aioquic's server, for example.org.
fn aioquic(authority: &Authority, words: &[&str]) -> (Peer, SocketAddr) {
    let folder = tempfile::tempdir().unwrap();
    let files = certificate(authority, "example.org", folder.path());
    let mut process = Command::new(python())
        .args(["-c", AIOQUIC])
        .args(files)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let port: u16 = wait(process.stdout.take().unwrap(), |line| line.parse().ok());
    let peer = Peer {
        process,
        _folder: folder,
    };
    (peer, SocketAddr::from(([127, 0, 0, 1], port)))
}

#[tokio::test]
async fn aioquic_serves_pages_at_once_and_after_a_retry() {
    let test = "peers::aioquic_serves_pages_at_once_and_after_a_retry";
    if !is_there(test, &python(), &["-c", "import aioquic"]) {
        return;
    }
    let authority = Authority::new();
    for words in [&[][..], &["retry"]] {
        let (_peer, address) = aioquic(&authority, words);
        let bench = Bench::trusting(&authority.pem());
        let connection = quic::shake(&bench, address, named("example.org")).await.unwrap();
        let request = Request {
            url: "https://example.org/page".to_owned(),
            ..Request::default()
        };
        let response = bench
            .net
            .round_trip(&bench.tx, &connection, request)
            .await
            .unwrap();
        assert_eq!(
            (response.status, response.body.len()),
            (200, 100_000),
            "{words:?}"
        );
        let seen = quic::only(&bench);
        assert_eq!((seen.failure, seen.negotiated_protocol.as_str()), (None, "h3"));
        assert_eq!(seen.peer_certificates.len(), 1);
        assert!(
            response.headers.contains(&("x-asked".to_owned(), "/page".into())),
            "{:?}",
            response.headers
        );
    }
}

#[tokio::test]
async fn aioquic_reads_a_hello_of_two_datagrams() {
    let test = "peers::aioquic_reads_a_hello_of_two_datagrams";
    if !is_there(test, &python(), &["-c", "import aioquic"]) {
        return;
    }
    let authority = Authority::new();
    let (_peer, address) = aioquic(&authority, &[]);
    let bench = Bench::trusting(&authority.pem());
    let options = HandshakeOptions {
        groups: vec![Group::X25519MlKem768, Group::X25519],
        ..named("example.org")
    };
    quic::shake(&bench, address, options).await.unwrap();
    // It knows no post-quantum key, and asks for another one or takes the second.
    assert_eq!(quic::only(&bench).x_key_exchange_group.as_deref(), Some("x25519"));
}

#[tokio::test]
async fn the_versions_that_aioquic_names_are_seen() {
    let test = "peers::the_versions_that_aioquic_names_are_seen";
    if !is_there(test, &python(), &["-c", "import aioquic"]) {
        return;
    }
    let authority = Authority::new();
    let (_peer, address) = aioquic(&authority, &["grease"]);
    let bench = Bench::trusting(&authority.pem());
    let failed = code(quic::shake(&bench, address, named("example.org")).await);
    assert_eq!(failed, FailureCode::QUIC_INCOMPATIBLE_VERSION);
    assert_eq!(
        quic::only(&bench).x_quic_version_negotiation,
        Some(vec![0x1a2a_3a4a])
    );
}
