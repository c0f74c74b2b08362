//! What an error of hyper means in OONI's words.

use super::spelling::Unspellable;
use crate::{socket::Shared, tls};
use netsonde_data::failure::FailureCode;
use std::{error::Error, io};

/// Why an exchange failed.
#[derive(Debug)]
pub(super) enum ExchangeError {
    /// Hyper says so.
    Hyper(hyper::Error),
    /// The request can not be written.
    Http(http::Error),
    /// The headers can not be sent together.
    Unspellable,
    /// The connection is gone since an earlier exchange.
    Gone,
}

impl From<Unspellable> for ExchangeError {
    fn from(_: Unspellable) -> Self {
        Self::Unspellable
    }
}

impl From<hyper::Error> for ExchangeError {
    fn from(error: hyper::Error) -> Self {
        Self::Hyper(error)
    }
}

impl From<http::Error> for ExchangeError {
    fn from(error: http::Error) -> Self {
        Self::Http(error)
    }
}

/// The failure string. Where hyper says no more than that the connection is gone, `broken` may know why; where hyper
/// does not pass on what the socket said, the socket is asked.
pub(super) fn code(error: &ExchangeError, broken: Option<&hyper::Error>, socket: &Shared) -> FailureCode {
    match error {
        ExchangeError::Hyper(error) => match broken.filter(|_| error.is_canceled() || error.is_closed()) {
            // What the socket said after that, such as its end, is no more than what follows from it.
            Some(reason) => hyper_code(reason, None),
            None => hyper_code(error, Some(socket)),
        },
        ExchangeError::Http(error) => FailureCode::unknown(error.to_string()),
        ExchangeError::Unspellable => FailureCode::unknown("the headers contradict each other"),
        ExchangeError::Gone => socket
            .last_failure()
            .unwrap_or(FailureCode::CONNECTION_ALREADY_CLOSED),
    }
}

fn hyper_code(error: &hyper::Error, socket: Option<&Shared>) -> FailureCode {
    let sources = std::iter::successors(error.source(), |&error| error.source());
    if let Some(error) = sources
        .clone()
        .find_map(|error| error.downcast_ref::<io::Error>())
    {
        return tls::failure_code(error);
    }
    if error.is_incomplete_message() {
        return FailureCode::EOF_ERROR;
    }
    if error.is_parse() {
        let what = if error.to_string().contains("version") {
            "version"
        } else {
            "response"
        };
        return FailureCode::unknown(format!(
            "HTTP/1.x transport connection broken: malformed HTTP {what}"
        ));
    }
    if let Some(code) = socket.and_then(Shared::last_failure) {
        return code;
    }
    if error.is_canceled() || error.is_closed() {
        return FailureCode::CONNECTION_ALREADY_CLOSED;
    }
    let text = sources.fold(error.to_string(), |text, source| format!("{text}: {source}"));
    FailureCode::unknown(text)
}
