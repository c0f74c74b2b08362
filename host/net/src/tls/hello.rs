//! The first bytes of a handshake: kept, to say what the `ClientHello` looked like, and split where that was asked for.

use super::ja4::Reader;
use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// Between the two parts of a split hello, so that no queue joins them again.
const PAUSE: Duration = Duration::from_millis(20);
/// The longest hello that is kept.
const LONGEST: usize = 1 << 16;
/// The content type of a record with handshake messages.
const HANDSHAKE: u8 = 22;

/// What was sent until the `ClientHello` was complete.
#[derive(Clone, Debug, Default)]
pub(super) struct FirstFlight(Arc<Mutex<Vec<u8>>>);

impl FirstFlight {
    /// The `ClientHello`: the handshake message, without record headers. None where it was not sent to its end.
    pub(super) fn client_hello(&self) -> Option<Vec<u8>> {
        client_hello(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keep some more, and say whether that was all.
    fn keep(&self, bytes: &[u8]) -> bool {
        let mut flight = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        flight.extend_from_slice(bytes);
        flight.len() > LONGEST || client_hello(&flight).is_some()
    }
}

/// The first handshake message, taken out of its records.
fn client_hello(flight: &[u8]) -> Option<Vec<u8>> {
    let mut records = Reader(flight);
    let mut message = Vec::new();
    loop {
        if let Some(whole) = first_message(&message) {
            return Some(whole.to_vec());
        }
        if records.u8()? != HANDSHAKE {
            return None;
        }
        records.u16()?;
        message.extend_from_slice(records.list(2)?);
    }
}

fn first_message(messages: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader(messages);
    reader.u8()?;
    let length = reader.length(3)?;
    messages.get(..length + 4)
}

/// A stream that keeps the first flight of what is written to it, and splits it.
#[derive(Debug)]
pub(super) struct Opening<S> {
    inner: S,
    flight: FirstFlight,
    /// Whether the hello is still being sent.
    is_hello: bool,
    /// Bytes until the split.
    split_in: Option<usize>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl<S> Opening<S> {
    /// Keep what is written to `inner` in `flight`; split it after so many bytes.
    pub(super) fn new(inner: S, flight: FirstFlight, split_at: Option<usize>) -> Self {
        Self {
            inner,
            flight,
            is_hello: true,
            split_in: split_at.filter(|at| *at > 0),
            pause: None,
        }
    }

    fn sent(&mut self, bytes: &[u8]) {
        if self.flight.keep(bytes) {
            self.is_hello = false;
            return;
        }
        self.split_in = self.split_in.and_then(|left| {
            let left = left - bytes.len().min(left);
            if left == 0 {
                self.pause = Some(Box::pin(sleep(PAUSE)));
            }
            (left > 0).then_some(left)
        });
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Opening<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Opening<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if !this.is_hello {
            return Pin::new(&mut this.inner).poll_write(cx, buf);
        }
        if let Some(pause) = &mut this.pause {
            ready!(pause.as_mut().poll(cx));
            this.pause = None;
        }
        let part = this.split_in.and_then(|at| buf.get(..at)).unwrap_or(buf);
        let written = ready!(Pin::new(&mut this.inner).poll_write(cx, part))?;
        this.sent(part.get(..written).unwrap_or(part));
        Poll::Ready(Ok(written))
    }

    /// After the hello, what belongs together goes out in one packet, as it does without us.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if !self.is_hello {
            return Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        }
        let first = bufs.iter().find(|buf| !buf.is_empty());
        self.poll_write(cx, first.map_or(&[][..], |buf| buf))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_hello_is_put_together_from_its_records() {
        let message = b"\x01\0\0\x05hello";
        let flight = [
            b"\x16\x03\x01\0\x03".as_slice(),
            &message[..3],
            b"\x16\x03\x01\0\x06",
            &message[3..],
            b"\x14\x03\x03\0\x01\x01",
        ]
        .concat();
        assert_eq!(client_hello(&flight).unwrap(), message);
        assert_eq!(client_hello(&flight[..12]), None);
        assert_eq!(client_hello(b"GET / HTTP/1.1"), None);
    }

    proptest! {
        #[test]
        fn bytes_of_any_kind_are_survived(bytes: Vec<u8>) {
            let _ = client_hello(&bytes);
        }
    }
}
