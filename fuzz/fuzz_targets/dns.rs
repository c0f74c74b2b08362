//! A DNS reply comes from whoever answers first: decoding it must not panic, whatever it is, as a datagram or off a stream.
#![no_main]

use netsonde_net::dns::{QueryType, wire};

libfuzzer_sys::fuzz_target!(|data: (u16, &[u8])| {
    let (id, reply) = data;
    read(reply, id);
    let mut frames = wire::Frames::default();
    for piece in reply.chunks(usize::from(id % 16) + 1) {
        frames.push(piece);
        while let Some(message) = frames.pop() {
            read(&message, id);
        }
    }
});

/// Read a reply and look at all of it.
fn read(reply: &[u8], id: u16) {
    // Most ids would be wrong.
    let id = wire::id(reply).unwrap_or(id);
    if let Ok(response) = wire::decode_response(reply, id) {
        drop(response.failure(QueryType::HTTPS));
        drop(response.addresses(QueryType::A).count());
        drop(response.cname());
        for record in &response.records {
            let kind = record.kind.to_string();
            drop(kind.parse::<QueryType>());
        }
    }
}
