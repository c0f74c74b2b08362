//! Bodies of questions: up to a length each, up to a memory all together, and not for ever.

use axum::body::Body;
use http_body_util::BodyExt;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// The longest body.
const LONGEST: usize = 1 << 24;
/// How long a body may take.
const WITHIN: Duration = Duration::from_secs(15);

/// The memory of all bodies together: a permit is a byte.
#[derive(Clone, Debug)]
pub(super) struct Memory(Arc<Semaphore>);

/// A body, and the memory that it takes.
pub(super) struct Kept {
    pub(super) bytes: Vec<u8>,
    memory: Option<OwnedSemaphorePermit>,
}

/// Why there is no body.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoBody {
    #[error("the body is longer than {LONGEST} bytes")]
    TooLong,
    #[error("the body could not be read")]
    Broken,
    #[error("the body did not come within {} s", WITHIN.as_secs())]
    TooSlow,
    #[error("there is no memory left for bodies")]
    NoMemory,
}

impl Memory {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    /// Read a body.
    pub(super) async fn read(&self, body: Body) -> Result<Kept, NoBody> {
        let reading = self.read_slowly(body);
        timeout(WITHIN, reading).await.unwrap_or(Err(NoBody::TooSlow))
    }

    async fn read_slowly(&self, mut body: Body) -> Result<Kept, NoBody> {
        let mut kept = Kept {
            bytes: Vec::new(),
            memory: None,
        };
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| NoBody::Broken)?;
            let Some(piece) = frame.data_ref() else { continue };
            let room = kept.bytes.capacity() - kept.bytes.len();
            if kept.bytes.len() + piece.len() > LONGEST {
                return Err(NoBody::TooLong);
            }
            if piece.len() > room {
                // Whoever grows may for a moment take as much again: it is moved to where there is room.
                let wanted = (kept.bytes.len() + piece.len()).next_power_of_two();
                let more = u32::try_from(wanted - kept.bytes.capacity()).map_err(|_| NoBody::TooLong)?;
                let more = Arc::clone(&self.0)
                    .try_acquire_many_owned(more)
                    .map_err(|_| NoBody::NoMemory)?;
                match &mut kept.memory {
                    Some(memory) => memory.merge(more),
                    None => kept.memory = Some(more),
                }
                kept.bytes.reserve_exact(wanted - kept.bytes.len());
            }
            kept.bytes.extend_from_slice(piece);
        }
        Ok(kept)
    }
}
