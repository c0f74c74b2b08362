//! The servers, in a process of their own: DNS over UDP, TLS, HTTP/1.1, QUIC.

use bytes::Bytes;
use hickory_proto::op::{Message, MessageType, OpCode};
use hickory_proto::rr::{RData, Record};
use http_body_util::Full;
use hyper::{Response, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, UdpSocket};
use tokio_rustls::TlsAcceptor;

/// The name that every certificate is for.
pub(crate) const NAME: &str = "example.org";

/// Where the servers are, and whom to trust.
pub(crate) struct Servers {
    pub(crate) dns: SocketAddr,
    pub(crate) tls: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) quic: SocketAddr,
    /// The authority's certificate, PEM.
    pub(crate) root: String,
    child: Child,
}

impl Servers {
    /// Start this program once more, as the servers.
    pub(crate) fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("--serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut said)
            .unwrap();
        let (ports, root): ([u16; 4], String) = serde_json::from_str(&said).unwrap();
        let [dns, tls, http, quic] = ports.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        Self {
            dns,
            tls,
            http,
            quic,
            root,
            child,
        }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        // The servers end with their input.
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

/// Serve until standard input ends; the first line of standard output says where.
pub(crate) async fn serve() {
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (tls_config, root) = certified();
    let dns = UdpSocket::bind(local).await.unwrap();
    let tls = TcpListener::bind(local).await.unwrap();
    let http = TcpListener::bind(local).await.unwrap();
    let quic = quic_endpoint(tls_config.clone(), local);
    let ports = [
        dns.local_addr().unwrap().port(),
        tls.local_addr().unwrap().port(),
        http.local_addr().unwrap().port(),
        quic.local_addr().unwrap().port(),
    ];
    println!("{}", serde_json::to_string(&(ports, root)).unwrap());
    std::io::stdout().flush().unwrap();
    tokio::spawn(serve_dns(dns));
    tokio::spawn(serve_tls(tls, tls_config));
    tokio::spawn(serve_http(http));
    tokio::spawn(serve_quic(quic));
    let end = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    let _ = end.await;
}

fn certified() -> (ServerConfig, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([NAME.to_owned()])
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    (config, authority.pem())
}

async fn serve_dns(socket: UdpSocket) {
    let mut buffer = [0; 1500];
    while let Ok((count, from)) = socket.recv_from(&mut buffer).await {
        let query = Message::from_vec(buffer.get(..count).unwrap_or_default()).unwrap();
        let mut answer = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
        for question in &query.queries {
            answer.add_query(question.clone());
            let address = RData::A(Ipv4Addr::new(192, 0, 2, 1).into());
            answer.add_answer(Record::from_rdata(question.name().clone(), 60, address));
        }
        let _ = socket.send_to(&answer.to_vec().unwrap(), from).await;
    }
}

async fn serve_tls(listener: TcpListener, config: ServerConfig) {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.read(&mut [0; 1]).await;
            }
        });
    }
}

async fn serve_http(listener: TcpListener) {
    let page = Bytes::from(vec![b'x'; 10_000]);
    while let Ok((stream, _)) = listener.accept().await {
        let page = page.clone();
        tokio::spawn(async move {
            let service = service_fn(move |_| {
                let page = page.clone();
                async move { Ok::<_, std::convert::Infallible>(Response::new(Full::new(page))) }
            });
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn quic_endpoint(mut config: ServerConfig, local: SocketAddr) -> quinn::Endpoint {
    config.alpn_protocols = vec![b"h3".to_vec()];
    let config = quinn::crypto::rustls::QuicServerConfig::try_from(config).unwrap();
    quinn::Endpoint::server(quinn::ServerConfig::with_crypto(Arc::new(config)), local).unwrap()
}

async fn serve_quic(endpoint: quinn::Endpoint) {
    while let Some(incoming) = endpoint.accept().await {
        tokio::spawn(async move {
            if let Ok(connection) = incoming.await {
                connection.closed().await;
            }
        });
    }
}
