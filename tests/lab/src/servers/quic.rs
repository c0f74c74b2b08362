//! What is served over QUIC: HTTP/3, names (`DoQ`), and versions nobody speaks.

use super::dns::{self, Zone};
use super::sites::{Asked, Seen, Sites};
use crate::ech::Offer;
use crate::ech::quic::Told;
use bytes::{Buf, Bytes, BytesMut};
use h3::server::RequestResolver;
use quinn::crypto::rustls::HandshakeData;
use std::any::Any;
use std::sync::Arc;
use tokio::net::UdpSocket;

/// The longest datagram that is read.
const LARGEST: usize = 65535;
/// Versions that no client speaks: one of those reserved for this (RFC 9000, section 15), and an early draft's.
const VERSIONS: [u32; 2] = [0x1a2a_3a4a, 0xff00_000b];

/// Serves HTTP/3.
pub(crate) async fn serve_http3(endpoint: quinn::Endpoint, sites: Arc<Sites>) {
    while let Some(incoming) = endpoint.accept().await {
        let sites = Arc::clone(&sites);
        tokio::spawn(async move {
            // A connection that breaks is the client's to notice.
            let Ok(connection) = incoming.await else {
                return;
            };
            let seen = Seen {
                client: connection.remote_address().ip(),
                sni: connection
                    .handshake_data()
                    .map_or("off", |data| how_named(&*data)),
            };
            let connection = h3_quinn::Connection::new(connection);
            let Ok(mut connection) = h3::server::Connection::new(connection).await else {
                return;
            };
            while let Ok(Some(request)) = connection.accept().await {
                let sites = Arc::clone(&sites);
                tokio::spawn(async move { answer_http3(request, &sites, seen).await.ok() });
            }
        });
    }
}

/// How the server's name was said in a handshake, with Encrypted Client Hello at the server or without.
fn how_named(data: &dyn Any) -> &'static str {
    let (is_named, is_encrypted) = match (data.downcast_ref::<Told>(), data.downcast_ref::<HandshakeData>()) {
        (Some(told), _) => (told.is_named, told.offer == Offer::Accepted),
        (None, Some(data)) => (data.server_name.is_some(), false),
        (None, None) => (false, false),
    };
    match (is_encrypted, is_named) {
        (true, _) => "encrypted",
        (false, true) => "plaintext",
        (false, false) => "off",
    }
}

async fn answer_http3(
    request: RequestResolver<h3_quinn::Connection, Bytes>,
    sites: &Sites,
    seen: Seen,
) -> Result<(), h3::error::StreamError> {
    let (request, mut stream) = request.resolve_request().await?;
    let mut body = BytesMut::new();
    while let Some(chunk) = stream.recv_data().await? {
        let mut chunk = chunk;
        let length = chunk.remaining();
        body.extend_from_slice(&chunk.copy_to_bytes(length));
    }
    let asked = Asked {
        host: request.uri().host().unwrap_or_default(),
        path: request.uri().path(),
        query: request.uri().query(),
        body: &body,
    };
    let (parts, mut content) = sites.answer(&asked, seen).into_parts();
    stream
        .send_response(http::Response::from_parts(parts, ()))
        .await?;
    while let Some(chunk) = content.next_chunk() {
        stream.send_data(chunk).await?;
    }
    stream.finish().await
}

/// Resolves names over QUIC (RFC 9250): one query a stream.
pub(super) async fn serve_doq(endpoint: quinn::Endpoint, zone: Arc<Zone>) {
    while let Some(incoming) = endpoint.accept().await {
        let zone = Arc::clone(&zone);
        tokio::spawn(async move {
            let connection = incoming.await.ok()?;
            let asker = connection.remote_address().ip();
            while let Ok((send, receive)) = connection.accept_bi().await {
                let zone = Arc::clone(&zone);
                tokio::spawn(async move {
                    let mut stream = tokio::io::join(receive, send);
                    dns::answer_one(&mut stream, &zone, asker).await.ok()?;
                    stream.writer_mut().finish().ok()
                });
            }
            Some(())
        });
    }
}

/// Answers every packet that begins a connection with Version Negotiation (RFC 9000, section 17.2.1).
pub(super) async fn serve_negotiation(socket: UdpSocket) {
    let mut buffer = vec![0; LARGEST];
    loop {
        // An error is the echo of an earlier answer that found no taker.
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        if let Some(response) = buffer.get(..length).and_then(negotiate) {
            let _ = socket.send_to(&response, from).await;
        }
    }
}

/// The answer to a packet with a long header; nothing to others.
fn negotiate(packet: &[u8]) -> Option<Vec<u8>> {
    let (&first, rest) = packet.split_first()?;
    let (version, rest) = rest.split_at_checked(4)?;
    if first & 0x80 == 0 || version == [0; 4] {
        return None;
    }
    let (destination, rest) = connection_id(rest)?;
    let (source, _) = connection_id(rest)?;
    // Each side's identifiers are swapped.
    let mut answer = [&[0xc0, 0, 0, 0, 0][..], source, destination].concat();
    answer.extend(VERSIONS.into_iter().flat_map(u32::to_be_bytes));
    Some(answer)
}

/// A connection identifier with its length, and what follows.
fn connection_id(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(1 + usize::from(*bytes.first()?))
}

#[cfg(test)]
mod tests {
    use super::negotiate;

    #[test]
    fn identifiers_are_swapped_and_no_version_is_one_that_clients_speak() {
        let initial = [&[0xc3, 0, 0, 0, 1, 2, 7, 8, 1, 9][..], &[0; 1190]].concat();
        let answer = negotiate(&initial).unwrap();
        assert_eq!(answer[..10], [0xc0, 0, 0, 0, 0, 1, 9, 2, 7, 8]);
        assert_eq!(answer[10..], [0x1a, 0x2a, 0x3a, 0x4a, 0xff, 0, 0, 0x0b]);
    }

    #[test]
    fn what_begins_no_connection_is_not_answered() {
        assert_eq!(negotiate(&[0x43; 1200]), None);
        // Version negotiation itself.
        assert_eq!(negotiate(&[0x80, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(negotiate(&[0xc3, 0, 0, 0, 1, 200, 7]), None);
    }
}
