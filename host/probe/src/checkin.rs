//! Which script to run: what the registries say to a probe like this one, and what is left when they can not be asked.
//!
//! The table that says who runs what is public, and the probe reads it itself: what it is stays with it. In this order: the
//! online script by fresh news; the one of the last check-in, if what was said of it still holds; the offline script of the last
//! check-in, on the same condition; the one in this program.

use netsonde_data::location::Locations;
use netsonde_feed::feed::Refreshed;
use netsonde_feed::file::{Kind, Object, Size};
use netsonde_feed::{Feed, Problem};
use netsonde_log::check_in::{Attributes, Choice, TABLE, Table};
use netsonde_log::leaf::Publication;
use netsonde_log::words::{Digest, Name};
use serde::{Deserialize, Serialize};

use crate::settings::RunMode;
use crate::watch::ScriptSource;
use crate::{SOFTWARE_NAME, SOFTWARE_VERSION, sha256};

/// The script that is in this program.
pub const BUILT_IN: &str = include_str!("../fallback.jsonc");

/// What the last check-in came to, among what is kept of a registry.
const KEPT: &str = "checkin.json";

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

/// What is kept of a check-in.
#[derive(Default, Serialize, Deserialize)]
struct Kept {
    v: u64,
    rule: Option<usize>,
    online: Option<KeptScript>,
    offline: Option<KeptScript>,
}

#[derive(Serialize, Deserialize)]
struct KeptScript {
    name: String,
    sha256: String,
}

impl KeptScript {
    fn digest(&self) -> Option<Digest> {
        self.sha256.parse().ok()
    }
}

/// Check in with a registry of which fresh news is known: the online script, if it has one for this probe.
fn ask(
    feed: &Feed,
    attributes: &Attributes,
    now: u64,
    problems: &mut Vec<String>,
) -> Result<(Vec<u8>, By), String> {
    let choice = choose(feed, attributes, now, problems)?;
    let before = read(feed);
    let mut after = Kept {
        v: 1,
        rule: choice.rule,
        ..Kept::default()
    };
    let mut get = |name: &Name| -> Result<(Vec<u8>, By, KeptScript), String> {
        let script = feed.client().script(name, now).map_err(|why| why.to_string())?;
        let text = object(feed, Kind::Script, script, problems)?;
        feed.keep_object(&text).map_err(|error| error.to_string())?;
        let index = feed.client().ledger().script_leaf(script);
        if let Some(index) = index
            && let Err(error) = feed.keep_proofs(&script.digest, &[index])
        {
            problems.push(format!("{}: {error}", feed.name()));
        }
        let kept = KeptScript {
            name: name.to_string(),
            sha256: script.digest.to_string(),
        };
        Ok((text, by(feed, name, index, choice.rule), kept))
    };
    let online = choice.online.as_ref().map(&mut get).transpose();
    // Without a table a registry need not have one; where a table names it, it has to be there.
    let published = |name: &&Name| {
        choice.rule.is_some()
            || feed
                .client()
                .ledger()
                .scripts()
                .any(|script| script.name == **name)
    };
    let offline = choice.offline.as_ref().filter(published);
    let offline = offline.map(&mut get).transpose();
    // What could not be got now may be there from before; whether it still holds is asked when it is to run.
    let of_before = before.unwrap_or_default();
    let (online, kept) = match online {
        Ok(Some((text, by, kept))) => (Ok(Some((text, by))), Some(kept)),
        Ok(None) => (Ok(None), None),
        Err(why) => (Err(why), of_before.online),
    };
    after.online = kept;
    after.offline = match offline {
        Ok(offline) => offline.map(|(_, _, kept)| kept),
        Err(why) => {
            problems.push(format!("{}: the offline script: {why}", feed.name()));
            of_before.offline
        }
    };
    let written = serde_json::to_vec(&after).unwrap_or_default();
    feed.keep(KEPT, &written).map_err(|error| error.to_string())?;
    online?.ok_or_else(|| "it has none for this probe".to_owned())
}

/// What the registry's table says to this probe.
fn choose(
    feed: &Feed,
    attributes: &Attributes,
    now: u64,
    problems: &mut Vec<String>,
) -> Result<Choice, String> {
    let Ok(name) = TABLE.parse::<Name>() else {
        return Ok(Choice::without_table());
    };
    // No table was ever published, or there is one: an old one is not the same as none.
    if !feed.client().ledger().lists().any(|list| list.name == name) {
        return Ok(Choice::without_table());
    }
    let list = feed
        .client()
        .list(&name, now)
        .map_err(|why| format!("its table: {why}"))?;
    let bytes = object(feed, Kind::List, list, problems)?;
    feed.keep_object(&bytes).map_err(|error| error.to_string())?;
    let table = Table::parse(&bytes).map_err(|error| error.to_string())?;
    Ok(table.choose(attributes))
}

fn object(
    feed: &Feed,
    kind: Kind,
    said: &Publication,
    problems: &mut Vec<String>,
) -> Result<Vec<u8>, String> {
    let object = Object {
        kind,
        digest: said.digest,
        size: Size::Exactly(said.size),
    };
    let mut wrong: Vec<Problem> = Vec::new();
    let got = feed.object(&object, &mut wrong);
    problems.extend(wrong.iter().map(|problem| format!("{}: {problem}", feed.name())));
    got.map_err(|error| error.to_string())
}

fn by(feed: &Feed, name: &Name, index: Option<u64>, rule: Option<usize>) -> By {
    let root = feed.client().root();
    By {
        registry: feed.name().to_owned(),
        log: root.map(|root| root.log().origin.clone()).unwrap_or_default(),
        script: name.to_string(),
        index,
        rule,
    }
}

fn read(feed: &Feed) -> Option<Kept> {
    let bytes = feed.kept(KEPT).ok()??;
    serde_json::from_slice(&bytes)
        .ok()
        .filter(|kept: &Kept| kept.v == 1)
}

/// The first script of the last check-ins that still holds.
fn kept(
    feeds: &[Feed],
    how: How,
    now: u64,
    check: &dyn Fn(&[u8]) -> Result<(), String>,
    passed_over: &mut Vec<String>,
) -> Option<(How, Vec<u8>, Option<By>)> {
    for feed in feeds {
        let standing = standing(feed, how, now);
        match standing.and_then(|(text, by)| check(&text).map(|()| (text, by))) {
            Ok((text, by)) => return Some((how, text, Some(by))),
            Err(why) => passed_over.push(format!("{} of {}: {why}", how.for_people(), feed.name())),
        }
    }
    None
}

fn standing(feed: &Feed, how: How, now: u64) -> Result<(Vec<u8>, By), String> {
    let kept = read(feed).ok_or("there was none")?;
    let script = if how == How::Offline {
        kept.offline
    } else {
        kept.online
    };
    let script = script.ok_or("it had none for this probe")?;
    let digest = script.digest().ok_or("what is kept of it is damaged")?;
    let name: Name = script.name.parse().map_err(|_| "what is kept of it is damaged")?;
    let said = feed
        .client()
        .standing_script(&name, now)
        .map_err(|why| why.to_string())?;
    if said.digest != digest {
        return Err("a newer one was published since, which is not here".to_owned());
    }
    let text = feed.kept_object(&digest).map_err(|error| error.to_string())?;
    let text = text.ok_or("its bytes are gone, or are others")?;
    let index = feed.client().ledger().script_leaf(said);
    Ok((text, by(feed, &name, index, kept.rule)))
}
