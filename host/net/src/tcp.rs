//! TCP: connect, read, write.

use crate::{
    Connection, Net, NetError, Transaction,
    connection::{Halves, Mode},
    guard::Guard,
    policy::Transport,
    socket::{Socket, Stream},
    trace::Event,
};
use bytes::{Bytes, BytesMut};
use netsonde_data::{
    failure::{Failure, FailureCode, Operation},
    observation::{TcpConnect, TcpStatus},
};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long a connect may take if the caller does not say.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How much one read gives at most, whatever the caller asks for.
const LONGEST_READ: usize = 1 << 20;

impl Net {
    /// Connect to `endpoint`, within 15 seconds unless `within` says otherwise. Observed as `tcp_connect`, and as
    /// `connect` in `network_events`.
    pub async fn connect(
        &self,
        tx: &Transaction,
        endpoint: SocketAddr,
        within: Option<Duration>,
    ) -> Result<Connection, NetError> {
        self.meter().check()?;
        let clock = self.trace().clock();
        let asked = clock.now();
        let guard =
            Guard::new(|| self.connected(tx, endpoint, asked, clock.now(), Some(FailureCode::INTERRUPTED)));
        let admitted = self.admit(Transport::Tcp, endpoint).await;
        guard.disarm();
        if let Err(NetError::Failed(denied)) = &admitted {
            let now = clock.now();
            self.connected(tx, endpoint, now, now, Some(denied.code.clone()));
        }
        admitted?;
        self.meter().connection()?;
        let t0 = clock.now();
        let guard =
            Guard::new(|| self.connected(tx, endpoint, t0, clock.now(), Some(FailureCode::INTERRUPTED)));
        let result = timeout(within.unwrap_or(CONNECT_TIMEOUT), TcpStream::connect(endpoint)).await;
        let t = clock.now();
        guard.disarm();
        let result = match result {
            Ok(Ok(tcp)) => Ok(tcp),
            Ok(Err(error)) => Err(FailureCode::from_io(&error)),
            Err(_) => Err(FailureCode::GENERIC_TIMEOUT_ERROR),
        };
        self.connected(tx, endpoint, t0, t, result.as_ref().err().cloned());
        let tcp = result
            .map_err(|code| NetError::failed(code, Operation::Connect, &format!("connect to {endpoint}")))?;
        // Small requests should leave at once; a socket that refuses the option works without it.
        let _ = tcp.set_nodelay(true);
        let socket = Socket::new(tcp, endpoint, self.trace().clone(), Arc::clone(self.meter()), tx);
        Ok(Connection::cleartext(Stream::Plain(socket)))
    }

    /// Read at most `max` bytes (and at most one MiB). At the end of the stream the failure is `eof_error`.
    /// Observed in `network_events`.
    pub async fn read(&self, connection: &Connection, max: usize) -> Result<Bytes, NetError> {
        self.meter().check()?;
        let halves = raw(connection, Operation::Read)?;
        let mut buffer = BytesMut::with_capacity(max.min(LONGEST_READ));
        if buffer.capacity() == 0 {
            return Ok(Bytes::new());
        }
        let guard = Guard::new(|| connection.0.socket.abandon(&FailureCode::INTERRUPTED));
        let mut half = halves.read.lock().await;
        let result = (&mut *half)
            .take(max.min(LONGEST_READ) as u64)
            .read_buf(&mut buffer)
            .await;
        guard.disarm();
        match result {
            Ok(0) => Err(self.io_failure(connection, Operation::Read, &io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => Ok(buffer.freeze()),
            Err(error) => Err(self.io_failure(connection, Operation::Read, &error)),
        }
    }

    /// Write some of `data` and say how many bytes. Observed in `network_events`.
    pub async fn write(&self, connection: &Connection, data: &[u8]) -> Result<usize, NetError> {
        self.meter().check()?;
        let halves = raw(connection, Operation::Write)?;
        let guard = Guard::new(|| connection.0.socket.abandon(&FailureCode::INTERRUPTED));
        let mut half = halves.write.lock().await;
        let result = async {
            let written = half.write(data).await?;
            half.flush().await?;
            Ok(written)
        }
        .await;
        guard.disarm();
        result.map_err(|error: io::Error| self.io_failure(connection, Operation::Write, &error))
    }

    /// What an error of a connection's stream means: the budget's end, or a failure.
    pub(crate) fn io_failure(
        &self,
        connection: &Connection,
        operation: Operation,
        error: &io::Error,
    ) -> NetError {
        if let Some(exceeded) = self.meter().exceeded() {
            return exceeded.into();
        }
        let code = crate::tls::failure_code(error);
        NetError::failed(
            code,
            operation,
            &format!("{operation} on the connection to {}", connection.remote()),
        )
    }

    fn connected(
        &self,
        tx: &Transaction,
        endpoint: SocketAddr,
        t0: Duration,
        t: Duration,
        failure: Option<FailureCode>,
    ) {
        let event = Event {
            failure: failure.clone(),
            t0,
            ..Event::mark("connect", Some(endpoint), t)
        };
        self.trace().event(tx, event);
        let connect = TcpConnect {
            ip: endpoint.ip().to_string(),
            port: endpoint.port(),
            status: TcpStatus {
                blocked: None,
                success: failure.is_none(),
                failure,
            },
            t0: t0.as_secs_f64(),
            t: t.as_secs_f64(),
            ..TcpConnect::default()
        };
        self.trace().tcp_connect(tx, connect);
    }
}

/// The two directions of a connection on which nothing but bytes was spoken so far.
fn raw(connection: &Connection, operation: Operation) -> Result<Arc<Halves>, Failure> {
    let doing = format!("{operation} on the connection to {}", connection.remote());
    match &*connection.mode() {
        Mode::Raw(halves) => Ok(Arc::clone(halves)),
        Mode::Http(_) => Err(Failure {
            detail: format!("{doing}: it speaks HTTP already; open another connection for raw bytes"),
            code: FailureCode::INVALID_ARGUMENT,
            operation,
        }),
        Mode::Quic(_) => Err(Failure {
            detail: format!("{doing}: it is a QUIC connection; bytes go over TCP or TLS"),
            code: FailureCode::INVALID_ARGUMENT,
            operation,
        }),
        Mode::Consumed => Err(Failure::new(
            FailureCode::CONNECTION_ALREADY_CLOSED,
            operation,
            &doing,
        )),
    }
}
