//! What answers in the world namespace: resolvers and web servers on the hosts' own addresses.
//!
//! `dns` holds the names, `web` serves pages, `pki` makes certificates. All of it runs on one thread; a host whose
//! ports nobody listens to refuses connections by itself.

pub(crate) mod dns;
pub(crate) mod pki;
pub(crate) mod web;

use crate::scenario::{Host, Scenario};
use dns::Zone;
use pki::Pki;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, UdpSocket};
use web::Sites;

/// Why a server cannot serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("listen on {endpoint} in the lab: {source}")]
    Listen { endpoint: SocketAddr, source: io::Error },
    #[error("make a certificate for {host}: {source}")]
    Certificate { host: String, source: pki::PkiError },
}

/// Starts every server of a scenario on the current runtime. When this returns, all of them listen.
pub(crate) async fn start(scenario: &Scenario, pki: &Pki) -> Result<(), ServeError> {
    let truth = Arc::new(Zone::truth(scenario));
    let resolver = SocketAddr::new(scenario.resolver.address, 53);
    serve_dns(
        resolver,
        Arc::new(Zone::with_lies(&truth, &scenario.resolver.lies)),
    )
    .await?;
    for endpoint in by_endpoint(scenario, |host| &host.dns).into_keys() {
        serve_dns(endpoint, Arc::clone(&truth)).await?;
    }
    for (endpoint, hosts) in by_endpoint(scenario, |host| &host.http) {
        let listener = listen(endpoint).await?;
        tokio::spawn(web::serve_http(listener, Arc::new(Sites::new(&hosts))));
    }
    for (endpoint, hosts) in by_endpoint(scenario, |host| &host.https) {
        let tls = pki.server(&hosts)?;
        let listener = listen(endpoint).await?;
        tokio::spawn(web::serve_https(
            listener,
            tls,
            None,
            Arc::new(Sites::new(&hosts)),
        ));
    }
    Ok(())
}

/// The hosts behind each endpoint of one service, in the scenario's order.
fn by_endpoint(scenario: &Scenario, ports: impl Fn(&Host) -> &Vec<u16>) -> BTreeMap<SocketAddr, Vec<&Host>> {
    let mut endpoints: BTreeMap<SocketAddr, Vec<&Host>> = BTreeMap::new();
    for host in &scenario.hosts {
        for address in &host.addresses {
            for port in ports(host) {
                endpoints
                    .entry(SocketAddr::new(*address, *port))
                    .or_default()
                    .push(host);
            }
        }
    }
    endpoints
}

async fn serve_dns(endpoint: SocketAddr, zone: Arc<Zone>) -> Result<(), ServeError> {
    let socket = UdpSocket::bind(endpoint)
        .await
        .map_err(|source| ServeError::Listen { endpoint, source })?;
    let listener = listen(endpoint).await?;
    tokio::spawn(dns::serve_udp(socket, Arc::clone(&zone)));
    tokio::spawn(dns::serve_tcp(listener, zone));
    Ok(())
}

async fn listen(endpoint: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(endpoint)
        .await
        .map_err(|source| ServeError::Listen { endpoint, source })
}
