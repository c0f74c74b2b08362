//! How often a client may ask. Whose turn it is is known by a few bits of a number that nobody can trace back.

use super::answer::Problem;
use crate::serve::{Peer, number};
use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    state::keyed::HashMapStateStore,
};
use http::HeaderMap;
use std::{
    hash::RandomState,
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
};

/// How many numbers there are: this bounds the memory. Two clients with the same one share what one may.
const PLACES: u64 = 1 << 18;
/// Where a proxy says for whom it asks.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Keeps clients from asking too often.
pub(super) struct Limits {
    rate: Option<RateLimiter<u32, HashMapStateStore<u32>, DefaultClock>>,
    clock: DefaultClock,
    key: RandomState,
    is_behind_proxy: bool,
}

impl Limits {
    /// So many requests a minute for each client; any number of them where there is no limit.
    pub(super) fn new(rate: Option<NonZeroU32>, is_behind_proxy: bool) -> Self {
        Self {
            rate: rate.map(|rate| RateLimiter::hashmap(Quota::per_minute(rate))),
            clock: DefaultClock::default(),
            key: RandomState::new(),
            is_behind_proxy,
        }
    }

    /// Let a request in, or say when to come again.
    pub(super) fn admit(&self, peer: Option<Peer>, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(rate) = &self.rate else {
            return Ok(());
        };
        let place = self.place(self.client(peer, headers));
        let admitted = rate.check_key(&place);
        admitted.map_err(|until| Problem::too_many(until.wait_time_from(self.clock.now())))
    }

    /// Forget those who may ask as often as if they had never asked.
    pub(super) fn forget(&self) {
        if let Some(rate) = &self.rate {
            rate.retain_recent();
            rate.shrink_to_fit();
        }
    }

    fn client(&self, peer: Option<Peer>, headers: &HeaderMap) -> Option<IpAddr> {
        let forwarded = self.is_behind_proxy.then(|| last_forwarded(headers)).flatten();
        forwarded.or(peer.map(Peer::address))
    }

    fn place(&self, client: Option<IpAddr>) -> u32 {
        u32::try_from(number(client, &self.key) % PLACES).unwrap_or(0)
    }
}

/// The last of them is what the proxy in front has seen itself; the others are what it was told.
fn last_forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let line = headers.get_all(FORWARDED_FOR).into_iter().next_back()?;
    let last = line.to_str().ok()?.rsplit(',').next()?.trim();
    let with_port = || last.parse::<SocketAddr>().ok().map(|address| address.ip());
    last.parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn limits(rate: u32) -> Limits {
        Limits::new(NonZeroU32::new(rate), true)
    }

    fn forwarded(lines: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_static(line));
        }
        headers
    }

    #[test]
    fn the_last_address_that_was_forwarded_is_the_clients() {
        for (lines, wanted) in [
            (&["192.0.2.1"][..], Some("192.0.2.1")),
            (&["198.51.100.1, 192.0.2.1"], Some("192.0.2.1")),
            (&["198.51.100.1", "10.0.0.1, 2001:db8::1"], Some("2001:db8::1")),
            (&["192.0.2.1:8080"], Some("192.0.2.1")),
            (&["[2001:db8::1]:8080"], Some("2001:db8::1")),
            (&["192.0.2.1, unknown"], None),
            (&[""], None),
            (&[], None),
        ] {
            let wanted: Option<IpAddr> = wanted.map(|text| text.parse().unwrap());
            assert_eq!(last_forwarded(&forwarded(lines)), wanted, "{lines:?}");
        }
    }

    #[test]
    fn a_network_is_one_client_and_another_one_is_not() {
        let limits = limits(1);
        let place = |text: &str| limits.place(Some(text.parse().unwrap()));
        assert_eq!(place("2001:db8:1:2::1"), place("2001:db8:1:2:ffff::9"));
        assert_eq!(place("192.0.2.1"), place("::ffff:192.0.2.1"));
        // One pair of two that differ may share a place by chance; not all of them.
        let others: Vec<u32> = (0..8)
            .map(|number| place(&format!("2001:db8:1:{number}::1")))
            .chain((0..8).map(|number| place(&format!("192.0.2.{number}"))))
            .collect();
        assert!(others.iter().any(|other| *other != others[0]));
        let again = self::limits(1);
        assert!(
            (0..8).any(|number| {
                let address: Option<IpAddr> = format!("192.0.2.{number}").parse().ok();
                again.place(address) != limits.place(address)
            }),
            "another process has another key"
        );
    }

    #[test]
    fn who_asked_too_often_is_told_when_to_come_again() {
        let limits = limits(2);
        let (one, other) = (forwarded(&["192.0.2.1"]), forwarded(&["198.51.100.7"]));
        assert!(limits.admit(None, &one).is_ok() && limits.admit(None, &one).is_ok());
        let problem = limits.admit(None, &one).unwrap_err();
        assert_eq!(problem.status, http::StatusCode::TOO_MANY_REQUESTS);
        assert!(limits.admit(None, &other).is_ok());
        limits.forget();
        assert!(limits.admit(None, &one).is_err(), "it is not forgotten too early");
    }
}
