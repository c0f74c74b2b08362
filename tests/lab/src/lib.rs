//! A simulated, censored internet in network namespaces.
//!
//! A [`Scenario`] says which hosts exist, what they serve and how a censor interferes; [`Lab::start`] builds that
//! world with real sockets in a fraction of a second:
//!
//! ```text
//! client namespace ──link── router: censor, delay, hops ──link── world namespace
//! 130.192.91.211            one thread, packets in userspace    every host's address on its loopback,
//! own /etc/resolv.conf                                          servers for names, pages and addresses
//! ```
//!
//! Programs ([`Lab::command`]) and closures ([`Lab::client`]) in the client namespace see nothing but that world,
//! through the kernel's own TCP, its own error numbers and the C library's own resolver. [`Lab::rule_hits`] says
//! on how many flows each rule of the censor acted, so that a test can tell a blocked flow from a broken one;
//! [`Lab::sent`] says where the client's packets went, so that a test can tell that none went elsewhere.
//!
//! No privilege is needed where the kernel lets users make namespaces: [`command_in_namespaces`] gives a child
//! process its own user namespace, in which it is privileged. [`available`] really tries, and says which setting
//! is in the way and what to type. Tests use [`test::in_lab`].
//!
//! ```no_run
//! # #[cfg(target_os = "linux")]
//! netsonde_lab::test::in_lab("tests::a_reset_is_seen", || {
//!     use netsonde_lab::scenario::{Action, Host, Rule, When};
//!     let host = Host {
//!         name: "example.org".into(),
//!         addresses: vec!["192.0.2.1".parse().unwrap()],
//!         https: vec![443],
//!         ..Host::default()
//!     };
//!     let lab = netsonde_lab::Lab::start(&netsonde_lab::Scenario {
//!         hosts: vec![host],
//!         rules: vec![Rule::new(When::Sni("example.org".into()), Action::Reset)],
//!         ..netsonde_lab::Scenario::default()
//!     })
//!     .unwrap();
//!     let status = lab.command("curl").arg("https://example.org/").status().unwrap();
//!     assert!(!status.success());
//!     assert_eq!(lab.rule_hits(), [("rule 1".to_owned(), 1)]);
//! });
//! ```
//!
//! The lab is Linux only; elsewhere scenarios can be read and [`available`] says so.
//!
//! What belongs here: the world and its censors. What does not: anything of the probe. The lab knows none of the
//! host's crates, and the probe learns of the lab only what a user could tell it (a resolver, a root certificate).

mod available;
pub mod scenario;

#[cfg(target_os = "linux")]
mod censor;
#[cfg(target_os = "linux")]
mod dns;
#[cfg(target_os = "linux")]
pub mod ech;
#[cfg(target_os = "linux")]
mod hops;
#[cfg(target_os = "linux")]
mod icmp;
#[cfg(target_os = "linux")]
mod lab;
#[cfg(target_os = "linux")]
mod link;
#[cfg(target_os = "linux")]
mod packet;
#[cfg(target_os = "linux")]
mod programs;
#[cfg(target_os = "linux")]
mod router;
#[cfg(target_os = "linux")]
mod sent;
#[cfg(target_os = "linux")]
mod servers;
#[cfg(target_os = "linux")]
mod sys;
#[cfg(target_os = "linux")]
pub mod test;
#[cfg(target_os = "linux")]
mod tls;
#[cfg(target_os = "linux")]
mod view;

pub use available::{Unavailable, available};
#[cfg(target_os = "linux")]
pub use lab::{Lab, LabError};
pub use scenario::{CLIENT_IPV4, CLIENT_IPV6, Scenario, ScenarioError};
#[cfg(target_os = "linux")]
pub use sys::namespaces::command_in_namespaces;
#[cfg(target_os = "linux")]
pub use sys::processes::run_to_end;
