//! How many connections one client may have, so that nobody has all of them. A client is known by a number that nobody can
//! trace back: a hash with a key that is made anew with every process.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

/// The number of a client: of an IPv4 address, or of the /64 that an IPv6 address is in, because a client chooses the rest of
/// that itself.
pub(crate) fn number(client: Option<IpAddr>, key: &RandomState) -> u64 {
    match client.map(|address| address.to_canonical()) {
        Some(IpAddr::V6(address)) => key.hash_one(address.to_bits() >> 64),
        client => key.hash_one(client),
    }
}

/// Who has connections, and how many.
#[derive(Debug)]
pub(super) struct Crowd {
    most: usize,
    key: RandomState,
    /// Only of those who have any.
    counts: Mutex<HashMap<u64, usize>>,
}

/// A connection that a client has, until this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Arc<Crowd>,
    number: u64,
}

impl Crowd {
    /// So many for each.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            key: RandomState::new(),
            counts: Mutex::default(),
        }
    }

    /// One more, if the client may have one.
    pub(super) fn enter(self: &Arc<Self>, client: IpAddr) -> Option<Place> {
        let number = number(Some(client), &self.key);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(number).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        let crowd = Arc::clone(self);
        Some(Place { crowd, number })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.crowd.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.number) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_so_many_at_once_and_nobody_is_remembered() {
        let crowd = Arc::new(Crowd::new(2));
        let enter = |address: &str| crowd.enter(address.parse().unwrap());
        let (first, second) = (enter("2001:db8::1"), enter("2001:db8::2"));
        assert!(first.is_some() && second.is_some());
        assert!(enter("2001:db8::3").is_none());
        assert!(enter("2001:db8:0:1::3").is_some());
        drop(first);
        let third = enter("2001:db8::3");
        assert!(third.is_some());
        drop((second, third));
        assert!(crowd.counts.lock().unwrap().is_empty());
    }
}
