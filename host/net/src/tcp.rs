//! TCP: connect, read, write.

use crate::{
    Connection, Net, NetError, Transaction,
    connection::{Halves, Mode},
    dial::Dialing,
    guard::Guard,
    icmp::{self, About},
    policy::Transport,
    sampling,
    socket::{Direction, Socket, Stream},
    sys,
    trace::{Event, Extra},
};
use bytes::{Bytes, BytesMut};
use netsonde_data::{
    failure::{Failure, FailureCode, Operation},
    observation::{Icmp, TcpConnect, TcpStatus},
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

/// How to connect. Without any of these: within 15 seconds, with the system's TTL.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// Give up after this time.
    pub timeout: Option<Duration>,
    /// Send the handshake, and what follows, with this TTL or hop limit.
    pub ttl: Option<u8>,
}

impl Net {
    /// Connect to `endpoint`; without options, within 15 seconds. Observed as `tcp_connect`, and as `connect` in
    /// `network_events`; an ICMP error that came back also as `x_icmp`.
    pub async fn connect(
        &self,
        tx: &Transaction,
        endpoint: SocketAddr,
        options: Option<ConnectOptions>,
    ) -> Result<Connection, NetError> {
        self.meter().check()?;
        let options = options.unwrap_or_default();
        let clock = self.trace().clock();
        let observe = |end: End, t0: Duration| {
            self.connected(tx, endpoint, options.ttl, end, (t0, clock.now()));
        };
        let asked = clock.now();
        let guard = Guard::new(|| observe(End::failed(FailureCode::INTERRUPTED), asked));
        let admitted = self.admit(Transport::Tcp, endpoint).await;
        guard.disarm();
        if let Err(NetError::Failed(denied)) = &admitted {
            observe(End::failed(denied.code.clone()), clock.now());
        }
        admitted?;
        self.meter().connection()?;
        let t0 = clock.now();
        let guard = Guard::new(|| observe(End::failed(FailureCode::INTERRUPTED), t0));
        let result = self.dial(tx, endpoint, &options, t0).await;
        guard.disarm();
        let tcp = match result {
            Ok(tcp) => {
                observe(End::default(), t0);
                tcp
            }
            Err(end) => {
                observe(end.clone(), t0);
                return Err(end.into_error(endpoint));
            }
        };
        let books = (self.trace().clone(), Arc::clone(self.meter()));
        let socket = Socket::new(tcp, endpoint, options.ttl, books, tx);
        Ok(Connection::cleartext(Stream::Plain(socket)))
    }

    /// Connect, and write down what came back from the way.
    async fn dial(
        &self,
        tx: &Transaction,
        endpoint: SocketAddr,
        options: &ConnectOptions,
        t0: Duration,
    ) -> Result<TcpStream, End> {
        let dialing = Dialing::begin(endpoint, options.ttl).map_err(|error| {
            self.meter().no_socket(&error);
            End::of(&error)
        })?;
        let result = timeout(options.timeout.unwrap_or(CONNECT_TIMEOUT), dialing.wait()).await;
        let about = About {
            proto: "tcp",
            remote: Some(endpoint),
            t0,
            ttl: options.ttl,
            datagram: None,
        };
        let mut icmp = None;
        for report in dialing.reports() {
            let event = icmp::observe(self.trace(), self.meter(), tx, report, about, dialing.local());
            icmp = event.x_icmp.map(|icmp| *icmp);
        }
        let end = match result {
            Ok(Ok(())) => return Ok(dialing.connected()),
            Ok(Err(error)) => End::of(&error),
            Err(_) => {
                // How often the first packet was sent again tells silence from a slow path.
                let books = sys::tcp_info(dialing.stream());
                sampling::observe(self.trace(), tx, endpoint, books);
                End::failed(FailureCode::GENERIC_TIMEOUT_ERROR)
            }
        };
        Err(End { icmp, ..end })
    }

    /// Read at most `max` bytes (and at most one MiB), waiting no longer than `within` if there is such a time. At the end
    /// of the stream the failure is `eof_error`. Observed in `network_events`.
    pub async fn read(
        &self,
        connection: &Connection,
        max: usize,
        within: Option<Duration>,
    ) -> Result<Bytes, NetError> {
        self.meter().check()?;
        let halves = raw(connection, Operation::Read)?;
        let mut buffer = BytesMut::with_capacity(max.min(LONGEST_READ));
        if buffer.capacity() == 0 {
            return Ok(Bytes::new());
        }
        let guard = Guard::new(|| {
            connection
                .0
                .socket
                .abandon_one(Direction::Read, &FailureCode::INTERRUPTED);
        });
        let result = in_time(within, async {
            let mut half = halves.read.lock().await;
            (&mut *half)
                .take(max.min(LONGEST_READ) as u64)
                .read_buf(&mut buffer)
                .await
        })
        .await;
        guard.disarm();
        match result {
            None => Err(Self::too_late(connection, Operation::Read)),
            Some(Ok(0)) => {
                Err(self.io_failure(connection, Operation::Read, &io::ErrorKind::UnexpectedEof.into()))
            }
            Some(Ok(_)) => Ok(buffer.freeze()),
            Some(Err(error)) => Err(self.io_failure(connection, Operation::Read, &error)),
        }
    }

    /// Write some of `data`, waiting no longer than `within` if there is such a time, and say how many bytes. Observed
    /// in `network_events`.
    pub async fn write(
        &self,
        connection: &Connection,
        data: &[u8],
        within: Option<Duration>,
    ) -> Result<usize, NetError> {
        self.meter().check()?;
        let halves = raw(connection, Operation::Write)?;
        let guard = Guard::new(|| {
            connection
                .0
                .socket
                .abandon_one(Direction::Write, &FailureCode::INTERRUPTED);
        });
        let result = in_time(within, async {
            let mut half = halves.write.lock().await;
            let written = half.write(data).await?;
            half.flush().await?;
            Ok(written)
        })
        .await;
        guard.disarm();
        match result {
            None => Err(Self::too_late(connection, Operation::Write)),
            Some(result) => {
                result.map_err(|error: io::Error| self.io_failure(connection, Operation::Write, &error))
            }
        }
    }

    /// Set the TTL or hop limit of what the connection sends from now on.
    pub fn set_ttl(&self, connection: &Connection, ttl: u8) -> Result<(), NetError> {
        self.meter().check()?;
        let doing = format!("set the TTL of the connection to {}", connection.remote());
        connection
            .0
            .socket
            .set_ttl(ttl)
            .map_err(|error| NetError::failed(FailureCode::from_io(&error), Operation::Unknown, &doing))
    }

    /// A deadline has passed.
    fn too_late(connection: &Connection, operation: Operation) -> NetError {
        let code = FailureCode::GENERIC_TIMEOUT_ERROR;
        let direction = match operation {
            Operation::Write => Direction::Write,
            _ => Direction::Read,
        };
        connection.0.socket.abandon_one(direction, &code);
        let doing = format!("{operation} on the connection to {}", connection.remote());
        NetError::failed(code, operation, &doing)
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
        ttl: Option<u8>,
        end: End,
        (t0, t): (Duration, Duration),
    ) {
        let detail = end.detail();
        let event = Event {
            failure: end.failure.clone(),
            t0,
            ..Event::mark("connect", Some(endpoint), t)
        };
        let extra = Extra {
            failure_detail: detail.clone(),
            ttl,
            ..Extra::default()
        };
        self.trace().event_with(tx, event, extra);
        let connect = TcpConnect {
            ip: endpoint.ip().to_string(),
            port: endpoint.port(),
            status: TcpStatus {
                blocked: None,
                success: end.failure.is_none(),
                failure: end.failure,
            },
            t0: t0.as_secs_f64(),
            t: t.as_secs_f64(),
            x_failure_detail: detail,
            x_ttl: ttl,
            x_icmp: end.icmp,
            ..TcpConnect::default()
        };
        self.trace().tcp_connect(tx, connect);
    }
}

/// What came of an attempt to connect.
#[derive(Clone, Debug, Default)]
struct End {
    failure: Option<FailureCode>,
    /// The exact error of the operating system, where the failure does not say it.
    error: Option<String>,
    icmp: Option<Icmp>,
}

impl End {
    fn failed(failure: FailureCode) -> Self {
        Self {
            failure: Some(failure),
            ..Self::default()
        }
    }

    fn of(error: &io::Error) -> Self {
        Self {
            error: FailureCode::detail_of_io(error),
            ..Self::failed(FailureCode::from_io(error))
        }
    }

    /// The exact cause.
    fn detail(&self) -> Option<String> {
        let icmp = self.icmp.as_ref().map(|icmp| format!("icmp {}", icmp.name));
        match (&self.error, icmp) {
            (Some(error), Some(icmp)) => Some(format!("{error}, {icmp}")),
            (error, icmp) => error.clone().or(icmp),
        }
    }

    fn into_error(self, endpoint: SocketAddr) -> NetError {
        let code = self.failure.unwrap_or(FailureCode::UNKNOWN_FAILURE);
        let mut doing = format!("connect to {endpoint}");
        if let Some(icmp) = self.icmp {
            let router = icmp.router.as_deref().unwrap_or("somebody");
            doing = format!("{doing} ({router} answered: {})", icmp.name);
        }
        NetError::failed(code, Operation::Connect, &doing)
    }
}

/// Do something within a time, if there is one; nothing when the time was not enough.
async fn in_time<T>(within: Option<Duration>, work: impl Future<Output = T>) -> Option<T> {
    match within {
        Some(within) => timeout(within, work).await.ok(),
        None => Some(work.await),
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
