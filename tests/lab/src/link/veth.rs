//! veth pairs read and written through a packet socket, where there is no tun device.
//!
//! Both ends stay in the same namespace: the kernel routes packets into one, the packet socket owns the other.

use super::interface_request;
use crate::sys::netlink::Netlink;
use crate::sys::prefer_setting;
use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{
    AddressFamily, LinkAddr, SockFlag, SockType, SockaddrLike, bind, setsockopt, socket, sockopt,
};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// `ethtool` commands (linux/ethtool.h): they switch off checksum, segmentation and gather offload, so that
/// packets are as they would be on a real wire, and ask for the carrier.
const SET_TX_CHECKSUM: u32 = 0x17;
const SET_TSO: u32 = 0x1f;
const SET_GSO: u32 = 0x24;
const SET_SG: u32 = 0x19;
const GET_LINK: u32 = 0x0a;

/// Room for a burst: a whole receive window of TCP and more.
const RECEIVE_BUFFER: usize = 8 << 20;

/// Makes the pair; returns the packet socket and the Ethernet address of the interface called `name`.
pub(super) fn open(netlink: &mut Netlink, name: &str) -> io::Result<(File, [u8; 6])> {
    let peer = peer_of(name);
    netlink.add_veth(name, &peer)?;
    // The kernel itself must not speak on the router's end.
    prefer_setting(&format!("ipv6/conf/{peer}/disable_ipv6"), "1");
    for command in [SET_TX_CHECKSUM, SET_TSO, SET_GSO, SET_SG] {
        // Ignored: where one is refused it is not on either.
        let _ = ethtool(name, command);
    }
    let peer_interface = if_nametoindex(peer.as_str())?;
    netlink.bring_up(peer_interface, super::NO_NEIGHBOUR_DISCOVERY)?;
    let socket = packet_socket()?;
    setsockopt(&socket, IgnoreOutgoing, &true)?;
    // Ignored: a smaller buffer loses packets of bursts only.
    let _ = setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER);
    bind_to_interface(&socket, peer_interface)?;
    Ok((socket, hardware_address(name)?))
}

/// Waits until the kernel has noticed that both ends are up: until then, packets vanish.
pub(super) fn settle(name: &str) -> io::Result<()> {
    ethtool(name, GET_LINK)?;
    ethtool(&peer_of(name), GET_LINK)
}

/// A packet socket that receives nothing until it is bound.
pub(super) fn packet_socket() -> io::Result<File> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    Ok(File::from(socket(
        AddressFamily::Packet,
        SockType::Raw,
        flags,
        None,
    )?))
}

fn peer_of(name: &str) -> String {
    format!("{name}r")
}

/// `PACKET_IGNORE_OUTGOING`: what the socket sends itself does not come back.
#[derive(Clone, Copy, Debug)]
struct IgnoreOutgoing;

nix::setsockopt_impl!(
    IgnoreOutgoing,
    libc::SOL_PACKET,
    libc::PACKET_IGNORE_OUTGOING,
    bool,
    sockopt::SetBool
);

/// Receives every frame that arrives at one interface.
fn bind_to_interface(socket: &File, interface: u32) -> io::Result<()> {
    let not_a_number = |_| io::Error::other("an interface number out of range");
    let address = libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET).unwrap_or_default(),
        sll_protocol: u16::try_from(libc::ETH_P_ALL).unwrap_or_default().to_be(),
        sll_ifindex: i32::try_from(interface).map_err(not_a_number)?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let length = libc::socklen_t::try_from(size_of_val(&address)).ok();
    // SAFETY: the pointer is to a sockaddr_ll whose family is AF_PACKET, of the length given.
    #[expect(unsafe_code, reason = "nix has no constructor for such an address")]
    let address = unsafe { LinkAddr::from_raw((&raw const address).cast(), length) };
    let address = address.ok_or_else(|| io::Error::other("nix refuses the address of a packet socket"))?;
    bind(socket.as_raw_fd(), &address)?;
    Ok(())
}

/// Any socket of the calling thread's namespace, for ioctls on its interfaces.
fn ioctl_socket() -> nix::Result<OwnedFd> {
    socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
}

/// Runs an ethtool command with the value 0.
fn ethtool(interface: &str, command: u32) -> io::Result<()> {
    let socket = ioctl_socket()?;
    let mut value = [command, 0_u32];
    let mut request = interface_request(interface);
    request.ifr_ifru.ifru_data = value.as_mut_ptr().cast();
    // SAFETY: the request and the ethtool_value it points to (two 32-bit numbers) live across the call; each of
    // the commands above reads or writes just that.
    #[expect(unsafe_code, reason = "an ioctl has no safe form")]
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) };
    Errno::result(result)?;
    Ok(())
}

fn hardware_address(interface: &str) -> io::Result<[u8; 6]> {
    let socket = ioctl_socket()?;
    let mut request = interface_request(interface);
    // SAFETY: SIOCGIFHWADDR fills the ifreq's hardware address, which lives across the call.
    #[expect(unsafe_code, reason = "an ioctl has no safe form")]
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFHWADDR, &raw mut request) };
    Errno::result(result)?;
    // SAFETY: the kernel has just written that member of the union.
    #[expect(unsafe_code, reason = "there is no other way to read a C union")]
    let address = unsafe { request.ifr_ifru.ifru_hwaddr.sa_data };
    let mut octets = [0; 6];
    for (to, from) in octets.iter_mut().zip(address) {
        *to = u8::from_ne_bytes(from.to_ne_bytes());
    }
    Ok(octets)
}
