//! Network configuration over rtnetlink: links, addresses and default routes of the calling thread's namespace.
//!
//! Three kinds of request, each acknowledged before the next: small enough that no library is worth its weight.
//! The layouts are those of rtnetlink(7).

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

/// The loopback interface, the first of every network namespace.
pub(crate) const LOOPBACK: u32 = 1;

/// Which table, protocol, scope and type a default route is written with: main, boot, and unicast; the scope
/// differs by address family.
const MAIN_TABLE: u8 = 254;
const PROTOCOL_BOOT: u8 = 3;
const UNICAST: u8 = 1;
const SCOPE_LINK: u8 = 253;
const SCOPE_UNIVERSE: u8 = 0;
/// `IFA_F_NODAD`: the address is usable at once.
const NO_DUPLICATE_DETECTION: u32 = 2;
/// `IFLA_INFO_KIND`, `IFLA_INFO_DATA` and `VETH_INFO_PEER`, which libc does not name.
const INFO_KIND: u16 = 1;
const INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;

/// A connection to the kernel's network configuration.
pub(crate) struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

impl Netlink {
    /// Connects to the configuration of the namespace in which the calling thread is now.
    pub(crate) fn open() -> io::Result<Self> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Brings an interface up, with these further flags.
    pub(crate) fn bring_up(&mut self, interface: u32, flags: libc::c_int) -> io::Result<()> {
        let flags = (libc::IFF_UP | flags).cast_unsigned();
        self.request(libc::RTM_NEWLINK, 0, &link_header(interface, flags), &[])
    }

    /// Makes a pair of connected Ethernet interfaces.
    pub(crate) fn add_veth(&mut self, name: &str, peer: &str) -> io::Result<()> {
        let mut end = link_header(0, 0).to_vec();
        end.extend(attribute(libc::IFLA_IFNAME, &terminated(peer)));
        let mut info = attribute(INFO_KIND, b"veth");
        info.extend(attribute(INFO_DATA, &attribute(VETH_INFO_PEER, &end)));
        let attributes = [
            attribute(libc::IFLA_IFNAME, &terminated(name)),
            attribute(libc::IFLA_LINKINFO, &info),
        ];
        self.request(
            libc::RTM_NEWLINK,
            libc::NLM_F_CREATE | libc::NLM_F_EXCL,
            &link_header(0, 0),
            &attributes,
        )
    }

    /// Gives an interface an address, alone in its network.
    pub(crate) fn add_address(&mut self, interface: u32, address: IpAddr) -> io::Result<()> {
        let (family, bits, octets) = parts(address);
        let mut body = vec![family, bits, 0, 0];
        body.extend(interface.to_ne_bytes());
        let attributes = [
            attribute(libc::IFA_LOCAL, &octets),
            attribute(libc::IFA_ADDRESS, &octets),
            attribute(libc::IFA_FLAGS, &NO_DUPLICATE_DETECTION.to_ne_bytes()),
        ];
        self.request(
            libc::RTM_NEWADDR,
            libc::NLM_F_CREATE | libc::NLM_F_EXCL,
            &body,
            &attributes,
        )
    }

    /// Sends whatever has no better route, of the address family of `example`, out of an interface.
    pub(crate) fn add_default_route(&mut self, interface: u32, example: IpAddr) -> io::Result<()> {
        let (family, ..) = parts(example);
        let scope = if example.is_ipv4() {
            SCOPE_LINK
        } else {
            SCOPE_UNIVERSE
        };
        let body = [
            family,
            0,
            0,
            0,
            MAIN_TABLE,
            PROTOCOL_BOOT,
            scope,
            UNICAST,
            0,
            0,
            0,
            0,
        ];
        let attributes = [attribute(libc::RTA_OIF, &interface.to_ne_bytes())];
        self.request(
            libc::RTM_NEWROUTE,
            libc::NLM_F_CREATE | libc::NLM_F_EXCL,
            &body,
            &attributes,
        )
    }

    /// Sends one request and waits for its acknowledgement.
    fn request(
        &mut self,
        kind: u16,
        flags: libc::c_int,
        body: &[u8],
        attributes: &[Vec<u8>],
    ) -> io::Result<()> {
        const HEADER: usize = 16;
        self.sequence = self.sequence.wrapping_add(1);
        let flags = flags | libc::NLM_F_REQUEST | libc::NLM_F_ACK;
        let length = HEADER + body.len() + attributes.iter().map(Vec::len).sum::<usize>();
        let mut message = Vec::with_capacity(length);
        message.extend(u32::try_from(length).map_err(io::Error::other)?.to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        message.extend(u16::try_from(flags).map_err(io::Error::other)?.to_ne_bytes());
        message.extend(self.sequence.to_ne_bytes());
        message.extend(0_u32.to_ne_bytes());
        message.extend(body);
        message.extend(attributes.iter().flatten());
        send(self.socket.as_raw_fd(), &message, MsgFlags::empty())?;
        let mut reply = [0_u8; 4096];
        let read = recv(self.socket.as_raw_fd(), &mut reply, MsgFlags::empty())?;
        // The acknowledgement is a header and a negated error number, 0 for success.
        let status = reply
            .get(..read)
            .and_then(|reply| reply.get(HEADER..HEADER + 4))
            .and_then(|s| s.try_into().ok());
        match status.map(i32::from_ne_bytes) {
            Some(0) => Ok(()),
            Some(error) => Err(io::Error::from_raw_os_error(-error)),
            None => Err(io::Error::other("short acknowledgement from rtnetlink")),
        }
    }
}

/// A `struct ifinfomsg` that changes `flags`, and only those.
fn link_header(interface: u32, flags: u32) -> [u8; 16] {
    let mut header = [0; 16];
    let fields = [0, interface, flags, flags].map(u32::to_ne_bytes);
    for (to, from) in header.iter_mut().zip(fields.iter().flatten()) {
        *to = *from;
    }
    header
}

/// A routing attribute: length, kind, value, padded to four bytes.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    // Every value here is a name, an address or a few of those: their length fits.
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    let mut attribute = Vec::with_capacity(usize::from(length).next_multiple_of(4));
    attribute.extend(length.to_ne_bytes());
    attribute.extend(kind.to_ne_bytes());
    attribute.extend(value);
    attribute.resize(attribute.len().next_multiple_of(4), 0);
    attribute
}

fn terminated(name: &str) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

/// Address family, prefix length and octets of a single address.
fn parts(address: IpAddr) -> (u8, u8, Vec<u8>) {
    // The address family numbers are 2 and 10.
    match address {
        IpAddr::V4(v4) => (
            u8::try_from(libc::AF_INET).unwrap_or_default(),
            32,
            v4.octets().to_vec(),
        ),
        IpAddr::V6(v6) => (
            u8::try_from(libc::AF_INET6).unwrap_or_default(),
            128,
            v6.octets().to_vec(),
        ),
    }
}
