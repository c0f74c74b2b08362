//! The registry's public log: what it says, who may say it, and how to prove it.
//!
//! Pure: bytes and a clock go in, verdicts come out. Nothing here opens a socket or a file; the server and the probe do.
//!
//! | module | what it knows |
//! |---|---|
//! | [`tree`] | the Merkle tree: hashes, sizes and roots |
//! | [`keys`] | the keys of logs and witnesses, as texts |
//! | [`note`] | texts with signatures below them |
//! | [`checkpoint`] | what a log signs: its size and root |
//! | [`policy`] | whose signatures a checkpoint needs to be believed, and of when it then is |
//! | [`tiles`] | the files that a log is served as |
//! | [`writer`] | growing a log: new entries in, files to store out |
//! | [`fetch`] | reading a log that nobody trusts: which files are needed, and what they prove |
//! | [`proof`] | proofs that travel alone |
//! | [`witness`] | what a log asks a witness, and whether it signs |
//! | [`canonical`] | the one way in which what people sign is written |
//! | [`words`] | digests, names, versions |
//! | [`role`] | who may say what, and the keys of those people |
//! | [`root`] | the chain of documents that give keys and roles |
//! | [`leaf`] | what an entry of the log says, and who signed it |
//! | [`ledger`] | what is in force after so many entries |
//! | [`client`] | what a probe believes of all this, and how it learns more |
//! | [`check_in`] | which of the published scripts a probe is to run |

pub mod canonical;
pub mod check_in;
pub mod checkpoint;
pub mod client;
pub mod fetch;
pub mod keys;
pub mod leaf;
pub mod ledger;
pub mod note;
pub mod policy;
pub mod proof;
pub mod role;
pub mod root;
#[cfg(test)]
mod testing;
pub mod tiles;
mod time;
pub mod tree;
pub mod witness;
pub mod words;
pub mod writer;

/// A number as C2SP's formats write it: digits, and no zeros in front.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}
