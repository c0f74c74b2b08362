//! What every version of QUIC has in common (RFC 8999): enough to see a server name the versions that it speaks.

/// The versions that a server offers, where `datagram` is a Version Negotiation packet (RFC 8999, section 6).
///
/// Anybody on the path can send one: nothing in it is authenticated.
pub fn offered_versions(datagram: &[u8]) -> Option<Vec<u32>> {
    let (&first, rest) = datagram.split_first()?;
    let (version, rest) = rest.split_first_chunk()?;
    if first & LONG_HEADER == 0 || u32::from_be_bytes(*version) != 0 {
        return None;
    }
    let versions = connection_id(connection_id(rest)?)?;
    let (chunks, remainder) = versions.as_chunks();
    if chunks.is_empty() || !remainder.is_empty() {
        return None;
    }
    Some(
        chunks
            .iter()
            .map(|&version| u32::from_be_bytes(version))
            .collect(),
    )
}

const LONG_HEADER: u8 = 0x80;

/// What comes after a connection id and the length in front of it.
fn connection_id(bytes: &[u8]) -> Option<&[u8]> {
    let (&length, rest) = bytes.split_first()?;
    rest.get(usize::from(length)..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(first: u8, destination: &[u8], source: &[u8], versions: &[u32]) -> Vec<u8> {
        let mut packet = vec![first, 0, 0, 0, 0];
        for id in [destination, source] {
            packet.push(u8::try_from(id.len()).unwrap());
            packet.extend_from_slice(id);
        }
        packet.extend(versions.iter().flat_map(|version| version.to_be_bytes()));
        packet
    }

    #[test]
    fn other_packets_offer_nothing() {
        let short_header = packet(0x40, b"abcd", b"", &[1]);
        assert_eq!(offered_versions(&short_header), None);
        let mut initial = packet(0xc0, b"abcd", b"", &[1]);
        initial[4] = 1;
        assert_eq!(offered_versions(&initial), None);
        assert_eq!(offered_versions(&packet(0x80, b"abcd", b"", &[])), None);
        assert_eq!(offered_versions(b""), None);
    }

    proptest! {
        #[test]
        fn what_a_server_offers_is_read_back(
            first: u8,
            destination in prop::collection::vec(any::<u8>(), 0..=255),
            source in prop::collection::vec(any::<u8>(), 0..=255),
            versions in prop::collection::vec(any::<u32>(), 1..300),
        ) {
            let packet = packet(first | 0x80, &destination, &source, &versions);
            prop_assert_eq!(offered_versions(&packet), Some(versions));
            // Cut short at any byte it is either no such packet, or one that offers fewer versions.
            for length in 0..packet.len() {
                let fewer = offered_versions(&packet[..length]);
                prop_assert!(fewer.is_none_or(|fewer| fewer.len() * 4 + 7 <= length));
            }
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let offered = offered_versions(&bytes);
            prop_assert!(offered.is_none_or(|versions| versions.len() * 4 <= bytes.len()));
        }
    }
}
