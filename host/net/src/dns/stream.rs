//! DNS over a stream: TCP, or TLS over TCP (RFC 7766, RFC 7858). All queries go out at once on one connection, and
//! answers come in whatever order the resolver likes.

use super::{
    Reply, Resolver,
    asked::{Asked, Question, Unanswered},
    wire::{self, Form, Frames},
};
use crate::{ConnectOptions, Connection, Exceeded, NetError, tls::HandshakeOptions};
use netsonde_data::failure::FailureCode;
use std::{net::SocketAddr, pin::pin, time::Duration};
use tokio::time::{Instant, timeout_at};

/// How long a lookup over a connection may take if the caller does not say.
pub(super) const TIMEOUT: Duration = Duration::from_secs(15);
/// How much is read at a time: a message of any length, with its length.
pub(super) const READ: usize = 2 + u16::MAX as usize;

impl Question<'_> {
    /// Connect, ask, and wait for the answers.
    pub(super) async fn over_stream(self, endpoint: SocketAddr) -> Result<Vec<Reply>, Exceeded> {
        let mut waiting = self.begin()?;
        let deadline = self.deadline();
        let mut replies = Vec::new();
        if let Err(why) = self
            .converse(endpoint, deadline, &mut waiting, &mut replies)
            .await
        {
            replies.extend(waiting.into_iter().map(|asked| asked.failed(&why)));
        }
        let types = &self.options.query_types;
        replies.sort_by_key(|reply| types.iter().position(|&kind| kind == reply.query_type));
        Ok(replies)
    }

    /// Until when a lookup over a connection may go on.
    pub(super) fn deadline(self) -> Instant {
        Instant::now() + self.options.timeout.unwrap_or(TIMEOUT)
    }

    /// Move queries from `waiting` to `replies` as they are answered. Whatever ends that early ends it for all that wait.
    async fn converse(
        self,
        endpoint: SocketAddr,
        deadline: Instant,
        waiting: &mut Vec<Asked<'_>>,
        replies: &mut Vec<Reply>,
    ) -> Result<(), Unanswered> {
        let form = match self.options.resolver {
            Resolver::Tcp(_) => Form::Plain,
            _ => Form::Padded,
        };
        let too_long = || Unanswered::from(FailureCode::MESSAGE_SIZE);
        let queries = waiting
            .iter()
            .map(|asked| Frames::encode(&asked.encode(form)?).ok_or_else(too_long));
        let queries: Vec<_> = queries.collect::<Result<_, _>>()?;
        let connection = match &self.options.resolver {
            Resolver::Dot { name, .. } => self.open_tls(endpoint, name, &["dot"], deadline).await?,
            _ => self.open_tcp(endpoint, deadline).await?,
        };
        for query in queries {
            let mut rest = query.as_ref();
            while !rest.is_empty() {
                let written = self.net.write(&connection, rest, None);
                let written = by(deadline, &connection, written).await?;
                rest = rest.get(written..).unwrap_or_default();
            }
        }
        let mut frames = Frames::default();
        while !waiting.is_empty() {
            let Some(message) = frames.pop() else {
                let bytes = self.net.read(&connection, READ, None);
                frames.push(&by(deadline, &connection, bytes).await?);
                continue;
            };
            // What answers no query of ours stands in the place of the first answer that is missing.
            let id = wire::id(&message);
            let asked = waiting.iter().position(|asked| Some(asked.id) == id).unwrap_or(0);
            replies.push(waiting.remove(asked).answered(message, None).0);
        }
        Ok(())
    }

    pub(super) async fn open_tcp(
        self,
        endpoint: SocketAddr,
        deadline: Instant,
    ) -> Result<Connection, NetError> {
        let options = ConnectOptions {
            timeout: Some(until(deadline)),
            ..ConnectOptions::default()
        };
        self.net.connect(self.tx, endpoint, Some(options)).await
    }

    /// Connect and shake hands: as the caller wants it, or as is usual for `name`.
    pub(super) async fn open_tls(
        self,
        endpoint: SocketAddr,
        name: &str,
        alpn: &[&str],
        deadline: Instant,
    ) -> Result<Connection, NetError> {
        let connection = self.open_tcp(endpoint, deadline).await?;
        let options = self.handshake_options(name, alpn, deadline);
        Ok(self.net.handshake(self.tx, connection, options).await?)
    }

    /// The caller's options, or those that are usual for `name`.
    pub(super) fn handshake_options(self, name: &str, alpn: &[&str], deadline: Instant) -> HandshakeOptions {
        let usual = || HandshakeOptions {
            server_name: Some(name.to_owned()),
            alpn: alpn.iter().map(|&protocol| protocol.to_owned()).collect(),
            ..HandshakeOptions::default()
        };
        let mut options = self.options.tls.clone().unwrap_or_else(usual);
        let left = until(deadline);
        options.timeout = Some(options.timeout.map_or(left, |own| own.min(left)));
        options
    }
}

/// How long it is until the deadline.
pub(super) fn until(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// A read or write that has to end by the deadline.
async fn by<T>(
    deadline: Instant,
    connection: &Connection,
    operation: impl Future<Output = Result<T, NetError>>,
) -> Result<T, Unanswered> {
    let mut operation = pin!(operation);
    if let Ok(result) = timeout_at(deadline, operation.as_mut()).await {
        return Ok(result?);
    }
    connection.0.socket.abandon(&FailureCode::GENERIC_TIMEOUT_ERROR);
    Err(FailureCode::GENERIC_TIMEOUT_ERROR.into())
}
