//! STUN (RFC 8489): tells clients the address they come from.

use std::net::{IpAddr, SocketAddr};
use tokio::net::UdpSocket;

/// The longest request that is read.
const LARGEST_REQUEST: usize = 1500;
/// A message's header: type, length, magic cookie, transaction.
const HEADER: usize = 20;
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const XOR_MAPPED_ADDRESS: [u8; 2] = [0x00, 0x20];

/// Answers binding requests.
pub(super) async fn serve(socket: UdpSocket) {
    let mut buffer = [0; LARGEST_REQUEST];
    loop {
        // An error is the echo of an earlier answer that found no taker.
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        if let Some(response) = buffer.get(..length).and_then(|request| respond(request, from)) {
            let _ = socket.send_to(&response, from).await;
        }
    }
}

/// The response to a binding request; nothing to what is none.
pub(crate) fn respond(request: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
    let transaction = request.get(8..HEADER)?;
    if request.get(..2)? != BINDING_REQUEST || request.get(4..8)? != MAGIC_COOKIE {
        return None;
    }
    let (family, address) = match from.ip() {
        IpAddr::V4(address) => (1, address.octets().to_vec()),
        IpAddr::V6(address) => (2, address.octets().to_vec()),
    };
    // The port and the address are hidden from routers that would rewrite them: section 14.2.
    let key = [&MAGIC_COOKIE, transaction].concat();
    let hidden = |bytes: &[u8]| -> Vec<u8> { bytes.iter().zip(&key).map(|(byte, key)| byte ^ key).collect() };
    let value = [
        &[0, family][..],
        &hidden(&from.port().to_be_bytes()),
        &hidden(&address),
    ]
    .concat();
    let length = u16::try_from(value.len()).ok()?;
    let attribute = [&XOR_MAPPED_ADDRESS[..], &length.to_be_bytes(), &value].concat();
    let length = u16::try_from(attribute.len()).ok()?;
    let header = [
        &BINDING_SUCCESS[..],
        &length.to_be_bytes(),
        &MAGIC_COOKIE,
        transaction,
    ]
    .concat();
    Some([header, attribute].concat())
}

#[cfg(test)]
mod tests {
    use super::respond;

    /// The IPv4 and IPv6 examples of RFC 5769, sections 2.2 and 2.3, without their optional attributes.
    #[test]
    fn addresses_are_hidden_as_in_the_published_examples() {
        let transaction = [
            0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
        ];
        let request = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &transaction].concat();
        let response = respond(&request, "192.0.2.1:32853".parse().unwrap()).unwrap();
        assert_eq!(
            response[20..],
            [0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]
        );
        assert_eq!(
            (&response[..4], &response[8..20]),
            (&[1, 1, 0, 12][..], &transaction[..])
        );
        let six = "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap();
        let response = respond(&request, six).unwrap();
        assert_eq!(
            response[20..],
            [
                0, 0x20, 0, 0x14, 0, 2, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc,
                0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9
            ]
        );
    }

    #[test]
    fn what_is_no_request_is_not_answered() {
        let from = "192.0.2.1:1".parse().unwrap();
        assert_eq!(respond(&[0, 1, 0, 0], from), None);
        assert_eq!(respond(&[0; 20], from), None);
    }
}
