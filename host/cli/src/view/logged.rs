//! Every event goes to the log as well, so that a log file tells the whole run.

use std::sync::Arc;

use netsonde_probe::view::{Event, Level, View};

/// Logs events, then passes them on.
pub(crate) struct LoggedView {
    next: Arc<dyn View>,
}

impl LoggedView {
    pub(crate) fn new(next: Arc<dyn View>) -> Self {
        Self { next }
    }
}

impl View for LoggedView {
    fn event(&self, event: Event) {
        match &event {
            Event::Log {
                module,
                level: Level::Warning,
                message,
            } => tracing::warn!("{module}: {message}"),
            Event::Log {
                module,
                level: Level::Info,
                message,
            } => tracing::info!("{module}: {message}"),
            Event::Log {
                module,
                level: Level::Debug,
                message,
            } => tracing::debug!("{module}: {message}"),
            other => match serde_json::to_string(other) {
                Ok(event) => tracing::debug!(target: "netsonde::event", "{event}"),
                Err(error) => tracing::debug!(%error, "an event can not be written as JSON"),
            },
        }
        self.next.event(event);
    }
}
