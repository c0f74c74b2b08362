//! Steps that look names up.

use netsonde_guest::{DnsOptions, Failure, Json, dns, info, json};
use serde::Deserialize;

use crate::Walk;

/// `{"do": "lookup", "domain": "example.org"}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lookup {
    domain: String,
    /// With a resolver's endpoint.
    udp: Option<String>,
    tcp: Option<String>,
    /// With a resolver's endpoint and its name or URL.
    dot: Option<(String, String)>,
    doh: Option<(String, String)>,
    doh3: Option<(String, String)>,
    doq: Option<(String, String)>,
    types: Option<Vec<String>>,
    timeout_ms: Option<u32>,
    collect_ms: Option<u32>,
}

impl Lookup {
    fn options(&self) -> DnsOptions {
        let options = DnsOptions::new();
        if let Some(resolver) = &self.udp {
            options.udp_resolver(resolver);
        }
        if let Some(resolver) = &self.tcp {
            options.tcp_resolver(resolver);
        }
        if let Some((endpoint, name)) = &self.dot {
            options.dot_resolver(endpoint, name);
        }
        if let Some((endpoint, url)) = &self.doh {
            options.doh_resolver(endpoint, url);
        }
        if let Some((endpoint, url)) = &self.doh3 {
            options.doh3_resolver(endpoint, url);
        }
        if let Some((endpoint, name)) = &self.doq {
            options.doq_resolver(endpoint, name);
        }
        if let Some(types) = &self.types {
            options.query_types(types);
        }
        if let Some(timeout) = self.timeout_ms {
            options.timeout_ms(timeout);
        }
        if let Some(collect) = self.collect_ms {
            options.collect_ms(collect);
        }
        options
    }

    pub(crate) async fn take(&self, walk: &Walk) -> Result<Json, Failure> {
        let answer = dns::lookup(&walk.transaction, self.domain.clone(), &self.options()).await?;
        let replies = answer.replies().into_iter().map(|reply| {
            for service in reply.services() {
                if !service.ech.is_empty() {
                    *walk.ech_of_dns.borrow_mut() = Some(service.ech);
                }
            }
            json!({
                "type": reply.query_type(),
                "rcode": reply.rcode(),
                "is_late": reply.is_late(),
                "data": reply.records().into_iter().map(|record| record.data).collect::<Vec<_>>(),
            })
        });
        let replies: Vec<Json> = replies.collect();
        Ok(json!({ "addresses": answer.addresses(), "cname": answer.cname(), "replies": replies }))
    }
}

/// `{"do": "whose", "address": "192.0.2.1"}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whose {
    address: String,
}

impl Whose {
    pub(crate) fn take(&self) -> Json {
        let owner = info::ip_to_asn(&self.address);
        json!({
            "owner": owner.map(|owner| json!([owner.number, owner.organization, owner.country])),
            "resolver_address": info::resolver_address(),
            "configured_resolvers": info::configured_resolvers(),
        })
    }
}
