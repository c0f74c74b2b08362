//! DNS over UDP: one socket and one datagram a query; the first datagram that comes back decides. What comes after that
//! is late, and is noted for as long as the caller wants.

use super::{
    Reply,
    asked::{Asked, Late, Number, Question, Unanswered},
    wire::Form,
};
use crate::{Exceeded, dial, guard::Guard, policy::Transport, trace::Event};
use bytes::Bytes;
use futures::future::join_all;
use netsonde_data::failure::FailureCode;
use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    io::Interest,
    net::UdpSocket,
    time::{Instant, timeout_at},
};

/// How long a query may take if the caller does not say.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest that a query is listened for beyond its lookup: a measurement does not end before.
const LONGEST_LISTENING: Duration = TIMEOUT;
/// The longest message.
const LONGEST: usize = u16::MAX as usize;
/// How many late replies to one query are noted. A resolver that sends more has been seen to do so.
const MOST_LATE: usize = 64;

impl Question<'_> {
    /// Ask for every type at once.
    pub(super) async fn over_udp(self, resolver: SocketAddr) -> Result<Vec<Reply>, Exceeded> {
        let exchanges = self.begin()?.into_iter();
        let exchanges = join_all(exchanges.map(|asked| self.exchange(asked, resolver))).await;
        let (mut replies, mut late) = (Vec::new(), Vec::new());
        for (reply, after) in exchanges {
            replies.push(reply);
            late.extend(after);
        }
        replies.extend(late);
        Ok(replies)
    }

    /// One query: what came of it, and what came late.
    async fn exchange(self, mut asked: Asked<'_>, resolver: SocketAddr) -> (Reply, Vec<Reply>) {
        let socket = match self.send(&mut asked, resolver).await {
            Ok(socket) => socket,
            Err(why) => return (asked.failed(&why), Vec::new()),
        };
        let deadline = Instant::now() + self.options.timeout.unwrap_or(TIMEOUT);
        let (reply, answered) = match self.receive(&socket, resolver, deadline).await {
            Ok((raw, source)) => asked.answered(raw, Some(source)),
            Err(why) => return (asked.failed(&why.unwrap_or_else(timed_out)), Vec::new()),
        };
        let late = match self.options.collect {
            Some(collect) => self.late(&answered, &socket, resolver, collect).await,
            None => Vec::new(),
        };
        if let Some(listen) = self.options.listen {
            self.listen_on(answered.number(), socket, resolver, listen);
        }
        (reply, late)
    }

    /// What comes for an answered query in that time.
    async fn late(
        self,
        answered: &Late<'_>,
        socket: &UdpSocket,
        resolver: SocketAddr,
        collect: Duration,
    ) -> Vec<Reply> {
        let until = Instant::now() + collect;
        let mut late = Vec::new();
        while late.len() < MOST_LATE
            && let Ok((raw, source)) = self.listen(socket, resolver, until).await
        {
            late.push(answered.answered(raw, source));
        }
        late
    }

    /// The same in a task of its own, for the archive.
    fn listen_on(self, number: Number, socket: UdpSocket, resolver: SocketAddr, listen: Duration) {
        let (net, tx) = (self.net.clone(), self.tx.clone());
        let (domain, options) = (self.domain.to_owned(), self.options.clone());
        self.net.listeners().spawn(async move {
            let question = Question {
                net: &net,
                tx: &tx,
                domain: &domain,
                options: &options,
            };
            let answered = Late::of(question, number);
            question
                .late(&answered, &socket, resolver, listen.min(LONGEST_LISTENING))
                .await;
        });
    }

    /// Send the query, from a socket of its own.
    async fn send(self, asked: &mut Asked<'_>, resolver: SocketAddr) -> Result<UdpSocket, Unanswered> {
        let query = asked.encode(Form::Plain)?;
        let meter = self.net.meter();
        self.net.admit(Transport::Dns, resolver).await?;
        self.net.admit_datagram(Transport::Dns, resolver, query.len())?;
        asked.sent_now();
        let failed = |error: &io::Error| Unanswered::from(FailureCode::from_io(error));
        let socket = dial::connected_udp(resolver).map_err(|error| {
            meter.no_socket(&error);
            failed(&error)
        })?;
        let granted = meter.reserve_sent(query.len())?;
        if granted < query.len() {
            meter.unsent(granted);
            return Err(meter.no_more_sent().into());
        }
        let t0 = self.net.trace().clock().now();
        let sent = socket.send(&query).await;
        let failure = sent.as_ref().err().map(FailureCode::from_io);
        self.event(
            "write",
            resolver,
            t0,
            sent.as_ref().copied().unwrap_or(0),
            failure,
        );
        sent.map(|_| socket).map_err(|error| failed(&error))
    }

    /// Wait for a datagram. Nothing by the deadline is a `read` that failed, and no reason to go on: `Err(None)`.
    async fn receive(
        self,
        socket: &UdpSocket,
        resolver: SocketAddr,
        deadline: Instant,
    ) -> Result<(Bytes, SocketAddr), Option<Unanswered>> {
        let t0 = self.net.trace().clock().now();
        let interrupted = Guard::new(|| self.event("read", resolver, t0, 0, Some(FailureCode::INTERRUPTED)));
        let received = timeout_at(deadline, datagram(socket)).await;
        interrupted.disarm();
        self.received(received.ok(), resolver, t0).inspect_err(|why| {
            if why.is_none() {
                self.event("read", resolver, t0, 0, Some(FailureCode::GENERIC_TIMEOUT_ERROR));
            }
        })
    }

    /// Wait for a datagram that need not come.
    async fn listen(
        self,
        socket: &UdpSocket,
        resolver: SocketAddr,
        until: Instant,
    ) -> Result<(Bytes, SocketAddr), Option<Unanswered>> {
        let t0 = self.net.trace().clock().now();
        let received = timeout_at(until, datagram(socket)).await;
        self.received(received.ok(), resolver, t0)
    }

    fn received(
        self,
        received: Option<io::Result<(Bytes, SocketAddr)>>,
        resolver: SocketAddr,
        t0: Duration,
    ) -> Result<(Bytes, SocketAddr), Option<Unanswered>> {
        match received {
            None => Err(None),
            Some(Err(error)) => {
                let code = FailureCode::from_io(&error);
                self.event("read", resolver, t0, 0, Some(code.clone()));
                Err(Some(code.into()))
            }
            Some(Ok((raw, source))) => {
                self.event("read", resolver, t0, raw.len(), None);
                self.net
                    .meter()
                    .received(raw.len())
                    .map_err(|exceeded| Some(exceeded.into()))?;
                Ok((raw, source))
            }
        }
    }

    fn event(
        self,
        operation: &str,
        resolver: SocketAddr,
        t0: Duration,
        num_bytes: usize,
        failure: Option<FailureCode>,
    ) {
        self.net.meter().observation();
        let event = Event {
            operation,
            remote: Some(resolver),
            proto: "udp",
            failure,
            num_bytes,
            t0,
            t: self.net.trace().clock().now(),
        };
        self.net.trace().event(self.tx, event);
    }
}

fn timed_out() -> Unanswered {
    FailureCode::GENERIC_TIMEOUT_ERROR.into()
}

/// The next datagram. There is no buffer before there is something for it: hundreds of queries may be waiting.
async fn datagram(socket: &UdpSocket) -> io::Result<(Bytes, SocketAddr)> {
    socket.ready(Interest::READABLE | Interest::ERROR).await?;
    let mut buffer = Vec::with_capacity(LONGEST);
    let (_, source) = socket.recv_buf_from(&mut buffer).await?;
    buffer.shrink_to_fit();
    Ok((buffer.into(), source))
}
