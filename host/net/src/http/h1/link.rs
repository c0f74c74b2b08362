//! The connection: request out, response in, both at once, and what is left for the next request.

use super::{
    super::{failure::ExchangeError, received::Received},
    decoder::{Decoder, Event},
};
use crate::socket::Stream;
use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is read at once in the beginning: what a TLS record holds.
const SMALLEST_READ: usize = 16 << 10;
/// How much is read at once at most.
const LARGEST_READ: usize = 256 << 10;

/// A connection that speaks HTTP/1.1: one exchange at a time.
#[derive(Debug)]
pub(crate) struct Client(tokio::sync::Mutex<State>);

#[derive(Debug)]
enum State {
    Open(Box<Link>),
    /// Something came that nobody had asked for.
    Unsolicited,
    /// An exchange failed, was dropped, or was the last one.
    Gone,
}

#[derive(Debug)]
struct Link {
    stream: Stream,
    buffer: Vec<u8>,
    is_used: bool,
}

impl Client {
    pub(crate) fn new(stream: Stream) -> Self {
        let buffer = vec![0; SMALLEST_READ];
        let is_used = false;
        let link = Link {
            stream,
            buffer,
            is_used,
        };
        Self(State::Open(Box::new(link)).into())
    }

    /// Send `wire` and put what comes back into `received`, as it comes. Whatever ends this before the response is
    /// complete closes the connection.
    pub(crate) async fn exchange(
        &self,
        method: &[u8],
        wire: &[u8],
        received: &Mutex<Received>,
    ) -> Result<(), ExchangeError> {
        let mut state = self.0.lock().await;
        let mut link = match std::mem::replace(&mut *state, State::Gone) {
            State::Open(link) => link,
            State::Unsolicited => {
                *state = State::Unsolicited;
                return Err(ExchangeError::Unsolicited);
            }
            State::Gone => return Err(ExchangeError::Gone),
        };
        received.lock().unwrap_or_else(PoisonError::into_inner).has_begun = true;
        *state = link.exchange(method, wire, received).await?.with(link);
        Ok(())
    }
}

/// What a complete exchange leaves.
enum After {
    Open,
    Unsolicited,
    Closed,
}

impl After {
    fn with(self, link: Box<Link>) -> State {
        match self {
            Self::Open => State::Open(link),
            Self::Unsolicited => State::Unsolicited,
            Self::Closed => State::Gone,
        }
    }
}

impl Link {
    async fn exchange(
        &mut self,
        method: &[u8],
        wire: &[u8],
        received: &Mutex<Received>,
    ) -> Result<After, ExchangeError> {
        if std::mem::replace(&mut self.is_used, true) {
            self.has_stayed_silent().await?;
        }
        let mut decoder = Decoder::new(method);
        let mut sending = Sending {
            left: wire,
            is_over: false,
            failure: None,
        };
        loop {
            let count = poll_fn(|cx| self.poll(cx, &mut sending)).await;
            let count = match (count, sending.failure.take()) {
                (Ok(count), failure) => {
                    sending.failure = failure;
                    count
                }
                // That the peer would not take the request came first.
                (Err(_), Some(failure)) | (Err(failure), None) => return Err(failure.into()),
            };
            if count == 0 {
                return match (decoder.end(), sending.failure.take()) {
                    (Ok(()), _) => Ok(After::Closed),
                    (Err(_), Some(failure)) => Err(failure.into()),
                    (Err(cut), None) => Err(cut.into()),
                };
            }
            let mut input = self.buffer.get(..count).unwrap_or_default();
            let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
            while let Some(event) = decoder.next(&mut input)? {
                match event {
                    Event::Head {
                        status,
                        status_line,
                        headers,
                    } => {
                        received.head = Some((status, headers));
                        received.status_line = status_line;
                    }
                    Event::Body(piece) => {
                        if received.body_is_full_with(piece) {
                            return Ok(After::Closed);
                        }
                    }
                    Event::Trailers(trailers) => received.trailers = trailers,
                }
            }
            if decoder.is_done() {
                let is_clean = input.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
                return Ok(
                    match (
                        decoder.keep_alive() && sending.is_over && sending.failure.is_none(),
                        is_clean,
                    ) {
                        (false, _) => After::Closed,
                        (true, false) => After::Unsolicited,
                        (true, true) => After::Open,
                    },
                );
            }
            if count == self.buffer.len() && count < LARGEST_READ {
                self.buffer = vec![0; count * 2];
            }
        }
    }

    /// Between two exchanges the peer has nothing to say. Its end is seen here, before the request is sent.
    async fn has_stayed_silent(&mut self) -> Result<(), ExchangeError> {
        let poll = poll_fn(|cx| Poll::Ready(self.poll_read(cx))).await;
        match poll {
            Poll::Pending => {
                // That nobody waits for it any more says nothing about the network.
                self.stream.shared().take_read();
                Ok(())
            }
            Poll::Ready(Err(error)) => Err(error.into()),
            Poll::Ready(Ok(0)) => Err(ExchangeError::Cut(super::Cut::Before)),
            Poll::Ready(Ok(count)) => {
                let blank = |byte: &u8| matches!(byte, b'\r' | b'\n');
                if self.buffer.iter().take(count).all(blank) {
                    Ok(())
                } else {
                    Err(ExchangeError::Unsolicited)
                }
            }
        }
    }

    /// Send what can be sent and read what can be read: a server may answer before it has taken the whole request.
    fn poll(&mut self, cx: &mut Context<'_>, sending: &mut Sending<'_>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Err(failure)) = sending.poll(cx, &mut self.stream) {
            sending.is_over = true;
            sending.failure = Some(failure);
        }
        self.poll_read(cx)
    }

    /// Read into the buffer; zero bytes are the end.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(&mut self.buffer);
        match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)) {
            Ok(()) => Poll::Ready(Ok(buffer.filled().len())),
            // TLS was not ended in order. Many servers do not; where the response is complete without it, as in
            // Go's library, it is.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(0)),
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

/// A request on its way.
struct Sending<'a> {
    left: &'a [u8],
    is_over: bool,
    /// Why the rest could not be sent. What the peer has said until then may still be read.
    failure: Option<io::Error>,
}

impl Sending<'_> {
    fn poll(&mut self, cx: &mut Context<'_>, stream: &mut Stream) -> Poll<io::Result<()>> {
        if self.is_over {
            return Poll::Ready(Ok(()));
        }
        while !self.left.is_empty() {
            let count = ready!(Pin::new(&mut *stream).poll_write(cx, self.left))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.left = self.left.get(count..).unwrap_or_default();
        }
        ready!(Pin::new(stream).poll_flush(cx))?;
        self.is_over = true;
        Poll::Ready(Ok(()))
    }
}
