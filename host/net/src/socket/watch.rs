//! What is looked at now and then while a connection is open: how many bytes have come, the kernel's books, and whether
//! ICMP errors came back.

use super::{Proto, Shared};
use crate::{
    icmp::{self, About},
    sampling::{self, When},
    sys,
    trace::Event,
};
use netsonde_data::observation::{Icmp, NetworkEvent, TcpInfo};
use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::net::TcpStream;

/// What was seen when somebody looked.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// The TCP socket, for as long as it is open.
    tcp: Weak<TcpStream>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The TTL that the socket was given.
    ttl: Option<u8>,
    received: u64,
    /// How much of it was last written down.
    counted: u64,
    /// The books when somebody last looked.
    books: Option<TcpInfo>,
    looked: Duration,
    /// An error that was taken from the socket and belongs to the next read or write.
    pending_error: Option<io::Error>,
    icmp_errors: Vec<NetworkEvent>,
}

impl Watched {
    /// Of a socket that was opened `now`.
    pub(super) fn over(tcp: &Arc<TcpStream>, ttl: Option<u8>, now: Duration) -> Self {
        let state = State {
            ttl,
            looked: now,
            ..State::default()
        };
        Self {
            tcp: Arc::downgrade(tcp),
            state: state.into(),
        }
    }

    /// More bytes have come.
    pub(super) fn received(&self, bytes: usize) {
        self.state().received += bytes as u64;
    }

    pub(super) fn has_pending_error(&self) -> bool {
        self.state().pending_error.is_some()
    }

    pub(super) fn take_pending_error(&self) -> Option<io::Error> {
        self.state().pending_error.take()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Set the TTL or hop limit of what is sent from now on; of TCP only.
    pub(crate) fn set_ttl(&self, ttl: u8) -> io::Result<()> {
        let closed = match self.proto {
            Proto::Tcp => io::ErrorKind::NotConnected,
            Proto::Udp => io::ErrorKind::Unsupported,
        };
        let tcp = self.watched.tcp.upgrade().ok_or(closed)?;
        sys::set_ttl(&*tcp, self.remote.is_ipv4(), ttl)?;
        self.watched.state().ttl = Some(ttl);
        Ok(())
    }

    /// The ICMP errors that came back for what was sent so far, as far as the system tells.
    pub(crate) fn icmp_errors(&self) -> Vec<NetworkEvent> {
        if let Some(tcp) = self.watched.tcp.upgrade() {
            self.look_for_icmp(&tcp);
        }
        self.watched.state().icmp_errors.clone()
    }

    /// Do `work`, and meanwhile note now and then how many bytes have come over this socket
    /// (`bytes_received_cumulative`).
    pub(crate) async fn while_counting<T>(&self, work: impl Future<Output = T>) -> T {
        sampling::while_counting(|when| self.count(when), work).await
    }

    /// How many bytes have come so far, if there are more than the last time; at the end in any case. So there are never
    /// more counts than reads and transactions, which the budget bounds.
    fn count(&self, when: When) {
        let mut state = self.watched.state();
        let received = state.received;
        if when == When::Meanwhile && state.counted == received {
            return;
        }
        state.counted = received;
        drop(state);
        let event = Event {
            proto: self.proto.as_str(),
            num_bytes: usize::try_from(received).unwrap_or(usize::MAX),
            ..Event::mark("bytes_received_cumulative", Some(self.remote), self.now())
        };
        self.trace.event(&self.tx(), event);
    }

    /// Look at the kernel's books, at most once in a period unless it is `at_the_end`, and write them down if something
    /// has happened.
    pub(super) fn look(&self, tcp: &TcpStream, at_the_end: bool) {
        let now = self.now();
        let mut state = self.watched.state();
        if !sys::WATCHES || !at_the_end && now.saturating_sub(state.looked) < sampling::PERIOD {
            return;
        }
        state.looked = now;
        let before = state.books.take();
        drop(state);
        self.look_for_icmp(tcp);
        let books = sys::tcp_info(tcp);
        let has_moved = books
            .as_ref()
            .is_some_and(|books| sampling::has_moved(before.as_ref(), books));
        if has_moved || at_the_end {
            sampling::observe(&self.trace, &self.tx(), self.remote, books.clone());
        }
        if has_moved && !at_the_end {
            // A peer that does nothing but move can not fill the measurement. The ends are as many as the connections.
            self.meter.observation();
        }
        self.watched.state().books = books.or(before);
    }

    /// On an open connection the kernel goes on trying whatever ICMP says, and tells only when it is asked for the
    /// socket's error; not who sent it. Any other error that is there is the next read's or write's.
    fn look_for_icmp(&self, tcp: &TcpStream) {
        if !sys::WATCHES {
            return;
        }
        let Ok(Some(error)) = tcp.take_error() else {
            return;
        };
        let is_open = sys::tcp_info(tcp).is_some_and(|books| books.state != "closed");
        if !(is_open && icmp::may_be_icmp(&error)) {
            self.watched.state().pending_error = Some(error);
            return;
        }
        let report = sys::IcmpReport {
            number: error.raw_os_error().unwrap_or_default(),
            icmp: Icmp::unknown(),
            router: None,
            to: None,
            quoted: Vec::new(),
        };
        let about = About {
            proto: self.proto.as_str(),
            remote: Some(self.remote),
            t0: self.pending_since().unwrap_or_else(|| self.now()),
            ttl: self.watched.state().ttl,
            datagram: None,
        };
        let event = icmp::observe(&self.trace, &self.meter, &self.tx(), report, about, None);
        self.watched.state().icmp_errors.push(event);
    }
}
