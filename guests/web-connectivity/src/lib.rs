//! `web_connectivity` 0.5.28: can a website be reached, and if not, at which step is it held up?
//!
//! `run` looks the host up in several ways, connects to every address, fetches over one of the connections, follows
//! redirects, and asks a test helper for what an uncensored network sees (`measure`). `reduce` (`analysis`) says what
//! the observations mean, and nothing else: it gives the same keys for the measurement of any probe.

mod addresses;
mod analysis;
mod control;
mod cookies;
mod flow;
mod input;
mod kept;
mod lookups;
mod measure;
mod reply;
mod selector;
mod transactions;

use netsonde_guest::{Failure, Json, Map, Nettest, Target, export_nettest, info, json};
use serde::Deserialize;

use crate::measure::Measurement;

/// What stands for a resolver that is not known, also in the envelope.
const UNKNOWN_RESOLVER: &str = "127.0.0.2";

/// The nettest.
pub struct WebConnectivity;

/// The options, as `nettest.toml` declares them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Options {
    #[serde(rename = "DNSOverUDPResolver")]
    dns_over_udp_resolver: String,
}

impl Options {
    /// The resolver to ask over UDP.
    fn udp_resolver(&self) -> Result<String, Failure> {
        match self.dns_over_udp_resolver.as_str() {
            "" => Ok(lookups::choose(&lookups::UDP_RESOLVERS).to_owned()),
            endpoint if endpoint.parse::<std::net::SocketAddr>().is_ok() => Ok(endpoint.to_owned()),
            other => Err(Failure::top_level(
                "invalid_argument",
                format!(
                    "the option DNSOverUDPResolver: `{other}` is no address with a port, such as 8.8.8.8:53"
                ),
            )),
        }
    }
}

impl Nettest for WebConnectivity {
    type Options = Options;

    async fn run(target: Target<Options>) -> Result<Map<String, Json>, Failure> {
        let url = input::url(target.input.as_deref().unwrap_or_default())?;
        let measurement = Measurement::new(target.options.udp_resolver()?);
        let mut keys = measurement.run(&url).await;
        let resolver = info::resolver_address().unwrap_or_else(|| UNKNOWN_RESOLVER.to_owned());
        keys.extend([
            ("agent".to_owned(), json!("redirect")),
            ("client_resolver".to_owned(), json!(resolver)),
            ("retries".to_owned(), Json::Null),
            ("socksproxy".to_owned(), Json::Null),
        ]);
        Ok(keys)
    }

    fn reduce(test_keys: &Map<String, Json>) -> Result<Map<String, Json>, Failure> {
        analysis::keys(test_keys)
    }
}

export_nettest!(WebConnectivity);
