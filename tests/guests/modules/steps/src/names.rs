//! Steps that look names up.

use netsonde_guest::{DnsOptions, Failure, Json, dns, json};
use serde::Deserialize;

use crate::Walk;

/// `{"do": "lookup", "domain": "example.org"}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lookup {
    domain: String,
    udp: Option<String>,
    types: Option<Vec<String>>,
}

impl Lookup {
    pub(crate) async fn take(&self, walk: &Walk) -> Result<Json, Failure> {
        let options = DnsOptions::new();
        if let Some(resolver) = &self.udp {
            options.udp_resolver(resolver);
        }
        if let Some(types) = &self.types {
            options.query_types(types);
        }
        let answer = dns::lookup(&walk.transaction, self.domain.clone(), &options).await?;
        Ok(json!({ "addresses": answer.addresses(), "cname": answer.cname() }))
    }
}
