//! Which script to run: what the registries say to a probe like this one, and what is left when they can not be asked.
//!
//! The table that says who runs what is public, and the probe reads it itself: what it is stays with it. In this order: the
//! online script by fresh news; the one of the last check-in, if what was said of it still holds; the offline script of the last
//! check-in, on the same condition; the one in this program.

use netsonde_data::location::Locations;
use netsonde_feed::Feed;
use netsonde_feed::feed::Refreshed;
use netsonde_log::check_in::Attributes;

use crate::settings::RunMode;
use crate::watch::ScriptSource;
use crate::{SOFTWARE_NAME, SOFTWARE_VERSION, sha256};

mod registry;

use registry::{ask, kept};

/// The script that is in this program.
pub const BUILT_IN: &str = include_str!("../fallback.jsonc");

/// How a script came to be the one to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// A registry says so, by fresh news.
    Online,
    /// A registry said so at the last check-in, and it still holds.
    Cached,
    /// A registry said to keep it for when it can not be asked.
    Offline,
    /// It is in this program.
    BuiltIn,
}

impl How {
    /// The word in annotations.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Cached => "cached",
            Self::Offline => "offline",
            Self::BuiltIn => "built-in",
        }
    }

    /// The word for people.
    pub fn for_people(self) -> &'static str {
        match self {
            Self::Online => "the online script",
            Self::Cached => "the online script of the last check-in",
            Self::Offline => "the offline script of the last check-in",
            Self::BuiltIn => "the script in this program",
        }
    }
}

/// The script to run.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// How it came.
    pub how: How,
    /// Its bytes.
    pub text: Vec<u8>,
    /// The registry that named it.
    pub by: Option<By>,
    /// What was not taken, and why.
    pub passed_over: Vec<String>,
    /// What went wrong on the way.
    pub problems: Vec<String>,
}

/// Which registry named a script, and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// The registry's name here.
    pub registry: String,
    /// The origin of its log.
    pub log: String,
    /// The script's name.
    pub script: String,
    /// The leaf that published it.
    pub index: Option<u64>,
    /// The rule of the table, from 1. `None`: there is no table.
    pub rule: Option<usize>,
}

impl Chosen {
    /// What measurements say of it.
    pub fn source(&self) -> ScriptSource {
        ScriptSource {
            how: self.how.as_str(),
            log: self.by.as_ref().map(|by| (by.log.clone(), by.index)),
        }
    }

    /// The SHA-256 of its bytes, in hexadecimal.
    pub fn sha256(&self) -> String {
        sha256(&self.text)
    }
}

/// What is known of this probe, as tables ask for it. It stays here.
pub fn attributes(locations: &Locations, mode: RunMode) -> Attributes {
    let location = locations.primary();
    let asn = location.map_or(0, |location| location.probe_asn);
    Attributes {
        probe_cc: location
            .map(|location| location.probe_cc.clone())
            .unwrap_or_default(),
        probe_asn: if asn == 0 {
            String::new()
        } else {
            format!("AS{asn}")
        },
        platform: std::env::consts::OS.to_owned(),
        software_name: SOFTWARE_NAME.to_owned(),
        software_version: SOFTWARE_VERSION.to_owned(),
        run_type: mode.as_str().to_owned(),
        // Nobody here asks the system for these two: what is not known is empty, and no rule that wants them matches.
        network_type: String::new(),
        charging: false,
    }
}

/// Ask the registries, in their order, for the script to run. Each is brought up to date first. A script that `check` finds
/// wrong is passed over like one that is not there.
pub fn check_in(
    feeds: &mut [Feed],
    attributes: &Attributes,
    now: u64,
    check: &dyn Fn(&[u8]) -> Result<(), String>,
) -> Chosen {
    let (mut problems, mut passed_over) = (Vec::new(), Vec::new());
    let mut online = None;
    for feed in feeds.iter_mut() {
        let refreshed = feed.refresh(now);
        let name = feed.name().to_owned();
        let asked = match refreshed {
            Ok(Refreshed {
                fresh,
                problems: wrong,
            }) => {
                problems.extend(wrong.iter().map(|problem| format!("{name}: {problem}")));
                match fresh {
                    Some(_) => ask(feed, attributes, now, &mut problems),
                    None => Err("no address has fresh news".to_owned()),
                }
            }
            Err(error) => Err(error.to_string()),
        };
        let asked = asked.and_then(|(text, by)| check(&text).map(|()| (text, by)));
        match asked {
            // The first registry that has one counts; the others are asked so that what they keep is of now too.
            Ok(found) => online = online.or(Some(found)),
            Err(why) => passed_over.push(format!("{} of {name}: {why}", How::Online.for_people())),
        }
    }
    let (how, text, by) = online
        .map(|(text, by)| (How::Online, text, Some(by)))
        .or_else(|| kept(feeds, How::Cached, now, check, &mut passed_over))
        .or_else(|| kept(feeds, How::Offline, now, check, &mut passed_over))
        .unwrap_or_else(|| (How::BuiltIn, BUILT_IN.as_bytes().to_vec(), None));
    Chosen {
        how,
        text,
        by,
        passed_over,
        problems,
    }
}
