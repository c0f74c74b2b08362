//! `whatsapp` 0.11.0: can WhatsApp's servers for chats, its registration server and its web client be reached?
//!
//! `run` runs mini nettests: those that the script names, or else a connection to each of 16 names at both of their ports, and
//! a page from the registration server and from the web client. `reduce` (`verdict.rs`) says what their observations mean.

mod targets;
mod verdict;

use netsonde_guest::{Failure, Json, Map, Nettest, NoOptions, Target, export_nettest, messaging};

/// How many mini nettests run at a time: all that are built in. In a network that drops packets a name with four addresses
/// takes 30 seconds, so that there is no time for one after the other.
const PARALLELISM: usize = 34;

/// The nettest.
pub struct Whatsapp;

impl Nettest for Whatsapp {
    type Options = NoOptions;

    async fn run(target: Target<NoOptions>) -> Result<Map<String, Json>, Failure> {
        let mut minis = target.targets;
        if minis.is_empty() {
            minis = targets::built_in();
            messaging::shuffle(&mut minis);
        }
        Ok(messaging::run("whatsapp", &minis, PARALLELISM).await)
    }

    fn reduce(test_keys: &Map<String, Json>) -> Result<Map<String, Json>, Failure> {
        messaging::reduce(test_keys, verdict::keys)
    }
}

export_nettest!(Whatsapp);
