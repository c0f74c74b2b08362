//! A witness: signs for logs that only grow (C2SP tlog-witness, `POST /add-checkpoint`).
//!
//! It keeps one tree for each log that it follows, the largest that it has signed for. That is on the disk before anybody has
//! the signature, and of two questions at once only one is signed: so no log can show two people what contradicts each other
//! with its signature on both.

use axum::{Router, body::Body, extract::State};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use netsonde_log::{
    checkpoint::Checkpoint,
    keys::{KeyError, LogKey, WitnessKey, WitnessSecret},
    tree::{Hash, Tree},
    witness::{AddCheckpoint, MAX_LEN, NotSigned},
};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};
use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::time::timeout;

/// Its secret key.
const KEY: &str = "witness.key";
/// What it has signed for.
const DATABASE: &str = "witness.sqlite";
/// How long a question may take to come.
const QUESTION_WITHIN: Duration = Duration::from_secs(5);
/// Where questions go.
const PATH: &str = "/add-checkpoint";
/// What a conflict's body is: the size that was signed for last.
const SIZE: HeaderValue = HeaderValue::from_static("text/x.tlog.size");

/// Why there is no witness.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// A file.
    #[error("{doing} {}: {error}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why it could not.
        error: io::Error,
    },
    /// The key.
    #[error("read {}: {error}", path.display())]
    Key {
        /// Its file.
        path: PathBuf,
        /// Why not.
        error: KeyError,
    },
    /// The name can not be that of a witness.
    #[error(transparent)]
    Name(#[from] KeyError),
    /// What it has signed for.
    #[error("open {}: {error}", path.display())]
    Database {
        /// Its file.
        path: PathBuf,
        /// Why not.
        error: rusqlite::Error,
    },
    /// One log under two keys.
    #[error("the log {0} is named with two keys: name it once")]
    Twice(String),
}

/// A witness. Clones share everything.
#[derive(Clone)]
pub struct Witness(Arc<Inner>);

struct Inner {
    secret: WitnessSecret,
    logs: Vec<LogKey>,
    seen: Mutex<Connection>,
}

/// What a question is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status over HTTP.
    pub status: u16,
    /// The body: a signature, the size that was signed for last, or words.
    pub body: String,
}

impl Witness {
    /// Make a witness of this name in a folder, and say what others know it by.
    pub fn create(folder: &Path, name: &str, seed: &[u8; 32]) -> Result<WitnessKey, WitnessError> {
        let secret = WitnessSecret::new(name, seed)?;
        fs::create_dir_all(folder).map_err(file("make the folder", folder))?;
        let path = folder.join(KEY);
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&path).and_then(|mut key| {
            key.write_all(secret.to_text().as_bytes())?;
            key.sync_all()
        });
        written.map_err(file("write", &path))?;
        Ok(secret.public())
    }

    /// The witness of a folder, which follows these logs.
    pub fn open(folder: &Path, logs: Vec<LogKey>) -> Result<Self, WitnessError> {
        let path = folder.join(KEY);
        let secret = fs::read_to_string(&path).map_err(file("read", &path))?;
        let secret = secret.trim().parse();
        let secret = secret.map_err(|error| WitnessError::Key { path, error })?;
        for (count, log) in logs.iter().enumerate() {
            if logs.iter().take(count).any(|other| other.name() == log.name()) {
                return Err(WitnessError::Twice(log.name().to_owned()));
            }
        }
        let path = folder.join(DATABASE);
        let seen = database(&path).map_err(|error| WitnessError::Database { path, error })?;
        Ok(Self(Arc::new(Inner {
            secret,
            logs,
            seen: Mutex::new(seen),
        })))
    }

    /// The witness as a service.
    pub fn router(self) -> Router {
        Router::new().fallback(respond).with_state(self)
    }

    /// Answer a question.
    pub fn answer(&self, question: &[u8], now: u64) -> Answer {
        match self.sign(question, now) {
            Ok(answer) => answer,
            Err(error) => {
                tracing::error!("keep what was signed for: {error}");
                Answer::new(500, "the witness can not keep what it signs for")
            }
        }
    }

    fn sign(&self, question: &[u8], now: u64) -> rusqlite::Result<Answer> {
        let question = match AddCheckpoint::parse(question) {
            Ok(question) => question,
            Err(error) => return Ok(Answer::new(400, &error.to_string())),
        };
        let log = match Checkpoint::parse(question.checkpoint.text()) {
            Ok(checkpoint) => self.0.logs.iter().find(|log| log.name() == checkpoint.origin),
            Err(error) => return Ok(Answer::new(400, &error.to_string())),
        };
        let Some(log) = log else {
            return Ok(Answer::new(404, "this witness does not follow the log"));
        };
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = seen.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = last(&transaction, log.name())?;
        let tree = match question.check(log, before) {
            Ok(tree) => tree,
            Err(NotSigned::Conflict(seen)) => return Ok(Answer::new(409, &seen.size().to_string())),
            Err(error) => {
                if matches!(error, NotSigned::Forked(_)) {
                    tracing::error!("the log {} has forked: {error}", log.name());
                }
                return Ok(Answer::new(error.status(), &error.to_string()));
            }
        };
        transaction.execute(
            "INSERT INTO seen (origin, size, root) VALUES (?1, ?2, ?3)
             ON CONFLICT (origin) DO UPDATE SET size = ?2, root = ?3",
            (log.name(), tree.size(), tree.root().to_string()),
        )?;
        transaction.commit()?;
        Ok(Answer::new(
            200,
            &self.0.secret.cosign(&question.checkpoint, now).to_string(),
        ))
    }
}

impl Answer {
    fn new(status: u16, line: &str) -> Self {
        Self {
            status,
            body: format!("{line}\n"),
        }
    }
}

/// What was signed for last.
fn last(transaction: &Transaction<'_>, origin: &str) -> rusqlite::Result<Tree> {
    let query = "SELECT size, root FROM seen WHERE origin = ?1";
    let row = transaction.query_row(query, [origin], |row| {
        Ok((row.get::<_, u64>(0)?, row.get::<_, String>(1)?))
    });
    let Some((size, root)) = row.optional()? else {
        return Ok(Tree::EMPTY);
    };
    let tree = root.parse::<Hash>().and_then(|root| Tree::new(size, root));
    tree.map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, error.into())
    })
}

fn database(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    // What is signed for is on the disk before anybody has the signature.
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS seen (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root TEXT NOT NULL) STRICT",
    )?;
    Ok(connection)
}

async fn respond(State(witness): State<Witness>, request: Request<Body>) -> Response<Body> {
    if request.uri().path() != PATH {
        return text(StatusCode::NOT_FOUND, "ask with POST /add-checkpoint\n");
    }
    if request.method() != Method::POST {
        return text(StatusCode::METHOD_NOT_ALLOWED, "ask with POST\n");
    }
    let body = Limited::new(request.into_body(), MAX_LEN);
    let question = match timeout(QUESTION_WITHIN, body.collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => {
            return text(
                StatusCode::PAYLOAD_TOO_LARGE,
                "the question is too long, or was cut off\n",
            );
        }
        Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "the question did not come in time\n"),
    };
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since.map_or(0, |since| since.as_secs());
    let answering = tokio::task::spawn_blocking(move || witness.answer(&question, now));
    let Ok(answer) = answering.await else {
        return text(StatusCode::INTERNAL_SERVER_ERROR, "the witness is broken\n");
    };
    let is_size = answer.status == 409 && answer.body.trim_end().parse::<u64>().is_ok();
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = text(status, answer.body);
    if is_size {
        response.headers_mut().insert(header::CONTENT_TYPE, SIZE);
    }
    response
}

fn text(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

fn file<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> WitnessError + use<'a> {
    move |error| WitnessError::File {
        doing,
        path: path.to_owned(),
        error,
    }
}
