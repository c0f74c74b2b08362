//! The `ClientHello` in QUIC's Initial packets, which are encrypted with keys that anybody can compute from the
//! first of them (RFC 9001, section 5.2).

use crate::tls::hello::Reader;
use rustls::Side;
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::quic::{Keys, Version};
use std::collections::BTreeMap;

/// How much of a handshake is kept.
const LONGEST: usize = 64 * 1024;
/// How much of a packet's encrypted part unlocks its header.
const SAMPLE: usize = 16;
/// Frame types.
const PADDING: u64 = 0;
const PING: u64 = 1;
const ACK: u64 = 2;
const ACK_ECN: u64 = 3;
const CRYPTO: u64 = 6;

/// What a client has sent of its handshake on one flow, in however many packets and pieces.
#[derive(Default)]
pub(super) struct Initials {
    keys: Option<Keys>,
    pieces: BTreeMap<u64, Vec<u8>>,
}

/// An Initial packet, its header still protected.
struct Initial<'a> {
    version: Version,
    destination: &'a [u8],
    packet: &'a [u8],
    /// Where the packet number stands.
    number: usize,
}

impl Initials {
    /// Takes in a datagram; the handshake's beginning, as far as it is known, if that brought something new.
    pub(super) fn read(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        let mut rest = datagram;
        let mut is_new = false;
        while let Some((initial, behind)) = next_packet(rest) {
            if let Some(initial) = initial {
                is_new |= self.open(&initial).is_some();
            }
            rest = behind;
        }
        is_new.then(|| self.beginning())
    }

    /// Decrypts a packet with the flow's keys; with its own, if it begins another connection.
    fn open(&mut self, initial: &Initial<'_>) -> Option<()> {
        let known = self.keys.as_ref().and_then(|keys| decrypt(keys, initial));
        let frames = known.or_else(|| self.begin_anew(initial))?;
        self.collect(&frames)
    }

    /// Decrypts a packet with keys of its own, and forgets what was there.
    fn begin_anew(&mut self, initial: &Initial<'_>) -> Option<Vec<u8>> {
        let suite = TLS13_AES_128_GCM_SHA256.tls13()?;
        let destination = initial.destination;
        let keys = Keys::initial(initial.version, suite, suite.quic?, destination, Side::Server);
        let frames = decrypt(&keys, initial)?;
        self.keys = Some(keys);
        self.pieces.clear();
        Some(frames)
    }

    /// Keeps what `CRYPTO` frames carry.
    fn collect(&mut self, frames: &[u8]) -> Option<()> {
        let mut reader = Reader(frames);
        while let Some(kind) = variable(&mut reader) {
            match kind {
                PADDING | PING => (),
                ACK | ACK_ECN => {
                    let [_, _, ranges, _] = [(); 4].map(|()| variable(&mut reader));
                    let counts = if kind == ACK_ECN { 3 } else { 0 };
                    for _ in 0..ranges?.checked_mul(2)?.checked_add(counts)? {
                        variable(&mut reader)?;
                    }
                }
                CRYPTO => {
                    let offset = variable(&mut reader)?;
                    let length = usize::try_from(variable(&mut reader)?).ok()?;
                    let piece = reader.take(length)?;
                    if self.pieces.values().map(Vec::len).sum::<usize>() < LONGEST {
                        self.pieces.insert(offset, piece.to_vec());
                    }
                }
                // Nothing else of interest comes before the handshake is over.
                _ => break,
            }
        }
        Some(())
    }

    /// The pieces from the first byte to the first gap.
    fn beginning(&self) -> Vec<u8> {
        let mut known = Vec::new();
        for (offset, piece) in &self.pieces {
            let Some(new) = usize::try_from(*offset)
                .ok()
                .and_then(|offset| known.len().checked_sub(offset))
            else {
                break;
            };
            known.extend_from_slice(piece.get(new..).unwrap_or_default());
        }
        known
    }
}

/// The first packet of a datagram, if it is an Initial, and what follows it; nothing at the end, and where packets
/// have no lengths.
fn next_packet(bytes: &[u8]) -> Option<(Option<Initial<'_>>, &[u8])> {
    let mut reader = Reader(bytes);
    let first = reader.u8()?;
    let (version, initial_kind) = match reader.take(4)? {
        [0, 0, 0, 1] => (Version::V1, 0),
        [0x6b, 0x33, 0x43, 0xcf] => (Version::V2, 1),
        _ => return None,
    };
    let is_initial = first >> 4 & 3 == initial_kind;
    if first & 0x80 == 0 {
        return None;
    }
    let destination = reader.vector8()?;
    reader.vector8()?;
    if is_initial {
        let token = usize::try_from(variable(&mut reader)?).ok()?;
        reader.take(token)?;
    }
    let length = usize::try_from(variable(&mut reader)?).ok()?;
    let number = bytes.len() - reader.0.len();
    let (packet, rest) = bytes.split_at_checked(number.checked_add(length)?)?;
    let initial = is_initial.then_some(Initial {
        version,
        destination,
        packet,
        number,
    });
    Some((initial, rest))
}

/// The frames of a packet, if these are its keys.
fn decrypt(keys: &Keys, initial: &Initial<'_>) -> Option<Vec<u8>> {
    let mut packet = initial.packet.to_vec();
    let (header, rest) = packet.split_at_mut(initial.number);
    let sample = rest.get(4..4 + SAMPLE)?.to_vec();
    let (first, number) = (header.first_mut()?, rest.get_mut(..4)?);
    keys.remote.header.decrypt_in_place(&sample, first, number).ok()?;
    let length = usize::from(*first & 3) + 1;
    // Packets of a handshake are few: their numbers are not cut short.
    let number = number
        .iter()
        .take(length)
        .fold(0, |number, byte| number << 8 | u64::from(*byte));
    let (header, payload) = packet.split_at_mut(initial.number + length);
    let frames = keys
        .remote
        .packet
        .decrypt_in_place(number, header, payload)
        .ok()?;
    Some(frames.to_vec())
}

/// An integer of variable length (RFC 9000, section 16).
fn variable(reader: &mut Reader<'_>) -> Option<u64> {
    let first = reader.u8()?;
    let more = (1_usize << (first >> 6)) - 1;
    let rest = reader.take(more)?;
    Some(rest.iter().fold(u64::from(first & 0x3f), |value, byte| {
        value << 8 | u64::from(*byte)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::hello::ClientHello;
    use crate::tls::records::{self, Beginning};

    /// An Initial packet of a client's that carries a piece of its handshake.
    fn initial(number: u8, offset: u16, piece: &[u8]) -> Vec<u8> {
        let suite = TLS13_AES_128_GCM_SHA256.tls13().unwrap();
        let destination = [1, 2, 3, 4, 5, 6, 7, 8];
        let keys = Keys::initial(
            Version::V1,
            suite,
            suite.quic.unwrap(),
            &destination,
            Side::Client,
        );
        let mut payload = vec![1, 6];
        payload.extend((offset | 0x4000).to_be_bytes());
        payload.extend((u16::try_from(piece.len()).unwrap() | 0x4000).to_be_bytes());
        payload.extend(piece);
        payload.extend([0; 20]);
        let length = u16::try_from(payload.len() + 1 + 16).unwrap() | 0x4000;
        let mut header = vec![0xc0, 0, 0, 0, 1, 8];
        header.extend(destination);
        header.extend([0, 0]);
        header.extend(length.to_be_bytes());
        let place = header.len();
        header.push(number);
        let tag = keys
            .local
            .packet
            .encrypt_in_place(number.into(), &header, &mut payload)
            .unwrap();
        let mut packet = [&header[..], &payload, tag.as_ref()].concat();
        let (header, rest) = packet.split_at_mut(place);
        let sample = rest[4..4 + SAMPLE].to_vec();
        keys.local
            .header
            .encrypt_in_place(&sample, &mut header[0], &mut rest[..1])
            .unwrap();
        packet
    }

    /// A `ClientHello` as long as those with post-quantum keys, whose name stands at its end.
    fn long_hello() -> Vec<u8> {
        let name = b"\0\0\0\x10\0\x0e\0\0\x0bexample.org";
        let key = [&[0, 51, 5, 0][..], &[9; 1280]].concat();
        let extensions = [&key[..], &name[..]].concat();
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 2, 0x13, 1, 1, 0]);
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[1, length[1], length[2], length[3]][..], &body].concat()
    }

    #[test]
    fn a_message_in_several_packets_and_out_of_order_is_put_together() {
        let hello = long_hello();
        let (first, second) = hello.split_at(900);
        let mut initials = Initials::default();
        assert_eq!(initials.read(&initial(1, 900, second)).unwrap(), b"");
        // Two packets in one datagram.
        let datagram = [initial(2, 5, &first[5..]), initial(0, 0, &first[..10])].concat();
        let known = initials.read(&datagram).unwrap();
        let Beginning::Whole { body, .. } = records::body(&known) else {
            panic!("{} of {} bytes", known.len(), hello.len())
        };
        let name = ClientHello::read(&body).unwrap().server_name();
        assert_eq!(name.as_deref(), Some("example.org"));
    }

    #[test]
    fn what_is_no_initial_packet_says_nothing() {
        let mut initials = Initials::default();
        assert_eq!(initials.read(&[0x40; 1200]), None);
        assert_eq!(initials.read(b"\xc0\0\0\0\x01"), None);
        let mut forged = initial(0, 0, &long_hello());
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(initials.read(&forged), None);
    }
}
