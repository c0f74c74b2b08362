//! Residual blocking: for some time after a rule acted, it governs all that the client exchanges with that port of
//! that address.

use super::Direction;
use crate::packet::{Transport, View};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

/// Who is punished: whether by TCP, the client, and the far end.
type Key = (bool, IpAddr, SocketAddr);

/// What is blocked, by which rule, and until when.
#[derive(Default)]
pub(super) struct Residual(HashMap<Key, (usize, Instant)>);

impl Residual {
    /// Remembers a packet of the client's on which a rule acted.
    pub(super) fn begin(&mut self, view: &View<'_>, rule: usize, until: Instant) {
        self.0.insert(key(Direction::FromClient, view), (rule, until));
    }

    /// The rule that governs a packet whatever it says.
    pub(super) fn rule(&mut self, direction: Direction, view: &View<'_>, now: Instant) -> Option<usize> {
        if self.0.is_empty() {
            return None;
        }
        let key = key(direction, view);
        let (rule, until) = *self.0.get(&key)?;
        if now < until {
            return Some(rule);
        }
        self.0.remove(&key);
        None
    }
}

fn key(direction: Direction, view: &View<'_>) -> Key {
    let (client, remote) = match direction {
        Direction::FromClient => (view.source, view.destination),
        Direction::FromWorld => (view.destination, view.source),
    };
    (matches!(view.transport, Transport::Tcp(_)), client.ip(), remote)
}
