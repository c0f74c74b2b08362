//! What can be wrong with a response: its bytes, or that they end too early.

/// How long heads may be: interim ones, the final one, and the trailers together.
pub(super) const LONGEST_HEAD: usize = 256 << 10;
/// How many headers a head may have.
pub(super) const MOST_HEADERS: usize = 1_000;

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
