//! What the user sees: a progress bar and lines for people, or events for programs.

mod json;
mod logged;
mod people;

use std::io;

use anstyle::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressDrawTarget};

pub(crate) use json::JsonView;
pub(crate) use logged::LoggedView;
pub(crate) use people::{PeopleView, bar, set};

/// The style of the word `error`.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// The style of what is not as it should be.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
/// The style of what is as it should be.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// The style of what matters less.
pub(crate) const DIM: Style = Style::new().dimmed();

/// Standard error, shared by progress bars and lines, so that neither tears the other. Nothing is animated where
/// standard error is no terminal.
#[derive(Debug, Clone)]
pub(crate) struct Stderr(MultiProgress);

impl Stderr {
    pub(crate) fn new() -> Self {
        Self(MultiProgress::with_draw_target(ProgressDrawTarget::stderr()))
    }

    /// The bars.
    pub(crate) fn bars(&self) -> &MultiProgress {
        &self.0
    }

    /// Print a line, above the bars if there are any.
    pub(crate) fn line(&self, line: &str) {
        self.0.suspend(|| anstream::eprintln!("{line}"));
    }
}

impl io::Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Stderr {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
