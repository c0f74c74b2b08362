//! How a guest wants a name looked up.

use std::time::Duration;

use netsonde_data::failure::Operation;
use netsonde_net::NetError;
use netsonde_net::dns::{LookupOptions, QueryType, Resolver};
use netsonde_net::tls::HandshakeOptions;
use wasmtime::component::Resource;

use crate::bindings::types;
use crate::host::tls;
use crate::host::types::{endpoint, held, invalid, size};
use crate::ledger::Charge;
use crate::state::State;

/// What a guest has set, and what that holds.
pub struct Options(Settings, Charge);

/// What a guest has set; looked at when it is used.
#[derive(Clone, Default)]
pub(super) struct Settings {
    resolver: Named,
    query_types: Option<Vec<String>>,
    timeout: Option<Duration>,
    collect: Option<Duration>,
    listen: Option<Duration>,
    tls: Option<HandshakeOptions>,
    headers: Vec<(String, String)>,
}

/// A resolver in the guest's words: its endpoint, and its name or URL.
#[derive(Clone, Default)]
enum Named {
    #[default]
    System,
    Udp(String),
    Tcp(String),
    Dot(String, String),
    Doh(String, String),
    Doh3(String, String),
    Doq(String, String),
}

impl Named {
    fn parse(self, doing: &str) -> Result<Resolver, NetError> {
        let endpoint = |text: &str| {
            let doing = format!("{doing} with resolver `{text}`");
            endpoint(text, Operation::Resolve, &doing)
        };
        Ok(match self {
            Self::System => Resolver::System,
            Self::Udp(to) => Resolver::Udp(endpoint(&to)?),
            Self::Tcp(to) => Resolver::Tcp(endpoint(&to)?),
            Self::Dot(to, name) => Resolver::Dot {
                endpoint: endpoint(&to)?,
                name,
            },
            Self::Doh(to, url) => Resolver::Doh {
                endpoint: endpoint(&to)?,
                url,
            },
            Self::Doh3(to, url) => Resolver::Doh3 {
                endpoint: endpoint(&to)?,
                url,
            },
            Self::Doq(to, name) => Resolver::Doq {
                endpoint: endpoint(&to)?,
                name,
            },
        })
    }
}

impl Settings {
    /// How many queries are asked for, at least one.
    pub(super) fn queries(&self) -> usize {
        // A and AAAA, if nothing is said.
        self.query_types.as_ref().map_or(2, Vec::len).max(1)
    }

    pub(super) fn parse(self, doing: &str) -> Result<LookupOptions, NetError> {
        let mut options = LookupOptions {
            resolver: self.resolver.parse(doing)?,
            timeout: self.timeout,
            collect: self.collect,
            listen: self.listen,
            tls: self.tls,
            headers: self.headers,
            ..LookupOptions::default()
        };
        if let Some(types) = self.query_types {
            let parse = |name: &String| {
                let parsed = name.parse::<QueryType>();
                parsed.map_err(|error| invalid(Operation::Resolve, doing, &error.to_string()))
            };
            options.query_types = types.iter().map(parse).collect::<Result<_, _>>()?;
        }
        Ok(options)
    }
}

impl Options {
    pub(super) fn settings(&self) -> Settings {
        self.0.clone()
    }

    /// How many bytes it holds.
    pub(super) fn held(&self) -> usize {
        self.1.bytes()
    }
}

impl State {
    /// Change what a guest has set, by texts that it brought.
    fn set_dns<const N: usize>(
        &mut self,
        options: &Resource<Options>,
        texts: [String; N],
        set: impl FnOnce(&mut Settings, [String; N]),
    ) -> wasmtime::Result<()> {
        self.call(size(&texts))?;
        let options = self.get_mut(options)?;
        options.1.grow(held(&texts))?;
        set(&mut options.0, texts);
        Ok(())
    }
}

impl types::HostDnsOptions for State {
    fn new(&mut self) -> wasmtime::Result<Resource<Options>> {
        self.call(0)?;
        let charge = self.charge(0)?;
        self.push(Options(Settings::default(), charge))
    }

    fn udp_resolver(&mut self, options: Resource<Options>, endpoint: String) -> wasmtime::Result<()> {
        self.set_dns(&options, [endpoint], |settings, [endpoint]| {
            settings.resolver = Named::Udp(endpoint);
        })
    }

    fn tcp_resolver(&mut self, options: Resource<Options>, endpoint: String) -> wasmtime::Result<()> {
        self.set_dns(&options, [endpoint], |settings, [endpoint]| {
            settings.resolver = Named::Tcp(endpoint);
        })
    }

    fn dot_resolver(
        &mut self,
        options: Resource<Options>,
        endpoint: String,
        name: String,
    ) -> wasmtime::Result<()> {
        self.set_dns(&options, [endpoint, name], |settings, [endpoint, name]| {
            settings.resolver = Named::Dot(endpoint, name);
        })
    }

    fn doh_resolver(
        &mut self,
        options: Resource<Options>,
        endpoint: String,
        url: String,
    ) -> wasmtime::Result<()> {
        self.set_dns(&options, [endpoint, url], |settings, [endpoint, url]| {
            settings.resolver = Named::Doh(endpoint, url);
        })
    }

    fn doh3_resolver(
        &mut self,
        options: Resource<Options>,
        endpoint: String,
        url: String,
    ) -> wasmtime::Result<()> {
        self.set_dns(&options, [endpoint, url], |settings, [endpoint, url]| {
            settings.resolver = Named::Doh3(endpoint, url);
        })
    }

    fn doq_resolver(
        &mut self,
        options: Resource<Options>,
        endpoint: String,
        name: String,
    ) -> wasmtime::Result<()> {
        self.set_dns(&options, [endpoint, name], |settings, [endpoint, name]| {
            settings.resolver = Named::Doq(endpoint, name);
        })
    }

    fn query_types(&mut self, options: Resource<Options>, types: Vec<String>) -> wasmtime::Result<()> {
        self.call(size(&types))?;
        let options = self.get_mut(&options)?;
        options.1.grow(held(&types))?;
        options.0.query_types = Some(types);
        Ok(())
    }

    fn timeout_ms(&mut self, options: Resource<Options>, milliseconds: u32) -> wasmtime::Result<()> {
        self.call(0)?;
        self.get_mut(&options)?.0.timeout = Some(Duration::from_millis(milliseconds.into()));
        Ok(())
    }

    fn collect_ms(&mut self, options: Resource<Options>, milliseconds: u32) -> wasmtime::Result<()> {
        self.call(0)?;
        self.get_mut(&options)?.0.collect = Some(Duration::from_millis(milliseconds.into()));
        Ok(())
    }

    fn listen_ms(&mut self, options: Resource<Options>, milliseconds: u32) -> wasmtime::Result<()> {
        self.call(0)?;
        self.get_mut(&options)?.0.listen = Some(Duration::from_millis(milliseconds.into()));
        Ok(())
    }

    fn tls(&mut self, options: Resource<Options>, tls: Resource<tls::Options>) -> wasmtime::Result<()> {
        self.call(0)?;
        let tls = self.get(&tls)?;
        let (handshake, bytes) = (tls.settings(), tls.held());
        let options = self.get_mut(&options)?;
        options.1.grow(bytes)?;
        options.0.tls = Some(handshake);
        Ok(())
    }

    fn header(&mut self, options: Resource<Options>, name: String, value: String) -> wasmtime::Result<()> {
        self.set_dns(&options, [name, value], |settings, [name, value]| {
            settings.headers.push((name, value));
        })
    }

    fn drop(&mut self, options: Resource<Options>) -> wasmtime::Result<()> {
        self.take(options).map(drop)
    }
}
