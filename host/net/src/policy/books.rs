//! What a measurement was refused, and what it may still send to addresses that have not answered.

use super::Transport;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    net::IpAddr,
};

/// Datagrams to an address before it answers: ten handshakes of QUIC with their repetitions, and some.
const DATAGRAMS: u32 = 256;
/// Bytes in them.
const BYTES: usize = 320 << 10;
/// Different refusals that are kept; more are only counted.
const KEPT: usize = 100;

/// A destination that was refused, and why. For the user's eyes: a guest that knew why would know the user's network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What should have carried the packets.
    pub transport: Transport,
    /// The endpoint, or the name that was to be looked up.
    pub destination: String,
    /// Why, in words for people.
    pub why: &'static str,
    /// How often it was tried.
    pub times: u64,
}

/// The books of one measurement.
#[derive(Debug, Default)]
pub(super) struct Books {
    refused: BTreeMap<(Transport, String, &'static str), u64>,
    not_kept: u64,
    unanswered: HashMap<IpAddr, (u32, usize)>,
    answered: HashSet<IpAddr>,
    ports: HashMap<IpAddr, BTreeSet<u16>>,
}

impl Books {
    pub(super) fn refuse(&mut self, transport: Transport, destination: String, why: &'static str) {
        let key = (transport, destination, why);
        if let Some(times) = self.refused.get_mut(&key) {
            *times += 1;
        } else if self.refused.len() < KEPT {
            self.refused.insert(key, 1);
        } else {
            self.not_kept += 1;
        }
    }

    /// The refusals, and how many more there were of others.
    pub(super) fn refusals(&self) -> (Vec<Refusal>, u64) {
        let kept = self
            .refused
            .iter()
            .map(|((transport, destination, why), times)| Refusal {
                transport: *transport,
                destination: destination.clone(),
                why,
                times: *times,
            });
        (kept.collect(), self.not_kept)
    }

    /// Note a datagram to an address; false where it is one too many for an address that has not answered.
    pub(super) fn datagram(&mut self, to: IpAddr, bytes: usize) -> bool {
        if self.answered.contains(&to) {
            return true;
        }
        let (datagrams, sent) = self.unanswered.entry(to).or_default();
        if *datagrams >= DATAGRAMS || sent.saturating_add(bytes) > BYTES {
            return false;
        }
        *datagrams += 1;
        *sent += bytes;
        true
    }

    pub(super) fn answered(&mut self, from: IpAddr) {
        if self.unanswered.remove(&from).is_some() {
            self.answered.insert(from);
        }
    }

    /// Note an endpoint, and say how many addresses there are now, and how many ports of this one.
    pub(super) fn endpoint(&mut self, address: IpAddr, port: u16) -> (u64, u64) {
        let ports = self.ports.entry(address).or_default();
        ports.insert(port);
        let ports = ports.len();
        (self.ports.len() as u64, ports as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_sent_a_bounded_number_of_datagrams() {
        let (address, mut books) = (IpAddr::from([8, 8, 8, 8]), Books::default());
        assert!((0..DATAGRAMS).all(|_| books.datagram(address, 1200)));
        assert!(!books.datagram(address, 1));
        books.answered(address);
        assert!(books.datagram(address, 1200));
        let other = IpAddr::from([8, 8, 4, 4]);
        let large = (0..100).take_while(|_| books.datagram(other, 64 << 10)).count();
        assert_eq!(large, 5);
    }

    #[test]
    fn who_was_never_asked_does_not_answer() {
        let (address, mut books) = (IpAddr::from([8, 8, 8, 8]), Books::default());
        books.answered(address);
        assert!((0..DATAGRAMS).all(|_| books.datagram(address, 1)));
        assert!(!books.datagram(address, 1));
    }

    #[test]
    fn refusals_of_one_kind_are_counted_together() {
        let mut books = Books::default();
        for n in 0..110 {
            books.refuse(Transport::Tcp, format!("10.0.0.{n}:80"), "private");
            books.refuse(Transport::Tcp, "10.0.0.0:80".to_owned(), "private");
        }
        let (kept, more) = books.refusals();
        assert_eq!((kept.len(), more), (100, 10));
        assert_eq!(kept[0].times, 111);
    }
}
