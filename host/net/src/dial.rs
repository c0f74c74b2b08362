//! Connecting sockets: TCP in steps that leave the socket at hand, because after a failure it still has to be asked what
//! came back; UDP in one.

use crate::sys::{self, IcmpReport};
use socket2::{Domain, Protocol, Type};
use std::{
    io,
    net::{IpAddr, SocketAddr},
};
use tokio::{
    io::Interest,
    net::{TcpStream, UdpSocket},
};

/// A socket whose connect is under way.
pub(crate) struct Dialing {
    stream: TcpStream,
    is_ipv4: bool,
}

impl Dialing {
    /// Send the first packet.
    pub(crate) fn begin(endpoint: SocketAddr, ttl: Option<u8>) -> io::Result<Self> {
        let is_ipv4 = endpoint.is_ipv4();
        let socket = sys::nonblocking(Domain::for_address(endpoint), Type::STREAM, Protocol::TCP)?;
        // Small requests should leave at once; a socket that refuses the option works without it.
        let _ = socket.set_tcp_nodelay(true);
        // Where the system keeps no ICMP errors, the connect fails in the same way and says less.
        let _ = sys::report_icmp_errors(&socket, is_ipv4, true);
        if let Some(ttl) = ttl {
            sys::set_ttl(&socket, is_ipv4, ttl)?;
        }
        match socket.connect(&endpoint.into()) {
            Ok(()) => {}
            Err(error) if is_under_way(&error) => {}
            Err(error) => return Err(error),
        }
        let stream = TcpStream::from_std(socket.into())?;
        Ok(Self { stream, is_ipv4 })
    }

    /// Wait until it is connected or has failed.
    pub(crate) async fn wait(&self) -> io::Result<()> {
        self.stream.writable().await?;
        match self.stream.take_error()? {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// The ICMP errors that came back so far. The system says with the end of the connect whether there are any, so that
    /// it need not be asked where there are none.
    pub(crate) fn reports(&self) -> impl Iterator<Item = IcmpReport> {
        let next = || sys::icmp_error(&self.stream);
        std::iter::from_fn(move || self.stream.try_io(Interest::ERROR, next).ok())
    }

    /// The address that it is sent from.
    pub(crate) fn local(&self) -> Option<IpAddr> {
        self.stream.local_addr().ok().map(|local| local.ip())
    }

    /// The connected stream. From now on the kernel deals with ICMP errors as for any program: it goes on trying. (To be
    /// told of each would make each an error of the next read.)
    pub(crate) fn connected(self) -> TcpStream {
        let _ = sys::report_icmp_errors(&self.stream, self.is_ipv4, false);
        self.stream
    }

    /// The socket of a connect that was given up.
    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }
}

/// A UDP socket that receives from `remote` only, and hears of its ICMP errors. The system chooses the port with the
/// address, where it connects.
pub(crate) fn connected_udp(remote: SocketAddr) -> io::Result<UdpSocket> {
    let socket = sys::nonblocking(Domain::for_address(remote), Type::DGRAM, Protocol::UDP)?;
    socket.connect(&remote.into())?;
    UdpSocket::from_std(socket.into())
}

/// Whether a connect that does not block goes on.
fn is_under_way(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(libc::EINPROGRESS) {
        return true;
    }
    error.kind() == io::ErrorKind::WouldBlock
}
