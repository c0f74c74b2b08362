//! `tls-session`: TLS over bytes that the guest carries. Nothing here waits.

use netsonde_net::NetError;
use netsonde_net::tls::TlsSession;
use wasmtime::component::Resource;

use super::types::size;
use crate::bindings::types;
use crate::ledger::Charge;
use crate::state::State;

/// A session, and what its buffers may hold.
#[expect(unreachable_pub, reason = "the generated bindings name it")]
pub struct Session {
    session: TlsSession,
    _charge: Charge,
}

impl Session {
    /// What its buffers may hold: bytes that wait on either side.
    pub(crate) const HELD: usize = 2 * TlsSession::BUFFERED;

    pub(crate) fn new(session: TlsSession, charge: Charge) -> Self {
        Self {
            session,
            _charge: charge,
        }
    }
}

impl State {
    /// The end of the guest, whose network budget is used up.
    pub(crate) fn exceeded(&self, error: NetError) -> wasmtime::Error {
        match error {
            NetError::Exceeded(exceeded) => self.ledger.root().overdraw(exceeded.what, exceeded.limit).into(),
            NetError::Failed(failure) => failure.into(),
        }
    }

    fn answer<R>(&self, result: Result<R, NetError>) -> wasmtime::Result<Result<R, types::Failure>> {
        match result {
            Ok(answer) => Ok(Ok(answer)),
            Err(NetError::Failed(failure)) => Ok(Err(failure.into())),
            Err(error) => Err(self.exceeded(error)),
        }
    }
}

impl types::HostTlsSession for State {
    fn receive(
        &mut self,
        session: Resource<Session>,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<(), types::Failure>> {
        self.call(bytes.len())?;
        let received = self.get_mut(&session)?.session.receive(&bytes);
        self.answer(received.map_err(NetError::from))
    }

    fn outgoing(&mut self, session: Resource<Session>) -> wasmtime::Result<Vec<u8>> {
        let bytes = self.get_mut(&session)?.session.outgoing();
        self.call(bytes.len())?;
        Ok(bytes)
    }

    fn is_handshaking(&mut self, session: Resource<Session>) -> wasmtime::Result<bool> {
        self.call(0)?;
        Ok(self.get(&session)?.session.is_handshaking())
    }

    fn write(
        &mut self,
        session: Resource<Session>,
        plaintext: Vec<u8>,
    ) -> wasmtime::Result<Result<u32, types::Failure>> {
        self.call(plaintext.len())?;
        let written = self.get_mut(&session)?.session.write(&plaintext);
        self.answer(written.map(|count| u32::try_from(count).unwrap_or(u32::MAX)))
    }

    fn read(
        &mut self,
        session: Resource<Session>,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, types::Failure>> {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let read = self.get_mut(&session)?.session.read(max);
        self.call(read.as_ref().map_or(0, Vec::len))?;
        self.answer(read)
    }

    fn close(&mut self, session: Resource<Session>) -> wasmtime::Result<()> {
        self.call(0)?;
        self.get_mut(&session)?.session.close();
        Ok(())
    }

    fn alpn(&mut self, session: Resource<Session>) -> wasmtime::Result<Option<String>> {
        let alpn = self.get(&session)?.session.alpn().map(ToOwned::to_owned);
        self.call(alpn.as_deref().map_or(0, str::len))?;
        Ok(alpn)
    }

    fn peer_certificates(&mut self, session: Resource<Session>) -> wasmtime::Result<Vec<Vec<u8>>> {
        let certificates = self.get(&session)?.session.peer_certificates();
        self.call(size(&certificates))?;
        Ok(certificates)
    }

    fn ech_retry_configs(&mut self, session: Resource<Session>) -> wasmtime::Result<Option<Vec<u8>>> {
        let configs = self
            .get(&session)?
            .session
            .ech_retry_configs()
            .map(<[u8]>::to_vec);
        self.call(configs.as_ref().map_or(0, Vec::len))?;
        Ok(configs)
    }

    fn drop(&mut self, session: Resource<Session>) -> wasmtime::Result<()> {
        self.take(session).map(drop)
    }
}
