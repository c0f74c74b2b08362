//! `http`: one transaction on a connection.

use std::time::Duration;

use bytes::Bytes;
use netsonde_net::{Connection, Transaction};
use wasmtime::component::Resource;

use crate::bindings::types;
use crate::call::Caller;
use crate::ledger::Charge;
use crate::reach::Reach;
use crate::state::State;

/// What a guest wants to send, and what that holds.
#[expect(unreachable_pub, reason = "the generated bindings name it")]
pub struct Request(netsonde_net::http::Request, Charge);

/// What came back, and what that holds.
#[expect(unreachable_pub, reason = "the generated bindings name it")]
pub struct Response(
    netsonde_net::http::Response,
    #[expect(dead_code, reason = "it counts while it lives")] Charge,
);

/// What a header takes up besides its bytes.
const HEADER: usize = 64;

/// Headers for the guest to have.
fn owned(headers: &[(String, Bytes)]) -> Vec<(String, Vec<u8>)> {
    headers
        .iter()
        .map(|(name, value)| (name.clone(), value.to_vec()))
        .collect()
}

pub(crate) async fn round_trip(
    reach: &Reach<'_>,
    transaction: Resource<Transaction>,
    connection: Resource<Connection>,
    request: Resource<Request>,
) -> wasmtime::Result<Result<Resource<Response>, types::Failure>> {
    let mut caller = Caller::new(reach, 0)?;
    let (tx, connection, request, bytes) = reach.with(|state| -> wasmtime::Result<_> {
        let request = state.get(&request)?;
        Ok((
            state.get(&transaction)?.clone(),
            state.get(&connection)?.clone(),
            request.0.clone(),
            request.1.bytes(),
        ))
    })?;
    caller.record(bytes)?;
    let net = caller.shared.net.clone();
    match caller
        .operation(async move { net.round_trip(&tx, &connection, request).await })
        .await?
    {
        Ok(response) => Ok(Ok(reach.with(|state| {
            let headers = response
                .headers
                .iter()
                .chain(&response.trailers)
                .map(|(name, value)| HEADER + name.len() + value.len());
            let charge = state.charge(response.body.len() + headers.sum::<usize>())?;
            state.push(Response(response, charge))
        })?)),
        Err(failure) => Ok(Err(failure.into())),
    }
}

impl types::HostHttpRequest for State {
    fn new(&mut self, method: String, url: String) -> wasmtime::Result<Resource<Request>> {
        self.call(method.len() + url.len())?;
        let charge = self.charge(method.len() + url.len())?;
        let request = netsonde_net::http::Request {
            method,
            url,
            ..Default::default()
        };
        self.push(Request(request, charge))
    }

    fn header(&mut self, request: Resource<Request>, name: String, value: String) -> wasmtime::Result<()> {
        self.call(name.len() + value.len())?;
        let request = self.get_mut(&request)?;
        request.1.grow(HEADER + name.len() + value.len())?;
        request.0.headers.push((name, value));
        Ok(())
    }

    fn raw_head(&mut self, request: Resource<Request>, head: Vec<u8>) -> wasmtime::Result<()> {
        self.call(head.len())?;
        let request = self.get_mut(&request)?;
        // The observation has it once more, taken apart into headers.
        let headers = head.split(|byte| *byte == b'\n').count();
        let apart = headers.saturating_mul(HEADER).saturating_add(head.len());
        request.1.grow(apart.saturating_add(head.len()))?;
        request.0.raw_head = Some(head.into());
        Ok(())
    }

    fn pseudo_header(
        &mut self,
        request: Resource<Request>,
        name: String,
        value: String,
    ) -> wasmtime::Result<()> {
        self.call(name.len() + value.len())?;
        let request = self.get_mut(&request)?;
        request.1.grow(HEADER + name.len() + value.len())?;
        request.0.pseudo_headers.push((name, value));
        Ok(())
    }

    fn body(&mut self, request: Resource<Request>, body: Vec<u8>) -> wasmtime::Result<()> {
        self.call(body.len())?;
        let request = self.get_mut(&request)?;
        request.1.grow(body.len())?;
        request.0.body = body.into();
        Ok(())
    }

    fn body_snapshot_limit(&mut self, request: Resource<Request>, bytes: u64) -> wasmtime::Result<()> {
        self.call(0)?;
        self.get_mut(&request)?.0.body_snapshot_limit = bytes;
        Ok(())
    }

    fn timeout_ms(&mut self, request: Resource<Request>, milliseconds: u32) -> wasmtime::Result<()> {
        self.call(0)?;
        self.get_mut(&request)?.0.timeout = Some(Duration::from_millis(milliseconds.into()));
        Ok(())
    }

    fn redirects_left(&mut self, request: Resource<Request>, count: u32) -> wasmtime::Result<()> {
        self.call(0)?;
        self.get_mut(&request)?.0.redirects_left = Some(count);
        Ok(())
    }

    fn drop(&mut self, request: Resource<Request>) -> wasmtime::Result<()> {
        self.take(request).map(drop)
    }
}

impl types::HostHttpResponse for State {
    fn status(&mut self, response: Resource<Response>) -> wasmtime::Result<u16> {
        self.call(0)?;
        Ok(self.get(&response)?.0.status)
    }

    fn status_line(&mut self, response: Resource<Response>) -> wasmtime::Result<Option<Vec<u8>>> {
        let line = self
            .get(&response)?
            .0
            .status_line
            .as_ref()
            .map(|line| line.to_vec());
        self.call(line.as_deref().map_or(0, <[u8]>::len))?;
        Ok(line)
    }

    fn headers(&mut self, response: Resource<Response>) -> wasmtime::Result<Vec<(String, Vec<u8>)>> {
        let headers = owned(&self.get(&response)?.0.headers);
        self.call(headers.iter().map(|(name, value)| name.len() + value.len()).sum())?;
        Ok(headers)
    }

    fn header(&mut self, response: Resource<Response>, name: String) -> wasmtime::Result<Option<String>> {
        let headers = &self.get(&response)?.0.headers;
        let first = headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(&name));
        let value = first.and_then(|(_, value)| String::from_utf8(value.to_vec()).ok());
        self.call(name.len() + value.as_deref().map_or(0, str::len))?;
        Ok(value)
    }

    fn body(&mut self, response: Resource<Response>) -> wasmtime::Result<Vec<u8>> {
        let body = self.get(&response)?.0.body.to_vec();
        self.call(body.len())?;
        Ok(body)
    }

    fn body_is_truncated(&mut self, response: Resource<Response>) -> wasmtime::Result<bool> {
        self.call(0)?;
        Ok(self.get(&response)?.0.body_is_truncated)
    }

    fn body_failure(&mut self, response: Resource<Response>) -> wasmtime::Result<Option<types::Failure>> {
        self.call(0)?;
        Ok(self.get(&response)?.0.body_failure.clone().map(Into::into))
    }

    fn trailers(&mut self, response: Resource<Response>) -> wasmtime::Result<Vec<(String, Vec<u8>)>> {
        let trailers = owned(&self.get(&response)?.0.trailers);
        self.call(
            trailers
                .iter()
                .map(|(name, value)| name.len() + value.len())
                .sum(),
        )?;
        Ok(trailers)
    }

    fn redirect(
        &mut self,
        response: Resource<Response>,
    ) -> wasmtime::Result<Result<Option<String>, types::Failure>> {
        let redirect = self.get(&response)?.0.redirect.clone();
        let url = redirect.as_ref().ok().and_then(Option::as_ref);
        self.call(url.map_or(0, String::len))?;
        Ok(redirect.map_err(Into::into))
    }

    fn drop(&mut self, response: Resource<Response>) -> wasmtime::Result<()> {
        self.take(response).map(drop)
    }
}
