//! Progress for people: a bar where there is a terminal, and lines in any case.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};
use netsonde_probe::sandbox::Verdict;
use netsonde_probe::view::{Event, Measured, Refused, Summary, View};
use serde_json::Value;

use super::{BAD, DIM, GOOD, Stderr, plain};

/// How many of the measurements that say nothing the summary lists.
const LISTED: usize = 20;

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
    /// What could not be measured, and why.
    unmeasured: Mutex<Vec<String>>,
}

impl PeopleView {
    pub(crate) fn new(stderr: Stderr) -> Self {
        Self {
            stderr,
            bar: Mutex::new(None),
            unmeasured: Mutex::new(Vec::new()),
        }
    }

    fn bar(&self) -> std::sync::MutexGuard<'_, Option<ProgressBar>> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unmeasured(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.unmeasured.lock().unwrap_or_else(PoisonError::into_inner)
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
            Event::NettestStarted {
                nettest_name,
                budget,
                destinations,
                ..
            } => self.stderr.line(&format!(
                "  {DIM}{}{DIM:#}",
                asks_for_line(&nettest_name, &budget, &destinations)
            )),
            Event::Measurement(measured) => {
                self.stderr.line(&measured_line(&measured));
                if measured.verdict == Some(Verdict::Unmeasured) {
                    let what = subject(&measured.nettest_name, measured.input.as_deref());
                    let why = plain(measured.says.as_deref().unwrap_or_default());
                    self.unmeasured().push(format!("{what}: {why}"));
                }
                for refused in &measured.refused {
                    self.stderr
                        .line(&format!("    {DIM}{}{DIM:#}", refused_line(refused)));
                }
            }
            Event::Broken {
                nettest_name,
                input,
                why,
                ..
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
                let unmeasured = std::mem::take(&mut *self.unmeasured());
                for line in summary_lines(&summary, &unmeasured) {
                    self.stderr.line(&line);
                }
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
    let verdict = match (
        &measured.error,
        verdict(measured.verdict, measured.says.as_deref()),
    ) {
        (Some(error), _) => format!("{BAD}broken:{BAD:#} {}", plain(error)),
        // Without words, what it found speaks for itself.
        (None, Some(verdict)) if has_words(measured) => verdict,
        (None, Some(verdict)) => format!("{verdict} {}", telling(measured)).trim_end().to_owned(),
        (None, None) => format!("measured {}", telling(measured)).trim_end().to_owned(),
    };
    format!("  {what}  {verdict}  {DIM}{:.2} s{DIM:#}", measured.runtime)
}

/// Whether all is said: by the manifest, or because there is nothing to say.
fn has_words(measured: &Measured) -> bool {
    measured.verdict == Some(Verdict::Fine) || measured.says.as_ref().is_some_and(|says| !says.is_empty())
}

/// A verdict and its reason, for people; none where there is no verdict.
pub(crate) fn verdict(verdict: Option<Verdict>, says: Option<&str>) -> Option<String> {
    let says = match says {
        None | Some("") => String::new(),
        Some(says) => format!(": {}", plain(says)),
    };
    Some(match verdict? {
        Verdict::Anomaly => format!("{BAD}anomaly{BAD:#}{says}"),
        Verdict::Fine => format!("{GOOD}fine{GOOD:#}{says}"),
        Verdict::Unmeasured => format!("could not be measured{says}"),
    })
}

/// What a run came to, and what could not be measured.
fn summary_lines(summary: &Summary, unmeasured: &[String]) -> Vec<String> {
    let refused = match summary.refused {
        0 => String::new(),
        1 => ", 1 destination refused".to_owned(),
        more => format!(", {more} destinations refused"),
    };
    let mut lines = Vec::new();
    if !unmeasured.is_empty() {
        lines.push("could not be measured:".to_owned());
    }
    lines.extend(unmeasured.iter().take(LISTED).map(|line| format!("  {line}")));
    if let Some(more) = unmeasured.len().checked_sub(LISTED + 1) {
        lines.push(format!("  and {} more", more + 1));
    }
    lines.push(format!(
        "{} measured, {} with an anomaly, {} could not be measured, {} skipped, {} broken{refused}",
        summary.measurements, summary.anomalies, summary.unmeasured, summary.skipped, summary.broken,
    ));
    lines
}

/// What a nettest may use and where it may go, before it starts.
fn asks_for_line(nettest: &str, budget: &Value, destinations: &BTreeMap<String, String>) -> String {
    let most = |what: &str| budget.get(what).and_then(Value::as_f64).unwrap_or_default();
    let mib = |what: &str| most(what) / f64::from(1 << 20);
    let goes = if destinations.is_empty() {
        "nowhere".to_owned()
    } else {
        destinations.keys().cloned().collect::<Vec<_>>().join(", ")
    };
    format!(
        "{} may use {} s, {} connections, {} queries, {:.0} MiB up, {:.0} MiB down a measurement; goes to: {goes}",
        plain(nettest),
        most("wall_clock_s"),
        most("connections"),
        most("queries"),
        mib("bytes_sent"),
        mib("bytes_received"),
    )
}

fn refused_line(refused: &Refused) -> String {
    let times = match refused.times {
        1 => String::new(),
        more => format!(", {more} times"),
    };
    let what = format!("{} {}", refused.transport, plain(&refused.destination));
    format!("refused {}: {}{times}", what.trim_start(), refused.why)
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
    fn before_a_nettest_starts_people_see_what_it_may_use() {
        let budget = json!({"wall_clock_s": 60.0, "connections": 1000, "queries": 2000, "bytes_sent": 16 << 20,
            "bytes_received": 128 << 20});
        let destinations = [("targets".to_owned(), "why".to_owned())].into();
        assert_eq!(
            asks_for_line("telegram", &budget, &destinations),
            "telegram may use 60 s, 1000 connections, 2000 queries, 16 MiB up, 128 MiB down a measurement; goes to: targets"
        );
        assert!(asks_for_line("x", &budget, &BTreeMap::new()).ends_with("goes to: nowhere"));
    }

    #[test]
    fn a_refusal_says_where_and_why() {
        let mut refused = Refused {
            transport: "tcp".into(),
            destination: "192.168.1.1:80".into(),
            why: "a private network (private)".into(),
            times: 1,
        };
        assert_eq!(
            refused_line(&refused),
            "refused tcp 192.168.1.1:80: a private network (private)"
        );
        refused.times = 3;
        assert!(refused_line(&refused).ends_with(", 3 times"));
    }

    fn measured(verdict: Option<Verdict>, says: Option<&str>) -> Measured {
        Measured {
            nettest_name: "telegram".into(),
            index: 0,
            input: None,
            anomaly: None,
            verdict,
            says: says.map(str::to_owned),
            summary: serde_json::from_value(
                json!({"a": true, "b": false, "c": null, "d": "connection_reset"}),
            )
            .unwrap(),
            error: None,
            runtime: 1.5,
            usage: Value::Null,
            refused: Vec::new(),
        }
    }

    fn line(measured: &Measured) -> String {
        anstream::adapter::strip_str(&measured_line(measured)).to_string()
    }

    #[test]
    fn a_measurement_is_told_in_the_words_of_its_manifest() {
        for (verdict, says, expected) in [
            (
                Some(Verdict::Anomaly),
                Some("it is blocked"),
                "anomaly: it is blocked",
            ),
            (Some(Verdict::Anomaly), Some("a\u{1b}[2J"), "anomaly: a\\u{1b}[2J"),
            (Some(Verdict::Fine), Some(""), "fine"),
            (
                Some(Verdict::Fine),
                Some("it is down for all"),
                "fine: it is down for all",
            ),
            (
                Some(Verdict::Unmeasured),
                Some("no helper"),
                "could not be measured: no helper",
            ),
        ] {
            assert_eq!(
                line(&measured(verdict, says)),
                format!("  telegram  {expected}  1.50 s")
            );
        }
    }

    #[test]
    fn where_a_manifest_has_no_words_the_keys_speak() {
        assert_eq!(
            line(&measured(Some(Verdict::Anomaly), Some(""))),
            "  telegram  anomaly a d=connection_reset  1.50 s"
        );
        assert_eq!(
            line(&measured(None, None)),
            "  telegram  measured a d=connection_reset  1.50 s"
        );
        let broken = Measured {
            error: Some("it trapped".into()),
            ..measured(None, None)
        };
        assert_eq!(line(&broken), "  telegram  broken: it trapped  1.50 s");
    }

    #[test]
    fn the_summary_lists_what_could_not_be_measured() {
        let summary = Summary {
            measurements: 3,
            anomalies: 1,
            unmeasured: 1,
            refused: 2,
            ..Summary::default()
        };
        let lines = summary_lines(&summary, &["telegram: nothing was tried".to_owned()]);
        assert_eq!(
            lines,
            [
                "could not be measured:",
                "  telegram: nothing was tried",
                "3 measured, 1 with an anomaly, 1 could not be measured, 0 skipped, 0 broken, 2 destinations refused",
            ]
        );
        let many = vec!["x".to_owned(); LISTED + 2];
        let lines = summary_lines(&Summary::default(), &many);
        assert_eq!(lines.len(), LISTED + 3);
        assert!(lines.contains(&"  and 2 more".to_owned()), "{lines:?}");
    }
}
