//! What leaves say of events: that probes of some networks run a script at a time.
//!
//! Nothing runs them yet. They are read, verified and kept, so that a log that has them is one that every probe reads alike.

use super::{Check, in_order};
use crate::canonical::fields::{ToValue as _, as_text, record};
use crate::canonical::{Misfit, Unfit};
use crate::words::{Digest, Name, NotAWord};
use std::fmt;
use std::str::FromStr;

/// All of the probes that are picked from, in an event's share.
const ALL: u64 = 1_000_000;

record! {
    /// That some probes run a script at a time.
    pub struct EventSchedule {
        /// What other leaves call it by. No other event ever has it.
        id: Name,
        /// The script.
        script: Digest,
        /// Which probes are picked from.
        selector: Selector,
        /// How they are picked.
        mode: Mode,
        /// How many in a million of those take part.
        share: u64,
        /// How many may take part.
        max_probes: u64,
        /// When it begins, in seconds since 1970.
        start: u64,
        /// When it is over.
        end: u64,
        /// Over how many seconds from its start the probes spread.
        spread: u64,
        /// When this was written, in seconds since 1970.
        issued: u64,
    }
}

record! {
    /// Which probes are picked from: those that are in each of these, where an empty list has all. There is nothing finer, so
    /// that nobody can be meant.
    pub struct Selector {
        /// Countries.
        countries: Vec<Country>,
        /// Numbers of autonomous systems.
        asns: Vec<u64>,
        /// Kinds of devices.
        platforms: Vec<Name>,
        /// Kinds of networks.
        networks: Vec<Name>,
        /// What the probe must be able to do.
        abilities: Vec<Name>,
    }
}

record! {
    /// That more of the probes take part.
    pub struct EventWiden {
        /// The event.
        id: Name,
        /// How many in a million, more than before.
        share: u64,
        /// When this was written, in seconds since 1970.
        issued: u64,
        /// The second at which it no longer holds.
        expires: u64,
    }
}

record! {
    /// That no probe takes part any more.
    pub struct EventCancel {
        /// The event.
        id: Name,
        /// The text that says why, beside the log.
        reason: Digest,
    }
}

record! {
    /// That an event is over.
    pub struct EventClose {
        /// The event.
        id: Name,
        /// How many probes were let in.
        probes: u64,
    }
}

impl Check for EventSchedule {
    fn check(&self) -> Result<(), Misfit> {
        check_share(self.share)?;
        in_order("end", self.start.max(self.issued), self.end)
    }
}

impl Check for EventWiden {
    fn check(&self) -> Result<(), Misfit> {
        check_share(self.share)?;
        in_order("expires", self.issued, self.expires)
    }
}

impl Check for EventCancel {}
impl Check for EventClose {}

fn check_share(share: u64) -> Result<(), Misfit> {
    if (1..=ALL).contains(&share) {
        return Ok(());
    }
    Err(Misfit::new(Unfit::Kind("from 1 to 1000000")).within("share"))
}

/// A country, by the two letters of ISO 3166.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country(String);

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Country {
    type Err = NotAWord;

    fn from_str(text: &str) -> Result<Self, NotAWord> {
        let text = text.to_owned();
        if text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Ok(Self(text));
        }
        let known = "the codes of countries, two of A-Z";
        Err(NotAWord::Choice { text, known })
    }
}

/// How the probes of an event are picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Each draws for itself: about as many as asked for, and nobody is asked.
    Sampled,
    /// Each that drew asks for one of so many leases: never more than asked for.
    Strict,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sampled => "sampled",
            Self::Strict => "strict",
        })
    }
}

impl FromStr for Mode {
    type Err = NotAWord;

    fn from_str(text: &str) -> Result<Self, NotAWord> {
        let modes = [Self::Sampled, Self::Strict];
        let mode = modes.into_iter().find(|mode| mode.to_string() == text);
        mode.ok_or_else(|| NotAWord::Choice {
            text: text.to_owned(),
            known: "sampled, strict",
        })
    }
}

as_text!(Country, Mode);
