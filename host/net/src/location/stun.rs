//! STUN (RFC 8489): a server tells from where a datagram came.

use crate::{Net, NetError, Received, Transaction, UdpOptions, UdpSocket};
use bytecodec::{DecodeExt, EncodeExt};
use bytes::Bytes;
use netsonde_data::failure::{FailureCode, Operation};
use std::{net::SocketAddr, time::Duration};
use stun_codec::{
    Message, MessageClass, MessageDecoder, MessageEncoder, TransactionId,
    rfc5389::{Attribute, methods::BINDING},
};
use tokio::time::Instant;

/// How long to wait for an answer before the request is sent again, the first time; it doubles (RFC 8489, section 6.2.1).
const FIRST_WAIT: Duration = Duration::from_millis(500);

impl Net {
    /// Ask a STUN server for the address that it sees.
    pub async fn public_address_by_stun(
        &self,
        tx: &Transaction,
        server: SocketAddr,
        within: Duration,
    ) -> Result<SocketAddr, NetError> {
        let failed = |code| failed(server, code);
        let socket = self.udp_open(
            tx,
            UdpOptions {
                ipv6: server.is_ipv6(),
            },
        )?;
        let mut id = [0; 12];
        getrandom::fill(&mut id).map_err(|error| failed(FailureCode::unknown(error.to_string())))?;
        let request = request(id).map_err(failed)?;
        let deadline = Instant::now() + within;
        let mut wait = FIRST_WAIT;
        while Instant::now() < deadline {
            self.udp_send(&socket, server, &request, None).await?;
            let until = deadline.min(Instant::now() + wait);
            if let Some(datagram) = self.heard(&socket, server, id, until).await? {
                return answer(&datagram, id).map_err(failed);
            }
            wait *= 2;
        }
        Err(failed(FailureCode::GENERIC_TIMEOUT_ERROR))
    }

    /// What the server answers, if it does by then. What others send is passed over, and what claims to be the server's
    /// and is for another request: anybody can send such datagrams, so the answer is still waited for.
    async fn heard(
        &self,
        socket: &UdpSocket,
        server: SocketAddr,
        id: [u8; 12],
        until: Instant,
    ) -> Result<Option<Bytes>, NetError> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.udp_receive(socket, Some(left)).await {
                Ok(Received::Datagram(datagram))
                    if datagram.source == server && is_for(&datagram.bytes, id) =>
                {
                    return Ok(Some(datagram.bytes));
                }
                Ok(Received::Datagram(_)) => {}
                Ok(Received::Icmp(event)) => {
                    if let Some(code) = event.failure {
                        return Err(failed(server, code));
                    }
                }
                Err(error) if error.code() == FailureCode::GENERIC_TIMEOUT_ERROR => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whether a datagram says that it belongs to this request (RFC 8489, section 5).
fn is_for(datagram: &[u8], id: [u8; 12]) -> bool {
    const COOKIE: [u8; 4] = 0x2112_a442_u32.to_be_bytes();
    datagram.get(4..8) == Some(COOKIE.as_slice()) && datagram.get(8..20) == Some(id.as_slice())
}

fn failed(server: SocketAddr, code: FailureCode) -> NetError {
    NetError::failed(code, Operation::ReadFrom, &format!("ask {server} over STUN"))
}

fn request(id: [u8; 12]) -> Result<Vec<u8>, FailureCode> {
    let message = Message::<Attribute>::new(MessageClass::Request, BINDING, TransactionId::new(id));
    MessageEncoder::new()
        .encode_into_bytes(message)
        .map_err(|error| FailureCode::unknown(error.to_string()))
}

/// The address in a binding response.
pub(crate) fn answer(datagram: &[u8], id: [u8; 12]) -> Result<SocketAddr, FailureCode> {
    let unknown = |why: &str| FailureCode::unknown(why);
    let message = MessageDecoder::<Attribute>::new()
        .decode_from_bytes(datagram)
        .ok()
        .and_then(Result::ok)
        .ok_or_else(|| unknown("the answer is no STUN message"))?;
    if message.transaction_id() != TransactionId::new(id) || message.method() != BINDING {
        return Err(unknown("the answer belongs to another request"));
    }
    if message.class() != MessageClass::SuccessResponse {
        return Err(unknown("the STUN server refuses"));
    }
    let mapped = message.attributes().find_map(|attribute| match attribute {
        Attribute::XorMappedAddress(mapped) => Some(mapped.address()),
        Attribute::MappedAddress(mapped) => Some(mapped.address()),
        _ => None,
    });
    mapped.ok_or_else(|| unknown("the answer has no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5769, section 2.2: a response with software, XOR-MAPPED-ADDRESS, integrity and fingerprint.
    const SAMPLE: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220\
        002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";

    #[test]
    fn the_standards_own_sample_is_read() {
        let bytes: Vec<u8> = (0..SAMPLE.len() / 2)
            .map(|at| u8::from_str_radix(&SAMPLE[at * 2..at * 2 + 2], 16).unwrap())
            .collect();
        let id: [u8; 12] = bytes[8..20].try_into().unwrap();
        assert_eq!(answer(&bytes, id), Ok("192.0.2.1:32853".parse().unwrap()));
        assert!(
            answer(&bytes, [0; 12])
                .unwrap_err()
                .as_str()
                .contains("another request")
        );
        for end in 0..bytes.len() {
            assert!(answer(&bytes[..end], id).is_err());
        }
    }
}
