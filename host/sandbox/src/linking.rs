//! Which function of which interface is whose: the linking table.
//!
//! One line a function. Whatever stands here is linked under its WIT name, charged and answered by the trait method on
//! the right, and takes part in transcripts (`tape`).
//!
//! Each line is linked twice: for `netsonde:probe`, and for its plain twin `netsonde:plain`, in which `async` is `func` and
//! all else the same.
//!
//! **Adding a function.** Write it in `wit/` (and `NETSONDE_WRITE_WIT=1 cargo test -p netsonde-guest-build` for the twin).
//! Implement it in `host/`: an `async func` as a function over a [`Reach`](crate::reach::Reach), all else as the method
//! that `bindgen!` then asks for. Add a line to the interface below:
//!
//! ```text
//! sync  "[method]dns-options.udp-resolver"(options, endpoint) = types::HostDnsOptions::udp_resolver;
//! async "lookup"(transaction, domain, options) = dns::lookup;
//! drop  "dns-answer"(answer) = types::HostDnsAnswer::drop;
//! ```
//!
//! `sync` is a WIT `func`, `async` an `async func`, `drop` a resource. The names in parentheses are what transcripts
//! call the arguments, the handle of a method first. Records, variants and enums that are new need a line in
//! `wire.rs`, so that transcripts can hold them.
//!
//! **Adding an interface.** Write a table for it here and name it in [`interface`]; the compiler asks for the rest. The
//! tests below name each function that is in `wit/` and not here, and the other way round.

mod table;

use wasmtime::component::Linker;

use self::table::{Flavour, Linked, Table};
use crate::bindings::{info, progress, tls, types};
use crate::capability::Capability;
use crate::host;
use crate::manifest::Manifest;
use crate::replay::Replaying;
use crate::state::State;

/// Make a function that adds each line to a [`Table`].
macro_rules! interface {
    ($name:ident { $($kind:ident $wit:literal($($arg:ident),*) = $($method:ident)::+;)* }) => {
        fn $name(table: &mut Table<'_, '_>) -> wasmtime::Result<()> {
            $(line!(table, $kind $wit ($($arg),*) $($method)::+);)*
            Ok(())
        }
    };
}

macro_rules! line {
    ($table:ident, sync $wit:literal ($($arg:ident),*) $module:ident::$trait:ident::$method:ident) => {
        $table.sync($wit, &[$(stringify!($arg)),*], |state, ($($arg,)*)| {
            <State as $module::$trait>::$method(state, $($arg),*)
        })?
    };
    ($table:ident, async $wit:literal ($($arg:ident),*) $module:ident::$method:ident) => {
        $table.waiting($wit, &[$(stringify!($arg)),*], |reach, ($($arg,)*)| {
            Box::pin(host::$module::$method(reach, $($arg),*))
        })?
    };
    ($table:ident, drop $wit:literal ($handle:ident) $module:ident::$trait:ident::$method:ident) => {
        $table.resource(
            $wit,
            concat!("[drop]", $wit),
            &[stringify!($handle)],
            <State as $module::$trait>::$method,
        )?
    };
}

interface! { types {
    drop "transaction"(transaction) = types::HostTransaction::drop;
    sync "[method]transaction.id"(transaction) = types::HostTransaction::id;
    sync "[method]transaction.icmp-errors"(transaction) = types::HostTransaction::icmp_errors;
    sync "begin"(tags, id) = types::Host::begin;

    drop "connection"(connection) = types::HostConnection::drop;
    sync "[method]connection.remote"(connection) = types::HostConnection::remote;
    sync "[method]connection.alpn"(connection) = types::HostConnection::alpn;
    sync "[method]connection.peer-certificates"(connection) = types::HostConnection::peer_certificates;
    sync "[method]connection.tls-version"(connection) = types::HostConnection::tls_version;
    sync "[method]connection.cipher-suite"(connection) = types::HostConnection::cipher_suite;
    sync "[method]connection.ech-accepted"(connection) = types::HostConnection::ech_accepted;

    drop "handshake-failure"(failed) = types::HostHandshakeFailure::drop;
    sync "[method]handshake-failure.failure"(failed) = types::HostHandshakeFailure::failure;
    sync "[method]handshake-failure.peer-certificates"(failed) = types::HostHandshakeFailure::peer_certificates;
    sync "[method]handshake-failure.ech-retry-configs"(failed) = types::HostHandshakeFailure::ech_retry_configs;

    drop "tls-session"(session) = types::HostTlsSession::drop;
    sync "[method]tls-session.receive"(session, bytes) = types::HostTlsSession::receive;
    sync "[method]tls-session.outgoing"(session) = types::HostTlsSession::outgoing;
    sync "[method]tls-session.is-handshaking"(session) = types::HostTlsSession::is_handshaking;
    sync "[method]tls-session.write"(session, plaintext) = types::HostTlsSession::write;
    sync "[method]tls-session.read"(session, max) = types::HostTlsSession::read;
    sync "[method]tls-session.close"(session) = types::HostTlsSession::close;
    sync "[method]tls-session.alpn"(session) = types::HostTlsSession::alpn;
    sync "[method]tls-session.peer-certificates"(session) = types::HostTlsSession::peer_certificates;
    sync "[method]tls-session.ech-retry-configs"(session) = types::HostTlsSession::ech_retry_configs;

    sync "[method]connection.icmp-errors"(connection) = types::HostConnection::icmp_errors;

    drop "icmp-error"(error) = types::HostIcmpError::drop;
    sync "[method]icmp-error.name"(error) = types::HostIcmpError::name;
    sync "[method]icmp-error.type-and-code"(error) = types::HostIcmpError::type_and_code;
    sync "[method]icmp-error.failure"(error) = types::HostIcmpError::failure;
    sync "[method]icmp-error.router"(error) = types::HostIcmpError::router;
    sync "[method]icmp-error.endpoint"(error) = types::HostIcmpError::endpoint;
    sync "[method]icmp-error.ttl"(error) = types::HostIcmpError::ttl;
    sync "[method]icmp-error.datagram"(error) = types::HostIcmpError::datagram;
    sync "[method]icmp-error.time"(error) = types::HostIcmpError::time;

    drop "tcp-options"(options) = types::HostTcpOptions::drop;
    sync "[constructor]tcp-options"() = types::HostTcpOptions::new;
    sync "[method]tcp-options.timeout-ms"(options, milliseconds) = types::HostTcpOptions::timeout_ms;
    sync "[method]tcp-options.ttl"(options, ttl) = types::HostTcpOptions::ttl;

    drop "udp-options"(options) = types::HostUdpOptions::drop;
    sync "[constructor]udp-options"() = types::HostUdpOptions::new;
    sync "[method]udp-options.ipv6"(options) = types::HostUdpOptions::ipv6;
    drop "udp-socket"(socket) = types::HostUdpSocket::drop;
    drop "udp-received"(received) = types::HostUdpReceived::drop;
    sync "[method]udp-received.datagram"(received) = types::HostUdpReceived::datagram;
    sync "[method]udp-received.icmp-error"(received) = types::HostUdpReceived::icmp_error;
    drop "datagram"(datagram) = types::HostDatagram::drop;
    sync "[method]datagram.source"(datagram) = types::HostDatagram::source;
    sync "[method]datagram.bytes"(datagram) = types::HostDatagram::bytes;
    sync "[method]datagram.ttl"(datagram) = types::HostDatagram::ttl;

    drop "dns-options"(options) = types::HostDnsOptions::drop;
    sync "[constructor]dns-options"() = types::HostDnsOptions::new;
    sync "[method]dns-options.udp-resolver"(options, endpoint) = types::HostDnsOptions::udp_resolver;
    sync "[method]dns-options.tcp-resolver"(options, endpoint) = types::HostDnsOptions::tcp_resolver;
    sync "[method]dns-options.dot-resolver"(options, endpoint, name) = types::HostDnsOptions::dot_resolver;
    sync "[method]dns-options.doh-resolver"(options, endpoint, url) = types::HostDnsOptions::doh_resolver;
    sync "[method]dns-options.doh3-resolver"(options, endpoint, url) = types::HostDnsOptions::doh3_resolver;
    sync "[method]dns-options.doq-resolver"(options, endpoint, name) = types::HostDnsOptions::doq_resolver;
    sync "[method]dns-options.query-types"(options, types) = types::HostDnsOptions::query_types;
    sync "[method]dns-options.timeout-ms"(options, milliseconds) = types::HostDnsOptions::timeout_ms;
    sync "[method]dns-options.collect-ms"(options, milliseconds) = types::HostDnsOptions::collect_ms;
    sync "[method]dns-options.listen-ms"(options, milliseconds) = types::HostDnsOptions::listen_ms;
    sync "[method]dns-options.tls"(options, tls) = types::HostDnsOptions::tls;
    sync "[method]dns-options.header"(options, name, value) = types::HostDnsOptions::header;

    drop "dns-answer"(answer) = types::HostDnsAnswer::drop;
    sync "[method]dns-answer.failure"(answer) = types::HostDnsAnswer::failure;
    sync "[method]dns-answer.addresses"(answer) = types::HostDnsAnswer::addresses;
    sync "[method]dns-answer.cname"(answer) = types::HostDnsAnswer::cname;
    sync "[method]dns-answer.getaddrinfo-error"(answer) = types::HostDnsAnswer::getaddrinfo_error;
    sync "[method]dns-answer.raw-responses"(answer) = types::HostDnsAnswer::raw_responses;
    sync "[method]dns-answer.replies"(answer) = types::HostDnsAnswer::replies;

    drop "dns-reply"(reply) = types::HostDnsReply::drop;
    sync "[method]dns-reply.query-type"(reply) = types::HostDnsReply::query_type;
    sync "[method]dns-reply.failure"(reply) = types::HostDnsReply::failure;
    sync "[method]dns-reply.rcode"(reply) = types::HostDnsReply::rcode;
    sync "[method]dns-reply.is-truncated"(reply) = types::HostDnsReply::is_truncated;
    sync "[method]dns-reply.raw"(reply) = types::HostDnsReply::raw;
    sync "[method]dns-reply.records"(reply) = types::HostDnsReply::records;
    sync "[method]dns-reply.cname-chain"(reply) = types::HostDnsReply::cname_chain;
    sync "[method]dns-reply.services"(reply) = types::HostDnsReply::services;
    sync "[method]dns-reply.is-late"(reply) = types::HostDnsReply::is_late;
    sync "[method]dns-reply.source"(reply) = types::HostDnsReply::source;
    sync "[method]dns-reply.at"(reply) = types::HostDnsReply::at;

    drop "tls-options"(options) = types::HostTlsOptions::drop;
    sync "[constructor]tls-options"() = types::HostTlsOptions::new;
    sync "[method]tls-options.server-name"(options, name) = types::HostTlsOptions::server_name;
    sync "[method]tls-options.no-sni"(options) = types::HostTlsOptions::no_sni;
    sync "[method]tls-options.sni"(options, name) = types::HostTlsOptions::sni;
    sync "[method]tls-options.versions"(options, oldest, newest) = types::HostTlsOptions::versions;
    sync "[method]tls-options.groups"(options, names) = types::HostTlsOptions::groups;
    sync "[method]tls-options.alpn"(options, protocols) = types::HostTlsOptions::alpn;
    sync "[method]tls-options.roots-pem"(options, pem) = types::HostTlsOptions::roots_pem;
    sync "[method]tls-options.extra-roots-pem"(options, pem) = types::HostTlsOptions::extra_roots_pem;
    sync "[method]tls-options.no-verify"(options) = types::HostTlsOptions::no_verify;
    sync "[method]tls-options.client-certificate"(options, certificates_pem, key_pem) = types::HostTlsOptions::client_certificate;
    sync "[method]tls-options.ech-grease"(options) = types::HostTlsOptions::ech_grease;
    sync "[method]tls-options.ech-made-up"(options) = types::HostTlsOptions::ech_made_up;
    sync "[method]tls-options.ech-configs"(options, config_list) = types::HostTlsOptions::ech_configs;
    sync "[method]tls-options.split-hello"(options, after_bytes) = types::HostTlsOptions::split_hello;
    sync "[method]tls-options.backend"(options, name) = types::HostTlsOptions::backend;
    sync "[method]tls-options.quic-versions"(options, versions) = types::HostTlsOptions::quic_versions;
    sync "[method]tls-options.timeout-ms"(options, milliseconds) = types::HostTlsOptions::timeout_ms;

    drop "http-request"(request) = types::HostHttpRequest::drop;
    sync "[constructor]http-request"(method, url) = types::HostHttpRequest::new;
    sync "[method]http-request.header"(request, name, value) = types::HostHttpRequest::header;
    sync "[method]http-request.raw-head"(request, head) = types::HostHttpRequest::raw_head;
    sync "[method]http-request.pseudo-header"(request, name, value) = types::HostHttpRequest::pseudo_header;
    sync "[method]http-request.body"(request, body) = types::HostHttpRequest::body;
    sync "[method]http-request.body-snapshot-limit"(request, bytes) = types::HostHttpRequest::body_snapshot_limit;
    sync "[method]http-request.timeout-ms"(request, milliseconds) = types::HostHttpRequest::timeout_ms;
    sync "[method]http-request.redirects-left"(request, count) = types::HostHttpRequest::redirects_left;

    drop "http-response"(response) = types::HostHttpResponse::drop;
    sync "[method]http-response.status"(response) = types::HostHttpResponse::status;
    sync "[method]http-response.status-line"(response) = types::HostHttpResponse::status_line;
    sync "[method]http-response.headers"(response) = types::HostHttpResponse::headers;
    sync "[method]http-response.header"(response, name) = types::HostHttpResponse::header;
    sync "[method]http-response.body"(response) = types::HostHttpResponse::body;
    sync "[method]http-response.body-is-truncated"(response) = types::HostHttpResponse::body_is_truncated;
    sync "[method]http-response.body-failure"(response) = types::HostHttpResponse::body_failure;
    sync "[method]http-response.trailers"(response) = types::HostHttpResponse::trailers;
    sync "[method]http-response.redirect"(response) = types::HostHttpResponse::redirect;
} }

interface! { dns {
    async "lookup"(transaction, domain, options) = dns::lookup;
    async "ask"(transaction, domain, options) = dns::ask;
} }

interface! { tcp {
    async "connect"(transaction, endpoint, options) = tcp::connect;
    async "read"(connection, max, timeout_ms) = tcp::read;
    async "write"(connection, bytes, timeout_ms) = tcp::write;
    async "set-ttl"(connection, ttl) = tcp::set_ttl;
} }

interface! { udp {
    async "open"(transaction, options) = udp::open;
    async "send"(socket, endpoint, bytes, ttl) = udp::send;
    async "receive"(socket, timeout_ms) = udp::receive;
} }

interface! { tls {
    async "handshake"(transaction, connection, options) = tls::handshake;
    sync "start-session"(transaction, options, network, endpoint) = tls::Host::start_session;
} }

interface! { quic {
    async "handshake"(transaction, endpoint, options) = quic::handshake;
} }

interface! { http {
    async "round-trip"(transaction, connection, request) = http::round_trip;
} }

interface! { mini {
    async "run"(requests, parallelism) = mini::run;
} }

interface! { helper {
    async "ask"(kind, request, timeout_ms) = helper::ask;
} }

interface! { info {
    sync "annotations"() = info::Host::annotations;
    sync "feature-flag"(name) = info::Host::feature_flag;
    sync "test-helpers"(kind) = info::Host::test_helpers;
    sync "is-bogon"(address) = info::Host::is_bogon;
    sync "domain-to-ascii"(domain) = info::Host::domain_to_ascii;
    sync "public-suffix"(domain) = info::Host::public_suffix;
    sync "ip-to-asn"(address) = info::Host::ip_to_asn;
    sync "resolver-address"() = info::Host::resolver_address;
    sync "configured-resolvers"() = info::Host::configured_resolvers;
    sync "software"() = info::Host::software;
    sync "now"() = info::Host::now;
    sync "unix-time"() = info::Host::unix_time;
    async "sleep"(milliseconds) = info::sleep;
    sync "random-bytes"(count) = info::Host::random_bytes;
} }

interface! { progress {
    sync "report"(fraction, message) = progress::Host::report;
    sync "log"(level, message) = progress::Host::log;
} }

interface! { cache {
    async "get"(key) = cache::get;
    async "set"(key, value) = cache::set;
    async "remove"(key) = cache::remove;
    async "keys"() = cache::keys;
} }

/// The packages, without their version.
const FLAVOURS: [(&str, Flavour); 2] = [
    ("netsonde:probe", Flavour::Probe),
    ("netsonde:plain", Flavour::Plain),
];

type Lines = fn(&mut Table<'_, '_>) -> wasmtime::Result<()>;

/// The table of an interface.
fn interface(capability: Capability) -> Lines {
    match capability {
        Capability::Dns => dns,
        Capability::Tcp => tcp,
        Capability::Udp => udp,
        Capability::Tls => tls,
        Capability::Quic => quic,
        Capability::Http => http,
        Capability::Mini => mini,
        Capability::Helper => helper,
        Capability::Info => info,
        Capability::Progress => progress,
        Capability::Cache => cache,
    }
}

/// `types`, and the interfaces that the manifest asks for.
fn interfaces(manifest: &Manifest) -> impl Iterator<Item = (&'static str, Lines)> {
    let asked = manifest.capabilities.keys();
    let asked = asked.map(|&capability| (capability.as_str(), interface(capability)));
    std::iter::once(("types", types as Lines)).chain(asked)
}

/// Every name that what the manifest asks for goes by.
fn instances(manifest: &Manifest) -> impl Iterator<Item = (String, &'static str, Flavour, Lines)> {
    interfaces(manifest).flat_map(|(name, lines)| {
        FLAVOURS.map(|(package, flavour)| (format!("{package}/{name}@0.1.0"), name, flavour, lines))
    })
}

/// Link what the manifest asks for, to measure.
pub(crate) fn live(linker: &mut Linker<State>, manifest: &Manifest) -> wasmtime::Result<()> {
    for (instance, name, flavour, lines) in instances(manifest) {
        let mut instance = linker.instance(&instance)?;
        lines(&mut Table::new(name, flavour, Linked::Live(&mut instance)))?;
    }
    Ok(())
}

/// Link what the manifest asks for, to replay.
pub(crate) fn replay(linker: &mut Linker<Replaying>, manifest: &Manifest) -> wasmtime::Result<()> {
    for (instance, name, flavour, lines) in instances(manifest) {
        let mut instance = linker.instance(&instance)?;
        lines(&mut Table::new(name, flavour, Linked::Replay(&mut instance)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
