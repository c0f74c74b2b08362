//! What a client does in the lab, with nothing but the standard library and rustls.

use netsonde_lab::{Lab, Scenario};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a client waits for what is dropped.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// A scenario of `examples/scenarios`.
pub(crate) fn example(name: &str) -> Scenario {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/scenarios");
    Scenario::load(&folder.join(format!("{name}.toml"))).unwrap()
}

/// On how many flows each rule acted.
pub(crate) fn hits(lab: &Lab) -> Vec<u64> {
    lab.rule_hits().into_iter().map(|(_, hits)| hits).collect()
}

/// The addresses of a name, from the C library's resolver.
pub(crate) fn getaddrinfo(name: &str) -> io::Result<Vec<IpAddr>> {
    let mut addresses: Vec<_> = (name, 0).to_socket_addrs()?.map(|address| address.ip()).collect();
    addresses.dedup();
    Ok(addresses)
}

/// Connects, and gives up on silence.
pub(crate) fn connect(endpoint: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&endpoint.parse().unwrap(), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Asks an endpoint for a page in the clear; the whole response.
pub(crate) fn http(endpoint: &str, host: &str) -> io::Result<String> {
    request(connect(endpoint)?, host)
}

/// Asks for the first page on a connection; the whole response.
pub(crate) fn request(stream: impl Read + Write, host: &str) -> io::Result<String> {
    request_page(stream, host, "/")
}

/// Asks for a page on a connection; the whole response.
pub(crate) fn request_page(mut stream: impl Read + Write, host: &str, path: &str) -> io::Result<String> {
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    Ok(response)
}

/// A TLS client that trusts the lab's authority.
pub(crate) fn tls_config(lab: &Lab, alpn: &[&str]) -> Arc<rustls::ClientConfig> {
    let builder = tls_builder().with_safe_default_protocol_versions().unwrap();
    let mut config = builder
        .with_root_certificates(roots(lab.ca_pem()))
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// The same with Encrypted Client Hello, for HTTP/1.1.
pub(crate) fn tls_config_with_ech(lab: &Lab, mode: rustls::client::EchMode) -> Arc<rustls::ClientConfig> {
    let builder = tls_builder().with_ech(mode).unwrap();
    Arc::new(
        builder
            .with_root_certificates(roots(lab.ca_pem()))
            .with_no_client_auth(),
    )
}

pub(crate) fn tls_builder() -> rustls::ConfigBuilder<rustls::ClientConfig, rustls::WantsVersions> {
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

/// Trust in one authority.
pub(crate) fn roots(ca_pem: &str) -> rustls::RootCertStore {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap())
        .unwrap();
    roots
}

/// A TLS connection over TCP.
pub(crate) type Tls = rustls::StreamOwned<rustls::ClientConnection, TcpStream>;

/// Does a TLS handshake on a connection.
pub(crate) fn handshake(
    stream: TcpStream,
    config: &Arc<rustls::ClientConfig>,
    name: &str,
) -> io::Result<Tls> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut tls = Tls::new(
        rustls::ClientConnection::new(Arc::clone(config), name).unwrap(),
        stream,
    );
    tls.conn.complete_io(&mut tls.sock)?;
    Ok(tls)
}

/// Asks an endpoint for a page over TLS; the whole response.
pub(crate) fn https(lab: &Lab, endpoint: &str, host: &str) -> io::Result<String> {
    let config = tls_config(lab, &["http/1.1"]);
    lab.client(|| request(handshake(connect(endpoint)?, &config, host)?, host))
}

/// Sends a query for the IPv4 addresses of a name; every response until there was none for some time: when it
/// came, its response code and the addresses in it.
pub(crate) fn query(resolver: &str, name: &str, linger: Duration) -> Vec<(Duration, u16, Vec<IpAddr>)> {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let start = Instant::now();
    socket.send_to(&dns_query(name), (resolver, 53)).unwrap();
    let mut buffer = [0; 1500];
    let mut answers = Vec::new();
    while let Ok((length, _)) = socket.recv_from(&mut buffer) {
        let (code, addresses) = dns_answer(&buffer[..length]);
        answers.push((start.elapsed(), code, addresses));
        socket.set_read_timeout(Some(linger)).unwrap();
    }
    answers
}

/// The same over TCP: the only response.
pub(crate) fn query_tcp(resolver: &str, name: &str) -> io::Result<(u16, Vec<IpAddr>)> {
    let mut stream = connect(&SocketAddr::new(resolver.parse().unwrap(), 53).to_string())?;
    let query = dns_query(name);
    stream.write_all(&u16::try_from(query.len()).unwrap().to_be_bytes())?;
    stream.write_all(&query)?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer)?;
    Ok(dns_answer(&answer))
}

pub(crate) fn dns_query(name: &str) -> Vec<u8> {
    crate::resolve::dns_query_for(name, hickory_proto::rr::RecordType::A)
}

fn dns_answer(message: &[u8]) -> (u16, Vec<IpAddr>) {
    let message = hickory_proto::op::Message::from_vec(message).unwrap();
    let addresses = message
        .answers
        .iter()
        .filter_map(|record| record.data.ip_addr())
        .collect();
    (message.metadata.response_code.into(), addresses)
}
