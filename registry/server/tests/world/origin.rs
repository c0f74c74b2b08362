//! Web servers that answer as told.

use super::World;
use std::{net::SocketAddr, pin::Pin, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, ToSocketAddrs},
};
use tokio_rustls::TlsAcceptor;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The method and the path, `GET /`.
    pub line: String,
    /// The whole head.
    pub head: String,
    pub body: Vec<u8>,
}

impl Origin {
    /// The values of a header.
    pub fn header(&self, wanted: &str) -> Vec<String> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines
            .filter(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.to_owned())
            .collect()
    }
}

pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

type Talk = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A server that does with each connection what it is told, after a TLS handshake if there is one.
pub async fn raw(
    address: impl ToSocketAddrs,
    tls: Option<TlsAcceptor>,
    talk: impl Fn(Box<dyn Stream>) -> Talk + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let talk = Arc::new(talk);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (tls, talk) = (tls.clone(), Arc::clone(&talk));
            tokio::spawn(async move {
                let stream: Box<dyn Stream> = match tls {
                    None => Box::new(stream),
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => Box::new(stream),
                        Err(_) => return,
                    },
                };
                talk(stream).await;
            });
        }
    });
    address
}

/// A server that answers each request with bytes; where there are none, it says nothing for as long as the client stays.
pub async fn serve(
    address: impl ToSocketAddrs,
    tls: Option<TlsAcceptor>,
    answer: impl Fn(&Origin) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> SocketAddr {
    let answer = Arc::new(answer);
    raw(address, tls, move |mut stream| {
        let answer = Arc::clone(&answer);
        Box::pin(async move {
            let mut read = Vec::new();
            while let Some(request) = request(&mut stream, &mut read).await {
                let Some(reply) = answer(&request) else {
                    let _ = stream.read_to_end(&mut Vec::new()).await;
                    return;
                };
                if stream.write_all(&reply).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
        })
    })
    .await
}

/// The next request of a connection.
async fn request(stream: &mut Box<dyn Stream>, read: &mut Vec<u8>) -> Option<Origin> {
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end]).into_owned();
            let mut request = Origin {
                line: head.lines().next()?.rsplit_once(' ')?.0.to_owned(),
                head,
                body: Vec::new(),
            };
            let length = request
                .header("content-length")
                .first()
                .map_or(0, |text| text.parse().unwrap());
            if read.len() >= end + 4 + length {
                request.body = read[end + 4..end + 4 + length].to_vec();
                read.drain(..end + 4 + length);
                return Some(request);
            }
        }
        if stream.read_buf(read).await.ok()? == 0 {
            return None;
        }
    }
}

/// A site in the clear on an address of its own choice, with one page for each path.
pub async fn site(pages: &'static [(&'static str, &'static str)]) -> SocketAddr {
    serve("127.0.0.1:0", None, move |request| {
        let path = request.line.split_once(' ')?.1;
        let page = pages.iter().find(|(known, _)| *known == path);
        let (_, page) = page.unwrap_or(&("", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"));
        Some(page.as_bytes().to_vec())
    })
    .await
}

/// A site over TLS, for a name.
pub async fn https(world: &World, address: &str, names: &[&str], page: &'static str) -> SocketAddr {
    let acceptor = world.authority.acceptor(names, &["http/1.1"]);
    serve(address, Some(acceptor), move |_| Some(page.as_bytes().to_vec())).await
}
