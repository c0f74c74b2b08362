//! Answers: what they carry, and what is left of them where the client has it already.

use crate::folder::hex_of;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use netsonde_log::words::Digest;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio_util::io::ReaderStream;

pub(super) const TEXT: &str = "text/plain; charset=utf-8";
pub(super) const JSON: &str = "application/json";
pub(super) const BYTES: &str = "application/octet-stream";

/// How much of a long file is in memory for one client.
const CHUNK: usize = 64 << 10;

/// What says `Server` on every answer.
const SERVER: HeaderValue =
    HeaderValue::from_static(concat!("netsonde-registry/", env!("CARGO_PKG_VERSION")));

/// Bytes to send.
#[derive(Debug)]
pub(super) enum Content {
    /// They are here.
    Here(Bytes),
    /// They are read as they are sent, so that slow clients have little of the memory.
    File(tokio::fs::File, u64),
}

/// For how long others may keep an answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Keep {
    /// It is what its name says, for ever.
    ForEver,
    /// For so many seconds.
    Seconds(u64),
}

/// An answer with something in it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) content: Content,
    /// Its media type.
    pub(super) kind: &'static str,
    pub(super) keep: Keep,
    /// What the bytes are, whatever they are called.
    pub(super) tag: Digest,
    /// Whether they are OCI's, which says what they are in a header of its own.
    pub(super) is_oci: bool,
    /// One header more.
    pub(super) more: Option<(HeaderName, String)>,
}

/// Why there is none.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    /// OCI's word for it.
    code: &'static str,
    message: String,
    /// The methods that there are.
    allow: Option<&'static str>,
    /// When to try again.
    after: Option<Duration>,
}

impl Answer {
    /// JSON that was made for this answer.
    pub(super) fn json(json: Vec<u8>, keep: Keep) -> Self {
        Self::here(json, JSON, keep)
    }

    /// Bytes that are in memory.
    pub(super) fn here(bytes: impl Into<Bytes>, kind: &'static str, keep: Keep) -> Self {
        let bytes = bytes.into();
        Self {
            tag: Digest::of(&bytes),
            content: Content::Here(bytes),
            kind,
            keep,
            is_oci: false,
            more: None,
        }
    }

    /// The response to whoever has sent these headers.
    pub(super) fn respond(self, asked: &HeaderMap, is_head: bool) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        let tag = format!("\"{}\"", hex_of(&self.tag));
        let is_known = has(asked, &tag);
        let headers = response.headers_mut();
        put(headers, header::ETAG, &tag);
        match self.keep {
            Keep::ForEver => put(
                headers,
                header::CACHE_CONTROL,
                "public, max-age=31536000, immutable",
            ),
            Keep::Seconds(seconds) => put(
                headers,
                header::CACHE_CONTROL,
                &format!("public, max-age={seconds}"),
            ),
        }
        if let Some((name, value)) = self.more {
            put(headers, name, &value);
        }
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        if self.is_oci {
            put(headers, DOCKER_CONTENT_DIGEST, &self.tag.to_string());
        }
        put(headers, header::CONTENT_TYPE, self.kind);
        put(headers, header::CONTENT_LENGTH, &self.content.len().to_string());
        if !is_head {
            *response.body_mut() = self.content.into_body();
        }
        response
    }
}

const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

impl Content {
    fn len(&self) -> u64 {
        match self {
            Self::Here(bytes) => bytes.len() as u64,
            Self::File(_, len) => *len,
        }
    }

    fn into_body(self) -> Body {
        match self {
            Self::Here(bytes) => Body::from(bytes),
            Self::File(file, len) => Body::from_stream(ReaderStream::with_capacity(file.take(len), CHUNK)),
        }
    }
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            allow: None,
            after: None,
        }
    }

    /// There is no such thing.
    pub(super) fn unknown(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// It was taken back for good.
    pub(super) fn revoked(digest: &Digest, index: u64) -> Self {
        let message = format!("{digest} was revoked by entry {index} of the log, for good");
        Self::new(StatusCode::GONE, "DENIED", message)
    }

    /// The client does not ask as it should.
    pub(super) fn wrong(status: StatusCode, message: impl Into<String>) -> Self {
        Self::new(status, "UNSUPPORTED", message)
    }

    /// It asks with another method.
    pub(super) fn method(allow: &'static str) -> Self {
        Self {
            allow: Some(allow),
            ..Self::wrong(StatusCode::METHOD_NOT_ALLOWED, format!("ask with {allow}"))
        }
    }

    /// It has asked too often, and may again after this.
    pub(super) fn too_many(after: Duration) -> Self {
        let message = "this client has asked too often; try again later";
        Self {
            after: Some(after),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS", message)
        }
    }

    /// It takes too long.
    pub(super) fn late() -> Self {
        let message = "it takes too long at this moment; try again later";
        Self {
            after: Some(Duration::from_secs(5)),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message)
        }
    }

    /// Something is wrong here, of which the operator is told, and the client only that.
    pub(super) fn broken(doing: &str, why: &dyn std::fmt::Display) -> Self {
        tracing::error!("{doing}: {why}");
        let message = "something is wrong with this registry; try again later, or ask a mirror";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", message)
    }

    /// The response, to somebody who speaks OCI or not.
    pub(super) fn respond(self, is_oci: bool, is_head: bool) -> Response<Body> {
        let body = if is_oci {
            let error = serde_json::json!({"code": self.code, "message": self.message});
            serde_json::json!({"errors": [error]}).to_string()
        } else {
            format!("{}\n", self.message)
        };
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        put(headers, header::CONTENT_TYPE, if is_oci { JSON } else { TEXT });
        put(headers, header::CONTENT_LENGTH, &body.len().to_string());
        put(headers, header::CACHE_CONTROL, "no-store");
        if let Some(allow) = self.allow {
            put(headers, header::ALLOW, allow);
        }
        if let Some(after) = self.after {
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            put(headers, header::RETRY_AFTER, &seconds.to_string());
        }
        if !is_head {
            *response.body_mut() = Body::from(body);
        }
        response
    }
}

/// What every answer says, whatever it is.
pub(super) fn sign(response: &mut Response<Body>, is_oci: bool) {
    let headers = response.headers_mut();
    headers.insert(header::SERVER, SERVER);
    // Scripts are text that somebody wrote: no browser is to take one for a page.
    put(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    if is_oci {
        put(
            headers,
            HeaderName::from_static("docker-distribution-api-version"),
            "registry/2.0",
        );
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // All of it is made here, of letters, digits and punctuation.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Whether the client has what has this tag.
fn has(asked: &HeaderMap, tag: &str) -> bool {
    let lines = asked.get_all(header::IF_NONE_MATCH).into_iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}
