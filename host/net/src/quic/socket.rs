//! The UDP socket under quinn: counts bytes, and writes each datagram down.
//!
//! Quinn's own socket sends and receives many datagrams in one system call, and logs errors instead of passing them on.
//! This one sends and receives them one by one, so that each is an event with a time of its own, and is connected, so
//! that the system reports ICMP errors on it. What quinn can not be told without losing its connection (an error ends its
//! driver in silence) is kept in the [`Watch`].

use super::invariant::offered_versions;
use crate::{
    Meter, Net, Transaction, dial,
    policy::Transport,
    socket::{Direction, Proto, Shared},
};
use futures::future::select;
use netsonde_data::failure::FailureCode;
use quinn::{
    AsyncUdpSocket, UdpPoller,
    udp::{RecvMeta, Transmit},
};
use std::{
    io::{self, IoSliceMut},
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{Interest, ReadBuf},
    net::UdpSocket,
    sync::Notify,
};

/// A UDP socket that keeps books and talks to one remote endpoint.
#[derive(Debug)]
pub(super) struct Socket {
    net: Net,
    udp: UdpSocket,
    local: SocketAddr,
    shared: Arc<Shared>,
    watch: Arc<Watch>,
}

/// What happened on a socket that quinn does not hear of.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Whether any datagram has come.
    heard: AtomicBool,
    /// The first error of the system, or the refusal of a datagram, unless datagrams came before it.
    failure: OnceLock<FailureCode>,
    /// The versions that the first Version Negotiation packet offered.
    versions: OnceLock<Vec<u32>>,
    changed: Notify,
}

impl Watch {
    /// Wait until the budget is used up.
    pub(super) async fn exhausted(&self, meter: &Meter) {
        self.until(|| meter.exceeded().is_some()).await;
    }

    async fn until(&self, done: impl Fn() -> bool) {
        loop {
            let changed = self.changed.notified();
            if done() {
                return;
            }
            changed.await;
        }
    }

    /// The error that made the socket useless, if any.
    pub(super) fn failure(&self) -> Option<&FailureCode> {
        self.failure.get()
    }

    /// The versions that the server offered instead of ours.
    pub(super) fn offered_versions(&self) -> Option<&[u32]> {
        self.versions.get().map(Vec::as_slice)
    }
}

impl Socket {
    /// A socket connected to `remote`. Nothing is sent.
    pub(super) fn open(net: &Net, tx: &Transaction, remote: SocketAddr) -> io::Result<Self> {
        let udp = dial::connected_udp(remote)?;
        let local = udp.local_addr()?;
        let (trace, meter) = (net.trace().clone(), Arc::clone(net.meter()));
        let shared = Arc::new(Shared::new(Proto::Udp, remote, trace, meter, tx));
        Ok(Self {
            net: net.clone(),
            udp,
            local,
            shared,
            watch: Arc::default(),
        })
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(super) fn watch(&self) -> &Arc<Watch> {
        &self.watch
    }

    /// Wait until the socket is of no use to a handshake: an error before anything was heard, or the end of the budget.
    pub(super) async fn failed(&self) {
        let meter = self.shared.meter();
        let failed = self
            .watch
            .until(|| self.watch.failure.get().is_some() || meter.exceeded().is_some());
        select(pin!(failed), pin!(self.listen_for_errors())).await;
    }

    /// An ICMP error alone does not make a socket readable, so quinn would meet it only where it sends again.
    async fn listen_for_errors(&self) {
        let taken = || {
            self.udp
                .take_error()?
                .ok_or_else(|| io::ErrorKind::WouldBlock.into())
        };
        while let Ok(error) = self.udp.async_io(Interest::ERROR, taken).await {
            let failure = FailureCode::from_io(&error);
            self.failed_with(Direction::Read, self.shared.since_read(), failure);
        }
        std::future::pending::<()>().await;
    }

    /// An error of the system, or a refusal, ends a handshake to which nothing was answered yet, as it ends a TCP connect.
    /// After that it is only an event: anybody on the path can send an ICMP message, and a connection that works is worth
    /// more.
    fn failed_with(&self, direction: Direction, t0: Duration, failure: FailureCode) {
        self.shared
            .event(direction, t0, self.shared.now(), 0, Some(failure.clone()));
        if !self.watch.heard.load(Ordering::Relaxed) {
            let _ = self.watch.failure.set(failure);
            self.watch.changed.notify_waiters();
        }
    }

    /// The budget is used up: nothing goes in or out any more.
    fn exhausted(&self) -> bool {
        let exhausted = self.shared.meter().exceeded().is_some();
        if exhausted {
            self.watch.changed.notify_waiters();
        }
        exhausted
    }
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Poller(self))
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        if self.exhausted() {
            return Ok(());
        }
        let meter = self.shared.meter();
        let wanted = transmit.contents.len();
        // Repetitions too: quinn makes them where nobody answers.
        let admitted = self
            .net
            .admit_datagram(Transport::Udp, self.shared.remote(), wanted);
        if let Err(refused) = admitted {
            self.failed_with(Direction::Write, self.shared.now(), refused.code());
            return Ok(());
        }
        let granted = meter.reserve_sent(wanted).unwrap_or_default();
        if granted < wanted {
            meter.unsent(granted);
            meter.no_more_sent();
            self.exhausted();
            return Ok(());
        }
        let t0 = self.shared.now();
        match self.udp.try_send(transmit.contents) {
            Ok(sent) => {
                self.shared
                    .event(Direction::Write, t0, self.shared.now(), sent, None);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                meter.unsent(wanted);
                return Err(error);
            }
            Err(error) => {
                meter.unsent(wanted);
                self.failed_with(Direction::Write, t0, FailureCode::from_io(&error));
            }
        }
        Ok(())
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let (Some(buf), Some(meta)) = (bufs.first_mut(), meta.first_mut()) else {
            return Poll::Ready(Ok(0));
        };
        loop {
            if self.exhausted() {
                // Quinn's driver goes on with what its connections tell it, and hears nothing more from here.
                return Poll::Pending;
            }
            let t0 = self.shared.since_read();
            let mut datagram = ReadBuf::new(buf);
            let result = ready!(self.udp.poll_recv(cx, &mut datagram));
            self.shared.take_read();
            if let Err(error) = result {
                self.failed_with(Direction::Read, t0, FailureCode::from_io(&error));
                continue;
            }
            let filled = datagram.filled();
            self.shared
                .event(Direction::Read, t0, self.shared.now(), filled.len(), None);
            if self.shared.meter().received(filled.len()).is_err() {
                continue;
            }
            self.watch.heard.store(true, Ordering::Relaxed);
            if let Some(versions) = offered_versions(filled) {
                let _ = self.watch.versions.set(versions);
            }
            *meta = RecvMeta {
                addr: self.shared.remote(),
                len: filled.len(),
                stride: filled.len(),
                ecn: None,
                dst_ip: None,
            };
            return Poll::Ready(Ok(1));
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }
}

/// Says when the socket can be written to. There is one connection on a socket, so one waker is enough.
#[derive(Debug)]
struct Poller(Arc<Socket>);

impl UdpPoller for Poller {
    fn poll_writable(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // An error here would end quinn's driver in silence; the next attempt to send meets it again and writes it down.
        self.0.udp.poll_send_ready(cx).map(|_| Ok(()))
    }
}
