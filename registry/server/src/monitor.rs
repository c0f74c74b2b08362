//! A monitor: reads a log entry by entry, as nobody's probe does, and says what it finds wrong.
//!
//! It begins with the first entry each time that it is started, so that no snapshot can keep anything from it, and holds what
//! probes believe against what the entries come to.

use crate::proposal::summary;
use netsonde_feed::{
    Feed, Getter, Mirror, Registries, StoreError,
    file::{Kind, Object, Size},
    registries::Addition,
};
use netsonde_log::{
    client::Trust,
    leaf::{Leaf, Payload},
    ledger::{DOCUMENT_LIMIT, Effect, Ledger},
    words::Digest,
};
use std::{mem, path::PathBuf};

/// How long before a root expires people are told.
const SOON: u64 = 30 * 24 * 60 * 60;
/// The most that a manifest, or the reason for a withdrawal, is read of.
const LONGEST_TEXT: u64 = 1 << 20;

/// Watches one registry.
pub struct Monitor {
    registries: Registries,
    trust: Trust,
    mirror: Mirror,
    /// The digest of the first root.
    first: Digest,
    feed: Option<Feed>,
    /// What the entries have come to.
    ledger: Ledger,
    /// What is named and was not to be had. It is asked for again.
    missing: Vec<Object>,
}

/// What a look has shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// How many entries the log has.
    pub size: u64,
    /// Those that are new, each in a line.
    pub news: Vec<String>,
    /// What is wrong.
    pub alarms: Vec<String>,
}

impl Monitor {
    /// A monitor of the registry that has this first root and is served there. What it must not forget is kept in `folder`.
    pub fn new(folder: PathBuf, getter: Getter, trust: Trust, mirror: Mirror) -> Self {
        let first = match &trust {
            Trust::Root(root) => root.digest(),
            Trust::Digest(digest) => *digest,
        };
        Self {
            registries: Registries::new(folder, getter),
            trust,
            mirror,
            first,
            feed: None,
            ledger: Ledger::new(first),
            missing: Vec::new(),
        }
    }

    /// Look at what is new.
    pub fn look(&mut self, now: u64) -> Result<Sight, StoreError> {
        let mut sight = Sight {
            size: self.ledger.size(),
            ..Sight::default()
        };
        let Some(mut feed) = self.feed(now, &mut sight)? else {
            return Ok(sight);
        };
        let refreshed = feed.refresh(now)?;
        let problems = refreshed.problems.iter();
        sight.alarms.extend(problems.map(ToString::to_string));
        self.read(&feed, &mut sight);
        self.check_state(&feed, now, &mut sight);
        self.feed = Some(feed);
        Ok(sight)
    }

    /// The registry, with what was seen of it before.
    fn feed(&mut self, now: u64, sight: &mut Sight) -> Result<Option<Feed>, StoreError> {
        if let Some(feed) = self.feed.take() {
            return Ok(Some(feed));
        }
        for feed in self.registries.all()? {
            match feed {
                Ok(feed) if feed.trusted() == self.first && feed.mirrors().contains(&self.mirror) => {
                    return Ok(Some(feed));
                }
                Ok(feed) => {
                    sight.alarms.push(format!(
                        "{} keeps what was seen of another registry, or at another address ({}): give another --dir",
                        feed.folder().display(),
                        feed.mirrors().first().map(ToString::to_string).unwrap_or_default()
                    ));
                    return Ok(None);
                }
                Err(error) => sight.alarms.push(error.to_string()),
            }
        }
        let addition = Addition {
            trust: self.trust.clone(),
            mirrors: vec![self.mirror.clone()],
            name: None,
        };
        match self.registries.add(addition, now) {
            Ok((feed, _)) => Ok(Some(feed)),
            Err(error) => {
                sight.alarms.push(error.to_string());
                Ok(None)
            }
        }
    }

    fn read(&mut self, feed: &Feed, sight: &mut Sight) {
        let from = self.ledger.size();
        let size = feed.client().floor().map_or(0, |floor| floor.tree.size());
        let entries = match feed.entries(from..size) {
            Ok(entries) => entries,
            Err(error) => return sight.alarms.push(error.to_string()),
        };
        let mut named = mem::take(&mut self.missing);
        for (index, entry) in (from..).zip(&entries) {
            let line = match (self.ledger.apply(entry), Leaf::parse(entry)) {
                (Ok(Effect::InForce), Ok(leaf)) => {
                    named.extend(objects(leaf.payload()));
                    let signers = leaf.signatures().iter();
                    let signers: Vec<_> = signers
                        .map(|signature| format!("{} as {}", signature.keyid, signature.role))
                        .collect();
                    let by = if signers.is_empty() { "" } else { ", signed by " };
                    format!(
                        "entry {index}: {}{by}{}",
                        summary(leaf.payload()),
                        signers.join(", ")
                    )
                }
                (Ok(_), _) => {
                    let unknown = format!("entry {index} is of a type that this program does not know");
                    sight.alarms.push(unknown.clone());
                    unknown
                }
                (Err(why), _) => {
                    let refused = format!("entry {index} has no effect: {why}");
                    sight.alarms.push(refused.clone());
                    refused
                }
            };
            sight.news.push(line);
        }
        sight.size = self.ledger.size();
        let mut problems = Vec::new();
        for object in named {
            // What is withdrawn need not be served any more.
            if self.ledger.revoked(&object.digest).is_none()
                && let Err(error) = feed.object(&object, &mut problems)
            {
                sight.alarms.push(error.to_string());
                self.missing.push(object);
            }
        }
        sight
            .alarms
            .extend(mem::take(&mut problems).iter().map(ToString::to_string));
    }

    fn check_state(&self, feed: &Feed, now: u64, sight: &mut Sight) {
        let client = feed.client();
        if client.ledger().size() == self.ledger.size()
            && client.ledger().to_document() != self.ledger.to_document()
        {
            sight.alarms.push(
                "what probes believe that began with a snapshot is not what the entries come to: the snapshot leaves something out"
                    .to_owned(),
            );
        }
        match self.ledger.valid_root(now) {
            Err(why) => sight.alarms.push(why.to_string()),
            Ok(root) if root.expires() - now < SOON => sight.alarms.push(format!(
                "root {} expires in {} days: have the owners sign another",
                root.version(),
                (root.expires() - now) / (24 * 60 * 60)
            )),
            Ok(_) => {}
        }
    }
}

/// What has to be served for what is said to be of use.
fn objects(payload: &Payload) -> Vec<Object> {
    let object = |kind, digest: &Digest, size| Object {
        kind,
        digest: *digest,
        size,
    };
    let text = |digest| vec![object(Kind::Object, digest, Size::AtMost(LONGEST_TEXT))];
    match payload {
        Payload::ModuleRelease(module) => vec![
            object(Kind::Object, &module.digest, Size::Exactly(module.size)),
            object(Kind::Object, &module.manifest, Size::AtMost(LONGEST_TEXT)),
        ],
        Payload::ScriptPublish(script) => {
            vec![object(Kind::Script, &script.digest, Size::Exactly(script.size))]
        }
        Payload::ListPublish(list) => vec![object(Kind::List, &list.digest, Size::Exactly(list.size))],
        Payload::ModuleYank(yank) => text(&yank.reason),
        Payload::ModuleRevoke(revoke) => text(&revoke.reason),
        Payload::ScriptRevoke(revoke) => text(&revoke.reason),
        Payload::EventCancel(cancel) => text(&cancel.reason),
        Payload::Snapshot(snapshot) => vec![object(
            Kind::Object,
            &snapshot.digest,
            Size::AtMost(u64::try_from(DOCUMENT_LIMIT).unwrap_or(u64::MAX)),
        )],
        _ => Vec::new(),
    }
}
