//! UDP: datagrams to anywhere and from anybody, and the ICMP errors that come back.

mod sent;

use crate::{
    Meter, Net, NetError, Trace, Transaction,
    guard::Guard,
    icmp::{self, About},
    policy::Transport,
    sys::{self, IcmpReport},
    trace::{Event, Extra},
};
use bytes::Bytes;
use netsonde_data::{
    failure::{FailureCode, Operation},
    observation::NetworkEvent,
};
use sent::Sent;
use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{io::Interest, time::timeout};

/// The largest datagram.
const LARGEST: usize = 65_535;
/// How many ICMP errors may be in the way of one datagram.
const ERRORS_IN_THE_WAY: usize = 64;

/// How to open a UDP socket. Without any of these: for IPv4.
#[derive(Clone, Copy, Debug, Default)]
pub struct UdpOptions {
    /// For IPv6 instead of IPv4.
    pub ipv6: bool,
}

/// A UDP socket on a port that the system chose. Clones share it; dropping the last one closes it.
#[derive(Clone, Debug)]
pub struct UdpSocket(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    socket: tokio::net::UdpSocket,
    trace: Trace,
    meter: Arc<Meter>,
    tx: Transaction,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sent: Sent,
    /// ICMP errors that were written down and nobody has received yet.
    errors: VecDeque<NetworkEvent>,
}

/// What a UDP socket received.
#[derive(Clone, Debug, PartialEq)]
pub enum Received {
    /// A datagram.
    Datagram(Datagram),
    /// An ICMP error for a datagram that was sent: the event `x_icmp`.
    Icmp(Box<NetworkEvent>),
}

/// A datagram that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Who sent it, or whom it claims to be from.
    pub source: SocketAddr,
    /// What is in it.
    pub bytes: Bytes,
    /// The TTL or hop limit that was left when it arrived, where the system tells.
    pub ttl: Option<u8>,
}

impl Net {
    /// Open a UDP socket. Observed as `x_udp_open` in `network_events`.
    pub fn udp_open(&self, tx: &Transaction, options: UdpOptions) -> Result<UdpSocket, NetError> {
        self.meter().connection()?;
        let t0 = self.trace().clock().now();
        let result = open(options);
        let error = result.as_ref().err();
        if let Some(error) = error {
            self.meter().no_socket(error);
        }
        let event = Event {
            operation: "x_udp_open",
            remote: None,
            proto: "udp",
            failure: error.map(FailureCode::from_io),
            num_bytes: 0,
            t0,
            t: self.trace().clock().now(),
        };
        let extra = Extra {
            failure_detail: error.and_then(FailureCode::detail_of_io),
            ..Extra::default()
        };
        self.meter().observation();
        self.trace().event_with(tx, event, extra);
        let socket = result.map_err(|error| {
            NetError::failed(
                FailureCode::from_io(&error),
                Operation::Unknown,
                "open a UDP socket",
            )
        })?;
        Ok(UdpSocket(Arc::new(Inner {
            socket,
            trace: self.trace().clone(),
            meter: Arc::clone(self.meter()),
            tx: tx.clone(),
            state: Mutex::default(),
        })))
    }

    /// Send one datagram, with a TTL or hop limit of its own if there is one; its number on the socket, from 0. Observed
    /// as `write_to` in `network_events`.
    pub async fn udp_send(
        &self,
        socket: &UdpSocket,
        to: SocketAddr,
        bytes: &[u8],
        ttl: Option<u8>,
    ) -> Result<u64, NetError> {
        self.meter().check()?;
        let inner = &*socket.0;
        let t0 = self.trace().clock().now();
        let mut detail = None;
        let guard = Guard::new(|| {
            inner.event("write_to", Some(to), t0, Err(FailureCode::INTERRUPTED), ttl, None);
        });
        let result = self.send_admitted(inner, to, bytes, ttl, &mut detail).await;
        guard.disarm();
        let seen = result.as_ref().map(|_| bytes.len()).map_err(NetError::code);
        inner.event("write_to", Some(to), t0, seen, ttl, detail);
        result
    }

    /// Send a datagram if it may be sent. `detail` is the exact cause where the failure does not say it.
    async fn send_admitted(
        &self,
        inner: &Inner,
        to: SocketAddr,
        bytes: &[u8],
        ttl: Option<u8>,
        detail: &mut Option<String>,
    ) -> Result<u64, NetError> {
        if !inner.state().sent.knows(to) {
            self.admit(Transport::Udp, to).await?;
        }
        self.admit_datagram(Transport::Udp, to, bytes.len())?;
        let granted = self.meter().reserve_sent(bytes.len())?;
        if granted < bytes.len() {
            self.meter().unsent(granted);
            return Err(self.meter().no_more_sent().into());
        }
        // Remembered first: what comes back may be received by another task before this one goes on.
        let number = inner
            .state()
            .sent
            .push(to, bytes, ttl, self.trace().clock().now());
        inner.send(bytes, to, ttl).await.map_err(|error| {
            self.meter().unsent(bytes.len());
            *detail = FailureCode::detail_of_io(&error);
            let doing = format!("send a datagram to {to}");
            NetError::failed(FailureCode::from_io(&error), Operation::WriteTo, &doing)
        })?;
        Ok(number)
    }

    /// Receive a datagram or an ICMP error, waiting no longer than `within` if there is such a time. Observed as
    /// `read_from` or `x_icmp` in `network_events`.
    pub async fn udp_receive(
        &self,
        socket: &UdpSocket,
        within: Option<Duration>,
    ) -> Result<Received, NetError> {
        self.meter().check()?;
        let inner = &*socket.0;
        let t0 = self.trace().clock().now();
        let guard = Guard::new(|| {
            inner.event("read_from", None, t0, Err(FailureCode::INTERRUPTED), None, None);
        });
        let waited = match within {
            Some(within) => timeout(within, inner.receive())
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
            None => inner.receive().await,
        };
        guard.disarm();
        match waited {
            Ok(Received::Icmp(event)) => Ok(Received::Icmp(event)),
            Ok(Received::Datagram(datagram)) => {
                let length = datagram.bytes.len();
                let source = Some(datagram.source);
                inner.event("read_from", source, t0, Ok(length), datagram.ttl, None);
                self.meter().received(length)?;
                Ok(Received::Datagram(datagram))
            }
            Err(error) => {
                let code = FailureCode::from_io(&error);
                let detail = FailureCode::detail_of_io(&error);
                inner.event("read_from", None, t0, Err(code.clone()), None, detail);
                Err(NetError::failed(code, Operation::ReadFrom, "receive a datagram"))
            }
        }
    }
}

impl Inner {
    async fn send(&self, bytes: &[u8], to: SocketAddr, ttl: Option<u8>) -> io::Result<usize> {
        // What came back for an earlier datagram would else be the error of this one.
        self.take_errors();
        for _ in 0..ERRORS_IN_THE_WAY {
            self.socket.writable().await?;
            match sys::send_to(&self.socket, bytes, to, ttl) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if icmp::may_be_icmp(&error) && self.take_errors() => {}
                result => return result,
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    async fn receive(&self) -> io::Result<Received> {
        let mut buffer = Vec::new();
        loop {
            self.take_errors();
            if let Some(event) = self.state().errors.pop_front() {
                return Ok(Received::Icmp(Box::new(event)));
            }
            let ready = self.socket.ready(Interest::READABLE | Interest::ERROR).await?;
            if ready.is_error() {
                match sys::awaited_icmp_error(&self.socket) {
                    Ok(report) => {
                        self.observe(report);
                        continue;
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            if ready.is_readable() {
                buffer.resize(LARGEST, 0);
                match sys::receive_from(&self.socket, &mut buffer) {
                    Ok(arrived) => {
                        buffer.truncate(arrived.length);
                        buffer.shrink_to_fit();
                        return Ok(Received::Datagram(Datagram {
                            source: arrived.source,
                            bytes: buffer.into(),
                            ttl: arrived.ttl,
                        }));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) if icmp::may_be_icmp(&error) && self.take_errors() => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }

    /// Take the ICMP errors out of the socket; whether there were any.
    fn take_errors(&self) -> bool {
        let mut any = false;
        while let Ok(report) = sys::icmp_error(&self.socket) {
            self.observe(report);
            any = true;
        }
        any
    }

    /// Write an ICMP error down, and keep it for who receives next.
    fn observe(&self, report: IcmpReport) {
        let mut state = self.state();
        let meant = state.sent.meant_by(report.to, &report.quoted);
        let about = About {
            proto: "udp",
            remote: report.to,
            t0: meant.t0,
            ttl: meant.ttl,
            datagram: meant.number,
        };
        let event = icmp::observe(&self.trace, &self.meter, &self.tx, report, about, self.local());
        state.errors.push_back(event);
    }

    /// The address that datagrams are sent from, where the socket has one.
    fn local(&self) -> Option<IpAddr> {
        let local = self.socket.local_addr().ok()?.ip();
        (!local.is_unspecified()).then_some(local)
    }

    fn event(
        &self,
        operation: &str,
        remote: Option<SocketAddr>,
        t0: Duration,
        result: Result<usize, FailureCode>,
        ttl: Option<u8>,
        failure_detail: Option<String>,
    ) {
        let num_bytes = *result.as_ref().unwrap_or(&0);
        let event = Event {
            operation,
            remote,
            proto: "udp",
            failure: result.err(),
            num_bytes,
            t0,
            t: self.trace.clock().now(),
        };
        let extra = Extra {
            failure_detail,
            ttl,
            ..Extra::default()
        };
        self.meter.observation();
        self.trace.event_with(&self.tx, event, extra);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    /// What came back and nobody has received is an observation all the same.
    fn drop(&mut self) {
        self.take_errors();
    }
}

fn open(options: UdpOptions) -> io::Result<tokio::net::UdpSocket> {
    let local: IpAddr = if options.ipv6 {
        Ipv6Addr::UNSPECIFIED.into()
    } else {
        Ipv4Addr::UNSPECIFIED.into()
    };
    let domain = if options.ipv6 {
        socket2::Domain::IPV6
    } else {
        socket2::Domain::IPV4
    };
    let socket = sys::nonblocking(domain, socket2::Type::DGRAM, socket2::Protocol::UDP)?;
    if options.ipv6 {
        socket.set_only_v6(true)?;
    }
    // Where the system does not keep ICMP errors or tell the TTL, datagrams come and go without.
    let _ = sys::report_icmp_errors(&socket, !options.ipv6, true);
    let _ = sys::tell_ttl(&socket, !options.ipv6);
    socket.bind(&SocketAddr::new(local, 0).into())?;
    tokio::net::UdpSocket::from_std(socket.into())
}
