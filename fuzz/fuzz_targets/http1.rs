//! An HTTP/1.1 response comes from whoever answers first: decoding it must not panic, whatever it is, and must not depend
//! on how the network cuts it.
#![no_main]

use netsonde_net::http::h1::{Cut, Decoder, Event, Malformed};

type Decoded = (Option<u16>, Vec<u8>, usize, Option<Malformed>, Option<Cut>);

fn decode<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Decoded {
    let mut decoder = Decoder::new(b"GET");
    let (mut status, mut body, mut trailers) = (None, Vec::new(), 0);
    for mut piece in pieces {
        loop {
            match decoder.next(&mut piece) {
                Ok(Some(Event::Head { status: code, .. })) => status = Some(code),
                Ok(Some(Event::Body(bytes))) => body.extend_from_slice(bytes),
                Ok(Some(Event::Trailers(lines))) => trailers += lines.len(),
                Ok(None) => break,
                Err(error) => return (status, body, trailers, Some(error), None),
            }
        }
    }
    (status, body, trailers, None, decoder.end().err())
}

libfuzzer_sys::fuzz_target!(|data: (u8, &[u8])| {
    let (size, response) = data;
    let whole = decode(std::iter::once(response));
    assert_eq!(decode(response.chunks(usize::from(size) + 1)), whole);
});
