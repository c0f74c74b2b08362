//! What sockets can do on some systems only: tell of ICMP errors, show the kernel's books, take a TTL per datagram.
//!
//! Nothing here knows of traces. Linux (and Android) has all of it, without privileges. On other systems the same
//! functions tell what the portable interface can: an ICMP error is what the socket's own error says, and there are no
//! books.

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod other;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use linux::{
    WATCHES, awaited_icmp_error, icmp_error, nonblocking, receive_from, report_icmp_errors, send_to, set_ttl,
    tcp_info, tell_ttl,
};
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) use other::{
    WATCHES, awaited_icmp_error, icmp_error, nonblocking, receive_from, report_icmp_errors, send_to, set_ttl,
    tcp_info, tell_ttl,
};

use netsonde_data::observation::Icmp;
use socket2::SockRef;
use std::{
    io,
    net::{IpAddr, SocketAddr},
};

/// An ICMP error as the system hands it over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IcmpReport {
    /// The error number that the system makes of it.
    pub(crate) number: i32,
    /// Type and code.
    pub(crate) icmp: Icmp,
    /// Who sent it.
    pub(crate) router: Option<IpAddr>,
    /// Where the packet was going.
    pub(crate) to: Option<SocketAddr>,
    /// How much of the packet's payload came back with the error; often nothing.
    pub(crate) quoted: Vec<u8>,
}

/// A datagram as the system hands it over.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) length: usize,
    pub(crate) source: SocketAddr,
    pub(crate) ttl: Option<u8>,
}

/// Whether this is because too many files are open, in this process or on this machine.
pub(crate) fn is_out_of_files(error: &io::Error) -> bool {
    #[cfg(unix)]
    let numbers = [libc::EMFILE, libc::ENFILE];
    // WSAEMFILE.
    #[cfg(not(unix))]
    let numbers = [10024];
    error
        .raw_os_error()
        .is_some_and(|number| numbers.contains(&number))
}

/// How many files this process may have open; 0 where nobody says.
pub(crate) fn most_open_files() -> u64 {
    #[cfg(unix)]
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    let limit = None;
    limit.unwrap_or_default()
}

/// Set the TTL or hop limit of everything that is sent from now on.
fn set_ttl_of(socket: &SockRef<'_>, is_ipv4: bool, ttl: u8) -> io::Result<()> {
    if is_ipv4 {
        socket.set_ttl_v4(ttl.into())
    } else {
        socket.set_unicast_hops_v6(ttl.into())
    }
}
