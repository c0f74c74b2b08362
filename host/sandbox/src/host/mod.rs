//! The host's side of each interface, one file each.
//!
//! A file holds the values behind the interface's resources, what `bindgen!` asks for where nothing waits, and each
//! function that waits as an async function over a [`Reach`](crate::reach::Reach), whichever flavour is called.

pub(crate) mod cache;
pub(crate) mod dns;
pub(crate) mod helper;
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
