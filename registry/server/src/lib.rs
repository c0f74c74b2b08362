//! What an operator runs: the test helper of `web_connectivity`, and a registry: its folder, and what the public sees of it.
//!
//! What belongs here: HTTP services, each in a module of its own that makes a `Router`, and `serve`, which listens for all
//! of them; what a registry has on its disk and what is carried there; other programs that it starts. What does not: sockets to
//! measured servers, which are `netsonde-net`'s, what the log says, which is `netsonde-log`'s, and how a probe works inside.

pub mod check;
pub mod folder;
pub mod monitor;
pub mod people;
mod process;
pub mod proposal;
pub mod public;
pub mod rebuild;
pub mod serve;
pub mod test_helper;
pub mod witness;
