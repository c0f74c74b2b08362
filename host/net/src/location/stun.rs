//! STUN (RFC 8489): a server tells from where a datagram came.

use crate::{Net, NetError, Transport};
use bytecodec::{DecodeExt, EncodeExt};
use netsonde_data::failure::{Failure, FailureCode, Operation};
use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use stun_codec::{
    Message, MessageClass, MessageDecoder, MessageEncoder, TransactionId,
    rfc5389::{Attribute, methods::BINDING},
};
use tokio::{net::UdpSocket, time::timeout};

/// How long to wait for an answer before the request is sent again, the first time; it doubles (RFC 8489, section 6.2.1).
const FIRST_WAIT: Duration = Duration::from_millis(500);

impl Net {
    /// Ask a STUN server for the address that it sees.
    pub async fn public_address_by_stun(
        &self,
        server: SocketAddr,
        within: Duration,
    ) -> Result<SocketAddr, NetError> {
        self.meter().check()?;
        self.admit(Transport::Udp, server).await?;
        let failed = |code| Failure::new(code, Operation::ReadFrom, &format!("ask {server} over STUN"));
        match timeout(within, binding(server)).await {
            Ok(result) => result.map_err(|code| failed(code).into()),
            Err(_) => Err(failed(FailureCode::GENERIC_TIMEOUT_ERROR).into()),
        }
    }
}

/// Send requests until an answer comes.
async fn binding(server: SocketAddr) -> Result<SocketAddr, FailureCode> {
    let io = |error: std::io::Error| FailureCode::from_io(&error);
    let any: SocketAddr = if server.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(any).await.map_err(io)?;
    socket.connect(server).await.map_err(io)?;
    let mut id = [0; 12];
    getrandom::fill(&mut id).map_err(|error| FailureCode::unknown(error.to_string()))?;
    let request = request(id)?;
    let mut wait = FIRST_WAIT;
    let mut buffer = vec![0; 2048];
    loop {
        socket.send(&request).await.map_err(io)?;
        if let Ok(count) = timeout(wait, socket.recv(&mut buffer)).await {
            let count = count.map_err(io)?;
            return answer(buffer.get(..count).unwrap_or_default(), id);
        }
        wait *= 2;
    }
}

fn request(id: [u8; 12]) -> Result<Vec<u8>, FailureCode> {
    let message = Message::<Attribute>::new(MessageClass::Request, BINDING, TransactionId::new(id));
    MessageEncoder::new()
        .encode_into_bytes(message)
        .map_err(|error| FailureCode::unknown(error.to_string()))
}

/// The address in a binding response.
fn answer(datagram: &[u8], id: [u8; 12]) -> Result<SocketAddr, FailureCode> {
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
