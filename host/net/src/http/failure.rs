//! Why an exchange failed, in OONI's words and exactly.

use super::h1::{Cut, Malformed};
use crate::{socket::Shared, tls};
use netsonde_data::failure::FailureCode;
use std::{
    error::Error,
    io,
    sync::{Arc, OnceLock},
};

/// Why an exchange failed.
#[derive(Debug)]
pub(crate) enum ExchangeError {
    /// Reading or writing.
    Io(io::Error),
    /// What came is no response.
    Malformed(Malformed),
    /// The stream ended too early.
    Cut(Cut),
    /// Hyper says so; why it gave the connection up, if it did, is beside it.
    Hyper(hyper::Error, Arc<OnceLock<hyper::Error>>),
    /// What lies below has said it in OONI's words, and perhaps what else there is to say.
    Known(FailureCode, Option<String>),
    /// The request can not be sent as asked.
    Request(String),
    /// Before the request was sent, the server had sent something that nobody had asked for.
    Unsolicited,
    /// The connection is gone since an earlier exchange.
    Gone,
}

impl From<io::Error> for ExchangeError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Malformed> for ExchangeError {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error)
    }
}

impl From<Cut> for ExchangeError {
    fn from(error: Cut) -> Self {
        Self::Cut(error)
    }
}

impl From<hyper::Error> for ExchangeError {
    fn from(error: hyper::Error) -> Self {
        Self::Hyper(error, Arc::default())
    }
}

/// The failure string, and where that says less than is known, what else there is to say.
pub(crate) fn code(error: &ExchangeError, socket: &Shared) -> (FailureCode, Option<String>) {
    match error {
        ExchangeError::Io(error) => with_text(tls::failure_code(error), || text_of(error)),
        ExchangeError::Malformed(malformed) => (FailureCode::unknown(malformed.text()), malformed.detail()),
        ExchangeError::Cut(cut) => (FailureCode::EOF_ERROR, Some(cut.to_string())),
        ExchangeError::Hyper(error, broken) => {
            let reason = broken.get().filter(|_| error.is_canceled() || error.is_closed());
            let code = match reason {
                // What the socket said after that, such as its end, is no more than what follows from it.
                Some(reason) => hyper_code(reason, None),
                None => hyper_code(error, Some(socket)),
            };
            with_text(code, || text_of(reason.unwrap_or(error)))
        }
        ExchangeError::Known(code, detail) => (code.clone(), detail.clone()),
        ExchangeError::Request(reason) => (FailureCode::unknown(reason), None),
        ExchangeError::Unsolicited => (
            FailureCode::unknown("the server sent something before it was asked"),
            None,
        ),
        ExchangeError::Gone => {
            let known = socket.last_failure();
            (known.unwrap_or(FailureCode::CONNECTION_ALREADY_CLOSED), None)
        }
    }
}

/// A code that says nothing more than its text gets the whole chain of causes beside it.
fn with_text(code: FailureCode, text: impl FnOnce() -> String) -> (FailureCode, Option<String>) {
    let detail = code.is_unknown().then(text);
    (code, detail)
}

fn text_of(error: &(dyn Error + 'static)) -> String {
    let sources = std::iter::successors(error.source(), |&error| error.source());
    sources.fold(error.to_string(), |text, source| {
        let source = source.to_string();
        if text.ends_with(&source) {
            text
        } else {
            format!("{text}: {source}")
        }
    })
}

fn hyper_code(error: &hyper::Error, socket: Option<&Shared>) -> FailureCode {
    let mut sources = std::iter::successors(error.source(), |&error| error.source());
    if let Some(error) = sources.find_map(|error| error.downcast_ref::<io::Error>()) {
        return tls::failure_code(error);
    }
    if error.is_incomplete_message() {
        return FailureCode::EOF_ERROR;
    }
    if let Some(code) = socket.and_then(Shared::last_failure) {
        return code;
    }
    if error.is_canceled() || error.is_closed() {
        return FailureCode::CONNECTION_ALREADY_CLOSED;
    }
    FailureCode::unknown(text_of(error))
}
