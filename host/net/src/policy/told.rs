//! What a test helper says about a name is as good as an answer to a lookup of it.

use super::named;
use crate::Net;
use serde_json::Value;
use std::net::{IpAddr, SocketAddr};
use url::Url;

impl Net {
    /// A test helper replied. If everything that the request asks about may be gone to anyway, then the addresses in
    /// the reply are as if a lookup of the names had answered them. A guest that asks about other names learns what the
    /// helper says, and goes nowhere.
    pub fn told(&self, request: &Value, reply: &Value) {
        let mut asked = Asked::default();
        texts(request, &mut |text| asked.add(text));
        let known = asked.names.iter().all(|name| self.policed().has_name(name))
            && asked
                .addresses
                .iter()
                .all(|address| self.policed().has_address(*address));
        if !known {
            return;
        }
        let mut addresses = Vec::new();
        texts(reply, &mut |text| addresses.extend(text.parse::<IpAddr>().ok()));
        for name in &asked.names {
            self.policed().told(name, &addresses);
        }
    }
}

/// What a request asks about.
#[derive(Default)]
struct Asked {
    names: Vec<String>,
    addresses: Vec<IpAddr>,
}

impl Asked {
    /// A URL, an endpoint, an address, or nothing of the kind.
    fn add(&mut self, text: &str) {
        let host = match (Url::parse(text), text.parse::<SocketAddr>()) {
            (_, Ok(endpoint)) => endpoint.ip().to_string(),
            (Ok(url), _) if url.has_host() => url.host_str().unwrap_or_default().to_owned(),
            _ => text.to_owned(),
        };
        match named::parse(&host) {
            Some(named::Place::Address(address)) => self.addresses.push(address),
            Some(named::Place::Name(name)) if name.contains('.') => self.names.push(name),
            _ => {}
        }
    }
}

/// Every text in a document, and every name of a member.
fn texts(value: &Value, found: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => found(text),
        Value::Array(list) => list.iter().for_each(|value| texts(value, found)),
        Value::Object(map) => {
            for (name, value) in map {
                found(name);
                texts(value, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Budget, Class, Clock, Destinations, Meter, Named, NetConfig, Rules, Trace, Transport};
    use serde_json::json;
    use std::sync::Arc;

    /// A measurement of `http://example.com/`.
    fn net() -> Net {
        let mut targets = Named::default();
        targets.add_text("http://example.com/");
        let config = NetConfig {
            destinations: Destinations::Ruled(Box::new(Rules {
                classes: [Class::Targets, Class::Derived].into(),
                targets,
                ..Rules::default()
            })),
            ..NetConfig::default()
        };
        let meter = Arc::new(Meter::new(Budget::default()));
        Net::new(&config, Trace::new(Clock::start()), meter).unwrap()
    }

    fn may_go(net: &Net, to: &str) -> bool {
        let rules = net.policed().rules().unwrap();
        net.policed()
            .judge(rules, Transport::Tcp, to.parse().unwrap())
            .is_ok()
    }

    fn reply(address: &str) -> Value {
        json!({ "dns": { "failure": null, "addrs": [address] }, "ip_info": { address: { "asn": 0 } } })
    }

    #[test]
    fn what_a_helper_says_about_the_target_may_be_gone_to() {
        let net = net();
        let request = json!({
            "http_request": "http://example.com/",
            "http_request_headers": { "Accept": ["text/html,*/*;q=0.8"], "User-Agent": ["Mozilla/5.0 (X11)"] },
            "tcp_connect": [],
        });
        assert!(!may_go(&net, "93.184.216.34:443"));
        net.told(&request, &reply("93.184.216.34"));
        assert!(may_go(&net, "93.184.216.34:443"));
        net.told(&request, &reply("10.0.0.1"));
        assert!(!may_go(&net, "10.0.0.1:443"));
    }

    #[test]
    fn what_it_says_about_anything_else_may_not() {
        for about in [
            "http://evil.example/",
            "evil.example",
            "198.41.0.4:53",
            "198.41.0.4",
        ] {
            let net = net();
            let request = json!({ "http_request": "http://example.com/", "more": [about] });
            net.told(&request, &reply("93.184.216.34"));
            assert!(!may_go(&net, "93.184.216.34:443"), "{about}");
        }
    }
}
