//! Observations as `reduce` functions read them, and what several of them say together.
//!
//! Only what the reducers need is here. All dialects of OONI's formats can be read: a list may be null, tags and
//! transaction ids may be missing, and in measurements of the first years a failure that is none is `false`.

use serde_json::{Map, Value};

use crate::failure::is_unknown;

/// The key under which a nettest says which of its mini nettests failed.
pub(crate) const FAILED_MINIS: &str = "x_failed_mini_nettests";

/// The observations among some test keys.
#[derive(Clone, Debug, Default)]
pub struct Observations {
    /// Lookups.
    pub queries: Vec<Query>,
    /// TCP connections.
    pub tcp_connect: Vec<TcpConnect>,
    /// TLS handshakes.
    pub tls_handshakes: Vec<TlsHandshake>,
    /// HTTP transactions.
    pub requests: Vec<Request>,
    /// What became of mini nettests that failed, as the nettest that ran them says.
    pub x_failed_mini_nettests: Vec<FailedMini>,
}

/// One of the `queries`.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// The domain.
    pub hostname: String,
    /// What was asked for: `A`, `AAAA`; `ANY` of getaddrinfo.
    pub query_type: String,
    /// What it resolved to.
    pub answers: Vec<Answer>,
    /// How long it took, in seconds, where that is told.
    pub took: Option<f64>,
    /// Why it failed, or none.
    pub failure: Option<String>,
    /// The transaction's tags.
    pub tags: Vec<String>,
    /// The transaction.
    pub transaction_id: Option<u64>,
}

/// One answer of a query.
#[derive(Clone, Debug, Default)]
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
#[derive(Clone, Debug, Default)]
pub struct TcpConnect {
    /// The address.
    pub ip: String,
    /// The port.
    pub port: u16,
    /// How it went.
    pub status: TcpStatus,
    /// The transaction's tags.
    pub tags: Vec<String>,
    /// The transaction.
    pub transaction_id: Option<u64>,
}

/// How a TCP connection went.
#[derive(Clone, Debug, Default)]
pub struct TcpStatus {
    /// Why it failed, or none.
    pub failure: Option<String>,
}

/// One of the `tls_handshakes`.
#[derive(Clone, Debug, Default)]
pub struct TlsHandshake {
    /// The server name that was sent.
    pub server_name: String,
    /// The address with the port.
    pub address: String,
    /// Why it failed, or none.
    pub failure: Option<String>,
    /// The transaction's tags.
    pub tags: Vec<String>,
    /// The transaction.
    pub transaction_id: Option<u64>,
}

/// One of the `requests`.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Why it failed, or none.
    pub failure: Option<String>,
    /// What was asked.
    pub request: RequestHead,
    /// The transaction's tags.
    pub tags: Vec<String>,
    /// The transaction.
    pub transaction_id: Option<u64>,
}

/// What an HTTP transaction asked.
#[derive(Clone, Debug, Default)]
pub struct RequestHead {
    /// The URL.
    pub url: String,
}

/// One of the `x_failed_mini_nettests`. Not all failures can be observed: that of a mini nettest that broke, for instance.
#[derive(Clone, Debug, Default)]
pub struct FailedMini {
    /// What it was to reach: `host:port`, or a host.
    pub target: String,
    /// The tags of its observations.
    pub tags: Vec<String>,
    /// Why it failed.
    pub failure: String,
    /// At which operation.
    pub failed_operation: String,
}

impl Observations {
    /// Read them, by hand: what serde derives would take a quarter of a guest. A field that is not there, or is something
    /// else than it should be, is empty; the error says which list is none.
    pub fn of(test_keys: &Map<String, Value>) -> Result<Self, String> {
        Ok(Self {
            queries: list(test_keys, "queries", Query::of)?,
            tcp_connect: list(test_keys, "tcp_connect", TcpConnect::of)?,
            tls_handshakes: list(test_keys, "tls_handshakes", TlsHandshake::of)?,
            requests: list(test_keys, "requests", Request::of)?,
            x_failed_mini_nettests: list(test_keys, FAILED_MINIS, FailedMini::of)?,
        })
    }
}

impl Query {
    fn of(seen: &Value) -> Self {
        let answers = seen.get("answers").and_then(Value::as_array);
        Self {
            hostname: text(seen, "hostname"),
            query_type: text(seen, "query_type"),
            answers: answers.into_iter().flatten().map(Answer::of).collect(),
            took: number(seen, "t")
                .zip(number(seen, "t0"))
                .map(|(end, start)| end - start),
            failure: failure(seen),
            tags: tags(seen),
            transaction_id: transaction(seen),
        }
    }
}

impl Answer {
    fn of(answer: &Value) -> Self {
        let address = |name| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        let asn = answer.get("asn").and_then(Value::as_u64);
        Self {
            ipv4: address("ipv4"),
            ipv6: address("ipv6"),
            asn: asn.and_then(|asn| u32::try_from(asn).ok()),
        }
    }
}

impl TcpConnect {
    fn of(seen: &Value) -> Self {
        let port = seen.get("port").and_then(Value::as_u64).unwrap_or_default();
        Self {
            ip: text(seen, "ip"),
            port: u16::try_from(port).unwrap_or_default(),
            status: TcpStatus {
                failure: seen.get("status").and_then(failure),
            },
            tags: tags(seen),
            transaction_id: transaction(seen),
        }
    }
}

impl TlsHandshake {
    fn of(seen: &Value) -> Self {
        Self {
            server_name: text(seen, "server_name"),
            address: text(seen, "address"),
            failure: failure(seen),
            tags: tags(seen),
            transaction_id: transaction(seen),
        }
    }
}

impl Request {
    fn of(seen: &Value) -> Self {
        let url = seen.get("request").map(|request| text(request, "url"));
        Self {
            failure: failure(seen),
            request: RequestHead {
                url: url.unwrap_or_default(),
            },
            tags: tags(seen),
            transaction_id: transaction(seen),
        }
    }
}

impl FailedMini {
    fn of(failed: &Value) -> Self {
        Self {
            target: text(failed, "target"),
            tags: tags(failed),
            failure: text(failed, "failure"),
            failed_operation: text(failed, "failed_operation"),
        }
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

/// A list of observations; empty where it is null or missing.
fn list<T>(test_keys: &Map<String, Value>, name: &str, of: impl Fn(&Value) -> T) -> Result<Vec<T>, String> {
    match test_keys.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) if list.iter().all(Value::is_object) => Ok(list.iter().map(of).collect()),
        Some(_) => Err(format!("`{name}` is no list of objects")),
    }
}

fn text(of: &Value, name: &str) -> String {
    of.get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn number(of: &Value, name: &str) -> Option<f64> {
    of.get(name).and_then(Value::as_f64)
}

/// Why it failed; none also for what is no text.
fn failure(of: &Value) -> Option<String> {
    of.get("failure").and_then(Value::as_str).map(str::to_owned)
}

/// The tags, where there are any.
pub(crate) fn tags(of: &Value) -> Vec<String> {
    let tags = of.get("tags").and_then(Value::as_array).into_iter().flatten();
    tags.filter_map(|tag| tag.as_str().map(str::to_owned)).collect()
}

fn transaction(of: &Value) -> Option<u64> {
    of.get("transaction_id").and_then(Value::as_u64)
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
    fn what_is_no_list_of_objects_is_said() {
        for nonsense in [r#"{"queries": {}}"#, r#"{"queries": "x"}"#, r#"{"queries": [7]}"#] {
            let error = Observations::of(&serde_json::from_str(nonsense).unwrap()).unwrap_err();
            assert!(error.contains("`queries`"), "{error}");
        }
        let odd = read(r#"{"queries": [{"hostname": 7, "answers": "x", "tags": {}, "transaction_id": -1}]}"#);
        assert_eq!(odd.queries.first().unwrap().hostname, "");
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
