//! Listening, and what a connection may do: how many there are, how long they live and how slow they may be.

mod crowd;

pub(crate) use crowd::number;

use axum::Router;
use crowd::Crowd;
use http::Request;
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{io, net::IpAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long a TLS handshake may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// How long the head of a request may take, and how long a connection may wait for the next request.
const HEAD_WITHIN: Duration = Duration::from_secs(15);
/// How long the head of a request may be, in bytes and in headers.
const LONGEST_HEAD: usize = 16 << 10;
const MOST_HEADERS: usize = 100;
/// How long a connection may live. What is under way then may still end.
const LIFETIME: Duration = Duration::from_mins(5);
/// How long what is under way may take to end.
const ENDING: Duration = Duration::from_secs(45);
/// How long to wait before accepting again where that failed: usually there are too many open files.
const AFTER_FAILURE: Duration = Duration::from_millis(200);

/// Why a certificate can not be served.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The files can not be read as PEM.
    #[error("it is not PEM: {0}")]
    Pem(#[from] tokio_rustls::rustls::pki_types::pem::Error),
    /// There is no certificate.
    #[error("it holds no certificate")]
    Empty,
    /// The two do not fit, or one can not be used.
    #[error(transparent)]
    Tls(#[from] tokio_rustls::rustls::Error),
}

/// TLS with a certificate chain, leaf first, and its key, both PEM.
pub fn tls(certificates: &[u8], key: &[u8]) -> Result<TlsAcceptor, IdentityError> {
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(certificates).collect::<Result<_, _>>()?;
    if chain.is_empty() {
        return Err(IdentityError::Empty);
    }
    let key = PrivateKeyDer::from_pem_slice(key)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Who is at the other end of a connection, among the extensions of each request. It has no `Debug`: nobody is to show it.
#[derive(Clone, Copy)]
pub struct Peer(IpAddr);

impl Peer {
    /// The address, for what is forgotten when the request is answered.
    pub(crate) fn address(self) -> IpAddr {
        self.0
    }
}

/// Serves one application on any number of listeners.
#[derive(Clone)]
pub struct Server {
    app: Router,
    tls: Option<TlsAcceptor>,
    connections: Arc<Semaphore>,
    crowd: Option<Arc<Crowd>>,
    stop: CancellationToken,
    running: TaskTracker,
}

impl Server {
    /// A server of `app`, over TLS if there is any, with so many connections at once. More wait to be accepted.
    pub fn new(app: Router, tls: Option<TlsAcceptor>, connections: usize) -> Self {
        Self {
            app,
            tls,
            connections: Arc::new(Semaphore::new(connections)),
            crowd: None,
            stop: CancellationToken::new(),
            running: TaskTracker::new(),
        }
    }

    /// With so many connections of one client at the most. What is more is closed at once.
    #[must_use]
    pub fn with_each(mut self, connections: usize) -> Self {
        self.crowd = Some(Arc::new(Crowd::new(connections)));
        self
    }

    /// Accept connections, in a task of its own.
    pub fn listen(&self, listener: TcpListener) {
        self.running.spawn(self.clone().accept_all(listener));
    }

    /// Accept nothing more, and wait until what is under way has ended, or has taken too long.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.running.close();
        // Each connection has the same time, counted from now on.
        self.running.wait().await;
    }

    async fn accept_all(self, listener: TcpListener) {
        loop {
            let connections = Arc::clone(&self.connections);
            let next = async {
                let place = connections.acquire_owned().await;
                (place, listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                () = self.stop.cancelled() => return,
                next = next => next,
            };
            match accepted {
                Ok((stream, address)) => {
                    let crowd = self.crowd.as_ref();
                    let one = crowd.map(|crowd| crowd.enter(address.ip()));
                    if one.as_ref().is_some_and(Option::is_none) {
                        continue;
                    }
                    let server = self.clone();
                    self.running.spawn(async move {
                        server.serve(stream, Peer(address.ip())).await;
                        drop((place, one));
                    });
                }
                Err(error) => {
                    tracing::warn!("accept a connection: {error}");
                    sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    /// What goes wrong with a connection is its peer's business, and nobody is told who that is.
    async fn serve(&self, stream: TcpStream, peer: Peer) {
        // It works without, somewhat later.
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else {
            return self.speak(stream, peer).await;
        };
        let shaking = timeout(HANDSHAKE_WITHIN, tls.accept(stream));
        let shaken = tokio::select! {
            () = self.stop.cancelled() => return,
            shaken = shaking => shaken,
        };
        if let Ok(Ok(stream)) = shaken {
            self.speak(stream, peer).await;
        }
    }

    async fn speak(&self, io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, peer: Peer) {
        let app = TowerToHyperService::new(self.app.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            app.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .max_buf_size(LONGEST_HEAD)
            .max_headers(MOST_HEADERS)
            .serve_connection(TokioIo::new(io), service);
        let mut connection = pin!(connection);
        let over = async {
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = sleep(LIFETIME) => {}
            }
        };
        let result = tokio::select! {
            result = connection.as_mut() => Ok(result),
            () = over => {
                connection.as_mut().graceful_shutdown();
                timeout(ENDING, connection).await
            }
        };
        if let Ok(Err(error)) = result {
            tracing::trace!("a connection ended: {error}");
        }
    }
}

/// Let this process have so many files open at once, if it may, and say how many it may have.
#[cfg(unix)]
pub fn raise_file_limit(needed: u64) -> io::Result<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let current = current.unwrap_or(u64::MAX);
    if needed <= current {
        return Ok(current);
    }
    let raised = maximum.unwrap_or(u64::MAX).min(needed);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(raised),
            maximum,
        },
    )?;
    Ok(raised)
}

/// Systems other than Unix have no limit that could be raised.
#[cfg(not(unix))]
pub fn raise_file_limit(_needed: u64) -> io::Result<u64> {
    Ok(u64::MAX)
}
