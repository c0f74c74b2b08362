//! The books of one instance: what it has used, against what it may use.
//!
//! A mini nettest has books of its own, and everything in them is also in its caller's. The first account to be
//! overdrawn, its own or its caller's, is remembered and ends the instances below.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::budget::{Budget, Usage};
use crate::error::BudgetExceeded;

/// Transactions of a run. They are numbers and cost nothing; this bounds the list of them.
const TRANSACTIONS: u64 = 1 << 16;
/// Operations of a run. Each leaves at least one observation.
const OPERATIONS: u64 = 1 << 17;
/// Bytes of names, URLs, headers and bodies that a run hands over for operations: observations repeat them.
const RECORDED: u64 = 64 << 20;

/// Something that is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Account {
    /// Microseconds of computing.
    Cpu,
    /// Bytes, now.
    Memory,
    /// Handles, now.
    Handles,
    LogLines,
    Transactions,
    Operations,
    /// Bytes that observations may repeat.
    Recorded,
    HostCalls,
    HostCallBytes,
    Instances,
}

#[derive(Default)]
struct Gauge {
    now: AtomicU64,
    peak: AtomicU64,
}

#[derive(Default)]
struct Gauges {
    cpu: Gauge,
    memory: Gauge,
    handles: Gauge,
    log_lines: Gauge,
    transactions: Gauge,
    operations: Gauge,
    recorded: Gauge,
    host_calls: Gauge,
    host_call_bytes: Gauge,
    instances: Gauge,
}

/// The books of one instance.
pub(crate) struct Ledger {
    module: String,
    budget: Budget,
    gauges: Gauges,
    exceeded: OnceLock<BudgetExceeded>,
    caller: Option<Arc<Ledger>>,
}

impl Ledger {
    /// Books of `module`; `caller` are those of the nettest that runs it as a mini nettest.
    pub(crate) fn new(module: &str, budget: Budget, caller: Option<Arc<Self>>) -> Arc<Self> {
        let (gauges, exceeded) = (Gauges::default(), OnceLock::new());
        Arc::new(Self {
            module: module.to_owned(),
            budget,
            gauges,
            exceeded,
            caller,
        })
    }

    /// The name that errors give to the instance.
    pub(crate) fn module(&self) -> &str {
        &self.module
    }

    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Write something down, here and in the caller's books.
    pub(crate) fn add(&self, account: Account, amount: u64) -> Result<(), BudgetExceeded> {
        let mut overdrawn = None;
        for ledger in self.upwards() {
            let gauge = ledger.gauge(account);
            let now = gauge.now.fetch_add(amount, Relaxed).saturating_add(amount);
            gauge.peak.fetch_max(now, Relaxed);
            if let Some((what, limit, unit)) = ledger.limit(account)
                && now > limit
            {
                let exceeded = BudgetExceeded {
                    module: ledger.module.clone(),
                    what,
                    limit: limit / unit,
                };
                overdrawn.get_or_insert(ledger.exceeded.get_or_init(|| exceeded).clone());
            }
        }
        overdrawn.map_or(Ok(()), Err)
    }

    /// Take back what is no longer used.
    pub(crate) fn sub(&self, account: Account, amount: u64) {
        for ledger in self.upwards() {
            ledger.gauge(account).now.fetch_sub(amount, Relaxed);
        }
    }

    /// Note that a call crossed the boundary with `bytes` of texts and lists.
    pub(crate) fn call(&self, bytes: usize) -> Result<(), BudgetExceeded> {
        self.add(Account::HostCalls, 1)?;
        self.add(Account::HostCallBytes, bytes as u64)
    }

    /// Note an account that something else than these books keeps.
    pub(crate) fn overdraw(&self, what: &'static str, limit: u64) -> BudgetExceeded {
        self.exceeded
            .get_or_init(|| BudgetExceeded {
                module: self.module.clone(),
                what,
                limit,
            })
            .clone()
    }

    /// The first account that was overdrawn, here or further up.
    pub(crate) fn exceeded(&self) -> Option<&BudgetExceeded> {
        self.upwards().find_map(|ledger| ledger.exceeded.get())
    }

    /// The nettest's own books, of which these are a part.
    pub(crate) fn root(&self) -> &Self {
        self.upwards().last().unwrap_or(self)
    }

    fn upwards(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |ledger| ledger.caller.as_deref())
    }

    fn gauge(&self, account: Account) -> &Gauge {
        match account {
            Account::Cpu => &self.gauges.cpu,
            Account::Memory => &self.gauges.memory,
            Account::Handles => &self.gauges.handles,
            Account::LogLines => &self.gauges.log_lines,
            Account::Transactions => &self.gauges.transactions,
            Account::Operations => &self.gauges.operations,
            Account::Recorded => &self.gauges.recorded,
            Account::HostCalls => &self.gauges.host_calls,
            Account::HostCallBytes => &self.gauges.host_call_bytes,
            Account::Instances => &self.gauges.instances,
        }
    }

    /// What errors call the account, its limit, and how much of it is one of the unit in the name.
    fn limit(&self, account: Account) -> Option<(&'static str, u64, u64)> {
        let budget = &self.budget;
        match account {
            Account::Cpu => Some(("milliseconds of computing", micros(budget.cpu), 1000)),
            Account::Memory => Some(("bytes of memory", budget.memory, 1)),
            Account::Handles => Some(("handles", budget.handles, 1)),
            Account::LogLines => Some(("log lines", budget.log_lines, 1)),
            Account::Transactions => Some(("transactions", TRANSACTIONS, 1)),
            Account::Operations => Some(("operations", OPERATIONS, 1)),
            Account::Recorded => Some(("bytes handed over for operations", RECORDED, 1)),
            Account::HostCalls | Account::HostCallBytes | Account::Instances => None,
        }
    }

    /// Everything but the wall clock and the network.
    pub(crate) fn usage(&self) -> Usage {
        let now = |gauge: &Gauge| gauge.now.load(Relaxed);
        let peak = |gauge: &Gauge| gauge.peak.load(Relaxed);
        Usage {
            cpu: Duration::from_micros(now(&self.gauges.cpu)),
            peak_memory: peak(&self.gauges.memory),
            peak_handles: peak(&self.gauges.handles),
            log_lines: now(&self.gauges.log_lines),
            host_calls: now(&self.gauges.host_calls),
            host_call_bytes: now(&self.gauges.host_call_bytes),
            instances: now(&self.gauges.instances),
            ..Usage::default()
        }
    }
}

/// Memory that is in the books for as long as this lives.
pub(crate) struct Charge {
    ledger: Arc<Ledger>,
    bytes: u64,
}

impl Charge {
    pub(crate) fn new(ledger: &Arc<Ledger>) -> Self {
        Self {
            ledger: ledger.clone(),
            bytes: 0,
        }
    }

    /// There is more of it.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), BudgetExceeded> {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        self.ledger.add(Account::Memory, bytes as u64)
    }

    /// How much it is.
    pub(crate) fn bytes(&self) -> usize {
        usize::try_from(self.bytes).unwrap_or(usize::MAX)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.ledger.sub(Account::Memory, self.bytes);
    }
}

/// Whole microseconds.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_handles(handles: u64) -> Budget {
        Budget {
            handles,
            ..Budget::default()
        }
    }

    #[test]
    fn what_is_given_back_can_be_used_again() {
        let ledger = Ledger::new("telegram", with_handles(2), None);
        for _ in 0..5 {
            ledger.add(Account::Handles, 2).unwrap();
            ledger.sub(Account::Handles, 2);
        }
        assert!(ledger.exceeded().is_none());
        assert_eq!(ledger.usage().peak_handles, 2);
    }

    #[test]
    fn overdrawing_is_remembered_and_names_the_owner() {
        let ledger = Ledger::new("telegram", with_handles(2), None);
        let error = ledger.add(Account::Handles, 3).unwrap_err();
        assert_eq!(
            error.to_string(),
            "telegram used up its budget: handles: more than 2"
        );
        ledger.sub(Account::Handles, 3);
        assert_eq!(ledger.exceeded(), Some(&error));
    }

    #[test]
    fn a_mini_nettest_spends_its_callers_budget_too() {
        let caller = Ledger::new("telegram", with_handles(3), None);
        let mini = || Ledger::new("http-address", with_handles(2), Some(caller.clone()));
        let (one, two) = (mini(), mini());
        one.add(Account::Handles, 2).unwrap();
        let error = two.add(Account::Handles, 2).unwrap_err();
        assert_eq!(error.module, "telegram", "two is within its own budget");
        assert_eq!(one.exceeded(), Some(&error), "everything below ends");
        assert_eq!(caller.usage().peak_handles, 4);
    }

    #[test]
    fn a_mini_nettest_that_breaks_its_own_budget_leaves_the_caller_alone() {
        let caller = Ledger::new("telegram", with_handles(9), None);
        let mini = Ledger::new("http-address", with_handles(1), Some(caller.clone()));
        assert_eq!(mini.add(Account::Handles, 2).unwrap_err().module, "http-address");
        assert!(caller.exceeded().is_none());
    }

    #[test]
    fn computing_is_told_in_milliseconds() {
        let budget = Budget {
            cpu: Duration::from_secs(2),
            ..Budget::default()
        };
        let ledger = Ledger::new("telegram", budget, None);
        let error = ledger.add(Account::Cpu, 2_000_001).unwrap_err();
        assert_eq!(
            error.to_string(),
            "telegram used up its budget: milliseconds of computing: more than 2000"
        );
    }

    #[test]
    fn what_the_host_holds_for_a_guest_is_memory_for_as_long_as_it_holds_it() {
        let budget = Budget {
            memory: 10,
            ..Budget::default()
        };
        let ledger = Ledger::new("telegram", budget, None);
        for _ in 0..3 {
            let mut charge = Charge::new(&ledger);
            charge.grow(6).unwrap();
            charge.grow(4).unwrap();
            assert_eq!(charge.bytes(), 10);
        }
        let mut charge = Charge::new(&ledger);
        let error = charge.grow(11).unwrap_err();
        assert_eq!(
            error.to_string(),
            "telegram used up its budget: bytes of memory: more than 10"
        );
    }

    #[test]
    fn observations_can_not_be_made_to_grow_without_end() {
        let ledger = Ledger::new("telegram", Budget::default(), None);
        assert!(ledger.add(Account::Recorded, RECORDED).is_ok() && ledger.add(Account::Recorded, 1).is_err());
        let ledger = Ledger::new("telegram", Budget::default(), None);
        assert!(
            ledger.add(Account::Operations, OPERATIONS).is_ok()
                && ledger.add(Account::Operations, 1).is_err()
        );
    }
}
