//! Reading and forging IP packets: pure functions over etherparse.

use etherparse::{IpHeaders, NetSlice, PacketBuilder, PacketBuilderStep, SlicedPacket, TransportSlice};
use std::net::{IpAddr, SocketAddr};

/// The time to live of forged packets: unlike that of the hosts' own, as with many real censors.
const FORGED_TTL: u8 = 57;
/// The receive window that forged segments claim.
const FORGED_WINDOW: u16 = 64240;
/// The most that a forged segment carries.
pub(crate) const SEGMENT: usize = 1400;

/// What the censor needs to know of a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) transport: Transport,
    pub(crate) payload: &'a [u8],
}

/// What carries the payload.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Transport {
    Tcp(Tcp),
    Udp,
    /// ICMP and others, which have no ports: both are 0.
    Other,
}

/// A TCP header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tcp {
    pub(crate) sequence: u32,
    pub(crate) acknowledgment: u32,
    pub(crate) syn: bool,
    pub(crate) fin: bool,
}

impl View<'_> {
    /// Reads a packet; nothing when it is no whole IP packet.
    pub(crate) fn of(packet: &[u8]) -> Option<View<'_>> {
        let sliced = SlicedPacket::from_ip(packet).ok()?;
        let (source, destination): (IpAddr, IpAddr) = match sliced.net.as_ref()? {
            NetSlice::Ipv4(ip) => (
                ip.header().source_addr().into(),
                ip.header().destination_addr().into(),
            ),
            NetSlice::Ipv6(ip) => (
                ip.header().source_addr().into(),
                ip.header().destination_addr().into(),
            ),
            NetSlice::Arp(_) => return None,
        };
        let (ports, transport, payload) = match &sliced.transport {
            Some(TransportSlice::Tcp(tcp)) => {
                let header = Tcp {
                    sequence: tcp.sequence_number(),
                    acknowledgment: tcp.acknowledgment_number(),
                    syn: tcp.syn(),
                    fin: tcp.fin(),
                };
                (
                    (tcp.source_port(), tcp.destination_port()),
                    Transport::Tcp(header),
                    tcp.payload(),
                )
            }
            Some(TransportSlice::Udp(udp)) => (
                (udp.source_port(), udp.destination_port()),
                Transport::Udp,
                udp.payload(),
            ),
            _ => ((0, 0), Transport::Other, &[][..]),
        };
        Some(View {
            source: SocketAddr::new(source, ports.0),
            destination: SocketAddr::new(destination, ports.1),
            transport,
            payload,
        })
    }
}

/// The flags of a forged segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flags {
    Reset,
    Fin,
    Push,
    PushFin,
}

/// Forges a TCP segment. All forged segments acknowledge.
pub(crate) fn tcp(
    (source, destination): (SocketAddr, SocketAddr),
    (sequence, acknowledgment): (u32, u32),
    flags: Flags,
    payload: &[u8],
) -> Option<Vec<u8>> {
    let builder = ip(source.ip(), destination.ip())?
        .tcp(source.port(), destination.port(), sequence, FORGED_WINDOW)
        .ack(acknowledgment);
    let builder = match flags {
        Flags::Reset => builder.rst(),
        Flags::Fin => builder.fin(),
        Flags::Push => builder.psh(),
        Flags::PushFin => builder.psh().fin(),
    };
    let mut packet = Vec::with_capacity(builder.size(payload.len()));
    builder.write(&mut packet, payload).ok()?;
    Some(packet)
}

/// Forges a UDP datagram.
pub(crate) fn udp((source, destination): (SocketAddr, SocketAddr), payload: &[u8]) -> Option<Vec<u8>> {
    let builder = ip(source.ip(), destination.ip())?.udp(source.port(), destination.port());
    let mut packet = Vec::with_capacity(builder.size(payload.len()));
    builder.write(&mut packet, payload).ok()?;
    Some(packet)
}

/// Begins a packet; nothing when the addresses are not of one family.
pub(crate) fn ip(source: IpAddr, destination: IpAddr) -> Option<PacketBuilderStep<IpHeaders>> {
    match (source, destination) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            Some(PacketBuilder::ipv4(from.octets(), to.octets(), FORGED_TTL))
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            Some(PacketBuilder::ipv6(from.octets(), to.octets(), FORGED_TTL))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forged_can_be_read_back() {
        let ends = (
            "[2001:db8::1]:443".parse().unwrap(),
            "[2001:db8::2]:40000".parse().unwrap(),
        );
        let packet = tcp(ends, (7, 9), Flags::PushFin, b"page").unwrap();
        let view = View::of(&packet).unwrap();
        assert_eq!(
            (view.source, view.destination, view.payload),
            (ends.0, ends.1, &b"page"[..])
        );
        let Transport::Tcp(header) = view.transport else {
            panic!("{view:?}")
        };
        assert_eq!((header.sequence, header.acknowledgment), (7, 9));
        assert!(header.fin && !header.syn);
    }

    #[test]
    fn a_truncated_packet_is_not_read() {
        let ends = (
            "192.0.2.1:53".parse().unwrap(),
            "192.0.2.2:40000".parse().unwrap(),
        );
        let packet = udp(ends, b"answer").unwrap();
        for length in 0..20 {
            assert!(View::of(&packet[..length]).is_none(), "{length} bytes");
        }
    }
}
