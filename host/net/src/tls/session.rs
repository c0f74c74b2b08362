//! TLS over bytes that the caller carries, in frames of its own: `OpenVPN`'s control channel, `STARTTLS`.
//!
//! No I/O happens here. What a library would write to a socket is taken out with [`TlsSession::outgoing`]; what the
//! peer sent is handed in with [`TlsSession::receive`]. The library is the same as over a socket, over a pair of buffers.

use super::{
    HandshakeError, HandshakeOptions, TIMEOUT,
    backend::{Agreed, Broken, Io, Shaking},
    failure_code,
    hello::Opening,
    invalid,
    observed::Handshake,
};
use crate::{Net, NetError, Transaction};
use bytes::{Buf, BytesMut};
use netsonde_data::failure::{Failure, FailureCode, Operation};
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A TLS client without a socket. Dropping it in its handshake leaves an observation that says `interrupted`.
#[derive(Debug)]
pub struct TlsSession {
    net: Net,
    handshake: Handshake,
    within: Duration,
    pipe: Pipe,
    state: State,
    agreed: Agreed,
    ech_retry_configs: Option<Vec<u8>>,
}

enum State {
    Shaking(Shaking),
    Open(Box<dyn Io>),
    Failed(Failure),
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Shaking(_) => "Shaking",
            Self::Open(_) => "Open",
            Self::Failed(_) => "Failed",
        })
    }
}

impl Net {
    /// Begin a session with `remote`, to which the caller carries the bytes over `network`, `tcp` or `udp`; the hello
    /// waits in [`TlsSession::outgoing`]. Observed as `tls_handshakes`, and as `tls_handshake_start` and
    /// `tls_handshake_done` in `network_events`, when the handshake ends.
    ///
    /// A hello can not be split here: who carries the bytes can.
    pub fn tls_session(
        &self,
        tx: &Transaction,
        options: &HandshakeOptions,
        network: &'static str,
        remote: SocketAddr,
    ) -> Result<TlsSession, HandshakeError> {
        self.meter().check().map_err(NetError::from)?;
        if options.split_hello_at.is_some() {
            return Err(invalid(remote, "the hello of a session is split by who carries its bytes").into());
        }
        let (backend, handshake) = self.prepare(tx, options, network, remote)?;
        self.meter().observation();
        let pipe = Pipe::default();
        let opening = Opening::new(pipe.clone(), handshake.flight.clone(), None);
        let mut session = TlsSession {
            net: self.clone(),
            handshake,
            within: options.timeout.unwrap_or(TIMEOUT),
            pipe,
            state: State::Shaking(backend.shake(Box::new(opening))),
            agreed: Agreed::default(),
            ech_retry_configs: None,
        };
        session.advance()?;
        Ok(session)
    }
}

impl TlsSession {
    /// The most bytes that wait on either side.
    pub const BUFFERED: usize = 128 << 10;

    /// Hand over bytes that came from the peer. Fails when the handshake does, or when more wait than
    /// [`TlsSession::BUFFERED`].
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), HandshakeError> {
        self.check()?;
        {
            let mut buffers = self.pipe.buffers();
            if buffers.incoming.len() + bytes.len() > Self::BUFFERED {
                return Err(self
                    .misused("receive more TLS bytes than it can hold; read first")
                    .into());
            }
            buffers.incoming.extend_from_slice(bytes);
        }
        self.advance()
    }

    /// Take the bytes that have to go to the peer; after a failure, the alert that says so.
    pub fn outgoing(&mut self) -> Vec<u8> {
        self.pipe.buffers().outgoing.split().to_vec()
    }

    /// Whether the handshake still goes on.
    pub fn is_handshaking(&self) -> bool {
        matches!(self.state, State::Shaking(_))
    }

    /// Protect some of `plaintext`, no more than fits, and say how many bytes of it.
    pub fn write(&mut self, plaintext: &[u8]) -> Result<usize, NetError> {
        self.check()?;
        let room = Self::BUFFERED.saturating_sub(self.pipe.buffers().outgoing.len());
        if room == 0 {
            return Err(self.misused("write more than it can hold; take what is outgoing first"));
        }
        let plaintext = plaintext.get(..room).unwrap_or(plaintext);
        let mut cx = Context::from_waker(Waker::noop());
        let io = self.open(Operation::Write)?;
        let result = match Pin::new(&mut *io).poll_write(&mut cx, plaintext) {
            Poll::Ready(Ok(written)) => match Pin::new(io).poll_flush(&mut cx) {
                Poll::Ready(Err(error)) => Err(error),
                Poll::Ready(Ok(())) | Poll::Pending => Ok(written),
            },
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Ok(0),
        };
        result.map_err(|error| Self::io_failure(Operation::Write, &error))
    }

    /// Take at most `max` bytes that the peer protected; none where nothing has come. At the end of the stream, which
    /// the peer has announced, the failure is `eof_error`.
    pub fn read(&mut self, max: usize) -> Result<Vec<u8>, NetError> {
        self.check()?;
        let mut bytes = vec![0; max.min(Self::BUFFERED)];
        let mut buffer = ReadBuf::new(&mut bytes);
        let mut cx = Context::from_waker(Waker::noop());
        let io = self.open(Operation::Read)?;
        let result = match Pin::new(io).poll_read(&mut cx, &mut buffer) {
            Poll::Pending => Ok(0),
            Poll::Ready(Ok(())) if buffer.filled().is_empty() && max > 0 => {
                Err(io::ErrorKind::UnexpectedEof.into())
            }
            Poll::Ready(result) => result.map(|()| buffer.filled().len()),
        };
        let count = result.map_err(|error| Self::io_failure(Operation::Read, &error))?;
        bytes.truncate(count);
        Ok(bytes)
    }

    /// Announce the end: the alert waits in [`TlsSession::outgoing`].
    pub fn close(&mut self) {
        if let State::Open(io) = &mut self.state {
            // A pipe takes everything at once; there is nothing that could fail or wait.
            let _ = Pin::new(io).poll_shutdown(&mut Context::from_waker(Waker::noop()));
        }
    }

    /// The protocol that the handshake agreed on.
    pub fn alpn(&self) -> Option<&str> {
        self.agreed.alpn.as_deref()
    }

    /// The certificates of the peer, DER, leaf first; also where they did not verify.
    pub fn peer_certificates(&self) -> Vec<Vec<u8>> {
        self.handshake.certificates()
    }

    /// The ECH configurations that a server which rejected ours wants instead.
    pub fn ech_retry_configs(&self) -> Option<&[u8]> {
        self.ech_retry_configs.as_deref()
    }

    /// Go on with the handshake as far as the bytes allow.
    fn advance(&mut self) -> Result<(), HandshakeError> {
        let State::Shaking(shaking) = &mut self.state else {
            return Ok(());
        };
        let late = self.net.trace().clock().now().saturating_sub(self.handshake.t0()) > self.within;
        let result = if late {
            Err(Broken::new(FailureCode::GENERIC_TIMEOUT_ERROR, None))
        } else {
            match shaking.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => return Ok(()),
                Poll::Ready(result) => result,
            }
        };
        match result {
            Ok(secured) => {
                self.handshake.succeeded(&secured.agreed);
                self.agreed = secured.agreed;
                self.state = State::Open(secured.io);
                Ok(())
            }
            Err(broken) => {
                let error = self.handshake.error(&self.net, broken);
                self.ech_retry_configs.clone_from(&error.ech_retry_configs);
                self.state = State::Failed(match &error.error {
                    NetError::Failed(failure) => failure.clone(),
                    NetError::Exceeded(exceeded) => Failure::new(
                        FailureCode::INTERRUPTED,
                        Operation::TlsHandshake,
                        &exceeded.to_string(),
                    ),
                });
                Err(error)
            }
        }
    }

    fn check(&self) -> Result<(), NetError> {
        Ok(self.net.meter().check()?)
    }

    /// The protected stream.
    fn open(&mut self, operation: Operation) -> Result<&mut Box<dyn Io>, NetError> {
        match &mut self.state {
            State::Open(io) => Ok(io),
            State::Failed(failure) => Err(failure.clone().into()),
            State::Shaking(_) => Err(NetError::failed(
                FailureCode::NOT_CONNECTED,
                operation,
                &format!("{operation} in a TLS session whose handshake has not ended"),
            )),
        }
    }

    fn misused(&self, doing: &str) -> NetError {
        let operation = if self.is_handshaking() {
            Operation::TlsHandshake
        } else {
            Operation::Read
        };
        NetError::failed(
            FailureCode::INVALID_ARGUMENT,
            operation,
            &format!("a TLS session can not {doing}"),
        )
    }

    fn io_failure(operation: Operation, error: &io::Error) -> NetError {
        NetError::failed(
            failure_code(error),
            operation,
            &format!("{operation} in a TLS session"),
        )
    }
}

impl Drop for TlsSession {
    fn drop(&mut self) {
        if self.is_handshaking() {
            self.handshake
                .failed(&Broken::new(FailureCode::INTERRUPTED, None));
        }
    }
}

/// Two buffers in the place of a socket.
#[derive(Clone, Debug, Default)]
struct Pipe(Arc<Mutex<Buffers>>);

#[derive(Debug, Default)]
struct Buffers {
    incoming: BytesMut,
    outgoing: BytesMut,
}

impl Pipe {
    fn buffers(&self) -> MutexGuard<'_, Buffers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncRead for Pipe {
    /// Whoever hands bytes over polls again: nobody has to be woken.
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut buffers = self.buffers();
        let count = buffers.incoming.len().min(buf.remaining());
        let Some(bytes) = buffers.incoming.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return Poll::Pending;
        };
        buf.put_slice(bytes);
        buffers.incoming.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.buffers().outgoing.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
