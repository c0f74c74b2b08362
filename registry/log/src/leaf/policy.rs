//! The leaf `policy`: how long what is said holds, and how much one signature can do.

use super::{Check, in_order};
use crate::canonical::Misfit;
use crate::canonical::fields::{ToValue as _, record};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
/// Seconds of a day.
pub(crate) const DAY: u64 = 24 * HOUR;

record! {
    /// Limits and caps. The newest in the log holds, for what was said before it too; before the first, the defaults do.
    pub struct RegistryPolicy {
        /// When it was written: in seconds since 1970, later than that of the policy before it.
        issued: u64,
        /// How old news from the log may be.
        freshness: Freshness,
        /// How long what is said in a role may hold.
        life: Life,
        /// How much the threshold of a role can do without a second signature.
        caps: Caps,
        /// For how many days a probe may run a module without news from the log, at most.
        offline_days: u64,
    }
}

record! {
    /// How old news from the log may be, in seconds.
    pub struct Freshness {
        /// For what is to be done now: scripts, flags, events.
        orders: u64,
        /// For modules, before people are told.
        warn: u64,
        /// For modules, before they do not run.
        refuse: u64,
        /// How far the clocks of those who sign may be ahead of the probe's.
        ahead: u64,
    }
}

record! {
    /// How long what is said in a role may hold, in seconds from `issued`.
    pub struct Life {
        /// Scripts and flags.
        scripts: u64,
        /// Lists of targets.
        lists: u64,
        /// Events.
        schedule: u64,
        /// That an event is widened.
        adjust: u64,
        /// What was started, or switched off, in an emergency.
        emergency: u64,
    }
}

record! {
    /// How much the threshold of a role can do without a second signature.
    pub struct Caps {
        /// How many probes an event may take.
        probes: u64,
    }
}

impl Check for RegistryPolicy {
    fn check(&self) -> Result<(), Misfit> {
        in_order("freshness.refuse", self.freshness.warn, self.freshness.refuse)
    }
}

/// What holds before a log has a policy.
impl Default for RegistryPolicy {
    fn default() -> Self {
        Self {
            issued: 0,
            freshness: Freshness {
                orders: 15 * MINUTE,
                warn: 7 * DAY,
                refuse: 90 * DAY,
                ahead: 5 * MINUTE,
            },
            life: Life {
                scripts: 30 * DAY,
                lists: 30 * DAY,
                schedule: 7 * DAY,
                adjust: DAY,
                emergency: DAY,
            },
            caps: Caps { probes: 999 },
            offline_days: 90,
        }
    }
}
