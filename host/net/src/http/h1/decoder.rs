//! HTTP/1.1 responses as pure code: bytes in, pieces of a response out, however the bytes are cut.
//!
//! Line ends may be a bare LF, and a header may be folded over lines, as in Go's library, whose failure strings OONI's
//! data has. Framing follows RFC 9112, section 6.3.

use super::framing::{self, Framing};
use super::lines::{begins_as_response, headers, status_line, trim_line_end};
use super::wrong::{Cut, LONGEST_HEAD, Malformed};
use bytes::Bytes;
use std::mem;

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
        self.heads += head.len();
        if (100..200).contains(&status) && status != 101 {
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

#[cfg(test)]
mod tests;
