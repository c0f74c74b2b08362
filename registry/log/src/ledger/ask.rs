//! What may be done now: the questions that are asked of a ledger, with the time at which they are.

use super::published::Slots;
use super::{Ledger, Release};
use crate::leaf::{DAY, Flags, Publication, RegistryPolicy};
use crate::root::Root;
use crate::words::{Digest, Name};
use std::collections::BTreeMap;

/// Why something may not be done now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhyNot {
    /// The log has no root yet.
    #[error("the log has said nothing yet of who may say what: read it further")]
    NoRoot,
    /// The log is known to have more leaves than were read.
    #[error(
        "{read} of the log's {size} leaves were read: read the others first, one of them may take this back"
    )]
    Unread {
        /// How many were read.
        read: u64,
        /// How many there are.
        size: u64,
    },
    /// The clock of this device is behind the last news from the log.
    #[error("it is {now} by this device's clock, and there is news from the log of {seen}: set the clock")]
    ClockBehind {
        /// What the clock says.
        now: u64,
        /// Of when the news is.
        seen: u64,
    },
    /// The last news from the log is too old to begin anything.
    #[error(
        "the last news from the log is {age} seconds old, and new orders are taken for {limit}: get the newest checkpoint, from another mirror if there is one"
    )]
    Frozen {
        /// How old the news is.
        age: u64,
        /// How old it may be.
        limit: u64,
    },
    /// The root in force is over.
    #[error("root {version} has expired at {expires}: the owners of the log must sign another")]
    RootExpired {
        /// Which root.
        version: u64,
        /// When it expired.
        expires: u64,
    },
    /// Nobody released these bytes.
    #[error("{0} is no module that the log has released: take one that it has")]
    NotReleased(Digest),
    /// Nobody published anything of this name that is still there.
    #[error("the log has nothing of the name {0}: take one that it has")]
    NotPublished(Name),
    /// Every version of a module was yanked, or is a pre-release.
    #[error("all versions of {0} were yanked or are pre-releases: ask for one of them by its digest")]
    NoneToChoose(Name),
    /// The bytes were revoked.
    #[error("{digest} was revoked by leaf {index}, for good: remove it")]
    Revoked {
        /// The bytes.
        digest: Digest,
        /// The leaf that revoked them.
        index: u64,
    },
    /// Nobody but those who released a module has built it.
    #[error(
        "nobody but those who released {0} has said that they got the same from its source: wait for that"
    )]
    NotRebuilt(Digest),
    /// The last news from the log is too old for this module.
    #[error(
        "the last news from the log is {age} seconds old, and {digest} runs for {limit}: bring the probe on line"
    )]
    TooLongOffline {
        /// The module.
        digest: Digest,
        /// How old the news is.
        age: u64,
        /// How old it may be.
        limit: u64,
    },
    /// It no longer holds.
    #[error("what was said of {name} held until {expires}: wait for something newer")]
    Expired {
        /// Its name.
        name: Name,
        /// The second at which it no longer held.
        expires: u64,
    },
    /// It was written in the future.
    #[error("what was said of {name} is of {issued}, which is in the future: set the clock, or wait")]
    NotYet {
        /// Its name.
        name: Name,
        /// When it was written.
        issued: u64,
    },
    /// An event that was cancelled or closed.
    #[error("the event {id} was ended by leaf {index}: take another")]
    Ended {
        /// The event.
        id: Name,
        /// The leaf that ended it.
        index: u64,
    },
    /// An event that takes more probes than one signature can.
    #[error(
        "the event {id} takes {probes} probes, and with one signature may take {cap}: have a second sign it"
    )]
    BeyondCap {
        /// The event.
        id: Name,
        /// How many it takes.
        probes: u64,
        /// How many it may.
        cap: u64,
    },
    /// It is to hold for longer than what is said in this role may.
    #[error(
        "what was said of {name} is to hold for {life} seconds, and may for {limit}: have it said for less"
    )]
    LivesTooLong {
        /// Its name.
        name: Name,
        /// How long it is to hold.
        life: u64,
        /// How long it may.
        limit: u64,
    },
}

/// When something was said, and until when it is to hold.
pub(super) struct Time {
    pub(super) issued: u64,
    pub(super) expires: u64,
    /// How long it may hold.
    pub(super) limit: u64,
}

impl Ledger {
    /// The limits and caps in force.
    pub fn policy(&self) -> RegistryPolicy {
        let set = self.policy.as_ref().map(|(_, policy)| policy.clone());
        set.unwrap_or_default()
    }

    /// The root in force, if it is still valid.
    pub fn valid_root(&self, now: u64) -> Result<&Root, WhyNot> {
        let root = self.root().ok_or(WhyNot::NoRoot)?;
        let (version, expires) = (root.version(), root.expires());
        if now < expires {
            return Ok(root);
        }
        Err(WhyNot::RootExpired { version, expires })
    }

    /// Whether people are to be told that there was no news from the log for long. Modules still run.
    pub fn is_news_late(&self, seen: u64, now: u64) -> bool {
        now.saturating_sub(seen) > self.policy().freshness.warn
    }

    /// The leaf that revoked these bytes, which never run again.
    pub fn revoked(&self, digest: &Digest) -> Option<u64> {
        self.revoked.get(digest).copied()
    }

    /// The release of these bytes, whether they may run or not.
    pub fn released(&self, digest: &Digest) -> Option<&Release> {
        self.releases.get(digest)
    }

    /// Whether these bytes may run, which were asked for by their digest. `seen` is the time of the last news from the log.
    pub fn may_run(&self, digest: &Digest, seen: u64, now: u64) -> Result<&Release, WhyNot> {
        self.valid_root(now)?;
        self.check_clock(seen, now)?;
        self.check_revoked(digest)?;
        let release = self.releases.get(digest).ok_or(WhyNot::NotReleased(*digest))?;
        if self.attested(release).is_none() {
            return Err(WhyNot::NotRebuilt(*digest));
        }
        let policy = self.policy();
        let days = release.module.max_offline_days.min(policy.offline_days);
        let limit = days.saturating_mul(DAY).min(policy.freshness.refuse);
        let age = now.saturating_sub(seen);
        if age > limit {
            let digest = *digest;
            return Err(WhyNot::TooLongOffline { digest, age, limit });
        }
        Ok(release)
    }

    /// The module to take of those of a name: the highest version that may run, was not yanked, and is no pre-release. If there
    /// is none: why not the highest.
    pub fn newest(&self, name: &Name, seen: u64, now: u64) -> Result<&Release, WhyNot> {
        let versions = self.versions.get(name);
        let versions = versions.ok_or_else(|| WhyNot::NotPublished(name.clone()))?;
        let mut why = None;
        for (_, digest) in versions
            .iter()
            .rev()
            .filter(|(version, _)| !version.is_pre_release())
        {
            match self.may_run(digest, seen, now) {
                Ok(release) if release.yanked.is_none() => return Ok(release),
                Ok(_) => {}
                Err(reason) => why = why.or(Some(reason)),
            }
        }
        Err(why.unwrap_or_else(|| WhyNot::NoneToChoose(name.clone())))
    }

    /// All releases, by digest.
    pub fn releases(&self) -> impl Iterator<Item = &Release> {
        self.releases.values()
    }

    /// All scripts that were published last under their names, whether they hold or not.
    pub fn scripts(&self) -> impl Iterator<Item = &Publication> {
        all(&self.scripts)
    }

    /// All lists that were published last under their names, whether they hold or not.
    pub fn lists(&self) -> impl Iterator<Item = &Publication> {
        all(&self.lists)
    }

    /// What was said last of which nettests are on and off, in the ordinary way and in an emergency, whether it holds or not.
    pub fn flags(&self) -> (Option<&Flags>, Option<&Flags>) {
        let ordinary = self.flags.ordinary.as_ref();
        let emergency = self.flags.emergency.as_ref();
        (
            ordinary.map(|(_, flags)| flags),
            emergency.map(|(_, flags)| flags),
        )
    }

    /// The script of this name. `seen` is the time of the last news from the log, which must be fresh.
    pub fn script(&self, name: &Name, seen: u64, now: u64) -> Result<&Publication, WhyNot> {
        self.check_fresh(seen, now)?;
        self.published(&self.scripts, name, self.policy().life.scripts, now)
    }

    /// The script of this name that was published and still holds, however old the news is: what may be gone on with, and is
    /// no new order. `seen` is the time of the last news from the log, which the clock may not be behind.
    pub fn standing_script(&self, name: &Name, seen: u64, now: u64) -> Result<&Publication, WhyNot> {
        self.check_clock(seen, now)?;
        self.published(&self.scripts, name, self.policy().life.scripts, now)
    }

    /// The leaf that published this script, if it is the newest of its name.
    pub fn script_leaf(&self, script: &Publication) -> Option<u64> {
        let slots = self.scripts.get(&script.name)?;
        let mut both = slots.emergency.iter().chain(&slots.ordinary);
        both.find(|(_, said)| said == script).map(|(index, _)| *index)
    }

    /// The list of targets of this name. `seen` is the time of the last news from the log, which must be fresh.
    pub fn list(&self, name: &Name, seen: u64, now: u64) -> Result<&Publication, WhyNot> {
        self.check_fresh(seen, now)?;
        self.published(&self.lists, name, self.policy().life.lists, now)
    }

    /// Whether a nettest was switched on or off. `None`: nothing is said of it that holds now. `seen` is the time of the last news
    /// from the log. Nothing is on by old news, under a root that is over, or for longer than may be said; what was switched off
    /// stays so for as long as that.
    pub fn is_switched_on(&self, nettest: &Name, seen: u64, now: u64) -> Option<bool> {
        let life = self.policy().life;
        let said = |slot: &Option<(u64, Flags)>, limit: u64| {
            let (_, flags) = slot.as_ref()?;
            let is_on = *flags.nettests.get(nettest)?;
            let (issued, expires) = (flags.issued, flags.expires);
            let time = Time {
                issued,
                expires,
                limit,
            };
            let holds = if is_on {
                self.check_time(nettest, &time, now).is_ok()
            } else {
                now < expires.min(issued.saturating_add(limit))
            };
            holds.then_some(is_on)
        };
        let emergency = said(&self.flags.emergency, life.emergency);
        let is_on = emergency.or_else(|| said(&self.flags.ordinary, life.scripts))?;
        let may_begin = || self.valid_root(now).is_ok() && self.check_fresh(seen, now).is_ok();
        (!is_on || may_begin()).then_some(is_on)
    }

    /// The newer of what was published in the ordinary way and in an emergency, if it holds; else the other, if that does.
    fn published<'a>(
        &self,
        all: &'a BTreeMap<Name, Slots<Publication>>,
        name: &Name,
        limit: u64,
        now: u64,
    ) -> Result<&'a Publication, WhyNot> {
        self.valid_root(now)?;
        let slots = all.get(name);
        let emergency = slots.and_then(|slots| slots.emergency.as_ref());
        let ordinary = slots.and_then(|slots| slots.ordinary.as_ref());
        let both = [
            emergency.map(|(_, said)| (said, self.policy().life.emergency)),
            ordinary.map(|(_, said)| (said, limit)),
        ];
        let mut both: Vec<_> = both.into_iter().flatten().collect();
        both.sort_by_key(|(said, _)| said.issued);
        let mut why = WhyNot::NotPublished(name.clone());
        for (said, limit) in both.into_iter().rev() {
            let (issued, expires) = (said.issued, said.expires);
            let time = Time {
                issued,
                expires,
                limit,
            };
            match self
                .check_revoked(&said.digest)
                .and(self.check_time(name, &time, now))
            {
                Ok(()) => return Ok(said),
                Err(reason) => why = reason,
            }
        }
        Err(why)
    }

    fn check_clock(&self, seen: u64, now: u64) -> Result<(), WhyNot> {
        if seen > now.saturating_add(self.policy().freshness.ahead) {
            return Err(WhyNot::ClockBehind { now, seen });
        }
        Ok(())
    }

    /// Whether new orders may be taken.
    pub(super) fn check_fresh(&self, seen: u64, now: u64) -> Result<(), WhyNot> {
        self.check_clock(seen, now)?;
        let (age, limit) = (now.saturating_sub(seen), self.policy().freshness.orders);
        if age > limit {
            return Err(WhyNot::Frozen { age, limit });
        }
        Ok(())
    }

    pub(super) fn check_time(&self, name: &Name, time: &Time, now: u64) -> Result<(), WhyNot> {
        let name = name.clone();
        let Time {
            issued,
            expires,
            limit,
        } = *time;
        let life = expires.saturating_sub(issued);
        if life > limit {
            return Err(WhyNot::LivesTooLong { name, life, limit });
        }
        if issued > now.saturating_add(self.policy().freshness.ahead) {
            return Err(WhyNot::NotYet { name, issued });
        }
        if now >= expires {
            return Err(WhyNot::Expired { name, expires });
        }
        Ok(())
    }

    pub(super) fn check_revoked(&self, digest: &Digest) -> Result<(), WhyNot> {
        match self.revoked(digest) {
            None => Ok(()),
            Some(index) => {
                let digest = *digest;
                Err(WhyNot::Revoked { digest, index })
            }
        }
    }
}

fn all(slots: &BTreeMap<Name, Slots<Publication>>) -> impl Iterator<Item = &Publication> {
    let both = slots
        .values()
        .flat_map(|slots| slots.ordinary.iter().chain(&slots.emergency));
    both.map(|(_, said)| said)
}
