//! Getting one file from one mirror: no more bytes than it can have, no longer than it may take, and exactly these bytes.

use crate::file::File;
use crate::mirror::{Mirror, Place};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use ureq::config::ConfigBuilder;
use ureq::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};
use ureq::typestate::AgentScope;
use ureq::{Agent, Error};

/// How long to wait for mirrors.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a connection, and then for each next part of an answer.
    pub silence: Duration,
    /// For a whole file of a few bytes.
    pub file: Duration,
    /// How many bytes a second of a longer one must come.
    pub rate: u64,
    /// For all that is asked of one mirror to read a log, as long as little of it has come.
    pub mirror: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(10),
            file: Duration::from_secs(30),
            rate: 128 * 1024,
            mirror: Duration::from_mins(2),
        }
    }
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum GetError {
    /// It is not there.
    #[error("there is none")]
    NotFound,
    /// It was there.
    #[error("it was withdrawn")]
    Gone,
    /// The server answers something else.
    #[error("the server answers with the status {0}")]
    Status(u16),
    /// The file is said to be elsewhere.
    #[error(
        "the server sends elsewhere (status {0}), which is not followed: follow the registry at the address that it moved to"
    )]
    Redirect(u16),
    /// It would have to be unpacked first.
    #[error("the server packed it ({0}) although it was not asked to: it is not unpacked")]
    Packed(String),
    /// More bytes than the file can have.
    #[error("it is longer than the {0} bytes that it can have")]
    TooLong(u64),
    /// It took too long.
    #[error("it is too slow: {whole} seconds for all of it, and {silence} without a byte, are the most")]
    Slow {
        /// The seconds that all of it may take.
        whole: u64,
        /// Those that may pass without a byte.
        silence: u64,
    },
    /// Each file came in time, and all of them together did not.
    #[error("file by file, it took longer than {0} seconds for what came")]
    Drags(u64),
    /// No server, or none that one can talk with.
    #[error("{0}")]
    Unreachable(String),
    /// Something else than a file in a folder.
    #[error("it is no plain file")]
    NotAFile,
    /// A folder that can not be read.
    #[error("{0}")]
    Folder(io::Error),
}

/// Why certificates can not be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}: it must hold BEGIN CERTIFICATE blocks")]
pub struct BadCertificates(Error);

/// What asks over HTTP, and does nothing by itself: no redirects, no proxies of the environment. It trusts Mozilla's certificates
/// and `more`. Whoever asks says how long it waits.
pub fn asker(user_agent: &str, more: Vec<Certificate<'static>>) -> ConfigBuilder<AgentScope> {
    let mozilla = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    let mut roots: Vec<Certificate<'static>> =
        mozilla.map(|der| Certificate::from_der(der.as_ref())).collect();
    roots.extend(more);
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .root_certs(RootCerts::new_with_certs(&roots))
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .user_agent(user_agent)
        .http_status_as_error(false)
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
}

/// Gets files.
#[derive(Clone, Debug)]
pub struct Getter {
    agent: Agent,
    patience: Patience,
}

impl Getter {
    /// A getter that trusts Mozilla's certificates and these (PEM), and says to be `user_agent`.
    pub fn new(user_agent: &str, certificates: &[u8], patience: Patience) -> Result<Self, BadCertificates> {
        let mut more = Vec::new();
        for item in parse_pem(certificates) {
            if let PemItem::Certificate(certificate) = item.map_err(BadCertificates)? {
                more.push(certificate);
            }
        }
        let agent = asker(user_agent, more)
            .timeout_resolve(Some(patience.silence))
            .timeout_connect(Some(patience.silence))
            .timeout_recv_response(Some(patience.silence))
            .timeout_per_read(Some(patience.silence))
            .build()
            .new_agent();
        Ok(Self { agent, patience })
    }

    /// Get a file from a mirror. Whether it is what it should be is not asked here.
    pub fn get(&self, mirror: &Mirror, file: &File) -> Result<Vec<u8>, GetError> {
        match mirror.place() {
            Place::Web(url) => self.over_http(&format!("{url}{file}"), file.limit()),
            Place::Folder(folder) => from_folder(folder, &file.to_string(), file.limit()),
        }
    }

    /// How long a mirror may have taken that has sent so many bytes of a log, file by file: of many small ones each may be in
    /// time, and all of them never.
    pub(crate) fn within(&self, bytes: u64) -> Duration {
        let slowest = (self.patience.rate / 16).max(1);
        self.patience.mirror + Duration::from_secs(bytes / slowest)
    }

    fn over_http(&self, url: &str, limit: u64) -> Result<Vec<u8>, GetError> {
        let rate = self.patience.rate.max(1);
        let within = self.patience.file + Duration::from_secs(limit / rate);
        let request = self.agent.get(url).config().timeout_global(Some(within)).build();
        let silence = self.patience.silence;
        let refused = |error| refused(error, within, silence);
        let mut answer = request.call().map_err(refused)?;
        match answer.status().as_u16() {
            200 => {}
            404 => return Err(GetError::NotFound),
            410 => return Err(GetError::Gone),
            status @ 300..=399 => return Err(GetError::Redirect(status)),
            status => return Err(GetError::Status(status)),
        }
        let header = |name| {
            answer
                .headers()
                .get(name)
                .map(|value| String::from_utf8_lossy(value.as_bytes()))
        };
        if let Some(packed) = header(CONTENT_ENCODING).filter(|packed| packed != "identity") {
            return Err(GetError::Packed(packed.chars().take(40).collect()));
        }
        let length = header(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        if length.is_some_and(|length| length > limit) {
            return Err(GetError::TooLong(limit));
        }
        let body = answer.body_mut().with_config().limit(u64::MAX).reader();
        read(body, limit, |error| refused(Error::from(error)))
    }
}

/// Read all of a file, which has no more bytes than `limit`.
fn read(
    from: impl Read,
    limit: u64,
    failed: impl FnOnce(io::Error) -> GetError,
) -> Result<Vec<u8>, GetError> {
    let mut bytes = Vec::new();
    from.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) {
        return Ok(bytes);
    }
    Err(GetError::TooLong(limit))
}

/// A mirror on a disk may have been made by anybody: nothing in it leads out of it, and only plain files are opened.
fn from_folder(folder: &Path, path: &str, limit: u64) -> Result<Vec<u8>, GetError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => GetError::NotFound,
        _ => GetError::Folder(error),
    };
    let folder = Dir::open_ambient_dir(folder, ambient_authority()).map_err(GetError::Folder)?;
    if !folder.symlink_metadata(path).map_err(failed)?.is_file() {
        return Err(GetError::NotAFile);
    }
    read(folder.open(path).map_err(failed)?, limit, GetError::Folder)
}

fn refused(error: Error, within: Duration, silence: Duration) -> GetError {
    let error = match error {
        // What goes wrong while a body is read comes wrapped.
        Error::Io(error) => match error.downcast::<Error>() {
            Ok(inner) => inner,
            Err(error) => Error::Io(error),
        },
        error => error,
    };
    match error {
        Error::Timeout(_) => GetError::Slow {
            whole: within.as_secs(),
            silence: silence.as_secs(),
        },
        error => GetError::Unreachable(error.to_string()),
    }
}
