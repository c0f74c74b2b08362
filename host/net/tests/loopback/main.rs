//! Every primitive against servers on the loopback interface.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test code: what is not as expected should fail the test"
)]

mod budget;
mod dns;
mod doh3;
mod failures;
mod helpers;
mod hostile;
mod http;
mod http1;
mod http2;
mod http3;
mod location;
mod mmdb;
#[cfg(feature = "independent-peers")]
mod peers;
mod quic;
#[cfg(target_os = "linux")]
mod quic_ech;
mod quic_failures;
mod resolvers;
mod support;
mod tcp;
mod tls;
#[cfg(feature = "boringssl")]
mod tls_browser;
#[cfg(target_os = "linux")]
mod tls_ech;
mod tls_groups;
mod tls_options;
mod tls_session;
mod tls_versions;
mod udp;
