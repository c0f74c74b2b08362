//! Servers on the loopback that say how many connections they have.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

/// A server, and the number of its open connections.
pub(crate) struct Server {
    pub(crate) endpoint: SocketAddr,
    open: watch::Receiver<usize>,
}

impl Server {
    /// Wait until there are so many connections.
    pub(crate) async fn connections(&mut self, count: usize) {
        let waited =
            tokio::time::timeout(Duration::from_secs(10), self.open.wait_for(|open| *open == count)).await;
        assert!(waited.is_ok(), "there should be {count} connections");
    }

    /// The endpoint as guests write it.
    pub(crate) fn text(&self) -> String {
        self.endpoint.to_string()
    }
}

fn serve<F: Future<Output = ()> + Send + 'static>(each: impl Fn(TcpStream) -> F + Send + 'static) -> Server {
    // A long queue, for tests that connect 500 times at once.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(4096).unwrap();
    let endpoint = listener.local_addr().unwrap();
    let (count, open) = watch::channel(0);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.send_modify(|open| *open += 1);
            let (work, count) = (each(stream), count.clone());
            tokio::spawn(async move {
                work.await;
                count.send_modify(|open| *open -= 1);
            });
        }
    });
    Server { endpoint, open }
}

/// Reads and says nothing.
pub(crate) fn silent() -> Server {
    serve(|mut stream| async move {
        let mut buffer = vec![0; 65_536];
        while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
    })
}

/// Sends back what it gets.
pub(crate) fn echo() -> Server {
    serve(|mut stream| async move {
        let mut buffer = vec![0; 65_536];
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            if stream.write_all(&buffer[..length]).await.is_err() {
                break;
            }
        }
    })
}

/// Sends for ever.
pub(crate) fn fountain() -> Server {
    serve(|mut stream| async move { while stream.write_all(&vec![b'x'; 65_536]).await.is_ok() {} })
}

/// An endpoint where a connect waits: its queue is full and nobody accepts. Lives as long as what is returned.
pub(crate) async fn black_hole() -> (SocketAddr, (TcpListener, Vec<TcpStream>)) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let endpoint = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(endpoint)).await
    {
        queued.push(stream);
    }
    (endpoint, (listener, queued))
}

/// An endpoint where a connect takes about a second: its queue is full at first, and the first SYN is lost.
pub(crate) async fn slow() -> SocketAddr {
    let (endpoint, (listener, queued)) = black_hole().await;
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut accepted = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            accepted.push(stream);
        }
        drop(queued);
    });
    endpoint
}
