//! What the user sees: a progress bar and lines for people, or events for programs.

mod json;
mod logged;
mod people;

use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use anyhow::Context as _;
use indicatif::{MultiProgress, ProgressDrawTarget};

pub(crate) use json::JsonView;
pub(crate) use logged::LoggedView;
pub(crate) use people::{PeopleView, bar, set, verdict};

/// The style of the word `error`.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// The style of what is not as it should be.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
/// The style of what is as it should be.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// The style of what matters less.
pub(crate) const DIM: Style = Style::new().dimmed();

/// How much of a foreign text is shown, in characters.
const SHOWN: usize = 300;

/// Print a line for people. A standard error that nobody reads, or that is full, is no reason to stop.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// Print a line of data to standard output; the error says that it can not be written.
pub(crate) fn print(line: &str) -> anyhow::Result<()> {
    let mut stdout = anstream::stdout().lock();
    writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .context("write to standard output")
}

/// A text of a script, a module or a server, harmless on a terminal: what controls the terminal or reorders its text is
/// escaped, and a long text is cut.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::new();
    for (index, character) in text.chars().enumerate() {
        if index == SHOWN {
            plain.push('…');
            break;
        }
        push(&mut plain, character);
    }
    plain
}

/// The same for a text of several lines that has to be shown whole.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => escaped.push('\n'),
            other => push(&mut escaped, other),
        }
    }
    escaped
}

fn push(text: &mut String, character: char) {
    match character {
        // Marks, embeddings, overrides and isolates of the bidirectional algorithm; separators of lines.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            text.extend(character.escape_unicode());
        }
        control if control.is_control() => text.extend(control.escape_default()),
        other => text.push(other),
    }
}

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
        self.0.suspend(|| tell(line));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_can_not_control_the_terminal() {
        assert_eq!(plain("\u{1b}[31mred\r\n"), "\\u{1b}[31mred\\r\\n");
        assert_eq!(plain("a\u{202e}b\u{9b}c"), "a\\u{202e}b\\u{9b}c");
        assert_eq!(plain("https://bücher.example/"), "https://bücher.example/");
        assert_eq!(plain(&"x".repeat(1000)).chars().count(), SHOWN + 1);
        assert_eq!(escaped("a\u{1b}[2J\nb\u{202e}"), "a\\u{1b}[2J\nb\\u{202e}");
    }
}
