//! Lookups of measured names, all by one resolver over HTTPS: what this machine's own resolver says is of no interest.

use crate::test_helper::config::Config;
use netsonde_data::FailureCode;
use netsonde_net::{
    Budget, Clock, Destinations, Meter, Net, NetConfig, RootsError, Trace,
    dns::{Answer, LookupOptions, Resolver as Asked},
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use url::{Host, Url};

/// How long a lookup may take, finding the resolver included.
pub(super) const WITHIN: Duration = Duration::from_secs(4);

/// The resolver.
#[derive(Debug)]
pub(super) struct Resolver {
    url: Url,
    config: NetConfig,
    /// Where it is, the place that answered last in front; empty where that is to be found out.
    endpoints: Mutex<Vec<SocketAddr>>,
}

impl Resolver {
    /// The operator says who is asked, so it may be anywhere.
    pub(super) fn new(config: &Config) -> Self {
        let network = NetConfig {
            extra_roots_pem: config.roots_pem.clone(),
            destinations: Destinations::Unrestricted,
            ..NetConfig::default()
        };
        Self {
            url: config.resolver.clone(),
            config: network,
            endpoints: Mutex::default(),
        }
    }

    /// Find out where the resolver is. The system is asked for its name.
    pub(super) async fn find(&self, within: Duration) -> Result<Vec<SocketAddr>, FailureCode> {
        let port = self.url.port_or_known_default().unwrap_or(443);
        let addresses = match self.url.host() {
            Some(Host::Ipv4(address)) => vec![IpAddr::V4(address)],
            Some(Host::Ipv6(address)) => vec![IpAddr::V6(address)],
            Some(Host::Domain(name)) => {
                let options = LookupOptions {
                    timeout: Some(within),
                    ..LookupOptions::default()
                };
                self.ask(name, options).await?.addresses
            }
            None => Vec::new(),
        };
        let found: Vec<_> = addresses
            .into_iter()
            .map(|address| SocketAddr::new(address, port))
            .collect();
        self.known().clone_from(&found);
        Ok(found)
    }

    /// The addresses of a name.
    pub(super) async fn look_up(&self, name: &str) -> Result<Vec<IpAddr>, FailureCode> {
        let deadline = Instant::now() + WITHIN;
        let left = || deadline.saturating_duration_since(Instant::now());
        let mut endpoints = self.known().clone();
        if endpoints.is_empty() {
            endpoints = self.find(left()).await?;
        }
        let mut why = FailureCode::DNS_TEMPORARY_FAILURE;
        let last = endpoints.len().saturating_sub(1);
        for (position, endpoint) in endpoints.into_iter().enumerate() {
            let within = if position < last { left() / 2 } else { left() };
            let options = LookupOptions {
                resolver: Asked::Doh {
                    endpoint,
                    url: self.url.to_string(),
                },
                timeout: Some(within),
                ..LookupOptions::default()
            };
            let answer = self.ask(name, options).await?;
            let Some(failure) = answer.failure else {
                self.prefer(endpoint);
                return Ok(answer.addresses);
            };
            why = failure.code;
            if answer.replies.iter().any(|reply| reply.response.is_some()) {
                self.prefer(endpoint);
                return Err(why);
            }
        }
        // It does not answer where it was. The next lookup finds out where it is now.
        tracing::warn!("the resolver {} does not answer: {why}", self.url);
        self.known().clear();
        Err(why)
    }

    async fn ask(&self, name: &str, options: LookupOptions) -> Result<Answer, FailureCode> {
        let trace = Trace::forgetful(Clock::start());
        let net = Net::new(&self.config, trace, Arc::new(Meter::new(Budget::default())))
            .map_err(|error: RootsError| FailureCode::unknown(error.to_string()))?;
        let tx = net.trace().begin(Vec::new(), None);
        let is_system = options.resolver == Asked::System;
        let answer = net.ask(&tx, name, options).await.map_err(|error| error.code())?;
        match answer.failure {
            Some(failure) if is_system => Err(failure.code),
            _ => Ok(answer),
        }
    }

    fn prefer(&self, endpoint: SocketAddr) {
        let mut endpoints = self.known();
        if let Some(position) = endpoints.iter().position(|known| *known == endpoint) {
            endpoints.swap(0, position);
        }
    }

    fn known(&self) -> MutexGuard<'_, Vec<SocketAddr>> {
        self.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
