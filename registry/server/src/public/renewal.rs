//! Signing the checkpoint again, so that whoever reads it knows that nothing was left out since.

use crate::folder::{Sequencer, SequencerError};
use netsonde_log::tree::Tree;
use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Sign the checkpoint of a folder each time that this has passed.
pub async fn renew(folder: PathBuf, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        sign(folder.clone()).await;
    }
}

/// Sign the checkpoint of a folder now. What goes wrong is logged; what was signed before is served on.
pub async fn sign(folder: PathBuf) {
    // Witnesses may be asked, and another process may have the turn to write.
    let signing = tokio::task::spawn_blocking(move || {
        // Opened each time: others write in between, and may change the log's key.
        Sequencer::open(&folder, now())?.renew(now())
    });
    let signed: Result<Result<Tree, SequencerError>, _> = signing.await;
    match signed {
        Ok(Ok(tree)) => tracing::debug!("signed the checkpoint of {} entries again", tree.size()),
        Ok(Err(why)) => tracing::error!("sign the checkpoint again: {why}"),
        Err(why) => tracing::error!("sign the checkpoint again: {why}"),
    }
}

/// Seconds since 1970. A clock before that says nothing: a checkpoint never gets older than the one before it.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
