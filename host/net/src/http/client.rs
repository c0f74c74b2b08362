//! The HTTP side of a connection, one variant for each version.

use super::{failure::ExchangeError, h1, h2, h3, head::Head, received::Received};
use crate::{Connection, Meter, connection::Mode, socket::Shared};
use bytes::Bytes;
use netsonde_data::failure::FailureCode;
use std::sync::{Arc, Mutex, PoisonError};

/// A connection that speaks HTTP.
#[derive(Debug)]
pub(crate) enum Client {
    H1(h1::Client),
    H2(h2::Client),
    H3(h3::Client),
}

impl Connection {
    /// The connection as one that speaks HTTP, from now on.
    pub(super) fn client(&self) -> Result<Arc<Client>, FailureCode> {
        let mut mode = self.mode();
        match &*mode {
            Mode::Http(client) => return Ok(Arc::clone(client)),
            Mode::Consumed => return Err(FailureCode::CONNECTION_ALREADY_CLOSED),
            // `h3`, and the drafts of it, such as `h3-29`.
            Mode::Quic(_) if !self.alpn().is_some_and(|alpn| alpn.starts_with("h3")) => {
                return Err(FailureCode::INVALID_ARGUMENT);
            }
            Mode::Quic(quic) => {
                let client = Arc::new(Client::H3(h3::Client::new(Arc::clone(quic))));
                *mode = Mode::Http(Arc::clone(&client));
                return Ok(client);
            }
            Mode::Raw(_) => {}
        }
        // Without the stream, a read or write of raw bytes is still going on.
        let stream = Self::take_stream(&mut mode).ok_or(FailureCode::INVALID_ARGUMENT)?;
        let client = Arc::new(if self.alpn() == Some("h2") {
            Client::H2(h2::Client::new(stream))
        } else {
            Client::H1(h1::Client::new(stream))
        });
        *mode = Mode::Http(Arc::clone(&client));
        Ok(client)
    }
}

impl Client {
    /// Send a request and put what comes back into `received`, as it comes.
    pub(super) async fn exchange(
        &self,
        head: &Head,
        body: &Bytes,
        meter: &Meter,
        received: &Mutex<Received>,
    ) -> Result<(), ExchangeError> {
        match self {
            Self::H1(client) => {
                let wire = [&head.bytes(), body.as_ref()].concat();
                client.exchange(head.method.as_bytes(), &wire, received).await
            }
            Self::H2(client) => client.exchange(head, body.clone(), received).await,
            Self::H3(client) => client.exchange(head, body.clone(), meter, received).await,
        }
    }

    /// An exchange ends before its time. HTTP/1.1 can not go on after that: what is pending on the socket ends with
    /// `failure`, and the connection closes. Exchanges that have not begun are not concerned, nor are the others of
    /// HTTP/2.
    pub(super) fn give_up(&self, socket: &Shared, failure: &FailureCode, received: &Mutex<Received>) {
        let has_begun = received.lock().unwrap_or_else(PoisonError::into_inner).has_begun;
        if has_begun && matches!(self, Self::H1(_)) {
            socket.abandon(failure);
        }
    }
}
