//! A socket for quinn that sends and receives datagrams one by one, as ours has to, and does nothing else.
//!
//! Quinn's own socket receives many in one system call, for which quinn fills three megabytes with zeroes whenever an
//! endpoint is made. That is well spent on a server, and half of what a handshake with an endpoint of its own takes.

use quinn::{
    AsyncUdpSocket, UdpPoller,
    udp::{RecvMeta, Transmit},
};
use std::{
    io::{self, IoSliceMut},
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::{io::ReadBuf, net::UdpSocket};

#[derive(Debug)]
pub(crate) struct Socket {
    udp: UdpSocket,
    remote: SocketAddr,
}

impl Socket {
    pub(crate) async fn connected(remote: SocketAddr) -> Self {
        let udp = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
        udp.connect(remote).await.unwrap();
        Self { udp, remote }
    }
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Poller(self))
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.udp.try_send(transmit.contents).map(|_| ())
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut datagram = ReadBuf::new(bufs.first_mut().unwrap());
        ready!(self.udp.poll_recv(cx, &mut datagram))?;
        *meta.first_mut().unwrap() = RecvMeta {
            addr: self.remote,
            len: datagram.filled().len(),
            stride: datagram.filled().len(),
            ecn: None,
            dst_ip: None,
        };
        Poll::Ready(Ok(1))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.udp.local_addr()
    }
}

#[derive(Debug)]
struct Poller(Arc<Socket>);

impl UdpPoller for Poller {
    fn poll_writable(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.udp.poll_send_ready(cx)
    }
}
