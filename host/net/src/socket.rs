//! The socket under every connection: counts bytes and what it observes, and writes each read and write down.
//!
//! Under TLS these are the reads and writes of ciphertext, as the wire has them.

use crate::{Meter, Trace, Transaction, tls::Io, trace::Event};
use netsonde_data::failure::FailureCode;
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// A TCP socket that keeps books.
#[derive(Debug)]
pub(crate) struct Socket {
    tcp: TcpStream,
    shared: Arc<Shared>,
}

/// What a socket and the operations on it both know.
#[derive(Debug)]
pub(crate) struct Shared {
    trace: Trace,
    meter: Arc<Meter>,
    proto: Proto,
    remote: SocketAddr,
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
        let t = self.trace.clock().now();
        for (direction, since) in [
            (Direction::Write, self.take_write()),
            (Direction::Read, self.take_read()),
        ] {
            if let Some(t0) = since {
                self.event(direction, t0, t, 0, Some(failure.clone()));
            }
        }
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
        let mut state = self.state();
        let tx = state.tx.clone();
        if failure.is_some() {
            state.last_failure.clone_from(&failure);
        }
        drop(state);
        self.meter.observation();
        let remote = Some(self.remote);
        self.trace.event(
            &tx,
            Event {
                operation: direction.operation(self.proto),
                remote,
                proto: self.proto.as_str(),
                failure,
                num_bytes,
                t0,
                t,
            },
        );
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Socket {
    pub(crate) fn new(
        tcp: TcpStream,
        remote: SocketAddr,
        trace: Trace,
        meter: Arc<Meter>,
        tx: &Transaction,
    ) -> Self {
        let shared = Shared::new(Proto::Tcp, remote, trace, meter, tx);
        Self {
            tcp,
            shared: Arc::new(shared),
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    fn now(&self) -> Duration {
        self.shared.now()
    }
}

impl Drop for Socket {
    /// A write that is pending ends with the socket. A read that nobody waits for any more does not count: HTTP keeps
    /// one going on an idle connection, and that we closed it ourselves says nothing about the network.
    fn drop(&mut self) {
        self.shared.take_read();
        self.shared.abandon(&FailureCode::CONNECTION_ALREADY_CLOSED);
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
        let filled = buf.filled().len();
        let result = ready!(Pin::new(&mut self.tcp).poll_read(cx, buf));
        let t = self.now();
        self.shared.take_read();
        let num_bytes = buf.filled().len() - filled;
        let failure = match &result {
            Err(error) => Some(FailureCode::from_io(error)),
            Ok(()) if num_bytes == 0 && buf.remaining() > 0 => Some(FailureCode::EOF_ERROR),
            Ok(()) => None,
        };
        self.shared.event(Direction::Read, t0, t, num_bytes, failure);
        result?;
        Poll::Ready(self.shared.meter.received(num_bytes).map_err(io::Error::other))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let granted = self
            .shared
            .meter
            .reserve_sent(buf.len())
            .map_err(io::Error::other)?;
        let now = self.now();
        let t0 = *self.shared.state().write_since.get_or_insert(now);
        let poll = Pin::new(&mut self.tcp).poll_write(cx, buf.get(..granted).unwrap_or(buf));
        let t = self.now();
        let written = match &poll {
            Poll::Ready(Ok(written)) => *written,
            Poll::Ready(Err(_)) | Poll::Pending => 0,
        };
        self.shared.meter.unsent(granted - written);
        let result = ready!(poll);
        self.shared.take_write();
        self.shared.event(
            Direction::Write,
            t0,
            t,
            written,
            result.as_ref().err().map(FailureCode::from_io),
        );
        Poll::Ready(result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
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
