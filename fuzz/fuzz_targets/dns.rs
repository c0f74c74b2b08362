//! A DNS reply comes from whoever answers first: decoding it must not panic, whatever it is, as a datagram or off a stream.
//!
//! Any bytes, and whole messages whose records have any data: few bytes are a message, and fewer an HTTPS record.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use netsonde_net::dns::{Data, QueryType, wire};

const ID: u16 = 7;
/// A response without an error, recursion desired and available.
const FLAGS: u16 = 0x8180;

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Message(&'a [u8]),
    Stream(u8, &'a [u8]),
    Records(Vec<Record<'a>>),
}

#[derive(Arbitrary, Debug)]
struct Record<'a> {
    kind: Kind,
    ttl: u32,
    data: &'a [u8],
}

/// The types that say something here, and the others.
#[derive(Arbitrary, Debug)]
enum Kind {
    A,
    Aaaa,
    Cname,
    Https,
    Svcb,
    Txt,
    Caa,
    Soa,
    Any(u16),
}

impl Kind {
    fn number(&self) -> u16 {
        match self {
            Self::A => 1,
            Self::Aaaa => 28,
            Self::Cname => 5,
            Self::Https => 65,
            Self::Svcb => 64,
            Self::Txt => 16,
            Self::Caa => 257,
            Self::Soa => 6,
            Self::Any(number) => *number,
        }
    }
}

fuzz_target!(|input: Input| match input {
    Input::Message(bytes) => read(bytes),
    Input::Stream(size, bytes) => {
        let mut frames = wire::Frames::default();
        for piece in bytes.chunks(usize::from(size) + 1) {
            frames.push(piece);
            while let Some(message) = frames.pop() {
                read(&message);
            }
        }
    }
    Input::Records(records) => read(&message(&records)),
});

/// A response with these records, all of the root.
fn message(records: &[Record<'_>]) -> Vec<u8> {
    let count = u16::try_from(records.len()).unwrap_or(u16::MAX);
    let mut message: Vec<u8> = [ID, FLAGS, 0, count, 0, 0]
        .into_iter()
        .flat_map(u16::to_be_bytes)
        .collect();
    for record in records.iter().take(usize::from(count)) {
        let length = u16::try_from(record.data.len()).unwrap_or(u16::MAX);
        message.push(0);
        message.extend(record.kind.number().to_be_bytes());
        message.extend(1_u16.to_be_bytes());
        message.extend(record.ttl.to_be_bytes());
        message.extend(length.to_be_bytes());
        message.extend(record.data.iter().take(usize::from(length)));
    }
    message
}

/// Read a reply and look at all of it.
fn read(reply: &[u8]) {
    // Most ids would be wrong.
    let id = wire::id(reply).unwrap_or(ID);
    if let Ok(response) = wire::decode_response(reply, id) {
        drop(response.failure(QueryType::HTTPS));
        drop(response.addresses(QueryType::A).collect::<Vec<_>>());
        drop(response.cname());
        for record in &response.records {
            let name = record.kind.to_string();
            // Not all that can be answered can be asked for.
            if let Ok(kind) = name.parse::<QueryType>() {
                assert_eq!(kind, record.kind, "{name}");
            }
            assert!(matches!(record.data, Data::Other) || !record.presentation.is_empty());
        }
    }
}
