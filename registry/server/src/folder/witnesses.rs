//! Asking the witnesses of a log, before anybody else sees a checkpoint.

use super::files::{self, FileError};
use super::reader;
use super::sequencer::SequencerError;
use super::{LOG, WITNESSES};
use netsonde_feed::getter::asker;
use netsonde_log::{
    fetch::{Fetched, Progress, consistency_proof},
    keys::WitnessKey,
    note::{Note, Signature},
    tree::Tree,
    witness::{AddCheckpoint, signatures},
};
use serde::{Deserialize, Serialize};
use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use ureq::Agent;

/// How long a witness has to answer. Nobody else publishes meanwhile.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// How much of an answer is read.
const LONGEST_ANSWER: u64 = 16 << 10;
/// How far a witness's clock may be from this one, in seconds. Probes believe no signature from another day.
const CLOCK: u64 = 300;
/// How often a witness is asked again that has signed for another size than was thought.
const TRIES: usize = 3;

/// The witnesses of a log, and where they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witnesses {
    /// How many of them must have signed.
    pub quorum: usize,
    /// Who they are.
    pub witnesses: Vec<KnownWitness>,
}

/// A witness, and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownWitness {
    /// Its key.
    pub key: String,
    /// Its URL, without `/add-checkpoint`.
    pub url: String,
}

impl Witnesses {
    /// Those of a registry's folder, if it has any.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, SequencerError> {
        let path = folder.join(WITNESSES);
        let Some(bytes) = files::read(&path)? else {
            return Ok(None);
        };
        let read = serde_json::from_slice(&bytes);
        let witnesses = read.map_err(|error| FileError::new("read", &path)(error.into()))?;
        Ok(Some(witnesses))
    }

    /// Have a checkpoint signed by as many as must. `before` is the size of the one that is served.
    pub(super) fn cosign(
        &self,
        note: &mut Note,
        tree: Tree,
        before: u64,
        folder: &Path,
    ) -> Result<(), SequencerError> {
        let asking = Asking {
            agent: agent(),
            note,
            tree,
            before,
            log: folder.join(LOG),
        };
        let answers: Vec<Result<Signature, String>> = thread::scope(|scope| {
            let asked = self.witnesses.iter().map(|witness| {
                let asking = &asking;
                scope.spawn(move || asking.ask(witness))
            });
            let asked: Vec<_> = asked.collect();
            let answers = asked.into_iter().map(|asked| {
                let broken = |_| Err("asking it failed".to_owned());
                asked.join().unwrap_or_else(broken)
            });
            answers.collect()
        });
        let mut why = Vec::new();
        let mut found = 0;
        for (answer, witness) in answers.into_iter().zip(&self.witnesses) {
            match answer {
                Ok(signature) => {
                    found += 1;
                    note.push(signature);
                }
                Err(error) => why.push(format!("{}: {error}", witness.url)),
            }
        }
        if found >= self.quorum {
            for why in why {
                tracing::warn!("a witness has not signed: {why}");
            }
            return Ok(());
        }
        Err(SequencerError::Witnesses {
            found,
            wanted: self.quorum,
            why: why.join("; "),
        })
    }
}

/// What every witness is asked.
struct Asking<'a> {
    agent: Agent,
    note: &'a Note,
    tree: Tree,
    before: u64,
    log: PathBuf,
}

impl Asking<'_> {
    fn ask(&self, witness: &KnownWitness) -> Result<Signature, String> {
        let key: WitnessKey = witness.key.parse().map_err(|error| format!("{error}"))?;
        let mut old = self.before;
        for _ in 0..TRIES {
            let question = AddCheckpoint {
                old,
                proof: self.proof(old).map_err(|error| error.to_string())?,
                checkpoint: self.note.clone(),
            };
            match self.post(&witness.url, &question.to_string())? {
                (200, body) => return self.signature(&key, &body),
                (409, body) => old = size(&body).ok_or("it answers with the status 409, and no size")?,
                (status, body) => {
                    let said: String = String::from_utf8_lossy(&body).trim().chars().take(200).collect();
                    return Err(format!("it answers with the status {status}: {said}"));
                }
            }
        }
        Err("each time it has signed for another size: somebody else asks it for the same log".to_owned())
    }

    fn post(&self, url: &str, question: &str) -> Result<(u16, Vec<u8>), String> {
        let url = format!("{}/add-checkpoint", url.trim_end_matches('/'));
        let mut answer = self
            .agent
            .post(&url)
            .send(question)
            .map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let body = answer
            .body_mut()
            .with_config()
            .limit(LONGEST_ANSWER)
            .read_to_vec();
        Ok((status, body.map_err(|error| error.to_string())?))
    }

    /// That the log has only grown since. It can not be shown of a size that it has not had.
    fn proof(&self, old: u64) -> Result<Vec<netsonde_log::tree::Hash>, SequencerError> {
        if old == 0 || old >= self.tree.size() {
            return Ok(Vec::new());
        }
        let damaged = |error| SequencerError::Damaged {
            folder: self.log.clone(),
            error,
        };
        let mut fetched = Fetched::new();
        loop {
            match consistency_proof(old, self.tree, &fetched).map_err(damaged)? {
                Progress::Done(proof) => return Ok(proof),
                Progress::Need(paths) => {
                    for path in paths {
                        fetched.insert(path, reader::file(&self.log, path)?);
                    }
                }
            }
        }
    }

    /// Its signature, which nobody can read the checkpoint with if it is wrong.
    fn signature(&self, key: &WitnessKey, body: &[u8]) -> Result<Signature, String> {
        let all = signatures(body).ok_or("its answer is no signature")?;
        let own = all.into_iter().find(|signature| key.is_named_by(signature));
        let own = own.ok_or("its answer is signed with another key")?;
        let time = key.check(self.note, &own).map_err(|error| error.to_string())?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        in_time(time, since.map_or(0, |since| since.as_secs()))?;
        Ok(own)
    }
}

/// Whether a witness has signed at about this time.
fn in_time(time: u64, now: u64) -> Result<(), String> {
    let off = time.abs_diff(now);
    if off <= CLOCK {
        return Ok(());
    }
    let way = if time < now { "behind" } else { "ahead of" };
    Err(format!(
        "its clock is {off} s {way} this one, and so nobody would believe its signature: one of the two clocks has to be set"
    ))
}

fn size(body: &[u8]) -> Option<u64> {
    std::str::from_utf8(body).ok()?.trim_end().parse().ok()
}

fn agent() -> Agent {
    asker(
        concat!("netsonde-registry/", env!("CARGO_PKG_VERSION")),
        Vec::new(),
    )
    .timeout_global(Some(ANSWER_WITHIN))
    .build()
    .new_agent()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_with_another_time_is_not_counted() {
        let now = 1_800_000_000;
        for good in [now, now - CLOCK, now + CLOCK] {
            assert_eq!(in_time(good, now), Ok(()));
        }
        for (bad, said) in [
            (now - 86_400, "86400 s behind"),
            (now + 86_400, "86400 s ahead of"),
            (0, "behind"),
            (i64::MAX.unsigned_abs(), "ahead of"),
        ] {
            let error = in_time(bad, now).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
