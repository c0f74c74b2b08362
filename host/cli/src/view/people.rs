//! Progress for people: a bar where there is a terminal, and lines in any case.

use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};
use netsonde_probe::view::{Event, Measured, View};
use serde_json::Value;

use super::{BAD, DIM, GOOD, Stderr, plain};

/// Steps of a bar: tenths of a percent.
const STEPS: f64 = 1000.0;

/// A bar that shows a fraction.
pub(crate) fn bar(stderr: &Stderr, prefix: &str) -> ProgressBar {
    let bar = stderr.bars().add(ProgressBar::new(1000));
    let style = ProgressStyle::with_template("{prefix:>14} [{bar:30}] {percent:>3}% {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("=> "));
    bar.set_prefix(prefix.to_owned());
    bar
}

/// Set a bar to a fraction, from 0 to 1.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..=1000 before"
)]
pub(crate) fn set(bar: &ProgressBar, fraction: f64) {
    bar.set_position((fraction.clamp(0.0, 1.0) * STEPS).round() as u64);
}

/// Shows a run to people.
pub(crate) struct PeopleView {
    stderr: Stderr,
    bar: Mutex<Option<ProgressBar>>,
}

impl PeopleView {
    pub(crate) fn new(stderr: Stderr) -> Self {
        Self {
            stderr,
            bar: Mutex::new(None),
        }
    }

    fn bar(&self) -> std::sync::MutexGuard<'_, Option<ProgressBar>> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clear(&self) {
        if let Some(bar) = self.bar().take() {
            bar.finish_and_clear();
        }
    }
}

impl View for PeopleView {
    fn event(&self, event: Event) {
        match event {
            Event::Card { suite_name } => {
                self.clear();
                let suite_name = plain(&suite_name);
                self.stderr.line(&suite_name);
                *self.bar() = Some(bar(&self.stderr, &suite_name));
            }
            Event::Progress { value, message } => {
                let mut bar_slot = self.bar();
                let bar = bar_slot.get_or_insert_with(|| bar(&self.stderr, ""));
                set(bar, value);
                if !message.is_empty() {
                    bar.set_message(plain(&message));
                }
            }
            Event::Skipped { thing, name, why } => {
                self.stderr.line(&format!(
                    "  {DIM}skipped {} {}: {}{DIM:#}",
                    thing.as_str(),
                    plain(&name),
                    plain(&why)
                ));
            }
            Event::Measurement(measured) => self.stderr.line(&measured_line(&measured)),
            Event::Broken {
                nettest_name,
                input,
                why,
            } => {
                let what = subject(&nettest_name, input.as_deref());
                self.stderr
                    .line(&format!("  {what}  {BAD}broken:{BAD:#} {}", plain(&why)));
            }
            Event::Stopped { why } => {
                self.clear();
                self.stderr.line(&format!("stopped: {}", plain(&why)));
            }
            Event::ScriptEnded(summary) => {
                self.clear();
                self.stderr.line(&format!(
                    "{} measured, {} with an anomaly, {} skipped, {} broken",
                    summary.measurements, summary.anomalies, summary.skipped, summary.broken
                ));
            }
            _ => {}
        }
    }
}

fn subject(nettest: &str, input: Option<&str>) -> String {
    match input {
        Some(input) => format!("{} {}", plain(nettest), plain(input)),
        None => plain(nettest),
    }
}

fn measured_line(measured: &Measured) -> String {
    let what = subject(&measured.nettest_name, measured.input.as_deref());
    let verdict = match (&measured.error, measured.anomaly) {
        (Some(error), _) => format!("{BAD}broken:{BAD:#} {}", plain(error)),
        (None, Some(true)) => format!("{BAD}anomaly{BAD:#} {}", telling(measured)),
        (None, Some(false)) => format!("{GOOD}no anomaly{GOOD:#}"),
        // No verdict of its own: what it found speaks for itself.
        (None, None) => format!("measured {}", telling(measured)).trim_end().to_owned(),
    };
    format!("  {what}  {verdict}  {DIM}{:.2} s{DIM:#}", measured.runtime)
}

/// The summary keys that say something: what is true, and failures.
fn telling(measured: &Measured) -> String {
    let keys = measured.summary.iter().filter_map(|(key, value)| match value {
        Value::Null | Value::Bool(false) => None,
        Value::Bool(true) => Some(key.clone()),
        Value::String(text) => Some(format!("{key}={}", plain(text))),
        other => Some(format!("{key}={}", plain(&other.to_string()))),
    });
    keys.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_anomaly_says_what_it_is_made_of() {
        let measured = Measured {
            nettest_name: "telegram".into(),
            input: None,
            anomaly: Some(true),
            summary: serde_json::from_value(
                json!({"a": true, "b": false, "c": null, "d": "connection_reset"}),
            )
            .unwrap(),
            error: None,
            runtime: 1.5,
            usage: Value::Null,
        };
        let line = anstream::adapter::strip_str(&measured_line(&measured)).to_string();
        assert_eq!(line, "  telegram  anomaly a d=connection_reset  1.50 s");
        let without_verdict = Measured {
            anomaly: None,
            ..measured
        };
        let line = anstream::adapter::strip_str(&measured_line(&without_verdict)).to_string();
        assert_eq!(line, "  telegram  measured a d=connection_reset  1.50 s");
    }
}
