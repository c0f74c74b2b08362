//! Events as JSON, one a line on standard output.

use std::io::{ErrorKind, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use netsonde_probe::view::{Event, View};

/// Writes every event to standard output.
#[derive(Default)]
pub(crate) struct JsonView {
    lost: AtomicBool,
}

impl JsonView {
    /// Whether events could not be written, for another reason than that nobody reads them any more.
    pub(crate) fn lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }
}

impl View for JsonView {
    fn event(&self, event: Event) {
        let mut line = match serde_json::to_vec(&event) {
            Ok(line) => line,
            Err(error) => return tracing::warn!(%error, "an event can not be written as JSON"),
        };
        line.push(b'\n');
        let mut stdout = std::io::stdout().lock();
        // The measurements are in the report: events that can not be written are no reason to stop measuring.
        if let Err(error) = stdout.write_all(&line).and_then(|()| stdout.flush())
            && error.kind() != ErrorKind::BrokenPipe
            && !self.lost.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(%error, "events can not be written to standard output; the run goes on");
        }
    }
}
