//! What an operator runs: today the test helper of `web_connectivity`, later the registry beside it.
//!
//! What belongs here: HTTP services, each in a module of its own that makes a `Router`, and `serve`, which listens for all
//! of them. What does not: sockets to measured servers, which are `netsonde-net`'s, and how a probe works inside.

pub mod serve;
pub mod test_helper;
