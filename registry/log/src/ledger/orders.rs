//! Whether an event may be taken part in now. Whether it is this probe's turn, and whether its user wants it, is the probe's to say.

use super::ask::{Time, WhyNot};
use super::{Event, Ledger};
use crate::leaf::{EventSchedule, EventWiden};
use crate::role::Role;
use crate::words::Name;

/// How many must have signed for an event that takes more probes than the policy leaves to one role's threshold.
const BEYOND_THE_CAP: u64 = 2;

/// An event that may be taken part in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order<'a> {
    /// What was scheduled.
    pub event: &'a EventSchedule,
    /// How many in a million take part by now.
    pub share: u64,
}

impl Ledger {
    /// The event of this name, if probes may take part in it now or later. `seen` is the time of the last news from the log, which
    /// must be fresh.
    pub fn order(&self, id: &Name, seen: u64, now: u64) -> Result<Order<'_>, WhyNot> {
        self.valid_root(now)?;
        self.check_fresh(seen, now)?;
        let policy = self.policy();
        let known = self.event(id);
        if let Some(index) = known.and_then(|event| event.ended) {
            let id = id.clone();
            return Err(WhyNot::Ended { id, index });
        }
        let scheduled = known.and_then(|known| known.scheduled.as_ref().map(|(_, event)| (known, event)));
        let (known, event) = scheduled.ok_or_else(|| WhyNot::NotPublished(id.clone()))?;
        self.check_revoked(&event.script)?;
        let time = Time {
            issued: event.issued,
            expires: event.end,
            limit: policy.life.schedule,
        };
        self.check_time(id, &time, now)?;
        let cap = policy.caps.probes;
        if event.max_probes > cap && known.signers < BEYOND_THE_CAP {
            let (id, probes) = (id.clone(), event.max_probes);
            return Err(WhyNot::BeyondCap { id, probes, cap });
        }
        let widened = self.widening(known, id, now).map(|widen| widen.share);
        let share = widened.unwrap_or(event.share);
        Ok(Order { event, share })
    }

    /// The widening of an event that holds now. Without one it has the share that it was scheduled with.
    fn widening<'a>(&self, event: &'a Event, id: &Name, now: u64) -> Option<&'a EventWiden> {
        let (_, widen, role) = event.widened.as_ref()?;
        let life = self.policy().life;
        let time = Time {
            issued: widen.issued,
            expires: widen.expires,
            limit: if *role == Role::Adjust {
                life.adjust
            } else {
                life.schedule
            },
        };
        self.check_time(id, &time, now).is_ok().then_some(widen)
    }
}
