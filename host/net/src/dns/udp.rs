//! DNS over UDP: one socket and one datagram a query; the first datagram that comes back decides.

use super::{
    Answer, LookupOptions, QueryType, failure,
    wire::{self, Response},
};
use crate::{Net, NetError, Transaction, guard::Guard, policy::Transport, trace::Event};
use bytes::Bytes;
use futures::future::join_all;
use netsonde_data::{failure::FailureCode, observation::Query};
use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use tokio::{net::UdpSocket, time::timeout};

/// How long a query may take if the caller does not say.
const TIMEOUT: Duration = Duration::from_secs(5);

/// One query and what came back, whether or not it is an answer.
struct Exchange {
    query_type: QueryType,
    raw: Option<Bytes>,
    result: Result<Response, NetError>,
}

impl Net {
    /// Ask for every type at once.
    pub(super) async fn lookup_udp(
        &self,
        tx: &Transaction,
        domain: &str,
        resolver: SocketAddr,
        options: &LookupOptions,
    ) -> Result<Answer, NetError> {
        for _ in &options.query_types {
            self.meter().query()?;
        }
        let within = options.timeout.unwrap_or(TIMEOUT);
        let types = options.query_types.iter();
        let exchanges =
            join_all(types.map(|&query_type| self.exchange(tx, domain, resolver, query_type, within))).await;
        let mut answer = Answer::default();
        let mut first_error = None;
        for exchange in exchanges {
            answer.raw_responses.extend(exchange.raw);
            match exchange.result {
                Ok(response) => {
                    answer.addresses.extend(response.addresses(exchange.query_type));
                    answer.cname = answer.cname.or_else(|| response.cname());
                }
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        if let Some(exceeded) = self.meter().exceeded() {
            return Err(exceeded.into());
        }
        if answer.addresses.is_empty() {
            return Err(first_error.unwrap_or_else(|| failure(FailureCode::DNS_NO_ANSWER, domain).into()));
        }
        Ok(answer)
    }

    /// One query, and its observation.
    async fn exchange(
        &self,
        tx: &Transaction,
        domain: &str,
        resolver: SocketAddr,
        query_type: QueryType,
        within: Duration,
    ) -> Exchange {
        let clock = self.trace().clock();
        let t0 = clock.now();
        let observe =
            |failure: Option<FailureCode>, raw: Option<&Bytes>, response: Option<&Response>, t: Duration| {
                let query = Query {
                    answers: response.map(Response::archived).unwrap_or_default(),
                    engine: "udp".to_owned(),
                    failure,
                    hostname: domain.to_owned(),
                    query_type: query_type.as_str().to_owned(),
                    raw_response: raw.map(|raw| raw.to_vec()).unwrap_or_default(),
                    rcode: response.map(|response| response.rcode.into()).unwrap_or_default(),
                    resolver_address: resolver.to_string(),
                    t0: t0.as_secs_f64(),
                    t: t.as_secs_f64(),
                    ..Query::default()
                };
                self.trace().query(tx, query);
            };
        let guard = Guard::new(|| observe(Some(FailureCode::INTERRUPTED), None, None, clock.now()));
        let id = random_id();
        let received = match wire::encode_query(id, domain, query_type) {
            Err(reason) => Err(failure(FailureCode::unknown(format!("dns: {reason}")), domain).into()),
            Ok(query) => self.datagrams(tx, domain, resolver, &query, within).await,
        };
        let t = clock.now();
        guard.disarm();
        let raw = received.as_ref().ok().cloned();
        let decoded = received.and_then(|raw: Bytes| {
            wire::decode_response(&raw, id).map_err(|error| failure(error.code(), domain).into())
        });
        let refusal = match &decoded {
            Err(error) => Some(error.clone()),
            Ok(response) => response
                .failure(query_type)
                .map(|code| failure(code, domain).into()),
        };
        observe(
            refusal.as_ref().map(NetError::code),
            raw.as_ref(),
            decoded.as_ref().ok(),
            t,
        );
        Exchange {
            query_type,
            raw,
            result: refusal.map_or(decoded, Err),
        }
    }

    /// Send a datagram and wait for one.
    async fn datagrams(
        &self,
        tx: &Transaction,
        domain: &str,
        resolver: SocketAddr,
        query: &[u8],
        within: Duration,
    ) -> Result<Bytes, NetError> {
        let clock = self.trace().clock();
        let failed = |error: &io::Error| failure(FailureCode::from_io(error), domain);
        let event = |operation, t0, num_bytes, failure| {
            self.meter().observation();
            let remote = Some(resolver);
            self.trace().event(
                tx,
                Event {
                    operation,
                    remote,
                    proto: "udp",
                    failure,
                    num_bytes,
                    t0,
                    t: clock.now(),
                },
            );
        };
        self.admit(Transport::Dns, resolver).await?;
        let socket = connected(resolver).await.map_err(|error| failed(&error))?;
        let granted = self.meter().reserve_sent(query.len())?;
        if granted < query.len() {
            self.meter().unsent(granted);
            return Err(self.meter().no_more_sent().into());
        }
        let t0 = clock.now();
        let sent = socket.send(query).await;
        event(
            "write",
            t0,
            sent.as_ref().copied().unwrap_or(0),
            sent.as_ref().err().map(FailureCode::from_io),
        );
        sent.map_err(|error| failed(&error))?;
        let t0 = clock.now();
        let mut buffer = vec![0; usize::from(u16::MAX)];
        let interrupted = Guard::new(|| event("read", t0, 0, Some(FailureCode::INTERRUPTED)));
        let received = match timeout(within, socket.recv(&mut buffer)).await {
            Ok(received) => received.map_err(|error| FailureCode::from_io(&error)),
            Err(_) => Err(FailureCode::GENERIC_TIMEOUT_ERROR),
        };
        interrupted.disarm();
        event(
            "read",
            t0,
            received.as_ref().copied().unwrap_or(0),
            received.as_ref().err().cloned(),
        );
        buffer.truncate(received.map_err(|code| failure(code, domain))?);
        self.meter().received(buffer.len())?;
        Ok(buffer.into())
    }
}

/// A socket that receives from the resolver only, and hears of its ICMP errors.
async fn connected(resolver: SocketAddr) -> io::Result<UdpSocket> {
    let local = if resolver.is_ipv4() {
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))
    } else {
        SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))
    };
    let socket = UdpSocket::bind(local).await?;
    socket.connect(resolver).await?;
    Ok(socket)
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
