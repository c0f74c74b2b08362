//! Who tells the probe's address is a stranger: STUN datagrams, pages, and what the system says of its resolvers.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use netsonde_net::fuzzing::{address_in_page, resolvers, stun_answer};

const ID: [u8; 12] = [7; 12];
const COOKIE: u32 = 0x2112_a442;

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Datagram(&'a [u8]),
    /// Attributes of a response to our request.
    Response(bool, Vec<(Attribute, &'a [u8])>),
    Page(&'a str),
    Resolvers(&'a [u8]),
}

/// Those that say something here, and the others.
#[derive(Arbitrary, Debug)]
enum Attribute {
    Mapped,
    XorMapped,
    Any(u16),
}

fuzz_target!(|input: Input| match input {
    Input::Datagram(bytes) => drop(stun_answer(bytes, ID)),
    Input::Response(is_success, attributes) => {
        let attributes: Vec<u8> = attributes
            .iter()
            .flat_map(|(attribute, value)| bytes(attribute, value))
            .collect();
        let length = u16::try_from(attributes.len()).unwrap_or(u16::MAX);
        let class: u16 = if is_success { 0x0101 } else { 0x0111 };
        let message = [
            &class.to_be_bytes()[..],
            &length.to_be_bytes(),
            &COOKIE.to_be_bytes(),
            &ID,
            &attributes,
        ]
        .concat();
        let answer = stun_answer(&message, ID);
        assert!(is_success || answer.is_none());
        assert!(
            stun_answer(&message, [8; 12]).is_none(),
            "it is for another request"
        );
    }
    Input::Page(text) => drop(address_in_page(text)),
    Input::Resolvers(text) => drop(resolvers(text)),
});

/// An attribute, padded.
fn bytes(attribute: &Attribute, value: &[u8]) -> Vec<u8> {
    let kind = match attribute {
        Attribute::Mapped => 0x0001,
        Attribute::XorMapped => 0x0020,
        Attribute::Any(kind) => *kind,
    };
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
    [&kind.to_be_bytes()[..], &length.to_be_bytes(), value, &padding].concat()
}
