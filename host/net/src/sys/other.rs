//! Systems where the portable interface is all there is.

use super::{Arrived, IcmpReport, set_ttl_of};
use netsonde_data::observation::TcpInfo;
use socket2::SockRef;
use std::{
    io,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};
use tokio::{io::Interest, net::UdpSocket};

#[cfg(unix)]
pub(crate) trait Socket: std::os::fd::AsFd {}
#[cfg(unix)]
impl<T: std::os::fd::AsFd> Socket for T {}
#[cfg(windows)]
pub(crate) trait Socket: std::os::windows::io::AsSocket {}
#[cfg(windows)]
impl<T: std::os::windows::io::AsSocket> Socket for T {}

/// Whether there is something to look at while a connection waits.
pub(crate) const WATCHES: bool = false;

/// A socket that does not block.
pub(crate) fn nonblocking(
    domain: socket2::Domain,
    kind: socket2::Type,
    protocol: socket2::Protocol,
) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(domain, kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// There are no books.
pub(crate) fn tcp_info(_socket: &impl Socket) -> Option<TcpInfo> {
    None
}

/// Set the TTL or hop limit of everything that is sent from now on.
pub(crate) fn set_ttl(socket: &impl Socket, is_ipv4: bool, ttl: u8) -> io::Result<()> {
    set_ttl_of(&SockRef::from(socket), is_ipv4, ttl)
}

/// ICMP errors are not kept.
#[expect(clippy::unnecessary_wraps, reason = "where they are, the system may refuse")]
pub(crate) fn report_icmp_errors(_socket: &impl Socket, _is_ipv4: bool, _on: bool) -> io::Result<()> {
    Ok(())
}

/// The TTL of what arrives is not told.
#[expect(clippy::unnecessary_wraps, reason = "where it is, the system may refuse")]
pub(crate) fn tell_ttl(_socket: &impl Socket, _is_ipv4: bool) -> io::Result<()> {
    Ok(())
}

/// There is never one.
pub(crate) fn icmp_error(_socket: &impl Socket) -> io::Result<IcmpReport> {
    Err(io::ErrorKind::WouldBlock.into())
}

/// There is never one.
pub(crate) fn awaited_icmp_error(socket: &UdpSocket) -> io::Result<IcmpReport> {
    socket.try_io(Interest::ERROR, || Err(io::ErrorKind::WouldBlock.into()))
}

/// Send one datagram, with a TTL of its own if there is one.
pub(crate) fn send_to(
    socket: &UdpSocket,
    bytes: &[u8],
    to: SocketAddr,
    ttl: Option<u8>,
) -> io::Result<usize> {
    // The TTL is the socket's, so nobody else may send while it is another.
    static SENDING: Mutex<()> = Mutex::new(());
    let _alone = SENDING.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(ttl) = ttl else {
        return socket.try_send_to(bytes, to);
    };
    let options = SockRef::from(socket);
    let is_ipv4 = to.is_ipv4();
    let usual = if is_ipv4 {
        options.ttl_v4()?
    } else {
        options.unicast_hops_v6()?
    };
    set_ttl_of(&options, is_ipv4, ttl)?;
    let sent = socket.try_send_to(bytes, to);
    if is_ipv4 {
        options.set_ttl_v4(usual)?;
    } else {
        options.set_unicast_hops_v6(usual)?;
    }
    sent
}

/// Receive one datagram.
pub(crate) fn receive_from(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Arrived> {
    let (length, source) = socket.try_recv_from(buffer)?;
    Ok(Arrived {
        length,
        source,
        ttl: None,
    })
}
