//! `dns-lookup@v1`: look a domain up, with getaddrinfo or with the resolver that `resolver_url` names. Observed as
//! `queries`, with whatever it takes to reach the resolver.

use std::net::IpAddr;

use netsonde_guest::resolver::Resolver;
use netsonde_guest::{DnsOptions, Failure, Json, MiniNettest, Steps, export_mini_nettest, json};
use serde::Deserialize;

/// The mini nettest.
pub struct DnsLookup;

/// Its arguments.
#[derive(Deserialize)]
pub struct With {
    domain: String,
    #[serde(default)]
    resolver_url: String,
}

impl MiniNettest for DnsLookup {
    type With = With;

    async fn run(with: With, steps: &Steps) -> Result<Json, Failure> {
        let options = match Resolver::parse(&with.resolver_url)? {
            None => DnsOptions::new(),
            Some(resolver) => resolver.options(&address(&resolver.host, steps).await?),
        };
        let answer = steps.lookup(&with.domain, &options).await?;
        Ok(json!({ "addresses": answer.addresses() }))
    }
}

/// The first address of a resolver. What is an address is not looked up.
async fn address(host: &str, steps: &Steps) -> Result<String, Failure> {
    if host.parse::<IpAddr>().is_ok() {
        return Ok(host.to_owned());
    }
    let answer = steps.lookup(host, &DnsOptions::new()).await?;
    let first = answer.addresses().into_iter().next();
    first.ok_or_else(|| Failure::top_level("dns_no_answer", format!("the resolver {host} has no address")))
}

export_mini_nettest!(DnsLookup);
