//! Signing the checkpoint again, so that whoever reads it knows that nothing was left out since.

use crate::folder::{Sequencer, SequencerError};
use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Signs the checkpoint of a folder again and again. In between others may write.
pub struct Renewal(Arc<Mutex<Sequencer>>);

impl Renewal {
    /// Of the log in this folder. What others left to do is done.
    pub fn open(folder: &Path) -> Result<Self, SequencerError> {
        let sequencer = Sequencer::open(folder, now())?;
        Ok(Self(Arc::new(Mutex::new(sequencer))))
    }

    /// Sign it each time that this has passed.
    pub async fn repeat(&self, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            self.sign().await;
        }
    }

    /// Sign it now. What goes wrong is logged, and what was signed before is served on.
    pub async fn sign(&self) {
        let sequencer = Arc::clone(&self.0);
        let signing = tokio::task::spawn_blocking(move || {
            let mut sequencer = sequencer.lock().unwrap_or_else(PoisonError::into_inner);
            sequencer.renew(now())
        });
        match signing.await {
            Ok(Ok(tree)) => tracing::debug!("signed the checkpoint of {} entries again", tree.size()),
            Ok(Err(why)) => tracing::error!("sign the checkpoint again: {why}"),
            Err(why) => tracing::error!("sign the checkpoint again: {why}"),
        }
    }
}

/// Seconds since 1970. A clock before that says nothing: a checkpoint never gets older than the one before it.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
