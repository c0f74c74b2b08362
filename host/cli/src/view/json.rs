//! Events as JSON, one a line on standard output.

use std::io::Write as _;

use netsonde_probe::view::{Event, View};

use super::Stderr;

/// Writes every event to standard output.
pub(crate) struct JsonView {
    stderr: Stderr,
}

impl JsonView {
    pub(crate) fn new(stderr: Stderr) -> Self {
        Self { stderr }
    }
}

impl View for JsonView {
    fn event(&self, event: Event) {
        let mut line = match serde_json::to_vec(&event) {
            Ok(line) => line,
            Err(error) => {
                return self
                    .stderr
                    .line(&format!("an event can not be written as JSON: {error}"));
            }
        };
        line.push(b'\n');
        let mut stdout = std::io::stdout().lock();
        // Nobody reading is no reason to stop measuring: the report has everything.
        if let Err(error) = stdout.write_all(&line).and_then(|()| stdout.flush()) {
            tracing::debug!(%error, "write an event");
        }
    }
}
