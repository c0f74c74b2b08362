//! What a socket has sent lately, to tell which datagram an ICMP error is about.
//!
//! An error brings back where its datagram was going, and as much of the payload as the router quoted: all of it, or
//! nothing. So it is known which datagram is meant where only one fits.

use std::{
    collections::{BTreeSet, VecDeque},
    net::SocketAddr,
    time::Duration,
};

/// How many datagrams are remembered, and how much of each.
const DATAGRAMS: usize = 256;
const PREFIX: usize = 64;

/// The datagrams that were sent lately.
#[derive(Debug, Default)]
pub(super) struct Sent {
    count: u64,
    to: BTreeSet<SocketAddr>,
    last: VecDeque<Record>,
}

#[derive(Debug)]
struct Record {
    number: u64,
    to: SocketAddr,
    prefix: Vec<u8>,
    ttl: Option<u8>,
    t0: Duration,
}

/// What is known of the datagram that an error is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Meant {
    pub(super) number: Option<u64>,
    pub(super) ttl: Option<u8>,
    pub(super) t0: Duration,
}

impl Sent {
    /// Whether something was sent there before.
    pub(super) fn knows(&self, to: SocketAddr) -> bool {
        self.to.contains(&to)
    }

    /// Remember a datagram; its number.
    pub(super) fn push(&mut self, to: SocketAddr, bytes: &[u8], ttl: Option<u8>, t0: Duration) -> u64 {
        let number = self.count;
        self.count += 1;
        self.to.insert(to);
        if self.last.len() == DATAGRAMS {
            self.last.pop_front();
        }
        let prefix = bytes.get(..PREFIX).unwrap_or(bytes).to_vec();
        self.last.push_back(Record {
            number,
            to,
            prefix,
            ttl,
            t0,
        });
        number
    }

    /// The datagram to `to` that begins with what was `quoted`. Where several fit, what they have in common, and the
    /// time of the last.
    pub(super) fn meant_by(&self, to: Option<SocketAddr>, quoted: &[u8]) -> Meant {
        let fits = |record: &&Record| {
            let shared = record.prefix.len().min(quoted.len());
            to.is_none_or(|to| to == record.to) && record.prefix.get(..shared) == quoted.get(..shared)
        };
        let mut fitting = self.last.iter().filter(fits);
        let Some(first) = fitting.next() else {
            return Meant::default();
        };
        fitting.fold(
            Meant {
                number: Some(first.number),
                ttl: first.ttl,
                t0: first.t0,
            },
            |meant, record| Meant {
                number: None,
                ttl: meant.ttl.filter(|ttl| record.ttl == Some(*ttl)),
                t0: record.t0,
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somewhere() -> SocketAddr {
        "192.0.2.1:33434".parse().unwrap()
    }

    fn three() -> Sent {
        let mut sent = Sent::default();
        for (number, ttl) in [(0_u8, 1), (1, 2), (2, 2)] {
            let t0 = Duration::from_secs(number.into());
            assert_eq!(
                sent.push(somewhere(), &[number; 100], Some(ttl), t0),
                u64::from(number)
            );
        }
        sent
    }

    #[test]
    fn a_quoted_payload_tells_which_datagram_is_meant() {
        let meant = three().meant_by(Some(somewhere()), &[1; 100]);
        assert_eq!(
            (meant.number, meant.ttl, meant.t0),
            (Some(1), Some(2), Duration::from_secs(1))
        );
    }

    #[test]
    fn without_a_quote_only_what_fits_all_is_known() {
        let meant = three().meant_by(Some(somewhere()), &[]);
        assert_eq!((meant.number, meant.ttl), (None, None));
        let mut sent = Sent::default();
        sent.push(somewhere(), b"a", Some(9), Duration::ZERO);
        sent.push(somewhere(), b"b", Some(9), Duration::ZERO);
        assert_eq!(sent.meant_by(Some(somewhere()), &[]).ttl, Some(9));
    }

    #[test]
    fn an_error_about_another_place_is_about_nothing() {
        let elsewhere = "192.0.2.2:33434".parse().unwrap();
        assert_eq!(three().meant_by(Some(elsewhere), &[]), Meant::default());
        assert!(three().knows(somewhere()) && !three().knows(elsewhere));
    }

    #[test]
    fn old_datagrams_are_forgotten_and_numbers_go_on() {
        let mut sent = Sent::default();
        for _ in 0..DATAGRAMS {
            sent.push(somewhere(), b"x", None, Duration::ZERO);
        }
        assert_eq!(
            sent.push(somewhere(), b"x", None, Duration::ZERO),
            DATAGRAMS as u64
        );
        assert_eq!(sent.last.len(), DATAGRAMS);
    }
}
