//! What has arrived of a response, whatever the version. It is shared with whoever has to say what there was when an
//! exchange ends before its time.

use bytes::Bytes;

/// What has arrived.
#[derive(Debug)]
pub(crate) struct Received {
    /// Whether the exchange has begun: it waits for those before it on the connection.
    pub(crate) has_begun: bool,
    /// The status and the headers as they came.
    pub(crate) head: Option<(u16, Vec<(String, Bytes)>)>,
    /// The status line; HTTP/2 and HTTP/3 have none.
    pub(crate) status_line: Bytes,
    /// The body up to the limit.
    pub(crate) body: Vec<u8>,
    /// Whether the limit was reached.
    pub(crate) is_truncated: bool,
    /// What followed the body.
    pub(crate) trailers: Vec<(String, Bytes)>,
    limit: usize,
}

impl Received {
    /// Nothing yet; of the body at most `limit` bytes are kept.
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            has_begun: false,
            head: None,
            status_line: Bytes::new(),
            body: Vec::new(),
            is_truncated: false,
            trailers: Vec::new(),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        }
    }

    /// Keep a piece of the body, and say whether the limit is reached.
    pub(crate) fn body_is_full_with(&mut self, piece: &[u8]) -> bool {
        let room = self.limit.saturating_sub(self.body.len()).min(piece.len());
        self.body.extend_from_slice(piece.get(..room).unwrap_or_default());
        self.is_truncated = self.body.len() >= self.limit;
        self.is_truncated
    }
}
