//! What a measurement has observed so far.

use crate::{Clock, policy::Policed};
use netsonde_data::{
    failure::FailureCode,
    observation::{
        HttpTransaction, Icmp, NetworkEvent, Observations, Query, TcpConnect, TcpInfo, TlsHandshake,
    },
};
use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Everything that a measurement has observed, in the order it ended. Clones share it. Nothing is ever dropped, unless by
/// a trace that was made to keep nothing.
#[derive(Clone, Debug)]
pub struct Trace {
    clock: Clock,
    keeps: bool,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    observations: Observations,
    last_id: u64,
    given_ids: BTreeSet<u64>,
    /// Who learns from observations where packets may go.
    policed: Option<Policed>,
}

/// A step of a measurement: what its observations are marked with.
#[derive(Clone, Debug)]
pub struct Transaction(Arc<Mark>);

#[derive(Debug)]
struct Mark {
    id: u64,
    tags: Vec<String>,
}

impl Transaction {
    /// The id, which is unique in the measurement unless the caller gave it twice.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// The tags.
    pub fn tags(&self) -> &[String] {
        &self.0.tags
    }
}

impl Trace {
    /// A trace that has seen nothing yet.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            keeps: true,
            state: Arc::default(),
        }
    }

    /// A trace that keeps nothing: for who wants what operations return and no observations. A peer that makes many of
    /// them takes no memory by that.
    pub fn forgetful(clock: Clock) -> Self {
        Self {
            keeps: false,
            ..Self::new(clock)
        }
    }

    /// The measurement's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Begin a transaction: with the given id, or with the next number from 1 upwards that nobody has given.
    pub fn begin(&self, tags: Vec<String>, id: Option<u64>) -> Transaction {
        let mut state = self.state();
        let id = if let Some(id) = id {
            state.given_ids.insert(id);
            id
        } else {
            state.last_id += 1;
            while state.given_ids.contains(&state.last_id) {
                state.last_id += 1;
            }
            state.last_id
        };
        Transaction(Arc::new(Mark { id, tags }))
    }

    /// What was observed so far, requests newest first.
    pub fn observations(&self) -> Observations {
        let mut observations = self.state().observations.clone();
        observations.requests.reverse();
        observations
    }

    /// What was observed so far, as [`Trace::observations`], for who asks last: the trace is left without. Requests and
    /// events are in the order of their time: steps that end together on two threads may have come in another.
    pub fn take_observations(&self) -> Observations {
        let mut observations = std::mem::take(&mut self.state().observations);
        observations.requests.reverse();
        let requests = &mut observations.requests;
        requests.sort_by(|one, other| other.t.total_cmp(&one.t));
        let events = &mut observations.network_events;
        events.sort_by(|one, other| one.t.total_cmp(&other.t));
        observations
    }

    /// Tell the policy what is observed from now on: answers to lookups, and who answers over UDP.
    pub(crate) fn tell(&self, policed: &Policed) {
        self.state().policed = Some(policed.clone());
    }

    fn policed(&self) -> Option<Policed> {
        self.state().policed.clone()
    }

    pub(crate) fn query(&self, tx: &Transaction, query: Query) {
        self.learn(&query);
        self.keep(|seen| seen.queries.push(marked(tx, query)));
    }

    /// A reply to a query that had been answered before.
    pub(crate) fn late_response(&self, tx: &Transaction, query: Query) {
        self.learn(&query);
        self.keep(|seen| seen.x_dns_duplicate_responses.push(marked(tx, query)));
    }

    /// What a lookup says may be gone to.
    fn learn(&self, query: &Query) {
        if let Some(policed) = self.policed() {
            policed.looked_up(query);
        }
    }

    pub(crate) fn tcp_connect(&self, tx: &Transaction, connect: TcpConnect) {
        let connect = TcpConnect {
            tags: tx.tags().to_vec(),
            transaction_id: tx.id(),
            ..connect
        };
        self.keep(|seen| seen.tcp_connect.push(connect));
    }

    pub(crate) fn tls_handshake(&self, tx: &Transaction, handshake: TlsHandshake) {
        self.keep(|seen| seen.tls_handshakes.push(of_step(tx, handshake)));
    }

    pub(crate) fn quic_handshake(&self, tx: &Transaction, handshake: TlsHandshake) {
        self.keep(|seen| seen.quic_handshakes.push(of_step(tx, handshake)));
    }

    pub(crate) fn request(&self, tx: &Transaction, request: HttpTransaction) {
        let request = HttpTransaction {
            tags: tx.tags().to_vec(),
            transaction_id: tx.id(),
            ..request
        };
        self.keep(|seen| seen.requests.push(request));
    }

    pub(crate) fn event(&self, tx: &Transaction, event: Event<'_>) {
        self.event_with(tx, event, Extra::default());
    }

    /// An event with what OONI's format has no field for.
    pub(crate) fn event_with(&self, tx: &Transaction, event: Event<'_>, extra: Extra) {
        if let ("udp", Some(from), 1..) = (event.proto, event.remote, event.num_bytes)
            && event.operation.starts_with("read")
            && let Some(policed) = self.policed()
        {
            policed.answered(from);
        }
        self.push(archived(tx, event, extra));
    }

    /// An event as it is archived.
    pub(crate) fn push(&self, event: NetworkEvent) {
        self.keep(|seen| seen.network_events.push(event));
    }

    /// The ICMP errors (`x_icmp`) that came back in transactions with the id of `tx`.
    pub fn icmp_errors(&self, tx: &Transaction) -> Vec<NetworkEvent> {
        let state = self.state();
        let events = state.observations.network_events.iter();
        events
            .filter(|event| event.x_icmp.is_some() && event.transaction_id == tx.id())
            .cloned()
            .collect()
    }

    fn keep(&self, put: impl FnOnce(&mut Observations)) {
        if self.keeps {
            put(&mut self.state().observations);
        }
    }

    /// A lock that a panic elsewhere does not take away: a vector that was pushed to is never half-way.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn marked(tx: &Transaction, query: Query) -> Query {
    Query {
        tags: tx.tags().to_vec(),
        transaction_id: tx.id(),
        ..query
    }
}

fn of_step(tx: &Transaction, handshake: TlsHandshake) -> TlsHandshake {
    TlsHandshake {
        tags: tx.tags().to_vec(),
        transaction_id: tx.id(),
        ..handshake
    }
}

/// An event before it is marked and written down.
#[derive(Clone, Debug)]
pub(crate) struct Event<'a> {
    pub(crate) operation: &'a str,
    /// The remote endpoint; without one the event carries no protocol either.
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) proto: &'a str,
    pub(crate) failure: Option<FailureCode>,
    pub(crate) num_bytes: usize,
    pub(crate) t0: Duration,
    pub(crate) t: Duration,
}

/// An endpoint as observations have it. Every event has one, and the standard library's way to write it, made for
/// padding and precision, took longer than all else that is done for an event.
pub(crate) fn endpoint_text(endpoint: SocketAddr) -> String {
    let SocketAddr::V4(endpoint) = endpoint else {
        return endpoint.to_string();
    };
    let mut text = String::with_capacity("255.255.255.255:65535".len());
    for (position, octet) in endpoint.ip().octets().into_iter().enumerate() {
        if position > 0 {
            text.push('.');
        }
        push_number(&mut text, octet.into());
    }
    text.push(':');
    push_number(&mut text, endpoint.port());
    text
}

fn push_number(text: &mut String, number: u16) {
    if number >= 10 {
        push_number(text, number / 10);
    }
    let [_, digit] = (number % 10).to_be_bytes();
    text.push(char::from(b'0' + digit));
}

/// An event, marked, with its times in seconds.
pub(crate) fn archived(tx: &Transaction, event: Event<'_>, extra: Extra) -> NetworkEvent {
    NetworkEvent {
        address: event.remote.map(endpoint_text).unwrap_or_default(),
        failure: event.failure,
        num_bytes: event.num_bytes as u64,
        operation: event.operation.to_owned(),
        proto: event.remote.map(|_| event.proto.to_owned()).unwrap_or_default(),
        t0: event.t0.as_secs_f64(),
        t: event.t.as_secs_f64(),
        tags: tx.tags().to_vec(),
        transaction_id: tx.id(),
        x_failure_detail: extra.failure_detail,
        x_ttl: extra.ttl,
        x_icmp: extra.icmp,
        x_tcp_info: extra.tcp_info,
    }
}

/// What an event says beyond OONI's format.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extra {
    /// The exact cause where the failure string does not say it.
    pub(crate) failure_detail: Option<String>,
    /// The TTL of a datagram.
    pub(crate) ttl: Option<u8>,
    pub(crate) icmp: Option<Box<Icmp>>,
    pub(crate) tcp_info: Option<Box<TcpInfo>>,
}

impl<'a> Event<'a> {
    /// A mark in time: the begin or the end of a step.
    pub(crate) fn mark(operation: &'a str, remote: Option<SocketAddr>, t: Duration) -> Self {
        Self {
            operation,
            remote,
            proto: "tcp",
            failure: None,
            num_bytes: 0,
            t0: t,
            t,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn endpoints_are_written_as_everywhere(endpoint in any::<SocketAddr>()) {
            prop_assert_eq!(endpoint_text(endpoint), endpoint.to_string());
        }
    }

    #[test]
    fn ids_count_from_one_and_step_over_given_ones() {
        let trace = Trace::new(Clock::start());
        assert_eq!(trace.begin(vec![], Some(2)).id(), 2);
        assert_eq!(trace.begin(vec![], None).id(), 1);
        assert_eq!(trace.begin(vec!["a".to_owned()], None).id(), 3);
    }

    #[test]
    fn a_forgetful_trace_keeps_nothing() {
        let trace = Trace::forgetful(Clock::start());
        let tx = trace.begin(Vec::new(), None);
        trace.event(&tx, Event::mark("connect", None, Duration::ZERO));
        trace.query(&tx, Query::default());
        trace.request(&tx, HttpTransaction::default());
        assert_eq!(trace.observations(), Observations::default());
    }

    #[test]
    fn requests_are_newest_first_and_everything_is_marked() {
        let trace = Trace::new(Clock::start());
        let tx = trace.begin(vec!["a".to_owned()], None);
        for t in [1.0, 3.0, 2.0] {
            trace.request(
                &tx,
                HttpTransaction {
                    t,
                    ..HttpTransaction::default()
                },
            );
        }
        let requests = trace.take_observations().requests;
        assert_eq!(
            requests.iter().map(|request| request.t).collect::<Vec<_>>(),
            [3.0, 2.0, 1.0]
        );
        assert!(
            requests
                .iter()
                .all(|request| request.tags == ["a"] && request.transaction_id == 1)
        );
    }
}
