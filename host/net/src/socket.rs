//! The socket under every connection: counts bytes and what it observes, and writes each read and write down.
//!
//! Under TLS these are the reads and writes of ciphertext, as the wire has them.

mod watch;

use crate::{
    Meter, Trace, Transaction,
    sampling::Ticker,
    sys,
    tls::Io,
    trace::{Event, Extra},
};
use netsonde_data::failure::FailureCode;
use socket2::SockRef;
use std::{
    io::{self, IoSlice},
    net::{Shutdown, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use watch::Watched;

/// A TCP socket that keeps books.
#[derive(Debug)]
pub(crate) struct Socket {
    tcp: Arc<TcpStream>,
    shared: Arc<Shared>,
    ticker: Ticker,
}

/// What a socket and the operations on it both know.
#[derive(Debug)]
pub(crate) struct Shared {
    trace: Trace,
    meter: Arc<Meter>,
    proto: Proto,
    remote: SocketAddr,
    watched: Watched,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tx: Transaction,
    read_since: Option<Duration>,
    write_since: Option<Duration>,
    last_failure: Option<FailureCode>,
}

/// What carries the bytes, as `proto` in `network_events` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proto {
    Tcp,
    Udp,
}

impl Proto {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// Which way the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

impl Direction {
    /// The operation's name in `network_events`.
    fn operation(self, proto: Proto) -> &'static str {
        match (proto, self) {
            (Proto::Tcp, Self::Read) => "read",
            (Proto::Tcp, Self::Write) => "write",
            (Proto::Udp, Self::Read) => "read_from",
            (Proto::Udp, Self::Write) => "write_to",
        }
    }
}

impl Shared {
    pub(crate) fn new(
        proto: Proto,
        remote: SocketAddr,
        trace: Trace,
        meter: Arc<Meter>,
        tx: &Transaction,
    ) -> Self {
        let state = State {
            tx: tx.clone(),
            read_since: None,
            write_since: None,
            last_failure: None,
        };
        Self {
            trace,
            meter,
            proto,
            remote,
            watched: Watched::default(),
            state: Mutex::new(state),
        }
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    pub(crate) fn proto(&self) -> Proto {
        self.proto
    }

    pub(crate) fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Mark events from now on with `tx`.
    pub(crate) fn use_for(&self, tx: &Transaction) {
        self.state().tx = tx.clone();
    }

    /// How the last read or write that failed did so.
    pub(crate) fn last_failure(&self) -> Option<FailureCode> {
        self.state().last_failure.clone()
    }

    /// Whatever read or write is pending ends now, with `failure`.
    pub(crate) fn abandon(&self, failure: &FailureCode) {
        self.abandon_one(Direction::Write, failure);
        self.abandon_one(Direction::Read, failure);
    }

    /// What is pending one way ends now, with `failure`.
    pub(crate) fn abandon_one(&self, direction: Direction, failure: &FailureCode) {
        let since = match direction {
            Direction::Write => self.take_write(),
            Direction::Read => self.take_read(),
        };
        if let Some(t0) = since {
            self.event(direction, t0, self.now(), 0, Some(failure.clone()));
        }
    }

    /// Since when a read or a write has been waiting, if one is.
    fn pending_since(&self) -> Option<Duration> {
        let state = self.state();
        state.write_since.or(state.read_since)
    }

    fn tx(&self) -> Transaction {
        self.state().tx.clone()
    }

    /// The time, and since when a read has been waiting; since now if none has.
    pub(crate) fn since_read(&self) -> Duration {
        let now = self.now();
        *self.state().read_since.get_or_insert(now)
    }

    pub(crate) fn take_read(&self) -> Option<Duration> {
        self.state().read_since.take()
    }

    pub(crate) fn now(&self) -> Duration {
        self.trace.clock().now()
    }

    fn take_write(&self) -> Option<Duration> {
        self.state().write_since.take()
    }

    pub(crate) fn event(
        &self,
        direction: Direction,
        t0: Duration,
        t: Duration,
        num_bytes: usize,
        failure: Option<FailureCode>,
    ) {
        self.event_with(direction, (t0, t), num_bytes, failure, None);
    }

    /// An event, with the exact cause where the failure does not say it.
    fn event_with(
        &self,
        direction: Direction,
        (t0, t): (Duration, Duration),
        num_bytes: usize,
        failure: Option<FailureCode>,
        failure_detail: Option<String>,
    ) {
        let mut state = self.state();
        let tx = state.tx.clone();
        if failure.is_some() {
            state.last_failure.clone_from(&failure);
        }
        drop(state);
        if direction == Direction::Read {
            self.watched.received(num_bytes);
        }
        self.meter.observation();
        let event = Event {
            operation: direction.operation(self.proto),
            remote: Some(self.remote),
            proto: self.proto.as_str(),
            failure,
            num_bytes,
            t0,
            t,
        };
        let extra = Extra {
            failure_detail,
            ..Extra::default()
        };
        self.trace.event_with(&tx, event, extra);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Socket {
    /// `ttl` is what the socket was given, if it was.
    pub(crate) fn new(
        tcp: TcpStream,
        remote: SocketAddr,
        ttl: Option<u8>,
        (trace, meter): (Trace, Arc<Meter>),
        tx: &Transaction,
    ) -> Self {
        let tcp = Arc::new(tcp);
        let mut shared = Shared::new(Proto::Tcp, remote, trace, meter, tx);
        shared.watched = Watched::over(&tcp, ttl, shared.now());
        Self {
            tcp,
            shared: Arc::new(shared),
            ticker: Ticker::default(),
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    fn now(&self) -> Duration {
        self.shared.now()
    }

    /// Read or write as soon as `ready`; while it is not, look at the connection every now and then.
    fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        ready: impl Fn(&TcpStream, &mut Context<'_>) -> Poll<io::Result<()>>,
        mut act: impl FnMut(&TcpStream) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            if let Some(error) = self.shared.watched.take_pending_error() {
                return Poll::Ready(Err(error));
            }
            let is_ready = ready(&self.tcp, cx);
            if is_ready.is_pending() {
                while sys::WATCHES && self.ticker.poll(cx).is_ready() {
                    self.shared.look(&self.tcp, false);
                }
                if self.shared.watched.has_pending_error() {
                    continue;
                }
            }
            ready!(is_ready)?;
            match act(&self.tcp) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    /// Write what the budget grants of `wanted` bytes.
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        wanted: usize,
        write: impl Fn(&TcpStream, usize) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let granted = self.shared.meter.reserve_sent(wanted).map_err(io::Error::other)?;
        let now = self.now();
        let t0 = *self.shared.state().write_since.get_or_insert(now);
        let poll = self.poll(cx, TcpStream::poll_write_ready, |tcp| write(tcp, granted));
        let t = self.now();
        let written = match &poll {
            Poll::Ready(Ok(written)) => *written,
            Poll::Ready(Err(_)) | Poll::Pending => 0,
        };
        self.shared.meter.unsent(granted - written);
        let result = ready!(poll);
        self.shared.take_write();
        let error = result.as_ref().err();
        let (failure, detail) = (
            error.map(FailureCode::from_io),
            error.and_then(FailureCode::detail_of_io),
        );
        self.shared
            .event_with(Direction::Write, (t0, t), written, failure, detail);
        self.shared.look(&self.tcp, false);
        Poll::Ready(result)
    }
}

impl Drop for Socket {
    /// A write that is pending ends with the socket. A read that nobody waits for any more does not count: HTTP keeps
    /// one going on an idle connection, and that we closed it ourselves says nothing about the network.
    fn drop(&mut self) {
        self.shared.take_read();
        self.shared.abandon(&FailureCode::CONNECTION_ALREADY_CLOSED);
        self.shared.look(&self.tcp, true);
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.shared.meter.check().map_err(io::Error::other)?;
        let t0 = self.shared.since_read();
        let room = buf.remaining();
        let result = ready!(self.poll(cx, TcpStream::poll_read_ready, |tcp| tcp.try_read_buf(buf)));
        let t = self.now();
        self.shared.take_read();
        let num_bytes = *result.as_ref().unwrap_or(&0);
        let (failure, detail) = match &result {
            Err(error) => (
                Some(FailureCode::from_io(error)),
                FailureCode::detail_of_io(error),
            ),
            Ok(0) if room > 0 => (Some(FailureCode::EOF_ERROR), None),
            Ok(_) => (None, None),
        };
        self.shared
            .event_with(Direction::Read, (t0, t), num_bytes, failure, detail);
        self.shared.look(&self.tcp, false);
        result?;
        Poll::Ready(self.shared.meter.received(num_bytes).map_err(io::Error::other))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll_send(cx, buf.len(), |tcp, granted| {
            tcp.try_write(buf.get(..granted).unwrap_or(buf))
        })
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted = bufs.iter().map(|buf| buf.len()).sum();
        self.get_mut().poll_send(cx, wanted, |tcp, granted| {
            if granted == wanted {
                return tcp.try_write_vectored(bufs);
            }
            // The budget's last bytes.
            let first = bufs.iter().find(|buf| !buf.is_empty());
            let first = first.map_or(&[][..], |buf| buf);
            tcp.try_write(first.get(..granted).unwrap_or(first))
        })
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The kernel has what was written; there is nothing else to flush.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&*self.tcp).shutdown(Shutdown::Write))
    }
}

/// What a connection reads from and writes to.
#[derive(Debug)]
pub(crate) enum Stream {
    /// Cleartext.
    Plain(Socket),
    /// TLS over the socket.
    Tls(Box<dyn Io>, Arc<Shared>),
}

impl Stream {
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        match self {
            Self::Plain(socket) => socket.shared(),
            Self::Tls(_, shared) => shared,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Tls(tls, _) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, buf),
            Self::Tls(tls, _) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, bufs),
            Self::Tls(tls, _) => Pin::new(tls).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(socket) => socket.is_write_vectored(),
            Self::Tls(tls, _) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Self::Tls(tls, _) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(tls, _) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
