//! How much of the network a run may use, and how much it has used.

use crate::Exceeded;
use std::{
    io,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// How much of the network a run may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// TCP connects.
    pub connections: u64,
    /// DNS queries: one for each getaddrinfo, one for each record type asked over UDP.
    pub queries: u64,
    /// Bytes written to sockets.
    pub bytes_sent: u64,
    /// Bytes read from sockets.
    pub bytes_received: u64,
    /// Reads, writes, lookups and HTTP transactions. Each is written down, and a server that sends its bytes one by one
    /// makes more of them than a measurement can hold.
    pub observations: u64,
    /// Different addresses.
    pub addresses: u64,
    /// Different ports of one address.
    pub ports: u64,
}

impl Default for Budget {
    /// Enough for every nettest of today, and nothing that a phone plan would notice twice.
    fn default() -> Self {
        Self {
            connections: 1_000,
            queries: 2_000,
            bytes_sent: 16 << 20,
            bytes_received: 128 << 20,
            observations: 20_000,
            addresses: 1_000,
            ports: 16,
        }
    }
}

/// How much of the network a run has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// TCP connects.
    pub connections: u64,
    /// DNS queries.
    pub queries: u64,
    /// Bytes written to sockets.
    pub bytes_sent: u64,
    /// Bytes read from sockets.
    pub bytes_received: u64,
    /// Reads, writes, lookups and HTTP transactions.
    pub observations: u64,
    /// Different addresses that connections and datagrams went to.
    pub addresses: u64,
    /// Different ports, of the address with the most of them.
    pub ports: u64,
}

/// Counts what a run uses against its budget. Once a limit is exceeded it stays exceeded.
#[derive(Debug)]
pub struct Meter {
    budget: Budget,
    connections: AtomicU64,
    queries: AtomicU64,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
    observations: AtomicU64,
    addresses: AtomicU64,
    ports: AtomicU64,
    exceeded: OnceLock<Exceeded>,
}

impl Meter {
    /// A meter that has counted nothing yet.
    pub fn new(budget: Budget) -> Self {
        Self {
            budget,
            connections: AtomicU64::new(0),
            queries: AtomicU64::new(0),
            bytes_sent: AtomicU64::new(0),
            bytes_received: AtomicU64::new(0),
            observations: AtomicU64::new(0),
            addresses: AtomicU64::new(0),
            ports: AtomicU64::new(0),
            exceeded: OnceLock::new(),
        }
    }

    /// What was used so far. What was refused is not in it.
    pub fn used(&self) -> Usage {
        Usage {
            connections: self.connections.load(Ordering::Relaxed),
            queries: self.queries.load(Ordering::Relaxed),
            bytes_sent: self.bytes_sent.load(Ordering::Relaxed),
            bytes_received: self.bytes_received.load(Ordering::Relaxed),
            observations: self.observations.load(Ordering::Relaxed),
            addresses: self.addresses.load(Ordering::Relaxed),
            ports: self.ports.load(Ordering::Relaxed),
        }
    }

    /// The limit that was exceeded first, if any was.
    pub fn exceeded(&self) -> Option<Exceeded> {
        self.exceeded.get().copied()
    }

    /// Refuse when a limit was exceeded before.
    pub(crate) fn check(&self) -> Result<(), Exceeded> {
        self.exceeded().map_or(Ok(()), Err)
    }

    /// Count one connection.
    pub(crate) fn connection(&self) -> Result<(), Exceeded> {
        self.take("connections", &self.connections, self.budget.connections)
    }

    /// Count one query.
    pub(crate) fn query(&self) -> Result<(), Exceeded> {
        self.take("queries", &self.queries, self.budget.queries)
    }

    /// Reserve up to `wanted` bytes for sending, and say how many may be sent; at least one, or the budget is
    /// exceeded. Give back with [`Meter::unsent`] what was not sent after all.
    pub(crate) fn reserve_sent(&self, wanted: usize) -> Result<usize, Exceeded> {
        self.check()?;
        let limit = self.budget.bytes_sent;
        let wanted = wanted as u64;
        let mut granted = 0;
        let _ = self
            .bytes_sent
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                granted = wanted.min(limit.saturating_sub(used));
                Some(used + granted)
            });
        if granted == 0 && wanted > 0 {
            return Err(self.exceed("bytes_sent", limit));
        }
        Ok(usize::try_from(granted).unwrap_or(usize::MAX))
    }

    /// Give back what was reserved and not sent.
    pub(crate) fn unsent(&self, bytes: usize) {
        self.bytes_sent.fetch_sub(bytes as u64, Ordering::Relaxed);
    }

    /// What is to be sent does not fit, and is of no use in part.
    pub(crate) fn no_more_sent(&self) -> Exceeded {
        self.exceed("bytes_sent", self.budget.bytes_sent)
    }

    /// Count bytes that were read. They have arrived, so they are counted even where they exceed the budget.
    pub(crate) fn received(&self, bytes: usize) -> Result<(), Exceeded> {
        let bytes = bytes as u64;
        let used = self
            .bytes_received
            .fetch_add(bytes, Ordering::Relaxed)
            .saturating_add(bytes);
        if used > self.budget.bytes_received {
            return Err(self.exceed("bytes_received", self.budget.bytes_received));
        }
        self.check()
    }

    /// Count an observation, which is made in any case: that there are too many of them is for the next check to say.
    pub(crate) fn observation(&self) {
        let before = self.observations.fetch_add(1, Ordering::Relaxed);
        if before >= self.budget.observations {
            self.exceed("observations", self.budget.observations);
        }
    }

    /// Note how many addresses there are by now, and how many ports of the latest one.
    pub(crate) fn destinations(&self, addresses: u64, ports: u64) -> Result<(), Exceeded> {
        self.check()?;
        for (what, counter, limit, count) in [
            ("addresses", &self.addresses, self.budget.addresses, addresses),
            ("ports of one address", &self.ports, self.budget.ports, ports),
        ] {
            if count > limit {
                return Err(self.exceed(what, limit));
            }
            counter.fetch_max(count, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Note that the system gave no socket. Where that is because files are open, in this process or on this machine, no operation is made
    /// any more: what fails for this reason says nothing about the network.
    pub(crate) fn no_socket(&self, error: &io::Error) {
        if let Some(Exceeded { what, limit }) = Exceeded::open_files(error) {
            self.exceed(what, limit);
        }
    }

    /// Whether the system gives no more sockets. An operation that failed meanwhile may have failed because of that.
    pub fn starved(&self) -> Option<Exceeded> {
        self.exceeded()
            .filter(|exceeded| exceeded.what == Exceeded::OPEN_FILES)
    }

    fn take(&self, what: &'static str, counter: &AtomicU64, limit: u64) -> Result<(), Exceeded> {
        self.check()?;
        counter
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                (used < limit).then_some(used + 1)
            })
            .map(|_| ())
            .map_err(|_| self.exceed(what, limit))
    }

    fn exceed(&self, what: &'static str, limit: u64) -> Exceeded {
        *self.exceeded.get_or_init(|| Exceeded { what, limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_allowed_is_allowed() {
        let meter = Meter::new(Budget {
            connections: 2,
            ..Budget::default()
        });
        assert_eq!((meter.connection(), meter.connection()), (Ok(()), Ok(())));
        assert_eq!(meter.exceeded(), None);
        let exceeded = Exceeded {
            what: "connections",
            limit: 2,
        };
        assert_eq!(meter.connection(), Err(exceeded));
        assert_eq!(exceeded.to_string(), "connections: more than 2");
        assert_eq!(meter.used().connections, 2);
    }

    #[test]
    fn one_limit_exceeded_refuses_everything() {
        let meter = Meter::new(Budget {
            queries: 0,
            ..Budget::default()
        });
        assert!(meter.query().is_err());
        assert!(meter.connection().is_err() && meter.reserve_sent(1).is_err() && meter.received(1).is_err());
    }

    #[test]
    fn an_observation_too_many_is_counted_and_the_last() {
        let meter = Meter::new(Budget {
            observations: 1,
            ..Budget::default()
        });
        meter.observation();
        assert_eq!(meter.check(), Ok(()));
        meter.observation();
        assert_eq!(
            meter.check().unwrap_err().to_string(),
            "observations: more than 1"
        );
        assert_eq!(meter.used().observations, 2);
    }

    #[test]
    fn addresses_and_ports_have_a_ceiling() {
        let meter = Meter::new(Budget {
            addresses: 2,
            ports: 3,
            ..Budget::default()
        });
        assert_eq!(meter.destinations(2, 3), Ok(()));
        assert_eq!(meter.destinations(1, 1), Ok(()));
        assert_eq!((meter.used().addresses, meter.used().ports), (2, 3));
        let error = meter.destinations(2, 4).unwrap_err().to_string();
        assert_eq!(error, "ports of one address: more than 3");
        assert!(meter.destinations(1, 1).is_err());
    }

    #[test]
    fn bytes_are_granted_up_to_the_limit_and_given_back() {
        let meter = Meter::new(Budget {
            bytes_sent: 10,
            ..Budget::default()
        });
        assert_eq!(meter.reserve_sent(8), Ok(8));
        meter.unsent(3);
        assert_eq!(meter.reserve_sent(8), Ok(5));
        assert_eq!(meter.used().bytes_sent, 10);
        assert!(meter.reserve_sent(1).is_err());
    }
}
