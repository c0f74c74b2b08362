//! `udp`: datagrams, and the ICMP errors that come back.

use netsonde_data::failure::Operation;
use netsonde_net::{Net, NetError, Received, Transaction, UdpOptions, UdpSocket};
use wasmtime::component::Resource;

use super::icmp::IcmpError;
use super::tcp::within;
use super::types::endpoint;
use crate::bindings::types;
use crate::call::Caller;
use crate::ledger::Charge;
use crate::reach::Reach;
use crate::state::State;

/// What a guest has set.
#[expect(unreachable_pub, reason = "the generated bindings name it")]
pub struct Options(UdpOptions);

/// A datagram, and what that holds.
#[expect(unreachable_pub, reason = "the generated bindings name it")]
pub struct Datagram(
    netsonde_net::Datagram,
    #[expect(dead_code, reason = "it counts while it lives")] Charge,
);

/// What was received, and what that holds.
#[expect(unreachable_pub, reason = "the generated bindings name it")]
pub struct Arrival(
    Received,
    #[expect(dead_code, reason = "it counts while it lives")] Charge,
);

/// Send a datagram to an endpoint in the guest's spelling.
async fn send_to(
    net: Net,
    socket: UdpSocket,
    to: String,
    bytes: Vec<u8>,
    ttl: Option<u8>,
) -> Result<u64, NetError> {
    let endpoint = endpoint(&to, Operation::WriteTo, &format!("send a datagram to `{to}`"))?;
    net.udp_send(&socket, endpoint, &bytes, ttl).await
}

pub(crate) async fn open(
    reach: &Reach<'_>,
    transaction: Resource<Transaction>,
    options: Resource<Options>,
) -> wasmtime::Result<Result<Resource<UdpSocket>, types::Failure>> {
    let caller = Caller::new(reach, 0)?;
    let (tx, options) = reach.with(|state| -> wasmtime::Result<_> {
        Ok((state.get(&transaction)?.clone(), state.get(&options)?.0))
    })?;
    let net = caller.shared.net.clone();
    caller
        .make(reach, async move { net.udp_open(&tx, options) })
        .await
}

pub(crate) async fn send(
    reach: &Reach<'_>,
    socket: Resource<UdpSocket>,
    endpoint: String,
    bytes: Vec<u8>,
    ttl: Option<u8>,
) -> wasmtime::Result<Result<u64, types::Failure>> {
    let mut caller = Caller::new(reach, endpoint.len() + bytes.len())?;
    caller.record(endpoint.len())?;
    let socket = reach.with(|state| state.get(&socket).cloned())?;
    let sent = caller
        .operation(send_to(caller.shared.net.clone(), socket, endpoint, bytes, ttl))
        .await?;
    Ok(sent.map_err(Into::into))
}

pub(crate) async fn receive(
    reach: &Reach<'_>,
    socket: Resource<UdpSocket>,
    timeout_ms: Option<u32>,
) -> wasmtime::Result<Result<Resource<Arrival>, types::Failure>> {
    let caller = Caller::new(reach, 0)?;
    let socket = reach.with(|state| state.get(&socket).cloned())?;
    let net = caller.shared.net.clone();
    let received = caller
        .operation(async move { net.udp_receive(&socket, within(timeout_ms)).await })
        .await?;
    let received = match received {
        Ok(received) => received,
        Err(failure) => return Ok(Err(failure.into())),
    };
    reach.with(|state| {
        let charge = state.charge(match &received {
            Received::Datagram(datagram) => datagram.bytes.len(),
            Received::Icmp(_) => 0,
        })?;
        Ok(Ok(state.push(Arrival(received, charge))?))
    })
}

impl types::HostUdpOptions for State {
    fn new(&mut self) -> wasmtime::Result<Resource<Options>> {
        self.call(0)?;
        self.push(Options(UdpOptions::default()))
    }

    fn ipv6(&mut self, options: Resource<Options>) -> wasmtime::Result<()> {
        self.call(0)?;
        self.get_mut(&options)?.0.ipv6 = true;
        Ok(())
    }

    fn drop(&mut self, options: Resource<Options>) -> wasmtime::Result<()> {
        self.take(options).map(drop)
    }
}

impl types::HostUdpSocket for State {
    fn drop(&mut self, socket: Resource<UdpSocket>) -> wasmtime::Result<()> {
        self.take(socket).map(drop)
    }
}

impl types::HostUdpReceived for State {
    fn datagram(&mut self, received: Resource<Arrival>) -> wasmtime::Result<Option<Resource<Datagram>>> {
        self.call(0)?;
        let Received::Datagram(datagram) = self.get(&received)?.0.clone() else {
            return Ok(None);
        };
        let charge = self.charge(datagram.bytes.len())?;
        self.push(Datagram(datagram, charge)).map(Some)
    }

    fn icmp_error(&mut self, received: Resource<Arrival>) -> wasmtime::Result<Option<Resource<IcmpError>>> {
        self.call(0)?;
        let Received::Icmp(event) = self.get(&received)?.0.clone() else {
            return Ok(None);
        };
        self.push(IcmpError::new(*event)).map(Some)
    }

    fn drop(&mut self, received: Resource<Arrival>) -> wasmtime::Result<()> {
        self.take(received).map(drop)
    }
}

impl types::HostDatagram for State {
    fn source(&mut self, datagram: Resource<Datagram>) -> wasmtime::Result<String> {
        let source = self.get(&datagram)?.0.source.to_string();
        self.call(source.len())?;
        Ok(source)
    }

    fn bytes(&mut self, datagram: Resource<Datagram>) -> wasmtime::Result<Vec<u8>> {
        let bytes = self.get(&datagram)?.0.bytes.to_vec();
        self.call(bytes.len())?;
        Ok(bytes)
    }

    fn ttl(&mut self, datagram: Resource<Datagram>) -> wasmtime::Result<Option<u8>> {
        self.call(0)?;
        Ok(self.get(&datagram)?.0.ttl)
    }

    fn drop(&mut self, datagram: Resource<Datagram>) -> wasmtime::Result<()> {
        self.take(datagram).map(drop)
    }
}
