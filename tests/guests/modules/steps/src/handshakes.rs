//! Steps that shake hands over the open connection.

use netsonde_guest::{Failure, HandshakeFailure, Json, TlsOptions, json, tcp, tls};
use serde::Deserialize;

use crate::Walk;

/// How much a session reads from its connection at once.
const CHUNK: u32 = 16_384;

/// `{"do": "handshake", "name": "example.org"}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Handshake {
    name: Option<String>,
    /// The name to send; the empty one stands for none.
    sni: Option<String>,
    versions: Option<(String, String)>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    alpn: Vec<String>,
    roots: Option<Vec<String>>,
    #[serde(default)]
    no_verify: bool,
    ech: Option<Ech>,
    split_hello: Option<u32>,
    backend: Option<String>,
    timeout_ms: Option<u32>,
    /// Whether the list goes on when it fails.
    #[serde(default)]
    may_fail: bool,
}

/// What to offer of Encrypted Client Hello.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ech {
    Grease,
    MadeUp,
    /// What an HTTPS record of an earlier lookup in the list said.
    Dns,
    /// What a server said that rejected an earlier handshake of the list.
    Retry,
}

/// `{"do": "session", "tls": {"name": "example.org"}, "text": "hello"}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Session {
    tls: Handshake,
    text: String,
}

impl Handshake {
    fn options(&self, walk: &Walk) -> Result<TlsOptions, Failure> {
        let options = TlsOptions::new();
        if let Some(name) = &self.name {
            options.server_name(name);
        }
        match self.sni.as_deref() {
            None => {}
            Some("") => options.no_sni(),
            Some(name) => options.sni(name),
        }
        if let Some((oldest, newest)) = &self.versions {
            options.versions(oldest, newest);
        }
        options.groups(&self.groups);
        options.alpn(&self.alpn);
        if let Some(roots) = &self.roots {
            options.roots_pem(roots);
        }
        if self.no_verify {
            options.no_verify();
        }
        if let Some(ech) = &self.ech {
            ech.offer(&options, walk)?;
        }
        if let Some(after) = self.split_hello {
            options.split_hello(after);
        }
        if let Some(backend) = &self.backend {
            options.backend(backend);
        }
        if let Some(timeout) = self.timeout_ms {
            options.timeout_ms(timeout);
        }
        Ok(options)
    }

    pub(crate) async fn take(&self, walk: &Walk) -> Result<Json, Failure> {
        let options = self.options(walk)?;
        match tls::handshake(&walk.transaction, walk.connection()?, &options).await {
            Ok(connection) => {
                let answer = json!({
                    "alpn": connection.alpn(),
                    "certificates": connection.peer_certificates().len(),
                    "ech_accepted": connection.ech_accepted(),
                    "tls_version": connection.tls_version(),
                });
                walk.keep(connection);
                Ok(answer)
            }
            Err(failed) => over(walk, &failed, self.may_fail),
        }
    }
}

/// A handshake failed: keep what there is to retry with, and say whether the list goes on.
pub(crate) fn over(walk: &Walk, failed: &HandshakeFailure, may_fail: bool) -> Result<Json, Failure> {
    let retry = failed.ech_retry_configs();
    let answer = json!({
        "failure": failed.failure().code,
        "certificates": failed.peer_certificates().len(),
        "ech_retry_configs_bytes": retry.as_ref().map(Vec::len),
    });
    *walk.ech_to_retry.borrow_mut() = retry;
    if may_fail {
        Ok(answer)
    } else {
        Err(failed.failure())
    }
}

impl Ech {
    pub(crate) fn offer(&self, options: &TlsOptions, walk: &Walk) -> Result<(), Failure> {
        match self {
            Self::Grease => options.ech_grease(),
            Self::MadeUp => options.ech_made_up(),
            Self::Dns => {
                options.ech_configs(&known(walk.ech_of_dns.borrow().as_ref(), "an HTTPS record")?);
            }
            Self::Retry => {
                options.ech_configs(&known(walk.ech_to_retry.borrow().as_ref(), "a rejection")?);
            }
        }
        Ok(())
    }
}

fn known(configs: Option<&Vec<u8>>, whence: &str) -> Result<Vec<u8>, Failure> {
    let none = || {
        let detail = format!("no ECH configuration is known from {whence} at this step");
        Failure::top_level("invalid_argument", detail)
    };
    configs.cloned().ok_or_else(none)
}

impl Session {
    /// Shake hands through the session, send the text, and read until something comes back.
    pub(crate) async fn take(&self, walk: &Walk) -> Result<Json, Failure> {
        let options = self.tls.options(walk)?;
        let connection = walk.connection()?;
        let remote = connection.remote();
        let begun = tls::start_session(&walk.transaction, &options, "tcp", &remote);
        let session = begun.map_err(|failed| failed.failure())?;
        tcp::write(&connection, session.outgoing(), None).await?;
        while session.is_handshaking() {
            let received = session.receive(&tcp::read(&connection, CHUNK, None).await?);
            let outgoing = session.outgoing();
            if !outgoing.is_empty() {
                tcp::write(&connection, outgoing, None).await?;
            }
            received?;
        }
        let written = session.write(self.text.as_bytes())?;
        tcp::write(&connection, session.outgoing(), None).await?;
        let mut answer = session.read(CHUNK)?;
        while answer.is_empty() {
            session.receive(&tcp::read(&connection, CHUNK, None).await?)?;
            answer.extend(session.read(CHUNK)?);
        }
        session.close();
        tcp::write(&connection, session.outgoing(), None).await?;
        Ok(json!({
            "written": written,
            "read": String::from_utf8_lossy(&answer),
            "alpn": session.alpn(),
            "certificates": session.peer_certificates().len(),
            "ech_retry_configs_bytes": session.ech_retry_configs().map(|configs| configs.len()),
        }))
    }
}
