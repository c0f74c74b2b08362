//! A question, its queries while they are under way, and what came of each: one observation.

use super::{
    LookupOptions, QueryType, Resolver,
    wire::{self, Form, Response},
};
use crate::{Exceeded, Net, NetError, Transaction, trace::endpoint_text};
use bytes::Bytes;
use netsonde_data::{
    failure::{Failure, FailureCode, Operation},
    observation::Query,
};
use std::{iter, net::SocketAddr, time::Duration};

/// What is asked, of whom, and for which transaction.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) net: &'a Net,
    pub(super) tx: &'a Transaction,
    /// The name that goes into the queries.
    pub(super) domain: &'a str,
    pub(super) options: &'a LookupOptions,
}

/// A query under way. One that is dropped before it ended was interrupted, and its observation says so.
pub(super) struct Asked<'a> {
    question: Question<'a>,
    pub(super) query_type: QueryType,
    /// The message's id.
    pub(super) id: u16,
    t0: Duration,
    has_ended: bool,
}

/// One query of a lookup, and what came of it; or a reply that came late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// What was asked for.
    pub query_type: QueryType,
    /// Why it is no answer.
    pub failure: Option<Failure>,
    /// What came off the wire, if anything did.
    pub raw: Option<Bytes>,
    /// What that says, if it is the response to the query.
    pub response: Option<Response>,
    /// Who sent it. Datagrams only.
    pub source: Option<SocketAddr>,
    /// When it came, or nothing more was waited for: time since the measurement began.
    pub t: Duration,
    /// Whether it came after the query had been answered.
    pub is_late: bool,
}

/// Why a query was not answered.
#[derive(Debug)]
pub(super) struct Unanswered {
    failure: Failure,
    /// What the failure string leaves out.
    detail: Option<String>,
}

impl From<NetError> for Unanswered {
    fn from(error: NetError) -> Self {
        let code = error.code();
        let failure = match error {
            NetError::Failed(failure) => failure,
            NetError::Exceeded(exceeded) => Failure {
                code,
                operation: Operation::Resolve,
                detail: exceeded.to_string(),
            },
        };
        Self {
            failure,
            detail: None,
        }
    }
}

impl From<Exceeded> for Unanswered {
    fn from(exceeded: Exceeded) -> Self {
        NetError::from(exceeded).into()
    }
}

impl From<FailureCode> for Unanswered {
    fn from(code: FailureCode) -> Self {
        Self::with_detail(code, None)
    }
}

impl Unanswered {
    pub(super) fn with_detail(code: FailureCode, detail: Option<String>) -> Self {
        let failure = Failure {
            detail: code.to_string(),
            code,
            operation: Operation::Resolve,
        };
        Self { failure, detail }
    }

    /// The failure of one of several queries that share a connection.
    pub(super) fn share(&self) -> Self {
        Self {
            failure: self.failure.clone(),
            detail: self.detail.clone(),
        }
    }
}

impl<'a> Question<'a> {
    /// Begin the queries, one for each type, with ids that differ.
    pub(super) fn begin(self) -> Result<Vec<Asked<'a>>, Exceeded> {
        let types = &self.options.query_types;
        for _ in types {
            self.net.meter().query()?;
        }
        let ids = iter::successors(Some(random_id()), |id| Some(id.wrapping_add(ID_STEP)));
        let t0 = self.net.trace().clock().now();
        let asked = types.iter().zip(ids).map(|(&query_type, id)| Asked {
            question: self,
            query_type,
            id,
            t0,
            has_ended: false,
        });
        Ok(asked.collect())
    }
}

/// Records of a response that its query's entry may hold. Each further one counts as an observation of its own: names
/// in responses are compressed, and what takes a few bytes on the wire can take a hundred times as much here.
const FREE_RECORDS: usize = 64;

/// From one id to the next: an odd number, so that ids come again only after all others.
const ID_STEP: u16 = 25_717;

impl<'a> Asked<'a> {
    /// The query begins now: to be admitted took time that is not the network's.
    pub(super) fn sent_now(&mut self) {
        self.t0 = self.question.net.trace().clock().now();
    }

    /// The query as bytes, if its name may be asked for.
    pub(super) fn encode(&self, form: Form) -> Result<Vec<u8>, Unanswered> {
        self.question.net.admit_name(self.question.domain)?;
        wire::encode_query(self.id, self.question.domain, self.query_type, form)
            .map_err(|reason| FailureCode::unknown(format!("dns: {reason}")).into())
    }

    /// Nothing came back, or nothing that could be one.
    pub(super) fn failed(mut self, why: &Unanswered) -> Reply {
        self.has_ended = true;
        let t = self.question.net.trace().clock().now();
        let reply = self.reply(None, Err(why.share()), t);
        self.question.net.trace().query(self.question.tx, reply.1);
        reply.0
    }

    /// This came back.
    pub(super) fn answered(mut self, raw: Bytes, source: Option<SocketAddr>) -> (Reply, Late<'a>) {
        self.has_ended = true;
        let t = self.question.net.trace().clock().now();
        let decoded = self.decode(&raw);
        let (mut reply, query) = self.reply(Some(raw), decoded, t);
        reply.source = source;
        self.question.net.trace().query(self.question.tx, query);
        (reply, Late(self))
    }

    fn decode(&self, raw: &[u8]) -> Result<Response, Unanswered> {
        wire::decode_response(raw, self.id)
            .map_err(|error| Unanswered::with_detail(error.code(), Some(error.to_string())))
    }

    /// What came of the query, for the caller and for the archive.
    fn reply(
        &self,
        raw: Option<Bytes>,
        decoded: Result<Response, Unanswered>,
        t: Duration,
    ) -> (Reply, Query) {
        let (response, unanswered) = match decoded {
            Ok(response) => {
                let unanswered = response
                    .failure(self.query_type)
                    .map(|code| Unanswered::with_detail(code, response.detail()));
                (Some(response), unanswered)
            }
            Err(unanswered) => (None, Some(unanswered)),
        };
        let records = response.as_ref().map_or(0, |response| response.records.len());
        for _ in FREE_RECORDS..records {
            self.question.net.meter().observation();
        }
        let (engine, resolver_address, x_transport) = self.question.resolver();
        let query = Query {
            answers: response.as_ref().map(Response::archived).unwrap_or_default(),
            engine: engine.to_owned(),
            failure: unanswered.as_ref().map(|why| why.failure.code.clone()),
            hostname: self.question.domain.to_owned(),
            query_type: self.query_type.to_string(),
            raw_response: raw.as_ref().map(|raw| raw.to_vec()).unwrap_or_default(),
            rcode: response.as_ref().map_or(0, |response| response.rcode.into()),
            resolver_address,
            t0: self.t0.as_secs_f64(),
            t: t.as_secs_f64(),
            x_failure_detail: unanswered.as_ref().and_then(|why| why.detail.clone()),
            x_transport: x_transport.map(ToOwned::to_owned),
            x_is_truncated: response.as_ref().is_some_and(|response| response.is_truncated),
            ..Query::default()
        };
        let reply = Reply {
            query_type: self.query_type,
            failure: unanswered.map(|why| self.question.failure(why.failure)),
            raw,
            response,
            source: None,
            t,
            is_late: false,
        };
        (reply, query)
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            let t = self.question.net.trace().clock().now();
            let interrupted = Unanswered::from(FailureCode::INTERRUPTED);
            let (_, query) = self.reply(None, Err(interrupted), t);
            self.question.net.trace().query(self.question.tx, query);
        }
    }
}

/// A query that was answered and may be answered again.
pub(super) struct Late<'a>(Asked<'a>);

/// What makes a query one of several, once it was answered.
#[derive(Clone, Copy)]
pub(super) struct Number {
    query_type: QueryType,
    id: u16,
    t0: Duration,
}

impl<'a> Late<'a> {
    /// The same query, asked in another place.
    pub(super) fn of(question: Question<'a>, number: Number) -> Self {
        let Number { query_type, id, t0 } = number;
        Self(Asked {
            question,
            query_type,
            id,
            t0,
            has_ended: true,
        })
    }

    pub(super) fn number(&self) -> Number {
        let Asked {
            query_type, id, t0, ..
        } = self.0;
        Number { query_type, id, t0 }
    }

    /// This came after the answer.
    pub(super) fn answered(&self, raw: Bytes, source: SocketAddr) -> Reply {
        let Self(asked) = self;
        let t = asked.question.net.trace().clock().now();
        let decoded = asked.decode(&raw);
        let (reply, query) = asked.reply(Some(raw), decoded, t);
        asked.question.net.trace().late_response(asked.question.tx, query);
        Reply {
            source: Some(source),
            is_late: true,
            ..reply
        }
    }
}

impl Question<'_> {
    /// The resolver as `engine`, `resolver_address` and `x_transport` have it.
    fn resolver(&self) -> (&'static str, String, Option<&'static str>) {
        let with_port = |name: &str, endpoint: &SocketAddr| match name.parse() {
            Ok(address) => SocketAddr::new(address, endpoint.port()).to_string(),
            Err(_) => format!("{name}:{}", endpoint.port()),
        };
        match &self.options.resolver {
            Resolver::System => ("getaddrinfo", String::new(), None),
            Resolver::Udp(endpoint) => ("udp", endpoint_text(*endpoint), None),
            Resolver::Tcp(endpoint) => ("tcp", endpoint_text(*endpoint), None),
            Resolver::Dot { endpoint, name } => ("dot", with_port(name, endpoint), None),
            Resolver::Doh { url, .. } => ("doh", url.clone(), Some("doh")),
            Resolver::Doh3 { url, .. } => ("doh", url.clone(), Some("doh3")),
            Resolver::Doq { endpoint, name } => ("doq", with_port(name, endpoint), None),
        }
    }

    /// A failure of the lookup. That of a step which OONI knows by name stays one of that step.
    fn failure(&self, failure: Failure) -> Failure {
        let operation = match failure.operation {
            step @ (Operation::Connect
            | Operation::TlsHandshake
            | Operation::QuicHandshake
            | Operation::HttpRoundTrip) => step,
            _ => Operation::Resolve,
        };
        Failure {
            detail: format!("look up {}: {}", self.domain, failure.detail),
            code: failure.code,
            operation,
        }
    }
}

/// An id that can not be guessed. Without a source of randomness the clock has to do: the id protects the answer,
/// not a secret.
fn random_id() -> u16 {
    let mut bytes = [0; 2];
    if getrandom::fill(&mut bytes).is_err() {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        let [a, b, ..] = now.subsec_nanos().to_le_bytes();
        bytes = [a, b];
    }
    u16::from_be_bytes(bytes)
}
