//! What has arrived of a response, whatever the version. It is shared with whoever has to say what there was when an
//! exchange ends before its time.

use bytes::Bytes;
use std::{fmt, ops::ControlFlow};

/// Takes pieces of a body as they come, each with the response's status, and says whether it wants more.
pub(crate) type Taker = Box<dyn FnMut(u16, &[u8]) -> ControlFlow<()> + Send>;

/// What has arrived.
pub(crate) struct Received {
    /// Whether the exchange has begun: it waits for those before it on the connection.
    pub(crate) has_begun: bool,
    /// The status and the headers as they came.
    pub(crate) head: Option<(u16, Vec<(String, Bytes)>)>,
    /// The status line; HTTP/2 and HTTP/3 have none.
    pub(crate) status_line: Bytes,
    /// The body up to the limit, unless somebody takes it.
    pub(crate) body: Vec<u8>,
    /// Whether the limit was reached.
    pub(crate) is_truncated: bool,
    /// What followed the body.
    pub(crate) trailers: Vec<(String, Bytes)>,
    limit: usize,
    /// Who takes the body, and how much of it has been taken.
    taker: Option<(Taker, usize)>,
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("head", &self.head)
            .finish_non_exhaustive()
    }
}

impl Received {
    /// Nothing yet; of the body at most `limit` bytes are kept, or taken.
    pub(crate) fn new(limit: u64, taker: Option<Taker>) -> Self {
        Self {
            has_begun: false,
            head: None,
            status_line: Bytes::new(),
            body: Vec::new(),
            is_truncated: false,
            trailers: Vec::new(),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            taker: taker.map(|taker| (taker, 0)),
        }
    }

    /// Keep a piece of the body, and say whether no more of it is wanted.
    pub(crate) fn body_is_full_with(&mut self, piece: &[u8]) -> bool {
        if let Some((taker, taken)) = &mut self.taker {
            let room = self.limit.saturating_sub(*taken).min(piece.len());
            let status = self.head.as_ref().map_or(0, |(status, _)| *status);
            let goes_on = taker(status, piece.get(..room).unwrap_or_default());
            *taken += room;
            self.is_truncated = *taken >= self.limit || goes_on.is_break();
            return self.is_truncated;
        }
        let room = self.limit.saturating_sub(self.body.len()).min(piece.len());
        self.body.extend_from_slice(piece.get(..room).unwrap_or_default());
        self.is_truncated = self.body.len() >= self.limit;
        self.is_truncated
    }
}
