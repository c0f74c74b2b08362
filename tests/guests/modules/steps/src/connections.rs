//! Steps on a connection.

use netsonde_guest::{Failure, HttpRequest, Json, TcpOptions, TlsOptions, http, json, quic, tcp};
use serde::Deserialize;

use crate::{
    Walk,
    handshakes::{Ech, over},
};

/// `{"do": "connect", "to": "192.0.2.1:443"}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Connect {
    to: String,
    ttl: Option<u8>,
    timeout_ms: Option<u32>,
}

/// `{"do": "quic", "to": "192.0.2.1:443", "name": "example.org"}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuicHandshake {
    to: String,
    name: String,
    ech: Option<Ech>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    alpn: Vec<String>,
    timeout_ms: Option<u32>,
    /// Whether the list goes on when it fails.
    #[serde(default)]
    may_fail: bool,
}

/// `{"do": "request", "url": "https://example.org/"}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    url: String,
    #[serde(default = "get")]
    method: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    /// The bytes of the whole head, in place of what is made of the method, the path and the headers.
    raw_head: Option<String>,
    #[serde(default)]
    pseudo_headers: Vec<(String, String)>,
    body: Option<String>,
    limit: Option<u64>,
    timeout_ms: Option<u32>,
}

fn get() -> String {
    "GET".to_owned()
}

/// `{"do": "write", "text": "hello"}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Write {
    text: String,
    timeout_ms: Option<u32>,
}

/// `{"do": "read", "max": 100}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Read {
    max: u32,
    timeout_ms: Option<u32>,
}

/// `{"do": "set_ttl", "ttl": 3}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetTtl {
    ttl: u8,
}

impl Connect {
    pub(crate) async fn take(&self, walk: &Walk) -> Result<Json, Failure> {
        let options = TcpOptions::new();
        if let Some(ttl) = self.ttl {
            options.ttl(ttl);
        }
        if let Some(timeout) = self.timeout_ms {
            options.timeout_ms(timeout);
        }
        let connection = tcp::connect(&walk.transaction, self.to.clone(), Some(&options)).await?;
        let remote = connection.remote();
        walk.keep(connection);
        Ok(json!({ "remote": remote }))
    }
}

impl QuicHandshake {
    pub(crate) async fn take(&self, walk: &Walk) -> Result<Json, Failure> {
        let options = TlsOptions::new();
        options.server_name(&self.name);
        if let Some(ech) = &self.ech {
            ech.offer(&options, walk)?;
        }
        options.groups(&self.groups);
        options.alpn(&self.alpn);
        if let Some(timeout) = self.timeout_ms {
            options.timeout_ms(timeout);
        }
        let connection = match quic::handshake(&walk.transaction, self.to.clone(), &options).await {
            Ok(connection) => connection,
            Err(failed) => return over(walk, &failed, self.may_fail),
        };
        let answer = json!({ "alpn": connection.alpn(), "remote": connection.remote() });
        walk.keep(connection);
        Ok(answer)
    }
}

impl Request {
    pub(crate) async fn take(&self, walk: &Walk) -> Result<Json, Failure> {
        let request = HttpRequest::new(&self.method, &self.url);
        for (name, value) in &self.headers {
            request.header(name, value);
        }
        if let Some(head) = &self.raw_head {
            request.raw_head(head.as_bytes());
        }
        for (name, value) in &self.pseudo_headers {
            request.pseudo_header(name, value);
        }
        if let Some(body) = &self.body {
            request.body(body.as_bytes());
        }
        if let Some(limit) = self.limit {
            request.body_snapshot_limit(limit);
        }
        if let Some(timeout) = self.timeout_ms {
            request.timeout_ms(timeout);
        }
        let connection = walk.connection()?;
        let response = http::round_trip(&walk.transaction, &connection, &request).await?;
        walk.keep(connection);
        Ok(json!({
            "status": response.status(),
            "body_bytes": response.body().len(),
            "has_body": !response.body().is_empty(),
            "body_is_truncated": response.body_is_truncated(),
            "body_failure": response.body_failure().map(|failure| failure.code),
        }))
    }
}

impl Write {
    pub(crate) async fn take(&self, walk: &Walk) -> Result<Json, Failure> {
        let connection = walk.connection()?;
        let written = tcp::write(&connection, self.text.as_bytes().to_vec(), self.timeout_ms).await?;
        walk.keep(connection);
        Ok(json!({ "written": written }))
    }
}

impl Read {
    pub(crate) async fn take(&self, walk: &Walk) -> Result<Json, Failure> {
        let connection = walk.connection()?;
        let bytes = tcp::read(&connection, self.max, self.timeout_ms).await?;
        walk.keep(connection);
        Ok(json!({ "read": String::from_utf8_lossy(&bytes) }))
    }
}

impl SetTtl {
    pub(crate) async fn take(&self, walk: &Walk) -> Result<Json, Failure> {
        let connection = walk.connection()?;
        tcp::set_ttl(&connection, self.ttl).await?;
        walk.keep(connection);
        Ok(json!({ "ttl": self.ttl }))
    }
}
