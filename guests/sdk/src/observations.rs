//! Observations as `reduce` functions read them, and what several of them say together.
//!
//! Only what the reducers need is here. All dialects of OONI's formats can be read: a list may be null, tags and
//! transaction ids may be missing, and in measurements of the first years a failure that is none is `false`.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::failure::is_unknown;

/// The key under which a nettest says which of its mini nettests failed.
pub(crate) const FAILED_MINIS: &str = "x_failed_mini_nettests";

/// The observations among some test keys.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Observations {
    /// Lookups.
    #[serde(deserialize_with = "nullable")]
    pub queries: Vec<Query>,
    /// TCP connections.
    #[serde(deserialize_with = "nullable")]
    pub tcp_connect: Vec<TcpConnect>,
    /// TLS handshakes.
    #[serde(deserialize_with = "nullable")]
    pub tls_handshakes: Vec<TlsHandshake>,
    /// HTTP transactions.
    #[serde(deserialize_with = "nullable")]
    pub requests: Vec<Request>,
    /// What became of mini nettests that failed, as the nettest that ran them says.
    #[serde(deserialize_with = "nullable")]
    pub x_failed_mini_nettests: Vec<FailedMini>,
}

/// One of the `queries`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Query {
    /// The domain.
    pub hostname: String,
    /// What was asked for: `A`, `AAAA`; `ANY` of getaddrinfo.
    pub query_type: String,
    /// What it resolved to.
    #[serde(deserialize_with = "nullable")]
    pub answers: Vec<Answer>,
    /// Why it failed, or none.
    #[serde(deserialize_with = "failure")]
    pub failure: Option<String>,
    /// The transaction's tags.
    #[serde(deserialize_with = "nullable")]
    pub tags: Vec<String>,
    /// The transaction.
    pub transaction_id: Option<u64>,
}

/// One answer of a query.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Answer {
    /// The address of an A record.
    pub ipv4: Option<String>,
    /// The address of an AAAA record.
    pub ipv6: Option<String>,
    /// The autonomous system of the address, where the probe knew it.
    pub asn: Option<u32>,
}

impl Answer {
    /// The address, where it is one.
    pub fn address(&self) -> Option<&str> {
        self.ipv4.as_deref().or(self.ipv6.as_deref())
    }
}

/// One of the `tcp_connect`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TcpConnect {
    /// The address.
    pub ip: String,
    /// The port.
    pub port: u16,
    /// How it went.
    pub status: TcpStatus,
    /// The transaction's tags.
    #[serde(deserialize_with = "nullable")]
    pub tags: Vec<String>,
    /// The transaction.
    pub transaction_id: Option<u64>,
}

/// How a TCP connection went.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TcpStatus {
    /// Why it failed, or none.
    #[serde(deserialize_with = "failure")]
    pub failure: Option<String>,
}

/// One of the `tls_handshakes`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TlsHandshake {
    /// The server name that was sent.
    pub server_name: String,
    /// The address with the port.
    pub address: String,
    /// Why it failed, or none.
    #[serde(deserialize_with = "failure")]
    pub failure: Option<String>,
    /// The transaction's tags.
    #[serde(deserialize_with = "nullable")]
    pub tags: Vec<String>,
    /// The transaction.
    pub transaction_id: Option<u64>,
}

/// One of the `requests`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Request {
    /// Why it failed, or none.
    #[serde(deserialize_with = "failure")]
    pub failure: Option<String>,
    /// What was asked.
    pub request: RequestHead,
    /// The transaction's tags.
    #[serde(deserialize_with = "nullable")]
    pub tags: Vec<String>,
    /// The transaction.
    pub transaction_id: Option<u64>,
}

/// What an HTTP transaction asked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RequestHead {
    /// The URL.
    pub url: String,
}

/// One of the `x_failed_mini_nettests`. Not all failures can be observed: that of a mini nettest that broke, for instance.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct FailedMini {
    /// What it was to reach: `host:port`, or a host.
    pub target: String,
    /// The tags of its observations.
    #[serde(deserialize_with = "nullable")]
    pub tags: Vec<String>,
    /// Why it failed.
    pub failure: String,
    /// At which operation.
    pub failed_operation: String,
}

impl Observations {
    /// Read them.
    pub fn of(test_keys: &Map<String, Value>) -> Result<Self, serde_json::Error> {
        let kinds = [
            "queries",
            "tcp_connect",
            "tls_handshakes",
            "requests",
            FAILED_MINIS,
        ];
        let observed = test_keys.iter().filter(|(key, _)| kinds.contains(&key.as_str()));
        serde_json::from_value(observed.map(|(key, list)| (key.clone(), list.clone())).collect())
    }
}

impl Query {
    /// The addresses that it resolved to.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.answers.iter().filter_map(Answer::address)
    }
}

/// What became of one step of several attempts at the same thing: the lookups of a domain, the connections to its
/// addresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step<'a> {
    /// Nothing got that far.
    Untried,
    /// At least one attempt succeeded.
    Succeeded,
    /// All attempts failed: the first failure that is not unknown, otherwise the first.
    Failed(&'a str),
}

impl<'a> Step<'a> {
    /// From the `failure` of each attempt.
    pub fn of(attempts: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let mut step = Self::Untried;
        for failure in attempts {
            step = match (step, failure) {
                (_, None) => return Self::Succeeded,
                (Self::Failed(known), Some(_)) if !is_unknown(known) => step,
                (Self::Failed(_), Some(failure)) if is_unknown(failure) => step,
                (_, Some(failure)) => Self::Failed(failure),
            };
        }
        step
    }
}

/// What stands there, or the default where it is null.
fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A failure string; anything else is none.
fn failure<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(failure) => Some(failure),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(test_keys: &str) -> Observations {
        Observations::of(&serde_json::from_str(test_keys).unwrap()).unwrap()
    }

    #[test]
    fn null_lists_and_missing_lists_are_empty() {
        let observed =
            read(r#"{"queries": null, "agent": "redirect", "requests": [{"tags": null, "failure": null}]}"#);
        assert!(observed.queries.is_empty() && observed.tcp_connect.is_empty());
        assert_eq!(observed.requests.first().unwrap().failure, None);
    }

    #[test]
    fn a_failure_that_is_none_was_false_in_the_first_years() {
        let observed = read(
            r#"{"tcp_connect": [{"ip": "192.0.2.1", "port": 443, "status": {"failure": false, "success": true}},
                                {"ip": "192.0.2.2", "port": 443, "status": {"failure": "connection_refused"}}]}"#,
        );
        let failures: Vec<_> = observed
            .tcp_connect
            .iter()
            .map(|seen| seen.status.failure.as_deref())
            .collect();
        assert_eq!(failures, [None, Some("connection_refused")]);
    }

    #[test]
    fn addresses_are_those_of_either_family() {
        let answers = r#"[{"answer_type": "A", "ipv4": "192.0.2.1", "ttl": null},
                          {"answer_type": "CNAME", "hostname": "a.example"},
                          {"answer_type": "AAAA", "ipv6": "2001:db8::1"}]"#;
        let observed = read(&format!(r#"{{"queries": [{{"answers": {answers}}}]}}"#));
        let addresses: Vec<_> = observed.queries.first().unwrap().addresses().collect();
        assert_eq!(addresses, ["192.0.2.1", "2001:db8::1"]);
    }

    #[test]
    fn one_success_makes_a_step_succeed() {
        assert_eq!(Step::of([]), Step::Untried);
        assert_eq!(Step::of([Some("connection_refused"), None]), Step::Succeeded);
    }

    #[test]
    fn the_first_known_failure_is_the_failure_of_a_step() {
        assert_eq!(
            Step::of([Some("eof_error"), Some("connection_reset")]),
            Step::Failed("eof_error")
        );
        let unknown = [
            Some("unknown_failure: a"),
            Some("unknown_failure: b"),
            Some("eof_error"),
        ];
        assert_eq!(Step::of(unknown), Step::Failed("eof_error"));
        assert_eq!(
            Step::of([Some("unknown_failure: a"), Some("unknown_failure: b")]),
            Step::Failed("unknown_failure: a")
        );
    }
}
