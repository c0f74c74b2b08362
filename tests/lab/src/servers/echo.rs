//! Sends back what comes (RFC 862).

use tokio::io;
use tokio::net::{TcpListener, UdpSocket};

/// The longest datagram.
const LARGEST: usize = 65_535;

/// Sends each datagram back.
pub(super) async fn serve_udp(socket: UdpSocket) {
    let mut buffer = vec![0; LARGEST];
    loop {
        // An error is the echo of an earlier answer that found no taker.
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        let _ = socket
            .send_to(buffer.get(..length).unwrap_or_default(), from)
            .await;
    }
}

/// Sends each stream back, and ends it when the client does.
pub(super) async fn serve_tcp(listener: TcpListener) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else {
            continue;
        };
        tokio::spawn(async move {
            let (mut from, mut to) = stream.split();
            // A client that breaks off is no concern of the server's.
            io::copy(&mut from, &mut to).await.ok()
        });
    }
}
