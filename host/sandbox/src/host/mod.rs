//! The host's side of each interface, one file each.
//!
//! A file holds the values behind the interface's resources, the operation as a plain async function where there is
//! one, and the thin binding that `bindgen!` asks for. Another flavour of the same interface binds the same function.

pub(crate) mod cache;
pub(crate) mod dns;
pub(crate) mod http;
pub(crate) mod icmp;
pub(crate) mod info;
pub(crate) mod mini;
pub(crate) mod progress;
pub(crate) mod quic;
pub(crate) mod tcp;
pub(crate) mod tls;
pub(crate) mod tls_session;
pub(crate) mod types;
pub(crate) mod udp;
