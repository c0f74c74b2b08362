//! A web server with Encrypted Client Hello on loopback, over TLS and over QUIC, for tests that need no world around it.

use super::{Ech, EchMode};
use crate::scenario::Host;
use crate::servers::pki::Pki;
use crate::servers::quic::serve_http3;
use crate::servers::{sites::Sites, web};
use quinn::{Endpoint, EndpointConfig, TokioRuntime};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// A web server on loopback, on a thread of its own. It ends when it is dropped.
///
/// It has a certificate for its private and one for its public name, both from [`EchServer::ca_pem`]. Its page for
/// `/cdn-cgi/trace` says, as that of a large provider does, `sni=encrypted`, `sni=plaintext` or `sni=off`.
pub struct EchServer {
    address: SocketAddr,
    ca_pem: String,
    config_list: Vec<u8>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl EchServer {
    /// Starts a server for a private name behind a public one; when this returns, it listens.
    pub fn start(mode: EchMode, name: &str, public_name: &str) -> io::Result<Self> {
        let host = |name: &str| Host {
            name: name.to_owned(),
            ..Host::default()
        };
        let hosts = [host(name), host(public_name)];
        let hosts: Vec<&Host> = hosts.iter().collect();
        let pki = Pki::new().map_err(io::Error::other)?;
        let tls = pki.server(&hosts).map_err(io::Error::other)?;
        let ech = Ech::new(mode, public_name).map_err(io::Error::other)?;
        let config_list = ech.published().to_vec();
        let sites = Arc::new(Sites::new(&hosts, &BTreeMap::new(), Arc::default()));
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let datagrams = std::net::UdpSocket::bind(address)?;
        let ech = Arc::new(ech);
        let quic = pki
            .quic(&hosts, "h3", Some(Arc::clone(&ech)))
            .map_err(io::Error::other)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new()
            .name("lab-ech-server".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
                        return;
                    };
                    let endpoint = Endpoint::new(
                        EndpointConfig::default(),
                        Some(quic),
                        datagrams,
                        Arc::new(TokioRuntime),
                    );
                    let Ok(endpoint) = endpoint else {
                        return;
                    };
                    tokio::spawn(serve_http3(endpoint, Arc::clone(&sites)));
                    tokio::spawn(web::serve_https(listener, tls, Some(ech), sites));
                    // The sender never sends: this is its end.
                    let _ = stopped.await;
                });
            })?;
        Ok(Self {
            address,
            ca_pem: pki.trusted_pem().to_owned(),
            config_list,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens, on TCP and on UDP.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of the authority that signed its certificates.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The `ECHConfigList` that an HTTPS record would publish for it, whatever it makes of it.
    pub fn config_list(&self) -> &[u8] {
        &self.config_list
    }
}

impl Drop for EchServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
