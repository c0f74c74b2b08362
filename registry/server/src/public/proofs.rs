//! What the log says of some bytes, with proofs: for those who have no tiles and want none.

use super::answer::{Answer, Keep, Problem};
use super::state::State;
use crate::folder::{Reader, SequencerError};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use netsonde_log::{
    fetch::{FetchError, Fetched, Progress, inclusion_proof},
    leaf::{Leaf, LeafError},
    policy::Opened,
    proof::Proof,
    words::Digest,
};
use serde::Serialize;

/// What the log says of these bytes.
#[derive(Serialize)]
struct Proofs {
    digest: String,
    entries: Vec<Entry>,
}

/// One entry.
#[derive(Serialize)]
struct Entry {
    index: u64,
    #[serde(rename = "type")]
    kind: String,
    /// The entry in base64.
    leaf: String,
    /// C2SP tlog-proof.
    proof: String,
}

/// An entry of the log, and the proof that it is one.
pub(super) struct Proven {
    pub(super) leaf: Vec<u8>,
    pub(super) proof: Vec<u8>,
}

/// Why an entry is not proven.
#[derive(Debug, thiserror::Error)]
enum NotProven {
    #[error(transparent)]
    Folder(#[from] SequencerError),
    #[error("prove entry {index}: {error}")]
    Fetch { index: u64, error: FetchError },
    #[error("entry {0} is not in the database")]
    Gone(u64),
    #[error(transparent)]
    Leaf(#[from] LeafError),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Task(#[from] tokio::task::JoinError),
}

/// All entries about these bytes that are in force, against the checkpoint that is served.
pub(super) async fn of(state: &State, digest: Digest, keep: Keep) -> Result<Answer, Problem> {
    let (indices, checkpoint, opened) = {
        let read = state.now().await?;
        (read.said_of(&digest), read.checkpoint.clone(), read.opened)
    };
    if indices.is_empty() {
        return Err(Problem::unknown(
            "BLOB_UNKNOWN",
            "the log says nothing of these bytes",
        ));
    }
    let json = in_background(state, move |reader| {
        let proven = prove(reader, &indices, &checkpoint, &opened)?;
        let entries = indices
            .iter()
            .zip(proven)
            .map(|(index, proven)| entry(*index, &proven));
        let proofs = Proofs {
            digest: digest.to_string(),
            entries: entries.collect::<Result<_, _>>()?,
        };
        Ok(serde_json::to_vec(&proofs)?)
    });
    Ok(Answer::json(json.await?, keep))
}

/// One entry.
pub(super) async fn of_entry(
    state: &State,
    index: u64,
    checkpoint: Bytes,
    opened: Opened,
) -> Result<Proven, Problem> {
    let proving = in_background(state, move |reader| {
        let mut proven = prove(reader, &[index], &checkpoint, &opened)?;
        proven.pop().ok_or(NotProven::Gone(index))
    });
    proving.await
}

async fn in_background<T: Send + 'static>(
    state: &State,
    ask: impl FnOnce(&Reader) -> Result<T, NotProven> + Send + 'static,
) -> Result<T, Problem> {
    let state = state.clone();
    let asking = tokio::task::spawn_blocking(move || state.with_reader(ask)).await;
    let asked = asking.map_err(NotProven::from).flatten();
    asked.map_err(|why| Problem::broken("prove what the log says", &why))
}

fn prove(
    reader: &Reader,
    indices: &[u64],
    checkpoint: &Bytes,
    opened: &Opened,
) -> Result<Vec<Proven>, NotProven> {
    let mut fetched = Fetched::new();
    let mut proven = Vec::new();
    for index in indices.iter().copied() {
        let hashes = loop {
            let progress = inclusion_proof(opened.tree, index, &fetched);
            match progress.map_err(|error| NotProven::Fetch { index, error })? {
                Progress::Done(hashes) => break hashes,
                Progress::Need(paths) => {
                    for path in paths {
                        fetched.insert(path, reader.file(path)?);
                    }
                }
            }
        };
        let leaf = reader
            .entries(index..index + 1)?
            .pop()
            .ok_or(NotProven::Gone(index))?;
        let proof = Proof {
            index,
            hashes,
            checkpoint: checkpoint.to_vec(),
            extra: None,
        };
        let proof = proof.to_bytes();
        proven.push(Proven { leaf, proof });
    }
    Ok(proven)
}

fn entry(index: u64, proven: &Proven) -> Result<Entry, NotProven> {
    let leaf = Leaf::parse(&proven.leaf)?;
    Ok(Entry {
        index,
        kind: leaf.payload().kind().to_owned(),
        leaf: STANDARD.encode(&proven.leaf),
        proof: String::from_utf8_lossy(&proven.proof).into_owned(),
    })
}
