//! Connections: one address after the other, IPv4 first, until one can be connected to.

use netsonde_guest::steps::{connect, endpoint};
use netsonde_guest::{Connection, Failure, TlsOptions, Transaction, Url, begin, first_success, quic, tls};

use crate::options::Options;
use crate::resolve::Resolver;
use crate::{during, unknown};

/// What the usual TLS library no longer speaks.
const OLD_VERSIONS: [&str; 3] = ["TLSv1", "TLSv1.0", "TLSv1.1"];

/// Speak this version of TLS only, whatever that takes; the usual ones where it is empty.
pub(crate) fn pin_version(options: &TlsOptions, version: &str) {
    if !version.is_empty() {
        options.versions(version, version);
    }
    if OLD_VERSIONS.contains(&version) {
        options.backend("boringssl");
    }
}

/// How to get to a host.
pub(crate) struct Dialer<'a> {
    /// Whom to ask for its addresses.
    pub(crate) resolver: Resolver,
    /// What to do differently.
    pub(crate) options: &'a Options,
}

impl Dialer<'_> {
    /// Connect to the host and the port of the URL. Everything on this connection is part of one transaction.
    pub(crate) async fn connect(&self, url: &Url) -> Result<(Transaction, Connection), Failure> {
        self.first(url, "connect", connect).await
    }

    /// Shake hands with the host and the port of the URL over QUIC.
    pub(crate) async fn quic_handshake(&self, url: &Url) -> Result<(Transaction, Connection), Failure> {
        let options = self.tls_options(url, &["h3"]);
        let shake = async |transaction: &Transaction, address: &str, port| {
            Ok(quic::handshake(transaction, endpoint(address, port), &options).await?)
        };
        self.first(url, "quic_handshake", shake).await
    }

    /// The first address of the host with which a step succeeds.
    async fn first(
        &self,
        url: &Url,
        operation: &'static str,
        step: impl AsyncFn(&Transaction, &str, u16) -> Result<Connection, Failure>,
    ) -> Result<(Transaction, Connection), Failure> {
        let port = url
            .port_or_default()
            .ok_or_else(|| unknown("missing port in address"))?;
        let mut failures = Vec::new();
        for address in self.resolver.lookup(&url.host).await? {
            let transaction = begin(&[], None);
            match step(&transaction, &address, port).await {
                Ok(connection) => return Ok((transaction, connection)),
                Err(failure) => failures.push(Err(failure)),
            }
        }
        let failed = first_success(failures).unwrap_or_else(|| Err(unknown("the host has no address")));
        failed.map_err(during(operation))
    }

    /// Connect, and shake hands.
    pub(crate) async fn handshake(&self, url: &Url) -> Result<(Transaction, Connection), Failure> {
        let (transaction, connection) = self.connect(url).await?;
        let options = self.tls_options(url, &["h2", "http/1.1"]);
        pin_version(&options, &self.options.tls_version);
        let connection = tls::handshake(&transaction, connection, &options)
            .await
            .map_err(|failed| during("tls_handshake")(failed.into()))?;
        Ok((transaction, connection))
    }

    fn tls_options(&self, url: &Url, alpn: &[&str]) -> TlsOptions {
        let options = TlsOptions::new();
        let own_name = &self.options.tls_server_name;
        options.server_name(if own_name.is_empty() { &url.host } else { own_name });
        options.alpn(
            &alpn
                .iter()
                .map(|&protocol| protocol.to_owned())
                .collect::<Vec<_>>(),
        );
        if self.options.no_tls_verify {
            options.no_verify();
        }
        options
    }
}
