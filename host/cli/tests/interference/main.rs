//! Every primitive under every kind of interference, end to end: the binary, in the lab, with the uncensored twin in
//! the same run, and what the observations say of each. `docs/interference.md` is the table of these cases.
//!
//! A case is data: a scenario, the steps that are interfered with and the same steps where they are not. One file a
//! primitive; `harness` runs cases, `table` writes them down.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

#[path = "../support/mod.rs"]
mod support;

mod harness;
mod table;

mod boringssl;
mod certificates;
mod dns;
mod ech;
mod http;
mod quic;
mod tcp;
mod tls;
mod udp;

use harness::Case;

/// Every case, in the order of the table: primitive by primitive.
fn all() -> Vec<Case> {
    [
        dns::all(),
        tcp::all(),
        udp::all(),
        tls::all(),
        boringssl::all(),
        ech::all(),
        certificates::all(),
        http::all(),
        quic::all(),
    ]
    .concat()
}
