//! The lookups of one question: no name is asked for twice.

use super::resolver::Resolver;
use netsonde_data::FailureCode;
use std::{collections::HashMap, net::IpAddr, sync::Arc};
use tokio::sync::{Mutex, OnceCell};
use url::Host;

type Found = Result<Vec<IpAddr>, FailureCode>;

/// The lookups of one question.
pub(super) struct Names<'a> {
    resolver: &'a Resolver,
    known: Mutex<HashMap<String, Arc<OnceCell<Found>>>>,
}

impl<'a> Names<'a> {
    pub(super) fn new(resolver: &'a Resolver) -> Self {
        Self {
            resolver,
            known: Mutex::default(),
        }
    }

    /// The addresses of a host. An address is its own.
    pub(super) async fn of(&self, host: &Host<&str>) -> Found {
        let name = match host {
            Host::Ipv4(address) => return Ok(vec![(*address).into()]),
            Host::Ipv6(address) => return Ok(vec![IpAddr::V6(*address).to_canonical()]),
            Host::Domain(name) => (*name).to_owned(),
        };
        let lookup = Arc::clone(self.known.lock().await.entry(name.clone()).or_default());
        let found = lookup.get_or_init(|| self.resolver.look_up(&name));
        found.await.clone()
    }
}
