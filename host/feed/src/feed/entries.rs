//! The entries of the log, for those who look at each.

use super::{Feed, NotProven, Problem, Trouble};
use netsonde_log::client::ClientError;
use netsonde_log::fetch::{Entries, FetchError, Fetched, Progress};
use std::ops::Range;

impl Feed {
    /// Some entries of the log as far as it is known, in their order, each held against what was signed.
    pub fn entries(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, NotProven> {
        let floor = self.client.floor().ok_or(NotProven::NoCheckpoint)?;
        let first = range.start;
        let mut problems = Vec::new();
        for mirror in self.mirrors() {
            let all = Entries::new(floor.tree, range.clone()).map_err(FetchError::from);
            let found = all.map_err(trouble).and_then(|mut entries| {
                let mut found = Vec::new();
                let mut fetched = Fetched::new();
                loop {
                    match entries.next(&fetched).map_err(trouble)? {
                        Progress::Done(None) => return Ok(found),
                        Progress::Done(Some(batch)) => {
                            found.extend(batch.entries.iter().map(|entry| entry.to_vec()));
                            fetched.retain(|path, _| !path.is_entries());
                        }
                        Progress::Need(paths) => {
                            for path in paths {
                                fetched.insert(path, self.tile(mirror, path)?);
                            }
                        }
                    }
                }
            });
            match found {
                Ok(found) => return Ok(found),
                Err(trouble) => problems.push(Problem {
                    mirror: mirror.clone(),
                    trouble,
                }),
            }
        }
        Err(NotProven::Mirrors {
            index: first,
            problems,
        })
    }
}

fn trouble(error: FetchError) -> Trouble {
    ClientError::from(error).into()
}
