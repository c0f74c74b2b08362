//! `tls`: handshakes, and how they are asked for.

use std::time::Duration;

use netsonde_data::failure::{Failure, FailureCode, Operation};
use netsonde_net::tls::{Ech, HandshakeError, HandshakeOptions, Identity, Sni, Versions};
use netsonde_net::{Connection, NetError, Transaction};
use wasmtime::component::Resource;

use super::tls_session::Session;
use super::types::{endpoint, held, size};
use crate::bindings::{tls, types};
use crate::call::Caller;
use crate::ledger::{Account, Charge};
use crate::reach::Reach;
use crate::state::State;

/// What a guest has set, and what that holds.
#[expect(unreachable_pub, reason = "the generated bindings name it")]
pub struct Options {
    net: HandshakeOptions,
    charge: Charge,
}

impl Options {
    pub(crate) fn settings(&self) -> HandshakeOptions {
        self.net.clone()
    }

    /// How many bytes it holds.
    pub(crate) fn held(&self) -> usize {
        self.charge.bytes()
    }

    /// Keep why something can not be meant; the handshake says it.
    fn refuse(&mut self, why: String) {
        self.net.refusal.get_or_insert(why);
    }
}

/// The guest asks for what there is not.
fn invalid(why: &str) -> NetError {
    NetError::Failed(Failure {
        code: FailureCode::INVALID_ARGUMENT,
        operation: Operation::TlsHandshake,
        detail: format!("TLS handshake: {why}"),
    })
}

/// What remains of a handshake that failed, and what that holds.
#[expect(unreachable_pub, reason = "the generated bindings name it")]
pub struct Failed {
    failure: Failure,
    peer_certificates: Vec<Vec<u8>>,
    ech_retry_configs: Option<Vec<u8>>,
    _charge: Charge,
}

/// The failure of a handshake without what the books have to know.
type Remains = (Failure, Vec<Vec<u8>>, Option<Vec<u8>>);

/// What a guest may see of an error; the end of its budget is not for it to see.
fn remains(error: HandshakeError) -> Result<Remains, NetError> {
    match error.error {
        NetError::Failed(failure) => Ok((failure, error.peer_certificates, error.ech_retry_configs)),
        exceeded @ NetError::Exceeded(_) => Err(exceeded),
    }
}

impl State {
    fn push_failed(&mut self, remains: Remains) -> wasmtime::Result<Resource<Failed>> {
        let (failure, peer_certificates, ech_retry_configs) = remains;
        let configs = ech_retry_configs.as_ref().map_or(0, Vec::len);
        let charge = self.charge(held(&peer_certificates).saturating_add(configs))?;
        self.push(Failed {
            failure,
            peer_certificates,
            ech_retry_configs,
            _charge: charge,
        })
    }
}

pub(crate) async fn handshake(
    reach: &Reach<'_>,
    transaction: Resource<Transaction>,
    connection: Resource<Connection>,
    options: Resource<Options>,
) -> wasmtime::Result<Result<Resource<Connection>, Resource<Failed>>> {
    let mut caller = Caller::new(reach, 0)?;
    let (tx, connection, options, bytes) = reach.with(|state| -> wasmtime::Result<_> {
        let connection = state.take(connection)?;
        let options = state.get(&options)?;
        Ok((
            state.get(&transaction)?.clone(),
            connection,
            options.settings(),
            options.held(),
        ))
    })?;
    caller.record(bytes)?;
    let net = caller.shared.net.clone();
    let shake = async move { net.handshake(&tx, connection, options).await };
    shaken(reach, &caller, shake).await
}

/// Do what a handshake does, and hand the guest the connection, or what remains of it.
pub(super) async fn shaken(
    reach: &Reach<'_>,
    caller: &Caller,
    shake: impl Future<Output = Result<Connection, HandshakeError>> + Send + 'static,
) -> wasmtime::Result<Result<Resource<Connection>, Resource<Failed>>> {
    let shaken = caller.operation(async move {
        match shake.await {
            Ok(connection) => Ok(Ok(connection)),
            Err(error) => remains(error).map(Err),
        }
    });
    let shaken = shaken
        .await?
        .unwrap_or_else(|failure| Err((failure, Vec::new(), None)));
    reach.with(|state| match shaken {
        Ok(connection) => Ok(Ok(state.push(connection)?)),
        Err(remains) => Ok(Err(state.push_failed(remains)?)),
    })
}

impl tls::Host for State {
    fn start_session(
        &mut self,
        transaction: Resource<Transaction>,
        options: Resource<Options>,
        network: String,
        to: String,
    ) -> wasmtime::Result<Result<Resource<Session>, Resource<Failed>>> {
        self.call(network.len().saturating_add(to.len()))?;
        self.ledger.add(Account::Operations, 1)?;
        let tx = self.get(&transaction)?.clone();
        let options = self.get(&options)?;
        let (bytes, options) = (options.held(), options.settings());
        self.ledger.add(Account::Recorded, bytes as u64)?;
        let begun = match (
            network.as_str(),
            endpoint(&to, Operation::TlsHandshake, "TLS session"),
        ) {
            ("tcp", Ok(remote)) => self.shared.net.tls_session(&tx, &options, "tcp", remote),
            ("udp", Ok(remote)) => self.shared.net.tls_session(&tx, &options, "udp", remote),
            (_, Err(error)) => Err(error.into()),
            (other, Ok(_)) => {
                let why = format!("there is no network `{other}`; there are `tcp` and `udp`");
                Err(invalid(&why).into())
            }
        };
        match begun {
            Ok(session) => {
                let charge = self.charge(Session::HELD)?;
                Ok(Ok(self.push(Session::new(session, charge))?))
            }
            Err(error) => match remains(error) {
                Ok(remains) => Ok(Err(self.push_failed(remains)?)),
                Err(error) => Err(self.exceeded(error)),
            },
        }
    }
}

impl types::HostHandshakeFailure for State {
    fn failure(&mut self, failed: Resource<Failed>) -> wasmtime::Result<types::Failure> {
        let failure = self.get(&failed)?.failure.clone();
        self.call(failure.detail.len())?;
        Ok(failure.into())
    }

    fn peer_certificates(&mut self, failed: Resource<Failed>) -> wasmtime::Result<Vec<Vec<u8>>> {
        let certificates = self.get(&failed)?.peer_certificates.clone();
        self.call(size(&certificates))?;
        Ok(certificates)
    }

    fn ech_retry_configs(&mut self, failed: Resource<Failed>) -> wasmtime::Result<Option<Vec<u8>>> {
        let configs = self.get(&failed)?.ech_retry_configs.clone();
        self.call(configs.as_ref().map_or(0, Vec::len))?;
        Ok(configs)
    }

    fn drop(&mut self, failed: Resource<Failed>) -> wasmtime::Result<()> {
        self.take(failed).map(drop)
    }
}

impl State {
    /// Set something in options that holds `bytes` for the guest.
    fn set(
        &mut self,
        options: &Resource<Options>,
        bytes: usize,
        set: impl FnOnce(&mut Options),
    ) -> wasmtime::Result<()> {
        self.call(bytes)?;
        let options = self.get_mut(options)?;
        options.charge.grow(bytes)?;
        set(options);
        Ok(())
    }
}

impl types::HostTlsOptions for State {
    fn new(&mut self) -> wasmtime::Result<Resource<Options>> {
        self.call(0)?;
        let charge = self.charge(0)?;
        self.push(Options {
            net: HandshakeOptions::default(),
            charge,
        })
    }

    fn server_name(&mut self, options: Resource<Options>, name: String) -> wasmtime::Result<()> {
        self.set(&options, name.len(), |options| {
            options.net.server_name = Some(name);
        })
    }

    fn no_sni(&mut self, options: Resource<Options>) -> wasmtime::Result<()> {
        self.set(&options, 0, |options| options.net.sni = Sni::Absent)
    }

    fn sni(&mut self, options: Resource<Options>, name: String) -> wasmtime::Result<()> {
        self.set(&options, name.len(), |options| options.net.sni = Sni::Name(name))
    }

    fn versions(
        &mut self,
        options: Resource<Options>,
        oldest: String,
        newest: String,
    ) -> wasmtime::Result<()> {
        let bytes = oldest.len().saturating_add(newest.len());
        let versions = oldest
            .parse()
            .and_then(|oldest| Versions::new(oldest, newest.parse()?));
        self.set(&options, bytes, |options| match versions {
            Ok(versions) => options.net.versions = Some(versions),
            Err(why) => options.refuse(why),
        })
    }

    fn groups(&mut self, options: Resource<Options>, names: Vec<String>) -> wasmtime::Result<()> {
        let groups = names.iter().map(|name| name.parse()).collect();
        self.set(&options, held(&names), |options| match groups {
            Ok(groups) => options.net.groups = groups,
            Err(why) => options.refuse(why),
        })
    }

    fn alpn(&mut self, options: Resource<Options>, protocols: Vec<String>) -> wasmtime::Result<()> {
        self.set(&options, held(&protocols), |options| options.net.alpn = protocols)
    }

    fn roots_pem(&mut self, options: Resource<Options>, pem: Vec<String>) -> wasmtime::Result<()> {
        self.set(&options, held(&pem), |options| options.net.roots_pem = pem)
    }

    fn extra_roots_pem(&mut self, options: Resource<Options>, pem: Vec<String>) -> wasmtime::Result<()> {
        self.set(&options, held(&pem), |options| {
            options.net.extra_roots_pem = pem;
        })
    }

    fn no_verify(&mut self, options: Resource<Options>) -> wasmtime::Result<()> {
        self.set(&options, 0, |options| options.net.no_verify = true)
    }

    fn client_certificate(
        &mut self,
        options: Resource<Options>,
        certificates_pem: String,
        key_pem: String,
    ) -> wasmtime::Result<()> {
        let bytes = certificates_pem.len().saturating_add(key_pem.len());
        let identity = Identity {
            certificates_pem,
            key_pem,
        };
        self.set(&options, bytes, |options| options.net.identity = Some(identity))
    }

    fn ech_grease(&mut self, options: Resource<Options>) -> wasmtime::Result<()> {
        self.set(&options, 0, |options| options.net.ech = Ech::Grease)
    }

    fn ech_made_up(&mut self, options: Resource<Options>) -> wasmtime::Result<()> {
        self.set(&options, 0, |options| options.net.ech = Ech::MadeUp)
    }

    fn ech_configs(&mut self, options: Resource<Options>, config_list: Vec<u8>) -> wasmtime::Result<()> {
        self.set(&options, config_list.len(), |options| {
            options.net.ech = Ech::Configs(config_list);
        })
    }

    fn split_hello(&mut self, options: Resource<Options>, after_bytes: u32) -> wasmtime::Result<()> {
        let after = usize::try_from(after_bytes).unwrap_or(usize::MAX);
        self.set(&options, 0, |options| options.net.split_hello_at = Some(after))
    }

    fn backend(&mut self, options: Resource<Options>, name: String) -> wasmtime::Result<()> {
        self.set(&options, name.len(), |options| match name.parse() {
            Ok(backend) => options.net.backend = backend,
            Err(why) => options.refuse(why),
        })
    }

    fn quic_versions(&mut self, options: Resource<Options>, versions: Vec<u32>) -> wasmtime::Result<()> {
        let bytes = size_of_val(versions.as_slice());
        self.call(bytes)?;
        let options = self.get_mut(&options)?;
        options.charge.grow(bytes)?;
        options.net.quic_versions = versions;
        Ok(())
    }

    fn timeout_ms(&mut self, options: Resource<Options>, milliseconds: u32) -> wasmtime::Result<()> {
        let timeout = Duration::from_millis(milliseconds.into());
        self.set(&options, 0, |options| options.net.timeout = Some(timeout))
    }

    fn drop(&mut self, options: Resource<Options>) -> wasmtime::Result<()> {
        self.take(options).map(drop)
    }
}
