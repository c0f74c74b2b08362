//! HTTP/1.1 responses as pure code: bytes in, pieces of a response out, however the bytes are cut.
//!
//! Line ends may be a bare LF, and a header may be folded over lines, as in Go's library, whose failure strings OONI's
//! data has. Framing follows RFC 9112, section 6.3.

use super::framing::{self, Framing};
use bytes::Bytes;
use std::mem;

/// How long heads may be: interim ones, the final one, and the trailers together.
const LONGEST_HEAD: usize = 256 << 10;
/// How many headers a head may have.
const MOST_HEADERS: usize = 1_000;
/// What stands in front of trailers, so that the library takes them for a response: in those it tolerates more.
const STATUS_LINE: &[u8] = b"HTTP/1.1 200 OK\r\n";
/// How long the line with the size of a chunk may be, extensions included.
const LONGEST_CHUNK_LINE: usize = 4_096;

/// A header: the name as it was spelled, the value without the white space around it. A fold inside is one space.
pub type Header = (String, Bytes);

/// A piece of a response.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The head of the final response. Interim ones (1xx, but not 101) are passed over.
    Head {
        /// The status.
        status: u16,
        /// The status line without its line end.
        status_line: Bytes,
        /// The headers as they came.
        headers: Vec<Header>,
    },
    /// Some of the body.
    Body(&'a [u8]),
    /// What followed a chunked body.
    Trailers(Vec<Header>),
}

/// Why bytes are no response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It does not begin as a response does.
    #[error("malformed HTTP response")]
    Response,
    /// Neither HTTP/1.0 nor HTTP/1.1.
    #[error("malformed HTTP version")]
    Version,
    /// The status is not three digits, or the text after it has forbidden bytes.
    #[error("malformed HTTP status code")]
    Status,
    /// A line of the head is no header.
    #[error("malformed MIME header line")]
    Header(httparse::Error),
    /// The head is too long.
    #[error("server response headers exceeded {LONGEST_HEAD} bytes; aborted")]
    TooLong,
    /// The head has too many headers.
    #[error("server response headers exceeded {MOST_HEADERS} lines; aborted")]
    TooMany,
    /// The length of the body is no number, or there are two.
    #[error("bad Content-Length")]
    ContentLength,
    /// The size of a chunk is no number.
    #[error("invalid byte in chunk length")]
    ChunkSize,
    /// The line with the size of a chunk is too long.
    #[error("header line too long")]
    ChunkLine,
    /// A chunk is longer than it says.
    #[error("malformed chunked encoding")]
    ChunkEnd,
}

impl Malformed {
    /// What exactly is wrong, where the message says less.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Header(error) => Some(error.to_string()),
            _ => None,
        }
    }

    /// Whether it is the body that is malformed: the head has been read.
    fn is_of_the_body(&self) -> bool {
        matches!(
            self,
            Self::ContentLength | Self::ChunkSize | Self::ChunkLine | Self::ChunkEnd
        )
    }

    /// The failure's text, which Go's library begins differently for heads and for bodies.
    pub fn text(&self) -> String {
        if self.is_of_the_body() {
            self.to_string()
        } else {
            format!("HTTP/1.x transport connection broken: {self}")
        }
    }
}

/// The stream ended where the response did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    /// Before its first byte.
    #[error("the connection ended before a response began")]
    Before,
    /// In its head.
    #[error("the connection ended within the response's head")]
    Head,
    /// In a body of known length.
    #[error("the connection ended {0} bytes before the end of the body")]
    Body(u64),
    /// In a chunked body.
    #[error("the connection ended within a chunked body")]
    Chunks,
}

/// Decodes one response.
#[derive(Debug)]
pub struct Decoder {
    /// The request's method decides whether the response has a body.
    method: Method,
    state: State,
    /// The part of a head, or of a chunk's size, that has arrived.
    partial: Vec<u8>,
    /// Where in `partial` the line begins that is not complete.
    line: usize,
    /// How long the heads before this one were.
    heads: usize,
    keep_alive: bool,
}

/// What matters of a request's method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Head,
    Connect,
    Other,
}

#[derive(Debug)]
enum State {
    Head,
    Length(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailers,
    UntilClose,
    /// The body's length makes no sense.
    NoLength,
    Done,
}

impl Decoder {
    /// For the response to a request with this method.
    pub fn new(method: &[u8]) -> Self {
        let method = match method {
            b"HEAD" => Method::Head,
            b"CONNECT" => Method::Connect,
            _ => Method::Other,
        };
        Self {
            method,
            state: State::Head,
            partial: Vec::new(),
            line: 0,
            heads: 0,
            keep_alive: false,
        }
    }

    /// Take the next piece from the front of `input`. `None` when more is needed, or when the response is complete;
    /// what follows a complete response stays in `input`.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Event<'a>>, Malformed> {
        loop {
            match self.state {
                State::Done => return Ok(None),
                State::NoLength => return Err(Malformed::ContentLength),
                _ if input.is_empty() => return Ok(None),
                State::Head => {
                    if self.head_is_complete(input, true)?
                        && let Some(event) = self.head()?
                    {
                        return Ok(Some(event));
                    }
                }
                State::Length(left) => {
                    let (piece, left) = take(input, left);
                    self.state = if left == 0 {
                        State::Done
                    } else {
                        State::Length(left)
                    };
                    return Ok(Some(Event::Body(piece)));
                }
                State::ChunkSize => {
                    if let Some(size) = self.chunk_size(input)? {
                        self.state = if size == 0 {
                            State::Trailers
                        } else {
                            State::Chunk(size)
                        };
                    }
                }
                State::Chunk(left) => {
                    let (piece, left) = take(input, left);
                    self.state = if left == 0 {
                        State::ChunkEnd
                    } else {
                        State::Chunk(left)
                    };
                    return Ok(Some(Event::Body(piece)));
                }
                State::ChunkEnd => {
                    if let Some(line) = self.whole_line(input, 2).map_err(|()| Malformed::ChunkEnd)? {
                        if !line.is_empty() {
                            return Err(Malformed::ChunkEnd);
                        }
                        self.state = State::ChunkSize;
                    }
                }
                State::Trailers => {
                    if self.head_is_complete(input, false)? {
                        self.state = State::Done;
                        let lines = mem::take(&mut self.partial);
                        let trailers = headers(&[STATUS_LINE, &lines].concat(), &lines)?;
                        if !trailers.is_empty() {
                            return Ok(Some(Event::Trailers(trailers)));
                        }
                    }
                }
                State::UntilClose => return Ok(Some(Event::Body(mem::take(input)))),
            }
        }
    }

    /// The stream has ended. That is an error unless the response is complete, or has the end of the stream as its end.
    pub fn end(&self) -> Result<(), Cut> {
        match self.state {
            State::Done | State::UntilClose => Ok(()),
            State::Head if self.partial.is_empty() && self.heads == 0 => Err(Cut::Before),
            State::Head | State::NoLength => Err(Cut::Head),
            State::Length(left) => Err(Cut::Body(left)),
            State::ChunkSize | State::Chunk(_) | State::ChunkEnd | State::Trailers => Err(Cut::Chunks),
        }
    }

    /// Whether the whole response has been taken.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Whether another request may follow on the connection, once this response is complete.
    pub fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// Collect lines until an empty one. A head has a status line first, which is checked as soon as it is there, so
    /// that a server of another protocol is not waited for.
    fn head_is_complete(&mut self, input: &mut &[u8], has_status_line: bool) -> Result<bool, Malformed> {
        while !input.is_empty() {
            let is_first = has_status_line && self.line == 0;
            let is_whole = self.take_line(input);
            if self.heads + self.partial.len() > LONGEST_HEAD {
                return Err(Malformed::TooLong);
            }
            let line = self.partial.get(self.line..).unwrap_or_default();
            if is_first && (line == b"\r\n" || line == b"\n") {
                // Servers that end a body with one line end too many are forgiven.
                self.heads += line.len();
                self.partial.clear();
                continue;
            }
            if is_first && line != b"\r" {
                begins_as_response(line)?;
            }
            if !is_whole {
                continue;
            }
            if is_first {
                status_line(line)?;
            }
            let is_last = line == b"\r\n" || line == b"\n";
            self.line = self.partial.len();
            if is_last {
                self.line = 0;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Make sense of the head in `partial`. `None` where it is an interim one.
    fn head(&mut self) -> Result<Option<Event<'static>>, Malformed> {
        let head = mem::take(&mut self.partial);
        let end = head
            .iter()
            .position(|&byte| byte == b'\n')
            .map_or(0, |end| end + 1);
        let (line, rest) = head.split_at(end);
        let (version, status) = status_line(line)?;
        let headers = headers(&head, rest)?;
        if (100..200).contains(&status) && status != 101 {
            self.heads += head.len();
            return Ok(None);
        }
        let (framing, keep_alive) = framing::of(self.method, version, status, &headers);
        self.keep_alive = keep_alive;
        // A length that makes no sense is a failure of the body: the head is worth having.
        self.state = match framing {
            Framing::None | Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::ChunkSize,
            Framing::UntilClose => State::UntilClose,
            Framing::Malformed => State::NoLength,
        };
        Ok(Some(Event::Head {
            status,
            status_line: Bytes::copy_from_slice(trim_line_end(line)),
            headers,
        }))
    }

    fn chunk_size(&mut self, input: &mut &[u8]) -> Result<Option<u64>, Malformed> {
        let line = self
            .whole_line(input, LONGEST_CHUNK_LINE)
            .map_err(|()| Malformed::ChunkLine)?;
        let Some(mut line) = line else { return Ok(None) };
        // The parser wants the line end that the standard asks for.
        line.truncate(line.trim_ascii_end().len());
        if line.is_empty() {
            return Err(Malformed::ChunkSize);
        }
        line.extend_from_slice(b"\r\n");
        match httparse::parse_chunk_size(&line) {
            Ok(httparse::Status::Complete((_, size))) => Ok(Some(size)),
            Ok(httparse::Status::Partial) | Err(_) => Err(Malformed::ChunkSize),
        }
    }

    /// A line without its end, once it is whole. Longer than `longest` bytes it may not be.
    fn whole_line(&mut self, input: &mut &[u8], longest: usize) -> Result<Option<Vec<u8>>, ()> {
        let is_whole = self.take_line(input);
        if self.partial.len() > longest {
            return Err(());
        }
        Ok(is_whole.then(|| {
            let mut line = mem::take(&mut self.partial);
            line.truncate(trim_line_end(&line).len());
            line
        }))
    }

    /// Move bytes up to and including the next line end to `partial`; say whether there was one.
    fn take_line(&mut self, input: &mut &[u8]) -> bool {
        let end = input.iter().position(|&byte| byte == b'\n');
        let (line, rest) = input.split_at(end.map_or(input.len(), |end| end + 1));
        self.partial.extend_from_slice(line);
        *input = rest;
        end.is_some()
    }
}

/// The first `most` bytes, and how many of them are missing.
fn take<'a>(input: &mut &'a [u8], most: u64) -> (&'a [u8], u64) {
    let count = usize::try_from(most).unwrap_or(usize::MAX).min(input.len());
    let (piece, rest) = input.split_at(count);
    *input = rest;
    (piece, most - count as u64)
}

/// Whether a line that may not be complete can be that of a response.
fn begins_as_response(line: &[u8]) -> Result<(), Malformed> {
    const BEGIN: &[u8] = b"HTTP/";
    let count = line.len().min(BEGIN.len());
    if line.get(..count) == BEGIN.get(..count) {
        Ok(())
    } else {
        Err(Malformed::Response)
    }
}

/// The version (0 or 1) and the status.
fn status_line(line: &[u8]) -> Result<(u8, u16), Malformed> {
    let mut response = httparse::Response::new(&mut []);
    match response.parse(line) {
        Ok(_) => {}
        Err(httparse::Error::Version) => return Err(Malformed::Version),
        Err(_) => return Err(Malformed::Status),
    }
    response.version.zip(response.code).ok_or(Malformed::Response)
}

/// The headers of `lines`, the part of `head` after its status line. The library says whether they are well-formed; they
/// are taken apart here, where the spelling is kept.
fn headers(head: &[u8], lines: &[u8]) -> Result<Vec<Header>, Malformed> {
    let count = lines.split(|&byte| byte == b'\n').count();
    if count > MOST_HEADERS {
        return Err(Malformed::TooMany);
    }
    let mut config = httparse::ParserConfig::default();
    config
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true);
    let mut parsed = vec![httparse::EMPTY_HEADER; count];
    config
        .parse_response(&mut httparse::Response::new(&mut parsed), head)
        .map_err(Malformed::Header)?;

    let mut headers: Vec<(String, Vec<u8>)> = Vec::with_capacity(count);
    for line in lines.split(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.first().is_some_and(|&byte| byte == b' ' || byte == b'\t') {
            if let Some((_, value)) = headers.last_mut() {
                value.push(b' ');
                value.extend_from_slice(line.trim_ascii());
            }
        } else if let Some(colon) = line.iter().position(|&byte| byte == b':') {
            let (name, value) = line.split_at(colon);
            let value = value.strip_prefix(b":").unwrap_or(value);
            headers.push((
                String::from_utf8_lossy(name).into_owned(),
                value.trim_ascii().to_vec(),
            ));
        }
    }
    let trimmed = headers.into_iter().map(|(name, mut value)| {
        value.truncate(value.trim_ascii_end().len());
        (name, Bytes::from(value))
    });
    Ok(trimmed.collect())
}

fn trim_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A response as far as it could be decoded, and how that ended.
    #[derive(Debug, Default, PartialEq)]
    struct Decoded {
        head: Option<(u16, Bytes, Vec<Header>)>,
        body: Vec<u8>,
        trailers: Vec<Header>,
        error: Option<Malformed>,
        end: Option<Cut>,
        rest: Vec<u8>,
    }

    fn decode<'a>(method: &[u8], pieces: impl IntoIterator<Item = &'a [u8]>) -> Decoded {
        let mut decoder = Decoder::new(method);
        let mut seen = Decoded::default();
        for mut piece in pieces {
            loop {
                match decoder.next(&mut piece) {
                    Ok(Some(Event::Head {
                        status,
                        status_line,
                        headers,
                    })) => {
                        assert!(seen.head.is_none() && seen.body.is_empty());
                        seen.head = Some((status, status_line, headers));
                    }
                    Ok(Some(Event::Body(body))) => seen.body.extend_from_slice(body),
                    Ok(Some(Event::Trailers(trailers))) => seen.trailers = trailers,
                    Ok(None) => break,
                    Err(error) => {
                        seen.error = Some(error);
                        return seen;
                    }
                }
            }
            seen.rest.extend_from_slice(piece);
        }
        seen.end = decoder.end().err();
        seen
    }

    fn get(response: &[u8]) -> Decoded {
        decode(b"GET", [response])
    }

    fn header(name: &str, value: &'static str) -> Header {
        (name.to_owned(), Bytes::from_static(value.as_bytes()))
    }

    const CHUNKED: &[u8] = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 Fine indeed\r\nserver: a\r\n\
        X-fOLd: one\r\n  two\nSERVER:b \r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n0a\r\n0123456789\r\n\
        0\r\nX-Sum: 1\r\n\r\nHTTP";

    #[test]
    fn everything_keeps_its_spelling_order_and_duplicates() {
        let decoded = get(CHUNKED);
        let (status, line, headers) = decoded.head.unwrap();
        assert_eq!((status, &line[..]), (200, &b"HTTP/1.1 200 Fine indeed"[..]));
        let wanted = [
            header("server", "a"),
            header("X-fOLd", "one two"),
            header("SERVER", "b"),
            header("Transfer-Encoding", "chunked"),
        ];
        assert_eq!(headers, wanted);
        assert_eq!(decoded.body, b"abc0123456789");
        assert_eq!(decoded.trailers, [header("X-Sum", "1")]);
        assert_eq!(
            (decoded.error, decoded.end, &decoded.rest[..]),
            (None, None, &b"HTTP"[..])
        );
    }

    #[test]
    fn what_does_not_begin_as_a_response_is_refused_at_once() {
        for (wrong, error) in [
            (&b"S"[..], Malformed::Response),
            (b"HTTP:", Malformed::Response),
            (b"<html>", Malformed::Response),
            (b"HTTP/9.9 200 OK\r\n", Malformed::Version),
            (b"HTTP/1.1 20 OK\r\n", Malformed::Status),
            (b"HTTP/1.1\r\n", Malformed::Version),
            (b"HTTP/1.1 200 O\0K\r\n", Malformed::Status),
        ] {
            assert_eq!(get(wrong).error, Some(error), "{wrong:?}");
        }
        let text = Malformed::Response.text();
        assert_eq!(
            text,
            "HTTP/1.x transport connection broken: malformed HTTP response"
        );
    }

    #[test]
    fn a_line_that_is_no_header_is_refused() {
        for line in [&b"no colon"[..], b": no name", b"A\x01: 1", b"A: \0", b"\xff: 1"] {
            let response = [b"HTTP/1.1 200 OK\r\n", line, b"\r\n\r\n"].concat();
            let error = get(&response).error.unwrap();
            assert!(
                matches!(error, Malformed::Header(_)) && error.detail().is_some(),
                "{line:?}: {error:?}"
            );
        }
        let tolerated = get(b"HTTP/1.0 200\nA : \xff\xfe\n\nbody");
        let (_, _, headers) = tolerated.head.unwrap();
        assert_eq!(headers, [("A ".to_owned(), Bytes::from_static(b"\xff\xfe"))]);
        assert_eq!((&tolerated.body[..], tolerated.end), (&b"body"[..], None));
    }

    #[test]
    fn a_body_that_makes_no_sense_leaves_the_head() {
        let chunked =
            |body: &[u8]| get(&[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", body].concat());
        for (body, error) in [
            (&b"x\r\n"[..], Malformed::ChunkSize),
            (b"\r\n", Malformed::ChunkSize),
            (b"ffffffffffffffffff\r\n", Malformed::ChunkSize),
            (b"1\r\nab\r\n", Malformed::ChunkEnd),
            (&[b'0'; LONGEST_CHUNK_LINE + 1], Malformed::ChunkLine),
        ] {
            let decoded = chunked(body);
            assert_eq!(
                (decoded.head.is_some(), decoded.error),
                (true, Some(error)),
                "{body:?}"
            );
        }
        let decoded = get(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n");
        assert_eq!(
            (decoded.head.is_some(), decoded.error),
            (true, Some(Malformed::ContentLength))
        );
    }

    #[test]
    fn a_head_has_its_limits() {
        let many = b"HTTP/1.1 200 OK\r\n"
            .iter()
            .chain(b"A: 1\r\n".iter().cycle().take(6 * 1_001));
        let many: Vec<u8> = many.chain(b"\r\n").copied().collect();
        assert_eq!(get(&many).error, Some(Malformed::TooMany));
        let long = [&b"HTTP/1.1 200 OK\r\nA: "[..], &b"a".repeat(LONGEST_HEAD)].concat();
        assert_eq!(get(&long).error, Some(Malformed::TooLong));
        let interim = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(LONGEST_HEAD / 25 + 1);
        assert_eq!(get(&interim).error, Some(Malformed::TooLong));
    }

    #[test]
    fn an_end_too_early_says_where() {
        assert_eq!(get(b"").end, Some(Cut::Before));
        assert_eq!(get(b"HTT").end, Some(Cut::Head));
        assert_eq!(get(b"HTTP/1.1 100 Continue\r\n\r\n").end, Some(Cut::Head));
        assert_eq!(
            get(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab").end,
            Some(Cut::Body(3))
        );
        assert_eq!(get(&CHUNKED[..CHUNKED.len() - 6]).end, Some(Cut::Chunks));
    }

    #[test]
    fn a_response_to_head_has_no_body() {
        let decoded = decode(
            b"HEAD",
            [&b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1"[..]],
        );
        assert_eq!((&decoded.rest[..], decoded.end), (&b"HTTP/1.1"[..], None));
    }

    /// Something near a response.
    fn response() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            Just(b"HTTP/1.1 200 OK\r\n".to_vec()),
            Just(b"HTTP/1.0 404 Not Found\n".to_vec()),
            Just(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
            Just(b"Content-Length: 7\r\n".to_vec()),
            Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
            Just(b"aB: c\r\n d\r\n".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"3\r\nabc\r\n".to_vec()),
            Just(b"0\r\n".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..8),
        ];
        let parts = proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat());
        prop_oneof![
            parts.clone(),
            parts.prop_map(|rest| [b"HTTP/1.1 200 OK\r\n", &rest[..]].concat()),
            Just(CHUNKED.to_vec())
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn any_split_gives_the_same_response(response in response(), cuts in proptest::collection::vec(0_usize..80, 0..6)) {
            let whole = get(&response);
            prop_assert_eq!(&decode(b"GET", response.chunks(1)), &whole);
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(response.len())).collect();
            cuts.push(response.len());
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts {
                pieces.push(&response[from..cut]);
                from = cut;
            }
            prop_assert_eq!(decode(b"GET", pieces), whole);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, rest: Vec<u8>) {
            decode(b"GET", [&bytes[..], &rest[..]]);
        }
    }
}
