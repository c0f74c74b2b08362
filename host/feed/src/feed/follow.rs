//! Asking the mirrors for news, one after the other, until one has some.

use super::{Feed, Problem, Refreshed, Trouble};
use crate::file::{File, Kind, Object, Size};
use crate::getter::GetError;
use crate::mirror::Mirror;
use crate::store::StoreError;
use netsonde_log::client::{Advance, Client, ClientError, Step};
use netsonde_log::fetch::Progress;
use netsonde_log::ledger::DOCUMENT_LIMIT;
use std::time::Instant;

/// What a mirror said, believed.
struct News {
    client: Client,
    checkpoint: Vec<u8>,
    /// When the log was seen to be like this.
    time: u64,
}

impl Feed {
    /// Bring what is known of the log up to date. Mirrors are asked in their order; whatever is wrong with one is said, and
    /// the next is asked. What is true is kept although it is old; only news that is fresh ends the asking.
    pub fn refresh(&mut self, now: u64) -> Result<Refreshed, StoreError> {
        let mut problems = Vec::new();
        let mut fresh = None;
        for mirror in self.record.mirrors.clone() {
            match self.news(&mirror, now, &mut problems) {
                Ok(news) => {
                    let limit = news.client.ledger().policy().freshness.orders;
                    let age = now.saturating_sub(news.time);
                    (self.client, self.checkpoint) = (news.client, Some(news.checkpoint));
                    if age <= limit {
                        fresh = Some(mirror);
                        break;
                    }
                    let trouble = Trouble::Frozen { age, limit };
                    problems.push(Problem { mirror, trouble });
                }
                Err(trouble) => problems.push(Problem { mirror, trouble }),
            }
        }
        self.save()?;
        Ok(Refreshed { fresh, problems })
    }

    /// What a mirror says, if it is to be believed. Nothing of what it says counts before all of it does.
    fn news(&self, mirror: &Mirror, now: u64, problems: &mut Vec<Problem>) -> Result<News, Trouble> {
        let mut client = self.client.clone();
        if client.root().is_err() {
            client.learn(&self.get(mirror, &File::Root(1))?)?;
        }
        let checkpoint = self.get(mirror, &File::Checkpoint)?;
        let advance = self.begin(&mut client, mirror, &checkpoint, now)?;
        let step = match self.walk_from_snapshot(&client, mirror, &checkpoint, now) {
            Some(step) => step,
            None => self.walk(advance, mirror, problems)?,
        };
        client.accept(step)?;
        let opened = client.root()?.policy().open(&checkpoint, u64::MAX);
        let time = opened.map_err(ClientError::from)?.time;
        Ok(News {
            client,
            checkpoint,
            time,
        })
    }

    /// Begin a step. Where the checkpoint is not one under the newest root that is known, there may be a newer one.
    fn begin(
        &self,
        client: &mut Client,
        mirror: &Mirror,
        checkpoint: &[u8],
        now: u64,
    ) -> Result<Advance, Trouble> {
        loop {
            let error = match client.advance(checkpoint, now) {
                Ok(advance) => return Ok(advance),
                Err(error @ (ClientError::Checkpoint(_) | ClientError::RootExpired { .. })) => error,
                Err(error) => return Err(error.into()),
            };
            let next = client.root()?.version() + 1;
            match self.getter.get(mirror, &File::Root(next)) {
                Ok(document) => client.learn(&document)?,
                // There is no newer one: the first error says what is wrong.
                Err(_) => return Err(error.into()),
            }
        }
    }

    /// Who has read nothing yet can begin with what the log was said to have come to, if there is such a document and the log
    /// vouches for it. If not, reading everything comes to the same.
    fn walk_from_snapshot(
        &self,
        client: &Client,
        mirror: &Mirror,
        checkpoint: &[u8],
        now: u64,
    ) -> Option<Step> {
        if client.ledger().size() > 0 {
            return None;
        }
        let digest = self.getter.get(mirror, &File::Snapshot).ok()?;
        let object = Object {
            kind: Kind::Object,
            digest: std::str::from_utf8(&digest).ok()?.trim_end().parse().ok()?,
            size: Size::AtMost(u64::try_from(DOCUMENT_LIMIT).unwrap_or(u64::MAX)),
        };
        let document = self.getter.get(mirror, &File::Object(object)).ok()?;
        let mut advance = client.start(&document, checkpoint, now).ok()?;
        self.walk_with(&mut advance, mirror).ok()
    }

    /// Go the step, with files of this mirror first. Those that it has not, or has wrong, others may have.
    fn walk(
        &self,
        mut advance: Advance,
        first: &Mirror,
        problems: &mut Vec<Problem>,
    ) -> Result<Step, Trouble> {
        let trouble = match self.walk_with(&mut advance, first) {
            Ok(step) => return Ok(step),
            Err(trouble) => trouble,
        };
        // What the log itself proves, no mirror proves otherwise.
        let is_about_files = match &trouble {
            Trouble::Get { .. } => true,
            Trouble::Client(error) => matches!(**error, ClientError::Files(_)),
            Trouble::Frozen { .. } | Trouble::Altered { .. } => false,
        };
        if is_about_files {
            for mirror in self.record.mirrors.iter().filter(|mirror| *mirror != first) {
                if let Ok(step) = self.walk_with(&mut advance, mirror) {
                    let mirror = first.clone();
                    problems.push(Problem { mirror, trouble });
                    return Ok(step);
                }
            }
        }
        Err(trouble)
    }

    fn walk_with(&self, advance: &mut Advance, mirror: &Mirror) -> Result<Step, Trouble> {
        let (began, mut bytes) = (Instant::now(), 0);
        loop {
            match advance.go_on()? {
                Progress::Done(step) => return Ok(step),
                Progress::Need(paths) => {
                    for path in paths {
                        let tile = self.tile(mirror, path)?;
                        bytes += u64::try_from(tile.len()).unwrap_or(u64::MAX);
                        advance.supply(path, tile);
                        let within = self.getter.within(bytes);
                        if began.elapsed() > within {
                            return Err(got_nothing(&File::Tile(path), GetError::Drags(within.as_secs())));
                        }
                    }
                }
            }
        }
    }

    /// A part of the log. Where a beginning of a file is gone, the whole of it is there.
    pub(super) fn tile(&self, mirror: &Mirror, path: netsonde_log::tiles::Path) -> Result<Vec<u8>, Trouble> {
        match self.getter.get(mirror, &File::Tile(path)) {
            Err(GetError::NotFound) if path.whole() != path => self.get(mirror, &File::Tile(path.whole())),
            Err(error) => Err(got_nothing(&File::Tile(path), error)),
            Ok(bytes) => Ok(bytes),
        }
    }

    pub(super) fn get(&self, mirror: &Mirror, file: &File) -> Result<Vec<u8>, Trouble> {
        let got = self.getter.get(mirror, file);
        got.map_err(|error| got_nothing(file, error))
    }
}

fn got_nothing(file: &File, error: GetError) -> Trouble {
    let file = file.to_string();
    Trouble::Get { file, error }
}
