//! How much a run may use, and how much it did use.

use std::time::Duration;

use crate::manifest::BudgetAsk;

/// How much a run may use. What it has too much of ends the guest; nothing is refused silently.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Budget {
    /// From start to end, waiting included.
    pub wall_clock: Duration,
    /// Computing of the guest and of the host on its behalf inside the sandbox; not the sockets' work.
    pub cpu: Duration,
    /// Bytes of linear memory and tables, and of what the host holds for the guest behind handles and calls; those of
    /// its mini nettests included.
    pub memory: u64,
    /// Handles alive at once, those of its mini nettests included.
    pub handles: u64,
    /// Log lines and progress reports.
    pub log_lines: u64,
    /// Calls that wait at once; further ones queue.
    pub calls_in_flight: u32,
    /// What goes over the network.
    pub net: netsonde_net::Budget,
}

const MIB: u64 = 1 << 20;

/// What a manifest that asks for nothing gets.
impl Default for Budget {
    fn default() -> Self {
        Self {
            wall_clock: Duration::from_mins(5),
            cpu: Duration::from_secs(20),
            memory: 128 * MIB,
            handles: 10_000,
            log_lines: 1_000,
            calls_in_flight: 512,
            net: netsonde_net::Budget::default(),
        }
    }
}

impl Budget {
    /// The most that a manifest can ask for, unless the host's owner says otherwise.
    pub fn maximum() -> Self {
        let net = netsonde_net::Budget::default();
        Self {
            wall_clock: Duration::from_mins(30),
            cpu: Duration::from_mins(2),
            memory: 512 * MIB,
            handles: 100_000,
            log_lines: 10_000,
            calls_in_flight: 512,
            net: netsonde_net::Budget {
                connections: net.connections.saturating_mul(10),
                queries: net.queries.saturating_mul(10),
                bytes_sent: net.bytes_sent.saturating_mul(10),
                bytes_received: net.bytes_received.saturating_mul(10),
                observations: net.observations.saturating_mul(10),
                addresses: net.addresses.saturating_mul(10),
                ports: net.ports.saturating_mul(10),
            },
        }
    }

    /// What a guest gets that asks for `ask` where `maximum` is the most there is.
    pub fn granted(ask: &BudgetAsk, maximum: &Self) -> Self {
        let usual = Self::default();
        let seconds = |asked: Option<u64>, usual: Duration, most: Duration| {
            asked.map_or(usual, Duration::from_secs).min(most)
        };
        let amount = |asked: Option<u64>, usual: u64, most: u64| asked.unwrap_or(usual).min(most);
        let memory = ask.memory_mib.map(|mib| mib.saturating_mul(MIB));
        Self {
            wall_clock: seconds(ask.wall_clock_s, usual.wall_clock, maximum.wall_clock),
            cpu: seconds(ask.cpu_s, usual.cpu, maximum.cpu),
            memory: amount(memory, usual.memory, maximum.memory),
            handles: amount(ask.handles, usual.handles, maximum.handles),
            log_lines: amount(ask.log_lines, usual.log_lines, maximum.log_lines),
            calls_in_flight: maximum.calls_in_flight,
            net: netsonde_net::Budget {
                connections: amount(ask.connections, usual.net.connections, maximum.net.connections),
                queries: amount(ask.queries, usual.net.queries, maximum.net.queries),
                bytes_sent: amount(ask.bytes_sent, usual.net.bytes_sent, maximum.net.bytes_sent),
                bytes_received: amount(
                    ask.bytes_received,
                    usual.net.bytes_received,
                    maximum.net.bytes_received,
                ),
                observations: amount(ask.observations, usual.net.observations, maximum.net.observations),
                addresses: amount(ask.addresses, usual.net.addresses, maximum.net.addresses),
                ports: amount(ask.ports, usual.net.ports, maximum.net.ports),
            },
        }
    }
}

/// What one would have to ask for to get a budget, all of it said.
impl From<&Budget> for BudgetAsk {
    fn from(budget: &Budget) -> Self {
        Self {
            wall_clock_s: Some(budget.wall_clock.as_secs()),
            cpu_s: Some(budget.cpu.as_secs()),
            memory_mib: Some(budget.memory / MIB),
            handles: Some(budget.handles),
            log_lines: Some(budget.log_lines),
            connections: Some(budget.net.connections),
            queries: Some(budget.net.queries),
            bytes_sent: Some(budget.net.bytes_sent),
            bytes_received: Some(budget.net.bytes_received),
            observations: Some(budget.net.observations),
            addresses: Some(budget.net.addresses),
            ports: Some(budget.net.ports),
        }
    }
}

/// How much a run did use, its mini nettests included.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Usage {
    /// From start to end.
    pub wall_clock: Duration,
    /// Computing, as in [`Budget::cpu`].
    pub cpu: Duration,
    /// The most bytes of memory at once.
    pub peak_memory: u64,
    /// The most handles at once.
    pub peak_handles: u64,
    /// Log lines and progress reports.
    pub log_lines: u64,
    /// Calls of host functions.
    pub host_calls: u64,
    /// Bytes of texts and lists that crossed the boundary in those calls, both ways.
    pub host_call_bytes: u64,
    /// Instances of mini nettests.
    pub instances: u64,
    /// What went over the network.
    pub net: netsonde_net::Usage,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_maximum_bounds_what_is_asked() {
        let ask = |text: &str| toml::from_str::<BudgetAsk>(text).unwrap();
        let usual = Budget::granted(&ask(""), &Budget::maximum());
        assert_eq!(usual.wall_clock, Budget::default().wall_clock);
        let less = Budget::granted(
            &ask("wall_clock_s = 7\nqueries = 3\nmemory_mib = 2"),
            &Budget::maximum(),
        );
        assert_eq!(
            (less.wall_clock, less.net.queries, less.memory),
            (Duration::from_secs(7), 3, 2 * MIB)
        );
        let huge = ask("wall_clock_s = 99999999\nmemory_mib = 18446744073709551615\nlog_lines = 99999999");
        let most = Budget::granted(&huge, &Budget::maximum());
        let maximum = Budget::maximum();
        assert_eq!(
            (most.wall_clock, most.memory, most.log_lines),
            (maximum.wall_clock, maximum.memory, maximum.log_lines)
        );
        assert_eq!(usual.net.observations, 20_000);
        for (asked, granted) in [("observations = 7", 7), ("observations = 99999999", 200_000)] {
            let budget = Budget::granted(&ask(asked), &maximum);
            assert_eq!(budget.net.observations, granted);
        }
        let all = BudgetAsk::from(&maximum);
        assert_eq!(BudgetAsk::from(&Budget::granted(&all, &maximum)), all);
        let tight = Budget {
            handles: 5,
            ..Budget::maximum()
        };
        assert_eq!(Budget::granted(&ask(""), &tight).handles, 5);
    }
}
