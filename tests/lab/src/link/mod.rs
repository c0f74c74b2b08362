//! The two wires of the lab: each ends as a network interface in a namespace and as a file in the router.
//!
//! A tun device where it can be had; a veth pair read and written through a packet socket otherwise, as in rootless
//! containers, where `/dev/net/tun` is not there or not ours.

mod tun;
mod veth;

use crate::sys::netlink::Netlink;
use nix::net::if_::if_nametoindex;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

/// The largest packet a wire carries.
pub(crate) const MTU: usize = 1500;
/// Flags of an interface that speaks IP alone.
const NO_NEIGHBOUR_DISCOVERY: libc::c_int = libc::IFF_NOARP;

/// The router's end of a wire: one packet, from its IP header on, a read or write. Never blocks.
pub(crate) struct Link {
    file: File,
    /// What stands before the IP header on this wire: nothing, or an Ethernet header.
    framing: Framing,
    /// Reused for frames.
    frame: Vec<u8>,
}

enum Framing {
    /// IP alone.
    None,
    /// Ethernet, to the interface with this address.
    Ethernet([u8; 6]),
}

const ETHERNET_HEADER: usize = 14;

impl Link {
    /// Makes an interface called `name` in the calling thread's network namespace, up and with a default route for
    /// each family of `addresses`, which it gets.
    pub(crate) fn open(name: &str, addresses: &[IpAddr], routed: &[IpAddr]) -> io::Result<Self> {
        let mut netlink = Netlink::open()?;
        let (link, flags) = match tun::open(name) {
            Ok(file) => (
                Self {
                    file,
                    framing: Framing::None,
                    frame: Vec::new(),
                },
                0,
            ),
            Err(no_tun) => match veth::open(&mut netlink, name) {
                Ok((file, mac)) => {
                    let link = Self {
                        file,
                        framing: Framing::Ethernet(mac),
                        frame: Vec::new(),
                    };
                    (link, NO_NEIGHBOUR_DISCOVERY)
                }
                Err(no_veth) => return Err(io::Error::other(format!("tun: {no_tun}; veth: {no_veth}"))),
            },
        };
        let interface = if_nametoindex(name)?;
        netlink.bring_up(interface, flags)?;
        if let Framing::Ethernet(_) = link.framing {
            veth::settle(name)?;
        }
        for address in addresses {
            netlink.add_address(interface, *address)?;
        }
        for example in routed {
            netlink.add_default_route(interface, *example)?;
        }
        Ok(link)
    }

    /// Reads the next packet into `packet`; false when none waits.
    pub(crate) fn read(&mut self, packet: &mut Vec<u8>) -> io::Result<bool> {
        let header = match self.framing {
            Framing::None => 0,
            Framing::Ethernet(_) => ETHERNET_HEADER,
        };
        self.frame.resize(MTU + ETHERNET_HEADER, 0);
        let length = match self.file.read(&mut self.frame) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        };
        packet.clear();
        packet.extend_from_slice(self.frame.get(header..length).unwrap_or_default());
        Ok(true)
    }

    /// Sends a packet. One that the interface does not take is lost, as on any wire.
    pub(crate) fn write(&mut self, packet: &[u8]) {
        // Ignored: a full queue, or an interface that is going down with its namespace.
        let _ = match self.framing {
            Framing::None => self.file.write(packet),
            Framing::Ethernet(mac) => {
                let is_ipv6 = packet.first().is_some_and(|first| first >> 4 == 6);
                let kind: [u8; 2] = if is_ipv6 { [0x86, 0xdd] } else { [0x08, 0x00] };
                self.frame.clear();
                // Any unicast source address serves: nobody answers to it.
                self.frame
                    .extend(mac.into_iter().chain([2, 0, 0, 0, 0, 1]).chain(kind));
                self.frame.extend_from_slice(packet);
                self.file.write(&self.frame)
            }
        };
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Whether either kind of wire can be had in the calling process's namespaces. System calls only.
pub(crate) fn try_devices() -> io::Result<()> {
    tun::open("trial").or_else(|_| veth::packet_socket()).map(drop)
}

/// An `ifreq` for the interface called `name`, as the ioctls of network interfaces take it.
fn interface_request(name: &str) -> libc::ifreq {
    // SAFETY: ifreq is a C structure of integers and a union of such structures; all zeroes is a value of each.
    #[expect(unsafe_code, reason = "there is no other way to make a C union")]
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte stays zero: names are terminated.
    let room = request.ifr_name.len() - 1;
    for (to, from) in request.ifr_name.iter_mut().take(room).zip(name.bytes()) {
        *to = libc::c_char::from_ne_bytes([from]);
    }
    request
}
