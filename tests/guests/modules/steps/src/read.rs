//! What datagrams say, for protocols that the host knows nothing of.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A STUN message's header: type, length, magic cookie, transaction.
const STUN_HEADER: usize = 20;
const STUN_SUCCESS: &[u8] = &[0x01, 0x01];
/// Attributes begin with type and length; this one goes on with a zero, the family and the port.
const XOR_MAPPED_ADDRESS: &[u8] = &[0x00, 0x20];

/// The bytes that pairs of digits stand for; spaces between them are passed over.
pub(crate) fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text
        .chars()
        .filter(|character| *character != ' ')
        .map(|character| character.to_digit(16))
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    let byte = |pair: &[u32]| pair.iter().fold(0, |byte, digit| byte << 4 | digit);
    digits
        .chunks(2)
        .map(|pair| u8::try_from(byte(pair)).ok())
        .collect()
}

/// The address in the answer to a binding request (RFC 8489), where the answer begins with it.
pub(crate) fn stun_address(message: &[u8]) -> Option<String> {
    let (header, attributes) = message.split_at_checked(STUN_HEADER)?;
    if !header.starts_with(STUN_SUCCESS) || !attributes.starts_with(XOR_MAPPED_ADDRESS) {
        return None;
    }
    let (&family, hidden) = (attributes.get(5)?, attributes.get(8..)?);
    // Magic cookie and transaction hide the address.
    let mut address = hidden.iter().zip(header.get(4..)?).map(|(byte, key)| byte ^ key);
    let mut next = || address.next().unwrap_or_default();
    match family {
        1 => Some(IpAddr::from(Ipv4Addr::from([(); 4].map(|()| next()))).to_string()),
        2 => Some(IpAddr::from(Ipv6Addr::from([(); 16].map(|()| next()))).to_string()),
        _ => None,
    }
}

/// The versions in a packet that negotiates them (RFC 8999): one with a long header, whose own version is 0.
pub(crate) fn quic_versions(packet: &[u8]) -> Option<Vec<u32>> {
    let (&first, rest) = packet.split_first()?;
    let rest = rest.strip_prefix(&[0; 4])?;
    let without_id = |bytes: &[u8]| -> Option<Vec<u8>> {
        let (&length, rest) = bytes.split_first()?;
        Some(rest.get(usize::from(length)..)?.to_vec())
    };
    let versions = without_id(&without_id(rest)?)?;
    let versions = versions.chunks_exact(4).map(|version| {
        version
            .iter()
            .fold(0, |number, byte| number << 8 | u32::from(*byte))
    });
    (first & 0x80 != 0).then(|| versions.collect())
}
