//! The same operations with the bare libraries, by somebody who observes nothing and else takes the same care: a socket of
//! its own for each operation, ids that can not be guessed, buffers that are not filled with zeroes, an end to waiting.

use crate::{
    one_by_one,
    servers::{NAME, Servers},
};
use bytes::Bytes;
use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use quinn::{EndpointConfig, TokioRuntime};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore, client::Resumption, crypto::aws_lc_rs};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;

/// How long anything may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What the libraries need.
pub(crate) struct Client {
    dns: SocketAddr,
    tls: SocketAddr,
    http: SocketAddr,
    quic: SocketAddr,
    connector: TlsConnector,
    quic_config: quinn::ClientConfig,
}

impl Client {
    /// The same roots as ours, and no resumption: every handshake is a whole one.
    pub(crate) fn new(servers: &Servers) -> Self {
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        roots
            .add(CertificateDer::from_pem_slice(servers.root.as_bytes()).unwrap())
            .unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        let mut for_quic = config.clone();
        for_quic.alpn_protocols = vec![b"h3".to_vec()];
        let for_quic = quinn::crypto::rustls::QuicClientConfig::try_from(for_quic).unwrap();
        Self {
            dns: servers.dns,
            tls: servers.tls,
            http: servers.http,
            quic: servers.quic,
            connector: TlsConnector::from(Arc::new(config)),
            quic_config: quinn::ClientConfig::new(Arc::new(for_quic)),
        }
    }

    pub(crate) async fn dns(&self) {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
        socket.connect(self.dns).await.unwrap();
        let mut id = [0; 2];
        getrandom::fill(&mut id).unwrap();
        let mut query = Message::new(u16::from_ne_bytes(id), MessageType::Query, OpCode::Query);
        query.metadata.recursion_desired = true;
        query.add_query(Query::query(Name::from_ascii(NAME).unwrap(), RecordType::A));
        socket.send(&query.to_vec().unwrap()).await.unwrap();
        let mut buffer = Vec::with_capacity(65_535);
        in_time(socket.recv_buf(&mut buffer)).await;
        let answer = Message::from_vec(&buffer).unwrap();
        assert_eq!(answer.answers.len(), 1);
    }

    pub(crate) async fn tls(&self) {
        let stream = connect(self.tls).await;
        let name = ServerName::try_from(NAME).unwrap();
        in_time(self.connector.connect(name, stream)).await;
    }

    pub(crate) async fn http(&self) {
        let stream = connect(self.http).await;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let request = http::Request::get("/")
            .header("Host", NAME)
            .body(Empty::<Bytes>::new())
            .unwrap();
        let body = in_time(async { sender.send_request(request).await?.into_body().collect().await }).await;
        assert_eq!(body.to_bytes().len(), 10_000);
        connection.abort();
    }

    pub(crate) async fn quic(&self) {
        let socket = Arc::new(one_by_one::Socket::connected(self.quic).await);
        let endpoint = quinn::Endpoint::new_with_abstract_socket(
            EndpointConfig::default(),
            None,
            socket,
            Arc::new(TokioRuntime),
        )
        .unwrap();
        let connecting = endpoint
            .connect_with(self.quic_config.clone(), self.quic, NAME)
            .unwrap();
        // Closed by its end, as ours is; what that takes is the turn's aftermath.
        in_time(connecting).await;
    }
}

async fn connect(endpoint: SocketAddr) -> TcpStream {
    let stream = in_time(TcpStream::connect(endpoint)).await;
    stream.set_nodelay(true).unwrap();
    stream
}

async fn in_time<T, E: std::fmt::Debug>(work: impl Future<Output = Result<T, E>>) -> T {
    tokio::time::timeout(TIMEOUT, work).await.unwrap().unwrap()
}
