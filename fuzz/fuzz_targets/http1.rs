//! An HTTP/1.1 response comes from whoever answers first: decoding it must not panic, whatever it is, and must not depend
//! on how the network cuts it.
//!
//! It begins with any bytes, or with a head, so that the ways to frame a body are all reached.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use netsonde_net::http::h1::{Cut, Decoder, Event, Malformed};

type Decoded = (Option<u16>, Vec<u8>, usize, Option<Malformed>, Option<Cut>);

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    method: Method,
    begin: Begin,
    rest: &'a [u8],
    piece: u8,
}

#[derive(Arbitrary, Debug)]
enum Method {
    Get,
    Head,
    Connect,
}

#[derive(Arbitrary, Debug)]
enum Begin {
    Nothing,
    StatusLine,
    Interim,
    Sized(u16),
    Chunked,
    InChunk(u16),
    InTrailers,
}

impl Begin {
    fn bytes(&self) -> Vec<u8> {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        match self {
            Self::Nothing => String::new(),
            Self::StatusLine => "HTTP/1.1 200 OK\r\n".to_owned(),
            Self::Interim => "HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\nHTTP/1.1 ".to_owned(),
            Self::Sized(length) => format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"),
            Self::Chunked => chunked.to_owned(),
            Self::InChunk(length) => format!("{chunked}{length:x}\r\n"),
            Self::InTrailers => format!("{chunked}1\r\nx\r\n0\r\n"),
        }
        .into_bytes()
    }
}

fn decode<'a>(method: &[u8], pieces: impl Iterator<Item = &'a [u8]>) -> Decoded {
    let mut decoder = Decoder::new(method);
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

fuzz_target!(|input: Input| {
    let method: &[u8] = match input.method {
        Method::Get => b"GET",
        Method::Head => b"HEAD",
        Method::Connect => b"CONNECT",
    };
    let mut response = input.begin.bytes();
    response.extend_from_slice(input.rest);
    let whole = decode(method, std::iter::once(response.as_slice()));
    assert_eq!(
        decode(method, response.chunks(usize::from(input.piece) + 1)),
        whole
    );
});
