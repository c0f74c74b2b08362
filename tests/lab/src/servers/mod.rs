//! What answers in the world namespace: resolvers and web servers on the hosts' own addresses.
//!
//! `dns` holds the names, `records` the records among them, `sites` knows what to answer on the web and `content` makes
//! it, `web` serves it, `quic` the same and names over QUIC, `forward` passes connections on,
//! `stun` and `header_echo` tell clients about themselves, `old_tls` speaks TLS 1.0 and 1.1, `echo` sends back what comes, `pki` makes certificates. All of it runs on one thread; a
//! host whose ports nobody listens to refuses connections by itself.

mod content;
pub(crate) mod dns;
mod echo;
mod forward;
mod header_echo;
#[cfg(feature = "boringssl")]
mod old_tls;
pub(crate) mod pki;
pub(crate) mod quic;
mod records;
pub(crate) mod sites;
pub(crate) mod stun;
pub(crate) mod web;

use crate::ech::{Ech, EchError};
use crate::scenario::{Host, Scenario};
use dns::Zone;
use pki::Pki;
use sites::Sites;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, UdpSocket};

/// Why a server cannot serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("listen on {endpoint} in the lab: {source}")]
    Listen { endpoint: SocketAddr, source: io::Error },
    #[error("make a certificate for {host}: {source}")]
    Certificate { host: String, source: pki::PkiError },
    #[error("make an ECH key for {host}: {source}")]
    Ech { host: String, source: EchError },
    #[cfg(not(feature = "boringssl"))]
    #[error("{host}: this lab does not speak TLS 1.0 and 1.1; build it with the feature `boringssl`")]
    NoOldTls { host: String },
}

/// The servers with Encrypted Client Hello, by the names of their hosts.
pub(crate) type EchServers = BTreeMap<String, Arc<Ech>>;

/// Starts every server of a scenario on the current runtime. When this returns, all of them listen.
pub(crate) async fn start(scenario: &Scenario, pki: &Pki) -> Result<(), ServeError> {
    let ech = ech_servers(scenario)?;
    let truth = Arc::new(Zone::truth(scenario, &ech));
    let resolver = SocketAddr::new(scenario.resolver.address, 53);
    serve_dns(
        resolver,
        Arc::new(Zone::clone(&truth).with(&scenario.resolver.lies)),
    )
    .await?;
    serve_names(scenario, pki, &truth).await?;
    serve_web(scenario, pki, &ech, &truth).await?;
    for endpoint in by_endpoint(scenario, |host| &host.forward).into_keys() {
        tokio::spawn(forward::serve(listen(endpoint).await?, Arc::clone(&truth)));
    }
    for endpoint in by_endpoint(scenario, |host| &host.header_echo).into_keys() {
        tokio::spawn(header_echo::serve(listen(endpoint).await?));
    }
    for endpoint in by_endpoint(scenario, |host| &host.echo).into_keys() {
        tokio::spawn(echo::serve_udp(bind(endpoint).await?));
        tokio::spawn(echo::serve_tcp(listen(endpoint).await?));
    }
    for endpoint in by_endpoint(scenario, |host| &host.stun).into_keys() {
        tokio::spawn(stun::serve(bind(endpoint).await?));
    }
    for endpoint in by_endpoint(scenario, |host| &host.quic_negotiating).into_keys() {
        tokio::spawn(quic::serve_negotiation(bind(endpoint).await?));
    }
    Ok(())
}

fn ech_servers(scenario: &Scenario) -> Result<EchServers, ServeError> {
    let mut servers = EchServers::new();
    for host in &scenario.hosts {
        if let Some(ech) = &host.ech {
            let server = Ech::new(ech.mode, &ech.public_name).map_err(|source| ServeError::Ech {
                host: host.name.clone(),
                source,
            })?;
            servers.insert(host.name.clone(), Arc::new(server));
        }
    }
    Ok(servers)
}

async fn serve_names(scenario: &Scenario, pki: &Pki, truth: &Arc<Zone>) -> Result<(), ServeError> {
    for endpoint in by_endpoint(scenario, |host| &host.dns).into_keys() {
        serve_dns(endpoint, Arc::clone(truth)).await?;
    }
    for (endpoint, hosts) in by_endpoint(scenario, |host| &host.dot) {
        let tls = pki.dot(&hosts)?;
        tokio::spawn(dns::serve_tls(listen(endpoint).await?, tls, Arc::clone(truth)));
    }
    for (endpoint, hosts) in by_endpoint(scenario, |host| &host.doq) {
        let listening = listen_quic(endpoint, pki.quic(&hosts, "doq", None)?)?;
        tokio::spawn(quic::serve_doq(listening, Arc::clone(truth)));
    }
    Ok(())
}

async fn serve_web(
    scenario: &Scenario,
    pki: &Pki,
    ech: &EchServers,
    truth: &Arc<Zone>,
) -> Result<(), ServeError> {
    for (endpoint, hosts) in by_endpoint(scenario, |host| &host.http) {
        let sites = Sites::new(&hosts, &scenario.pages, Arc::clone(truth));
        tokio::spawn(web::serve_http(listen(endpoint).await?, Arc::new(sites)));
    }
    for (endpoint, hosts) in by_endpoint(scenario, |host| &host.https) {
        let tls = pki.server(&hosts)?;
        // The scenario's check lets only one host of an endpoint have it.
        let ech = hosts.iter().find_map(|host| ech.get(&host.name).cloned());
        let sites = Sites::new(&hosts, &scenario.pages, Arc::clone(truth)).announcing_http3(&hosts);
        tokio::spawn(web::serve_https(
            listen(endpoint).await?,
            tls,
            ech,
            Arc::new(sites),
        ));
    }
    for (endpoint, hosts) in by_endpoint(scenario, |host| &host.old_https) {
        // Such a server does not look at names: it is its first host's.
        if let Some(host) = hosts.first() {
            serve_old_tls(
                endpoint,
                host,
                pki,
                Sites::new(&[host], &scenario.pages, Arc::clone(truth)),
            )
            .await?;
        }
    }
    for (endpoint, hosts) in by_endpoint(scenario, |host| &host.http3) {
        let ech = hosts.iter().find_map(|host| ech.get(&host.name).cloned());
        let listening = listen_quic(endpoint, pki.quic(&hosts, "h3", ech)?)?;
        let sites = Sites::new(&hosts, &scenario.pages, Arc::clone(truth));
        tokio::spawn(quic::serve_http3(listening, Arc::new(sites)));
    }
    Ok(())
}

#[cfg(feature = "boringssl")]
async fn serve_old_tls(endpoint: SocketAddr, host: &Host, pki: &Pki, sites: Sites) -> Result<(), ServeError> {
    let context = pki.old_tls(host)?;
    tokio::spawn(old_tls::serve(listen(endpoint).await?, context, Arc::new(sites)));
    Ok(())
}

#[cfg(not(feature = "boringssl"))]
#[expect(clippy::unused_async, reason = "with the feature it listens")]
async fn serve_old_tls(_: SocketAddr, host: &Host, _: &Pki, _: Sites) -> Result<(), ServeError> {
    Err(ServeError::NoOldTls {
        host: host.name.clone(),
    })
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
    let socket = bind(endpoint).await?;
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

async fn bind(endpoint: SocketAddr) -> Result<UdpSocket, ServeError> {
    UdpSocket::bind(endpoint)
        .await
        .map_err(|source| ServeError::Listen { endpoint, source })
}

fn listen_quic(endpoint: SocketAddr, config: quinn::ServerConfig) -> Result<quinn::Endpoint, ServeError> {
    quinn::Endpoint::server(config, endpoint).map_err(|source| ServeError::Listen { endpoint, source })
}
