//! `dns-lookup@v1`: look a domain up with getaddrinfo. Observed as `queries`.

use netsonde_guest::{DnsOptions, Failure, Json, MiniNettest, Steps, dns, export_mini_nettest, json};
use serde::Deserialize;

/// The mini nettest.
pub struct DnsLookup;

/// Its arguments.
#[derive(Deserialize)]
pub struct With {
    domain: String,
}

impl MiniNettest for DnsLookup {
    type With = With;

    async fn run(with: With, steps: &Steps) -> Result<Json, Failure> {
        let answer = dns::lookup(&steps.begin(), with.domain, &DnsOptions::new()).await?;
        Ok(json!({ "addresses": answer.addresses() }))
    }
}

export_mini_nettest!(DnsLookup);
