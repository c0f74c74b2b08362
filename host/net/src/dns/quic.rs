//! DNS over QUIC (RFC 9250): a stream for each query, all on one connection.

use super::{
    Reply,
    asked::{Asked, Question, Unanswered},
    stream::{READ, until},
    wire::{Form, Frames},
};
use crate::{Connection, Exceeded, NetError};
use bytes::Bytes;
use futures::future::join_all;
use netsonde_data::failure::{FailureCode, Operation};
use std::net::SocketAddr;
use tokio::time::Instant;

impl Question<'_> {
    /// Shake hands, and ask for every type at once.
    pub(super) async fn over_quic(self, endpoint: SocketAddr, name: &str) -> Result<Vec<Reply>, Exceeded> {
        let mut asked = self.begin()?;
        for asked in &mut asked {
            // The stream says which query it is (section 4.2.1).
            asked.id = 0;
        }
        let deadline = self.deadline();
        Ok(match self.open_quic(endpoint, name, "doq", deadline).await {
            Ok(connection) => {
                let exchanges = asked.into_iter();
                join_all(exchanges.map(|asked| self.exchange_on(&connection, asked, deadline))).await
            }
            Err(error) => {
                let why = error.into();
                asked.into_iter().map(|asked| asked.failed(&why)).collect()
            }
        })
    }

    /// Shake hands over QUIC: as the caller wants it, or as is usual for `name`.
    pub(super) async fn open_quic(
        self,
        endpoint: SocketAddr,
        name: &str,
        alpn: &str,
        deadline: Instant,
    ) -> Result<Connection, NetError> {
        let options = self.handshake_options(name, &[alpn], deadline);
        Ok(self.net.quic_handshake(self.tx, endpoint, options).await?)
    }

    /// One query on a stream of its own.
    async fn exchange_on(self, connection: &Connection, asked: Asked<'_>, deadline: Instant) -> Reply {
        match self.message(connection, &asked, deadline).await {
            Ok(message) => asked.answered(message, None).0,
            Err(why) => asked.failed(&why),
        }
    }

    async fn message(
        self,
        connection: &Connection,
        asked: &Asked<'_>,
        deadline: Instant,
    ) -> Result<Bytes, Unanswered> {
        let query = Frames::encode(&asked.encode(Form::Padded)?).ok_or(FailureCode::MESSAGE_SIZE)?;
        let operation = Operation::Resolve;
        let exchange = self
            .net
            .quic_exchange(connection, &query, READ, until(deadline), operation);
        let mut frames = Frames::default();
        frames.push(&exchange.await?);
        // The stream ended before a whole message came.
        frames.pop().ok_or_else(|| FailureCode::EOF_ERROR.into())
    }
}
