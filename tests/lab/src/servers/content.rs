//! Bodies of HTTP answers: bytes that are there, or random ones that are made while they are sent.

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// How many random bytes are made at once.
const CHUNK: usize = 16 * 1024;
/// What random numbers begin with: any number but zero.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// A body, or what of it has not been sent.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Bytes, and their number is announced.
    Whole(Bytes),
    /// So many random bytes, whose number is not announced; and the state of what makes them.
    Random(usize, u64),
}

impl Default for Content {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

impl Content {
    /// So many random bytes. They are the same every time, and do not get shorter by compression.
    pub(super) fn random(length: usize) -> Self {
        Self::Random(length, SEED)
    }

    /// What is sent next, if anything is left.
    pub(super) fn next_chunk(&mut self) -> Option<Bytes> {
        match self {
            Self::Whole(bytes) => Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty()),
            Self::Random(0, _) => None,
            Self::Random(left, state) => {
                let length = CHUNK.min(*left);
                *left = left.saturating_sub(length);
                let mut chunk = Vec::with_capacity(length + 8);
                while chunk.len() < length {
                    chunk.extend_from_slice(&next(state).to_le_bytes());
                }
                chunk.truncate(length);
                Some(chunk.into())
            }
        }
    }
}

/// The next of a row of random numbers (Marsaglia's xorshift).
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next_chunk().map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Random(left, _) => *left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            Self::Random(..) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Body, CHUNK, Content};

    #[test]
    fn random_bytes_come_in_pieces_and_their_number_is_not_announced() {
        let mut content = Content::random(CHUNK + 3);
        assert_eq!(content.size_hint().exact(), None);
        let first = content.next_chunk().unwrap();
        let second = content.next_chunk().unwrap();
        assert_eq!((first.len(), second.len()), (CHUNK, 3));
        assert_ne!(first[..8], first[8..16]);
        assert!(content.next_chunk().is_none() && content.is_end_stream());
    }

    #[test]
    fn of_bytes_that_are_there_the_number_is_announced() {
        let mut content = Content::Whole("page".into());
        assert_eq!(content.size_hint().exact(), Some(4));
        assert_eq!(content.next_chunk().unwrap(), "page");
        assert!(content.next_chunk().is_none());
    }
}
