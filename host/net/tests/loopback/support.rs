//! A measurement to try things with, and servers that behave as told.

use netsonde_data::{FailureCode, Observations, observation::NetworkEvent};
use netsonde_net::{Budget, Clock, Meter, Net, NetConfig, NetError, Trace, Transaction};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// One measurement.
pub(crate) struct Bench {
    pub(crate) net: Net,
    pub(crate) tx: Transaction,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with_budget(Budget::default())
    }

    pub(crate) fn trusting(root: &str) -> Self {
        Self::with(
            &NetConfig {
                extra_roots_pem: vec![root.to_owned()],
                ..NetConfig::unrestricted()
            },
            Budget::default(),
        )
    }

    pub(crate) fn with_budget(budget: Budget) -> Self {
        Self::with(&NetConfig::unrestricted(), budget)
    }

    pub(crate) fn with(config: &NetConfig, budget: Budget) -> Self {
        let trace = Trace::new(Clock::start());
        let net = Net::new(config, trace, Arc::new(Meter::new(budget))).unwrap();
        let tx = net.trace().begin(vec!["tag".to_owned()], None);
        Self { net, tx }
    }

    pub(crate) fn seen(&self) -> Observations {
        self.net.trace().observations()
    }

    pub(crate) fn events(&self, operation: &str) -> Vec<NetworkEvent> {
        self.seen()
            .network_events
            .into_iter()
            .filter(|event| event.operation == operation)
            .collect()
    }

    /// Start `operation` in a task of its own, drop it after a moment, and wait until it is gone.
    pub(crate) async fn drop_half_way<F>(&self, operation: F)
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let task = tokio::spawn(operation);
        tokio::time::sleep(Duration::from_millis(200)).await;
        task.abort();
        assert!(
            task.await.is_err_and(|error| error.is_cancelled()),
            "it ended before it could be dropped"
        );
    }
}

/// The failure code of an operation that should have failed.
pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, impl Into<NetError>>) -> FailureCode {
    match result.map_err(Into::into) {
        Err(NetError::Failed(failure)) => failure.code,
        other => panic!("expected a failure, got {other:?}"),
    }
}

/// A server that handles each connection with `serve`.
pub(crate) async fn server<F, Fut>(serve: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

/// A server that accepts and then says nothing for as long as the client stays.
pub(crate) async fn silent() -> SocketAddr {
    server(|mut stream| async move {
        let mut sink = [0; 4096];
        while stream.read(&mut sink).await.is_ok_and(|count| count > 0) {}
    })
    .await
}

/// A server that waits for some bytes and then sends `reply`, again and again.
pub(crate) async fn replying(reply: &'static [u8]) -> SocketAddr {
    server(move |mut stream| async move {
        let mut sink = [0; 8192];
        while stream.read(&mut sink).await.is_ok_and(|count| count > 0) {
            stream.write_all(reply).await.unwrap();
        }
    })
    .await
}

/// A server that waits for some bytes, sends `reply`, and closes.
pub(crate) async fn replying_once(reply: &'static [u8]) -> SocketAddr {
    server(move |mut stream| async move {
        let mut sink = [0; 8192];
        let _ = stream.read(&mut sink).await;
        stream.write_all(reply).await.unwrap();
    })
    .await
}

/// A server that waits for some bytes, sends `reply`, and resets the connection.
pub(crate) async fn resetting(reply: &'static [u8]) -> SocketAddr {
    server(move |mut stream| async move {
        let mut sink = [0; 8192];
        let _ = stream.read(&mut sink).await;
        stream.write_all(reply).await.unwrap();
        if !reply.is_empty() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        stream.set_zero_linger().unwrap();
    })
    .await
}

/// An address where nobody listens.
pub(crate) async fn refusing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// A listener whose queue is full, so that a connect to it goes unanswered. The queue lasts as long as the sockets.
pub(crate) async fn unanswering() -> (SocketAddr, Vec<TcpStream>, TcpListener) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await
    {
        held.push(stream);
    }
    (address, held, listener)
}
