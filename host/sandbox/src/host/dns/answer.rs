//! What a guest is told of a lookup.

use std::sync::Arc;

use netsonde_net::dns::{Data, Record, Service};
use wasmtime::component::Resource;

use crate::bindings::types;
use crate::host::types::size;
use crate::state::State;

/// What a lookup answered.
pub type Answer = Arc<netsonde_net::dns::Answer>;

/// One of its replies.
#[derive(Clone)]
pub struct Reply(Answer, usize);

impl Reply {
    fn get(&self) -> wasmtime::Result<&netsonde_net::dns::Reply> {
        let reply = self.0.replies.get(self.1);
        reply.ok_or_else(|| wasmtime::Error::msg("a DNS answer has fewer replies than handles"))
    }

    fn records(&self) -> wasmtime::Result<&[Record]> {
        let response = self.get()?.response.as_ref();
        Ok(response.map_or(&[], |response| response.records.as_slice()))
    }
}

impl types::HostDnsAnswer for State {
    fn failure(&mut self, answer: Resource<Answer>) -> wasmtime::Result<Option<types::Failure>> {
        let failure = self.get(&answer)?.failure.clone();
        self.call(failure.as_ref().map_or(0, |failure| failure.detail.len()))?;
        Ok(failure.map(Into::into))
    }

    fn addresses(&mut self, answer: Resource<Answer>) -> wasmtime::Result<Vec<String>> {
        let addresses = self.get(&answer)?.addresses.iter();
        let addresses: Vec<_> = addresses.map(ToString::to_string).collect();
        self.call(size(&addresses))?;
        Ok(addresses)
    }

    fn cname(&mut self, answer: Resource<Answer>) -> wasmtime::Result<Option<String>> {
        let cname = self.get(&answer)?.cname.clone();
        self.call(cname.as_deref().map_or(0, str::len))?;
        Ok(cname)
    }

    fn getaddrinfo_error(&mut self, answer: Resource<Answer>) -> wasmtime::Result<i32> {
        self.call(0)?;
        Ok(self.get(&answer)?.getaddrinfo_error)
    }

    fn raw_responses(&mut self, answer: Resource<Answer>) -> wasmtime::Result<Vec<Vec<u8>>> {
        let responses = self.get(&answer)?.raw_responses();
        let responses: Vec<_> = responses.map(|raw| raw.to_vec()).collect();
        self.call(size(&responses))?;
        Ok(responses)
    }

    fn replies(&mut self, answer: Resource<Answer>) -> wasmtime::Result<Vec<Resource<Reply>>> {
        self.call(0)?;
        let answer = self.get(&answer)?.clone();
        let replies = (0..answer.replies.len()).map(|index| self.push(Reply(answer.clone(), index)));
        replies.collect()
    }

    fn drop(&mut self, answer: Resource<Answer>) -> wasmtime::Result<()> {
        self.take(answer).map(drop)
    }
}

impl types::HostDnsReply for State {
    fn query_type(&mut self, reply: Resource<Reply>) -> wasmtime::Result<String> {
        let query_type = self.get(&reply)?.get()?.query_type.to_string();
        self.call(query_type.len())?;
        Ok(query_type)
    }

    fn failure(&mut self, reply: Resource<Reply>) -> wasmtime::Result<Option<types::Failure>> {
        let failure = self.get(&reply)?.get()?.failure.clone();
        self.call(failure.as_ref().map_or(0, |failure| failure.detail.len()))?;
        Ok(failure.map(Into::into))
    }

    fn rcode(&mut self, reply: Resource<Reply>) -> wasmtime::Result<Option<u16>> {
        self.call(0)?;
        let response = self.get(&reply)?.get()?.response.as_ref();
        Ok(response.map(|response| response.rcode))
    }

    fn is_truncated(&mut self, reply: Resource<Reply>) -> wasmtime::Result<bool> {
        self.call(0)?;
        let response = self.get(&reply)?.get()?.response.as_ref();
        Ok(response.is_some_and(|response| response.is_truncated))
    }

    fn raw(&mut self, reply: Resource<Reply>) -> wasmtime::Result<Vec<u8>> {
        let raw = self.get(&reply)?.get()?.raw.clone().unwrap_or_default();
        self.call(raw.len())?;
        Ok(raw.into())
    }

    fn records(&mut self, reply: Resource<Reply>) -> wasmtime::Result<Vec<types::DnsRecord>> {
        let records = self.get(&reply)?.records()?.iter();
        let records: Vec<_> = records.map(types::DnsRecord::from).collect();
        self.call(records.iter().map(record_size).sum())?;
        Ok(records)
    }

    fn cname_chain(&mut self, reply: Resource<Reply>) -> wasmtime::Result<Vec<String>> {
        let response = self.get(&reply)?.get()?.response.as_ref();
        let chain = response
            .into_iter()
            .flat_map(netsonde_net::dns::wire::Response::cname_chain);
        let chain: Vec<_> = chain.map(ToOwned::to_owned).collect();
        self.call(size(&chain))?;
        Ok(chain)
    }

    fn services(&mut self, reply: Resource<Reply>) -> wasmtime::Result<Vec<types::SvcParams>> {
        let records = self.get(&reply)?.records()?.iter();
        let services = records.filter_map(|record| match &record.data {
            Data::Service(service) => Some((service, record.rdata.len())),
            _ => None,
        });
        let (services, sizes): (Vec<_>, Vec<_>) = services
            .map(|(service, size)| (types::SvcParams::from(service.as_ref()), size))
            .unzip();
        self.call(sizes.into_iter().sum())?;
        Ok(services)
    }

    fn is_late(&mut self, reply: Resource<Reply>) -> wasmtime::Result<bool> {
        self.call(0)?;
        Ok(self.get(&reply)?.get()?.is_late)
    }

    fn source(&mut self, reply: Resource<Reply>) -> wasmtime::Result<Option<String>> {
        let source = self.get(&reply)?.get()?.source.map(|source| source.to_string());
        self.call(source.as_deref().map_or(0, str::len))?;
        Ok(source)
    }

    fn at(&mut self, reply: Resource<Reply>) -> wasmtime::Result<u64> {
        self.call(0)?;
        let t = self.get(&reply)?.get()?.t;
        Ok(u64::try_from(t.as_nanos()).unwrap_or(u64::MAX))
    }

    fn drop(&mut self, reply: Resource<Reply>) -> wasmtime::Result<()> {
        self.take(reply).map(drop)
    }
}

fn record_size(record: &types::DnsRecord) -> usize {
    record.name.len() + record.data.len() + record.rdata.len()
}

impl From<&Record> for types::DnsRecord {
    fn from(record: &Record) -> Self {
        Self {
            name: record.name.clone(),
            record_type: record.kind.to_string(),
            ttl: record.ttl,
            data: record.presentation.clone(),
            rdata: record.rdata.to_vec(),
        }
    }
}

impl From<&Service> for types::SvcParams {
    fn from(service: &Service) -> Self {
        Self {
            priority: service.priority,
            target: service.target.clone(),
            alpn: service.alpn.clone(),
            port: service.port,
            ipv4_hints: service.ipv4_hints.iter().map(ToString::to_string).collect(),
            ipv6_hints: service.ipv6_hints.iter().map(ToString::to_string).collect(),
            ech: service.ech.clone(),
            others: service.others.clone(),
        }
    }
}
