//! Linux: `IP_RECVERR` and the error queue, `TCP_INFO`, control messages. All through nix's safe functions.

use super::{Arrived, IcmpReport, set_ttl_of};
use crate::tcp_info;
use netsonde_data::observation::{Icmp, TcpInfo};
use nix::{
    errno::Errno,
    sys::socket::{
        ControlMessage, ControlMessageOwned, MsgFlags, SockaddrLike, SockaddrStorage, getsockopt, recvmsg,
        sendmsg, setsockopt,
        sockopt::{GetStruct, Ipv4RecvErr, Ipv4RecvTtl, Ipv6RecvErr, Ipv6RecvHopLimit},
    },
    sys::utsname::uname,
};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::{
    io::{self, IoSlice, IoSliceMut},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{AsFd, AsRawFd},
    sync::OnceLock,
};
use tokio::{io::Interest, net::UdpSocket};

/// Whether there is something to look at while a connection waits.
pub(crate) const WATCHES: bool = true;

/// `SO_EE_ORIGIN_ICMP` and `SO_EE_ORIGIN_ICMP6` (`linux/errqueue.h`).
const FROM_ICMP: u8 = 2;
const FROM_ICMP6: u8 = 3;

/// The books of a kernel that counts rates and bytes, and of any kernel.
type Books = [u8; tcp_info::LONG];
type ShortBooks = [u8; tcp_info::SHORT];

#[derive(Clone, Copy, Debug)]
struct LongTcpInfo;
nix::getsockopt_impl!(
    LongTcpInfo,
    libc::IPPROTO_TCP,
    libc::TCP_INFO,
    Books,
    GetStruct<Books>
);

#[derive(Clone, Copy, Debug)]
struct ShortTcpInfo;
nix::getsockopt_impl!(
    ShortTcpInfo,
    libc::IPPROTO_TCP,
    libc::TCP_INFO,
    ShortBooks,
    GetStruct<ShortBooks>
);

/// A socket that does not block, in one system call.
pub(crate) fn nonblocking(domain: Domain, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    Socket::new(domain, kind.nonblocking(), Some(protocol))
}

/// The kernel's books on a connection.
pub(crate) fn tcp_info(socket: &impl AsFd) -> Option<TcpInfo> {
    // nix insists on getting as much as it asks for, so it is asked for what this kernel has.
    if has_long_books() {
        getsockopt(socket, LongTcpInfo)
            .ok()
            .and_then(|books| tcp_info::read(&books))
    } else {
        getsockopt(socket, ShortTcpInfo)
            .ok()
            .and_then(|books| tcp_info::read(&books))
    }
}

/// The fields up to the delivery rate are there since Linux 4.9.
fn has_long_books() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        uname().is_ok_and(|system| {
            let release = system.release().to_string_lossy();
            let mut numbers = release
                .split(|separator: char| !separator.is_ascii_digit())
                .map(str::parse::<u32>);
            match (numbers.next(), numbers.next()) {
                (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= (4, 9),
                _ => false,
            }
        })
    })
}

/// Set the TTL or hop limit of everything that is sent from now on.
pub(crate) fn set_ttl(socket: &impl AsFd, is_ipv4: bool, ttl: u8) -> io::Result<()> {
    set_ttl_of(&SockRef::from(socket), is_ipv4, ttl)
}

/// Let the kernel keep ICMP errors for [`icmp_error`], or forget them.
pub(crate) fn report_icmp_errors(socket: &impl AsFd, is_ipv4: bool, on: bool) -> io::Result<()> {
    if is_ipv4 {
        setsockopt(socket, Ipv4RecvErr, &on)?;
    } else {
        setsockopt(socket, Ipv6RecvErr, &on)?;
    }
    Ok(())
}

/// Let the kernel tell with what TTL datagrams arrive.
pub(crate) fn tell_ttl(socket: &impl AsFd, is_ipv4: bool) -> io::Result<()> {
    if is_ipv4 {
        setsockopt(socket, Ipv4RecvTtl, &true)?;
    } else {
        setsockopt(socket, Ipv6RecvHopLimit, &true)?;
    }
    Ok(())
}

/// The next ICMP error that came back; an error of kind `WouldBlock` when there is none.
pub(crate) fn icmp_error(socket: &impl AsFd) -> io::Result<IcmpReport> {
    loop {
        let mut quoted = vec![0; 2048];
        let mut control = nix::cmsg_space!([u8; 256]);
        let mut parts = [IoSliceMut::new(&mut quoted)];
        let (report, length) = {
            let message = recvmsg::<SockaddrStorage>(
                socket.as_fd().as_raw_fd(),
                &mut parts,
                Some(&mut control),
                MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT,
            )?;
            let to = message.address.as_ref().and_then(socket_address);
            (message.cmsgs()?.find_map(|part| report(&part, to)), message.bytes)
        };
        // What is not from the network, such as that a datagram is too large for the first hop, the call has told.
        if let Some(mut report) = report {
            quoted.truncate(length);
            report.quoted = quoted;
            return Ok(report);
        }
    }
}

fn report(part: &ControlMessageOwned, to: Option<SocketAddr>) -> Option<IcmpReport> {
    let (error, router): (_, Option<IpAddr>) = match part {
        ControlMessageOwned::Ipv4RecvErr(error, offender) => {
            let address = |from: &libc::sockaddr_in| Ipv4Addr::from(u32::from_be(from.sin_addr.s_addr));
            (error, offender.as_ref().map(|from| address(from).into()))
        }
        ControlMessageOwned::Ipv6RecvErr(error, offender) => {
            let address = |from: &libc::sockaddr_in6| Ipv6Addr::from(from.sin6_addr.s6_addr);
            (error, offender.as_ref().map(|from| address(from).into()))
        }
        _ => return None,
    };
    let icmp = match error.ee_origin {
        FROM_ICMP => Icmp::v4(error.ee_type, error.ee_code),
        FROM_ICMP6 => Icmp::v6(error.ee_type, error.ee_code),
        _ => return None,
    };
    Some(IcmpReport {
        number: i32::try_from(error.ee_errno).unwrap_or_default(),
        icmp,
        router: router.filter(|router| !router.is_unspecified()),
        to,
        quoted: Vec::new(),
    })
}

/// The next ICMP error, once the socket was said to have one.
pub(crate) fn awaited_icmp_error(socket: &UdpSocket) -> io::Result<IcmpReport> {
    socket.try_io(Interest::ERROR, || icmp_error(socket))
}

/// Send one datagram, with a TTL of its own if there is one.
pub(crate) fn send_to(
    socket: &UdpSocket,
    bytes: &[u8],
    to: SocketAddr,
    ttl: Option<u8>,
) -> io::Result<usize> {
    let ttl = ttl.map(libc::c_int::from);
    let control: Vec<_> = ttl
        .iter()
        .map(|ttl| {
            if to.is_ipv4() {
                ControlMessage::Ipv4Ttl(ttl)
            } else {
                ControlMessage::Ipv6HopLimit(ttl)
            }
        })
        .collect();
    let parts = [IoSlice::new(bytes)];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    let to = SockaddrStorage::from(to);
    socket.try_io(Interest::WRITABLE, || {
        Ok(sendmsg(socket.as_raw_fd(), &parts, &control, flags, Some(&to))?)
    })
}

/// Receive one datagram.
pub(crate) fn receive_from(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Arrived> {
    socket.try_io(Interest::READABLE, || receive(socket, buffer))
}

fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Arrived> {
    let mut control = nix::cmsg_space!([u8; 128]);
    let mut parts = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags)?;
    let ttl = message.cmsgs()?.find_map(|part| match part {
        ControlMessageOwned::Ipv4Ttl(ttl) | ControlMessageOwned::Ipv6HopLimit(ttl) => u8::try_from(ttl).ok(),
        _ => None,
    });
    Ok(Arrived {
        length: message.bytes,
        source: message
            .address
            .as_ref()
            .and_then(socket_address)
            .ok_or(Errno::EAFNOSUPPORT)?,
        ttl,
    })
}

fn socket_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    address.family()?;
    address
        .as_sockaddr_in()
        .map(|address| SocketAddr::V4((*address).into()))
        .or_else(|| {
            address
                .as_sockaddr_in6()
                .map(|address| SocketAddr::V6((*address).into()))
        })
}
