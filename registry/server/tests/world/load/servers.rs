//! The servers that are asked about: each does with a request what its path says.

use crate::world::{
    World,
    origin::{Stream, raw},
};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::sleep,
};

/// Where they are.
pub struct Servers {
    pub clear: SocketAddr,
    pub secure: SocketAddr,
}

impl Servers {
    pub async fn start(world: &World) -> Self {
        let clear = raw("0.0.0.0:0", None, |stream| Box::pin(serve(stream, None))).await;
        let acceptor = world.authority.acceptor(&["*.address.example"], &["http/1.1"]);
        let port = clear.port();
        let secure = raw("0.0.0.0:0", Some(acceptor), move |stream| {
            Box::pin(serve(stream, Some(port)))
        })
        .await;
        Self { clear, secure }
    }
}

/// Serve one request, whatever way its path says. Whoever comes over TLS is sent on to the same page in the clear.
async fn serve(mut stream: Box<dyn Stream>, clear: Option<u16>) {
    let mut request = [0; 16 << 10];
    let Ok(count @ 1..) = stream.read(&mut request).await else {
        return;
    };
    let request = String::from_utf8_lossy(&request[..count]).into_owned();
    let host = request
        .lines()
        .find_map(|line| line.strip_prefix("Host: "))
        .unwrap_or_default();
    if let Some(port) = clear {
        let name = host.split(':').next().unwrap_or_default();
        let reply =
            format!("HTTP/1.1 301 X\r\nLocation: http://{name}:{port}/Page\r\nContent-Length: 0\r\n\r\n");
        let _ = stream.write_all(reply.as_bytes()).await;
        let _ = stream.shutdown().await;
        return;
    }
    let path = request
        .split(' ')
        .nth(1)
        .unwrap_or_default()
        .trim_start_matches('/');
    let _ = match path {
        "EndlessBody" => endless(&mut stream).await,
        "LongHead" => {
            let reply = format!(
                "HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 0\r\n\r\n",
                "x".repeat(200_000)
            );
            stream.write_all(reply.as_bytes()).await
        }
        "EndlessRedirects" => {
            let reply = format!(
                "HTTP/1.1 302 X\r\nLocation: http://{host}/EndlessRedirects\r\nSet-Cookie: {}=1\r\n\
                 Transfer-Encoding: chunked\r\n\r\n",
                "c".repeat(4_000)
            );
            stream.write_all(reply.as_bytes()).await
        }
        "Dribble" => dribble(&mut stream).await,
        "TinyChunks" => {
            let chunks = "1;x=yyyyyyyy\r\nz\r\n".repeat(20_000);
            let reply = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n");
            stream.write_all(reply.as_bytes()).await
        }
        _ => {
            let page = format!("<html><title>Load</title>{}", "x".repeat(30_000));
            let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{page}", page.len());
            stream.write_all(reply.as_bytes()).await
        }
    };
    let _ = stream.flush().await;
}

async fn endless(stream: &mut Box<dyn Stream>) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n<title>").await?;
    let much = vec![b'x'; 256 << 10];
    loop {
        stream.write_all(&much).await?;
    }
}

async fn dribble(stream: &mut Box<dyn Stream>) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    loop {
        stream.write_all(b"x").await?;
        stream.flush().await?;
        sleep(Duration::from_millis(50)).await;
    }
}
