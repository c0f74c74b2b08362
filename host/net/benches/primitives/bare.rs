//! The same operations with the bare libraries, as one would use them who observes nothing.

use crate::servers::{NAME, Servers};
use bytes::Bytes;
use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore, client::Resumption, crypto::aws_lc_rs};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;

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
        let mut query = Message::new(1, MessageType::Query, OpCode::Query);
        query.metadata.recursion_desired = true;
        query.add_query(Query::query(Name::from_ascii(NAME).unwrap(), RecordType::A));
        socket.send(&query.to_vec().unwrap()).await.unwrap();
        let mut buffer = vec![0; 65_535];
        let count = socket.recv(&mut buffer).await.unwrap();
        let answer = Message::from_vec(buffer.get(..count).unwrap()).unwrap();
        assert_eq!(answer.answers.len(), 1);
    }

    pub(crate) async fn tls(&self) {
        let stream = TcpStream::connect(self.tls).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let name = ServerName::try_from(NAME).unwrap();
        self.connector.connect(name, stream).await.unwrap();
    }

    pub(crate) async fn http(&self) {
        let stream = TcpStream::connect(self.http).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let request = http::Request::get("/")
            .header("Host", NAME)
            .body(Empty::<Bytes>::new())
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(
            response.into_body().collect().await.unwrap().to_bytes().len(),
            10_000
        );
        connection.abort();
    }

    pub(crate) async fn quic(&self) {
        let endpoint = quinn::Endpoint::client((Ipv4Addr::UNSPECIFIED, 0).into()).unwrap();
        let connecting = endpoint
            .connect_with(self.quic_config.clone(), self.quic, NAME)
            .unwrap();
        let connection = connecting.await.unwrap();
        connection.close(0_u32.into(), b"");
        endpoint.wait_idle().await;
    }
}
