//! One registry: asked by fresh news, or by what was kept of the last time.

use netsonde_feed::file::{Kind, Object, Size};
use netsonde_feed::{Feed, Problem};
use netsonde_log::check_in::{Attributes, Choice, TABLE, Table};
use netsonde_log::leaf::Publication;
use netsonde_log::words::{Digest, Name};
use serde::{Deserialize, Serialize};

use super::{By, How};

/// What the last check-in came to, among what is kept of a registry.
const KEPT: &str = "checkin.json";

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
pub(super) fn ask(
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
pub(super) fn kept(
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
