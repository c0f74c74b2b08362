//! Asking a test helper, a server that measures from elsewhere: several of them, until one answers.
//!
//! For the probe's own use, not a measurement: nothing of it is observed. It goes through the same primitives, so that the
//! same roots, budget and destination policy hold.

use crate::{ConnectOptions, Net, NetError, Transaction, http, tls::HandshakeOptions};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use futures::{StreamExt as _, stream::FuturesUnordered};
use netsonde_data::failure::{Failure, FailureCode, Operation};
use serde_json::Value;
use std::{
    io::Read as _,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::time::{Instant, interval_at, timeout};
use url::{Host, Url};

/// How long a helper may take before the next one is asked too.
const PATIENCE: Duration = Duration::from_secs(15);
/// The longest reply, in bytes, also when decoded.
const LONGEST_REPLY: u64 = 1 << 24;

/// A test helper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Helper {
    /// Its URL.
    pub url: String,
    /// The `Host` to ask for, where it is another one than the URL's.
    pub front: Option<String>,
}

/// What to ask all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// The request: a JSON document.
    pub body: Bytes,
    /// Who asks.
    pub user_agent: String,
    /// How long all of it may take.
    pub timeout: Duration,
}

impl Net {
    /// Ask the helpers in their order: the next one when one has failed, and another one every 15 seconds. The first reply
    /// counts, with the index of the helper that gave it: a JSON object. The failure is that of the first helper that failed
    /// for a reason which OONI has a name for. Many measurements of one run take turns, which is not counted as time.
    pub async fn ask_helpers(
        &self,
        helpers: &[Helper],
        inquiry: &Inquiry,
    ) -> Result<(usize, Value), NetError> {
        let net = self.unobserved();
        let _turn = match net.policed().rules() {
            Some(rules) => rules.pace.turn_to_ask().await,
            None => None,
        };
        let asked = timeout(inquiry.timeout, net.race(helpers, inquiry)).await;
        asked.unwrap_or_else(|_| {
            Err(failed(FailureCode::GENERIC_TIMEOUT_ERROR, "ask the test helpers").into())
        })
    }

    async fn race(&self, helpers: &[Helper], inquiry: &Inquiry) -> Result<(usize, Value), NetError> {
        let mut waiting = helpers.iter().enumerate();
        let mut asking = FuturesUnordered::new();
        let mut failures: Vec<Failure> = Vec::new();
        let mut ticks = interval_at(Instant::now() + PATIENCE, PATIENCE);
        let mut next = waiting.next();
        loop {
            if let Some((index, helper)) = next.take() {
                asking.push(async move { (index, self.ask_helper(helper, inquiry).await) });
            }
            let ended = tokio::select! {
                ended = asking.next() => ended,
                _ = ticks.tick() => {
                    next = waiting.next();
                    continue;
                }
            };
            match ended {
                Some((index, Ok(reply))) => return Ok((index, reply)),
                Some((_, Err(NetError::Failed(failure)))) => {
                    failures.push(failure);
                    next = waiting.next();
                }
                Some((_, Err(exceeded))) => return Err(exceeded),
                None => return Err(worst(failures).into()),
            }
        }
    }

    /// Ask one helper.
    async fn ask_helper(&self, helper: &Helper, inquiry: &Inquiry) -> Result<Value, NetError> {
        let doing = format!("ask the test helper {}", helper.url);
        let wrong = |why: &str| failed(FailureCode::unknown(why), &doing);
        let url = Url::parse(&helper.url).map_err(|error| wrong(&format!("its URL: {error}")))?;
        let tx = self.trace().begin(Vec::new(), None);
        let connection = self.reach(&tx, &url, &doing).await?;
        let mut headers = vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("User-Agent".to_owned(), inquiry.user_agent.clone()),
            ("Accept-Encoding".to_owned(), "gzip".to_owned()),
            ("Content-Length".to_owned(), inquiry.body.len().to_string()),
        ];
        if let Some(front) = &helper.front {
            headers.push(("Host".to_owned(), front.clone()));
        }
        let request = http::Request {
            method: "POST".to_owned(),
            url: url.to_string(),
            headers,
            body: inquiry.body.clone(),
            body_snapshot_limit: LONGEST_REPLY,
            timeout: Some(inquiry.timeout),
            ..http::Request::default()
        };
        let response = self.round_trip(&tx, &connection, request).await?;
        if response.status != 200 {
            return Err(wrong(&format!("HTTP status {}", response.status)).into());
        }
        if let Some(failure) = response.body_failure {
            return Err(failure.into());
        }
        if response.body_is_truncated {
            return Err(wrong(&format!("its reply has more than {LONGEST_REPLY} bytes")).into());
        }
        let is_gzip = response.headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("content-encoding") && value.eq_ignore_ascii_case(b"gzip")
        });
        let reply = if is_gzip {
            gunzip(&response.body).map_err(|why| wrong(&why))?
        } else {
            response.body.to_vec()
        };
        match serde_json::from_slice::<Value>(&reply) {
            Ok(reply) if reply.is_object() => Ok(reply),
            Ok(_) => Err(wrong("its reply is no JSON object").into()),
            Err(error) => Err(wrong(&format!("its reply is not JSON: {error}")).into()),
        }
    }

    /// Connect to the first address of the URL that lets us, and shake hands if it is `https`.
    async fn reach(&self, tx: &Transaction, url: &Url, doing: &str) -> Result<crate::Connection, NetError> {
        let wrong = |why: &str| failed(FailureCode::unknown(why), doing);
        let host = url.host().ok_or_else(|| wrong("its URL has no host"))?;
        let port = url
            .port_or_known_default()
            .ok_or_else(|| wrong("its URL has no port"))?;
        let (name, addresses) = match host {
            Host::Ipv4(address) => (address.to_string(), vec![IpAddr::V4(address)]),
            Host::Ipv6(address) => (address.to_string(), vec![IpAddr::V6(address)]),
            Host::Domain(name) => {
                let answer = self
                    .lookup(tx, name, crate::dns::LookupOptions::default())
                    .await?;
                (name.to_owned(), answer.addresses)
            }
        };
        let mut failures = Vec::new();
        for address in addresses {
            let options = ConnectOptions {
                timeout: Some(Duration::from_secs(10)),
                ..ConnectOptions::default()
            };
            match self
                .connect(tx, SocketAddr::new(address, port), Some(options))
                .await
            {
                Ok(connection) if url.scheme() == "https" => {
                    let options = HandshakeOptions {
                        server_name: Some(name),
                        alpn: vec!["h2".to_owned(), "http/1.1".to_owned()],
                        ..HandshakeOptions::default()
                    };
                    return Ok(self.handshake(tx, connection, options).await?);
                }
                Ok(connection) => return Ok(connection),
                Err(NetError::Failed(failure)) => failures.push(failure),
                Err(exceeded) => return Err(exceeded),
            }
        }
        Err(worst(failures).into())
    }
}

/// The first failure that has a name, otherwise the first.
fn worst(mut failures: Vec<Failure>) -> Failure {
    let named = failures.iter().position(|failure| !failure.code.is_unknown());
    if failures.is_empty() {
        return failed(
            FailureCode::unknown("no available helpers"),
            "ask the test helpers",
        );
    }
    failures.swap_remove(named.unwrap_or(0))
}

fn failed(code: FailureCode, doing: &str) -> Failure {
    Failure::new(code, Operation::TopLevel, doing)
}

fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut decoded = Vec::new();
    let read = MultiGzDecoder::new(bytes)
        .take(LONGEST_REPLY + 1)
        .read_to_end(&mut decoded);
    match read {
        Err(error) => Err(format!("its reply is no gzip: {error}")),
        Ok(read) if read as u64 > LONGEST_REPLY => {
            Err(format!("its reply has more than {LONGEST_REPLY} bytes"))
        }
        Ok(_) => Ok(decoded),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn failure(code: FailureCode) -> Failure {
        failed(code, "ask")
    }

    #[test]
    fn the_first_failure_with_a_name_is_the_failure_of_all() {
        let failures = vec![
            failure(FailureCode::unknown("HTTP status 503")),
            failure(FailureCode::CONNECTION_RESET),
            failure(FailureCode::CONNECTION_REFUSED),
        ];
        assert_eq!(worst(failures).code, FailureCode::CONNECTION_RESET);
        let nameless = vec![
            failure(FailureCode::unknown("a")),
            failure(FailureCode::unknown("b")),
        ];
        assert_eq!(worst(nameless).code.as_str(), "unknown_failure: a");
        assert_eq!(
            worst(Vec::new()).code.as_str(),
            "unknown_failure: no available helpers"
        );
    }

    #[test]
    fn a_reply_that_grows_beyond_all_bounds_is_refused() {
        let compress = |bytes: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        assert_eq!(gunzip(&compress(b"{}")).unwrap(), b"{}");
        let bomb = compress(&vec![0; usize::try_from(LONGEST_REPLY).unwrap() + 1]);
        assert!(bomb.len() < 1 << 20);
        assert!(gunzip(&bomb).unwrap_err().contains("more than"));
        assert!(gunzip(b"not gzip").unwrap_err().contains("no gzip"));
    }
}
