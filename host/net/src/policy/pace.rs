//! How fast connections may follow each other, per address and per network. Whoever is too fast waits.

use super::Transport;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::{Semaphore, SemaphorePermit};

/// So many at once, and then one each interval.
#[derive(Clone, Copy, Debug)]
struct Rate {
    burst: u32,
    interval: Duration,
}

/// Connections, and first datagrams, to one address: 50 at once, then 10 a second.
const ADDRESS: Rate = Rate {
    burst: 50,
    interval: Duration::from_millis(100),
};
/// The same to one `/24`, or `/48` of IPv6: 200 at once, then 40 a second.
const NETWORK: Rate = Rate {
    burst: 200,
    interval: Duration::from_millis(25),
};
/// Queries to one resolver, which is made for many: 200 at once, then 50 a second.
const RESOLVER: Rate = Rate {
    burst: 200,
    interval: Duration::from_millis(20),
};
/// When so many rates are kept, those that nobody waits for any more are forgotten.
const KEPT: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Address(IpAddr),
    Network(IpAddr),
    Resolver(IpAddr),
}

/// So many measurements ask a test helper at once: it measures for others too, and turns away those that are too many.
const ASKING: usize = 16;

/// The rates of a run. Clones share them, so that many measurements of one place are together no faster than one.
#[derive(Clone, Debug)]
pub struct Pace(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    due: Mutex<HashMap<Key, Instant>>,
    asking: Semaphore,
}

impl Default for Pace {
    fn default() -> Self {
        Self(Arc::new(Inner {
            due: Mutex::default(),
            asking: Semaphore::new(ASKING),
        }))
    }
}

impl Pace {
    /// Wait for the turn to ask a test helper; it lasts as long as what is given.
    pub(crate) async fn turn_to_ask(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.0.asking.acquire().await.ok()
    }

    /// Take a place in the queue for `address`, and say how long it takes until the turn comes.
    pub(super) fn reserve(&self, transport: Transport, address: IpAddr, now: Instant) -> Duration {
        let mut due = self.0.due.lock().unwrap_or_else(PoisonError::into_inner);
        if due.len() > KEPT {
            due.retain(|_, at| *at > now);
        }
        limits(transport, address)
            .into_iter()
            .map(|(key, rate)| rate.reserve(due.entry(key).or_insert(now), now))
            .max()
            .unwrap_or_default()
    }

    /// Give a place in the queue back that nobody waits for any more.
    pub(super) fn give_back(&self, transport: Transport, address: IpAddr) {
        let mut due = self.0.due.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, rate) in limits(transport, address) {
            if let Some(at) = due.get_mut(&key) {
                *at = at.checked_sub(rate.interval).unwrap_or(*at);
            }
        }
    }
}

/// What holds for connections to `address`, or datagrams.
fn limits(transport: Transport, address: IpAddr) -> Vec<(Key, Rate)> {
    match transport {
        Transport::Tcp | Transport::Udp => vec![
            (Key::Address(address), ADDRESS),
            (Key::Network(network(address)), NETWORK),
        ],
        Transport::Dns => vec![(Key::Resolver(address), RESOLVER)],
    }
}

impl Rate {
    /// The generic cell rate algorithm: `due` is when the next one would be due if they came evenly.
    fn reserve(self, due: &mut Instant, now: Instant) -> Duration {
        let at = (*due).max(now);
        *due = at + self.interval;
        let ahead = at.saturating_duration_since(now);
        ahead.saturating_sub(self.interval * self.burst.saturating_sub(1))
    }
}

/// The `/24` of an IPv4 address, the `/48` of an IPv6 address.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << 8)).into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 80)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        Ipv4Addr::new(8, 8, 8, last).into()
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_in_turn() {
        let (pace, now) = (Pace::default(), Instant::now());
        let reserve = || pace.reserve(Transport::Tcp, address(1), now);
        assert!((0..50).all(|_| reserve().is_zero()));
        assert_eq!(reserve(), Duration::from_millis(100));
        assert_eq!(reserve(), Duration::from_millis(200));
        let later = now + Duration::from_mins(1);
        assert!(pace.reserve(Transport::Tcp, address(1), later).is_zero());
    }

    #[test]
    fn neighbours_share_a_rate_and_strangers_do_not() {
        let (pace, now) = (Pace::default(), Instant::now());
        let waits = (0..=200).map(|last| pace.reserve(Transport::Tcp, address(last), now));
        assert_eq!(waits.max(), Some(Duration::from_millis(25)));
        for other in ["8.8.9.1", "2001:4860:1::1", "2001:4860:2::1"] {
            assert!(
                pace.reserve(Transport::Tcp, other.parse().unwrap(), now)
                    .is_zero(),
                "{other}"
            );
        }
        let same = ["2001:4860:1::2", "2001:4860:1:ffff::3"].map(|text| text.parse().unwrap());
        assert_eq!(network(same[0]), network(same[1]));
    }

    #[test]
    fn five_hundred_endpoints_wait_for_nothing_and_clones_wait_for_each_other() {
        let (pace, now) = (Pace::default(), Instant::now());
        let waits = (0..500_u32).map(|n| {
            let address = Ipv4Addr::from_bits(0x0808_0000 + (n << 8)).into();
            pace.clone().reserve(Transport::Tcp, address, now)
        });
        assert_eq!(waits.max(), Some(Duration::ZERO));
        let one = (0..60).map(|_| pace.clone().reserve(Transport::Udp, address(9), now));
        assert_eq!(one.max(), Some(Duration::from_secs(1)));
    }
}
