//! Write netsonde nettests and mini nettests in Rust.
//!
//! A guest is a crate with a `nettest.toml` and one short file. It implements [`Nettest`] or [`MiniNettest`] and
//! exports it:
//!
//! ```
//! use netsonde_guest::{DnsOptions, Failure, Json, MiniNettest, Steps, dns, export_mini_nettest, json};
//!
//! pub struct DnsLookup;
//!
//! #[derive(serde::Deserialize)]
//! pub struct With {
//!     domain: String,
//! }
//!
//! impl MiniNettest for DnsLookup {
//!     type With = With;
//!
//!     async fn run(with: With, steps: &Steps) -> Result<Json, Failure> {
//!         let answer = dns::lookup(&steps.begin(), with.domain, &DnsOptions::new()).await?;
//!         Ok(json!({ "addresses": answer.addresses() }))
//!     }
//! }
//!
//! export_mini_nettest!(DnsLookup);
//! # fn main() {}
//! ```
//!
//! The primitives are the contract's own (`wit/`): [`dns`], [`tcp`], [`udp`], [`tls`], [`quic`], [`http`], [`mini`], [`helper`], [`info`],
//! [`progress`], [`cache`], and the resources [`Transaction`], [`Connection`] and so on. Around them stands what several guests
//! need: [`steps`] for step lists, [`messaging`] for nettests that run mini nettests, [`observations`] and [`attempts`] for
//! `reduce`, [`resolver`], [`Url`].
//!
//! A guest compiles natively too, so that its pure parts can be tested with `cargo test`; calling a primitive there
//! panics.

pub mod attempts;
#[expect(clippy::pedantic, reason = "generated code")]
#[doc(hidden)]
pub mod bindings;
mod failure;
mod gather;
mod guest;
pub mod messaging;
pub mod observations;
pub mod resolver;
pub mod steps;
mod target;
mod url;

pub use bindings::nettest::netsonde::probe::types::{
    Connection, Datagram, DnsAnswer, DnsOptions, DnsRecord, DnsReply, Failure, HandshakeFailure, HttpRequest,
    HttpResponse, IcmpError, MiniRequest, MiniStatus, Outcome, SvcParams, TcpOptions, TlsOptions, TlsSession,
    Transaction, UdpOptions, UdpReceived, UdpSocket, begin,
};
pub use bindings::nettest::netsonde::probe::{
    cache, dns, helper, http, info, mini, progress, quic, tcp, tls, udp,
};
pub use failure::first_success;
pub use futures;
pub use gather::gather;
pub use guest::{Export, MiniNettest, Nettest};
pub use serde_json::{Map, Value as Json, json};
pub use steps::Steps;
pub use target::{MiniTarget, NoOptions, Target};
pub use url::{Url, UrlError};
