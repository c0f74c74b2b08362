//! What is wrong with a document, where, and what to do about it; shown the way compilers show it.

use std::fmt;

use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use crate::node::Span;
use crate::words::quoted;

/// How many errors, and how many warnings, are kept of one document. The rest is counted.
const MOST: usize = 200;

/// A longer line is shown in part.
const LONG_LINE: usize = 400;

/// How much of a long line is shown on each side of a place, in bytes.
const AROUND: usize = 30;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The document can not be used.
    Error,
    /// Something is skipped or looks like a mistake; the rest is used.
    Warning,
}

/// One thing to say about one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    severity: Severity,
    message: String,
    hint: Option<String>,
    related: Option<(Span, &'static str)>,
    span: Span,
    line: usize,
    column: usize,
}

impl Diagnostic {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// What is wrong: one sentence without a full stop.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The line, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in characters, counted from 1.
    pub fn column(&self) -> usize {
        self.column
    }

    /// The bytes of the text that it is about, after any byte order mark.
    pub fn span(&self) -> Span {
        self.span.clone()
    }
}

/// Everything there is to say about one document, in the order of the places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    name: String,
    text: String,
    items: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
}

impl Diagnostics {
    /// The diagnostics in the order of their places. Of more than 200 errors or 200 warnings, the first 200.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.items.iter()
    }

    /// How many errors there are.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// How many warnings there are.
    pub fn warnings(&self) -> usize {
        self.warnings
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The text for a person: message, file, line, column, the line itself with a caret, a hint. Ends with a line break
    /// unless it is empty. `color` adds terminal escapes; control characters of the document never get through.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let mut out = String::new();
        for item in &self.items {
            let title = match item.severity {
                Severity::Error => Level::ERROR.primary_title(item.message.as_str()),
                Severity::Warning => Level::WARNING.primary_title(item.message.as_str()),
            };
            let mut group = Group::with_title(title).elements(self.place(item));
            if let Some(hint) = &item.hint {
                group = group.element(Level::HELP.message(hint.as_str()));
            }
            out.push_str(&renderer.render(&[group]));
            out.push_str("\n\n");
        }
        for (severity, all, word) in [
            (Severity::Error, self.errors, "errors"),
            (Severity::Warning, self.warnings, "warnings"),
        ] {
            let shown = self.items.iter().filter(|item| item.severity == severity).count();
            if all > shown {
                out.extend(["… and ", &(all - shown).to_string(), " more ", word, "\n\n"]);
            }
        }
        out.pop();
        out
    }

    /// The place of a diagnostic: where it is, and the line or the two lines that it is about.
    fn place(&self, item: &Diagnostic) -> Vec<Element<'_>> {
        let primary = Mark {
            span: item.span.clone(),
            label: None,
            kind: AnnotationKind::Primary,
        };
        let related = item.related.as_ref().map(|(span, label)| Mark {
            span: span.clone(),
            label: Some(label),
            kind: AnnotationKind::Context,
        });
        let mut lines: Vec<(Span, Vec<Mark>)> = Vec::new();
        for mark in std::iter::once(primary).chain(related) {
            let line = line_around(&self.text, mark.span.start);
            match lines.last_mut() {
                Some((last, marks)) if *last == line => marks.push(mark),
                _ => lines.push((line, vec![mark])),
            }
        }
        if lines.iter().any(|(line, _)| line.len() > LONG_LINE) {
            let origin = Origin::path(self.name.as_str())
                .line(item.line)
                .char_column(item.column);
            let near =
                Level::NOTE.message(format!("the line is long; near {}", near(&self.text, &item.span)));
            return vec![origin.into(), near.into()];
        }
        lines
            .into_iter()
            .map(|(line, marks)| self.snippet(item, &line, marks).into())
            .collect()
    }

    /// One line with its marks.
    fn snippet(&self, item: &Diagnostic, line: &Span, marks: Vec<Mark>) -> Snippet<'_, Annotation<'_>> {
        // Counting lines takes time in a large file, and the line of the diagnostic is known.
        let is_primary = line_around(&self.text, item.span.start) == *line;
        let number = if is_primary {
            item.line
        } else {
            line_number(&self.text, line.start)
        };
        let annotations = marks.into_iter().map(|Mark { span, label, kind }| {
            let start = span.start.clamp(line.start, line.end) - line.start;
            let end = span.end.clamp(line.start, line.end) - line.start;
            kind.span(start..end).label(label)
        });
        Snippet::source(self.text.get(line.clone()).unwrap_or_default())
            .path(self.name.as_str())
            .line_start(number)
            .annotations(annotations)
    }
}

/// Something to point at.
struct Mark {
    span: Span,
    label: Option<&'static str>,
    kind: AnnotationKind,
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.render(false).trim_end())
    }
}

impl std::error::Error for Diagnostics {}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The line that holds a place, without its end; of a long line, enough to see that it is long.
fn line_around(text: &str, at: usize) -> Span {
    let bytes = text.as_bytes();
    let at = at.min(bytes.len());
    let from = at.saturating_sub(LONG_LINE + 1);
    let to = bytes.len().min(at + LONG_LINE + 1);
    let before = bytes.get(from..at).unwrap_or_default();
    let after = bytes.get(at..to).unwrap_or_default();
    let start = before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(from, |offset| from + offset + 1);
    let end = after
        .iter()
        .position(|byte| matches!(byte, b'\n' | b'\r'))
        .map_or(to, |offset| at + offset);
    start..end
}

/// Which line begins at a place.
fn line_number(text: &str, start: usize) -> usize {
    1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count()
}

/// The text around a place in a line that is too long to show.
fn near(text: &str, span: &Span) -> String {
    let line = line_around(text, span.start);
    let from = text.floor_char_boundary(span.start.saturating_sub(AROUND).max(line.start));
    let to = text.ceil_char_boundary((span.start + AROUND).min(line.end).max(from));
    quoted(text.get(from..to).unwrap_or_default())
}

/// Diagnostics in the making.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    items: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
}

impl Problems {
    /// Report that something is wrong.
    pub(crate) fn error(&mut self, span: Span, message: impl Into<String>) -> Problem<'_> {
        self.errors += 1;
        self.push(Severity::Error, self.errors, span, message.into())
    }

    /// Report that something is skipped or odd.
    pub(crate) fn warning(&mut self, span: Span, message: impl Into<String>) -> Problem<'_> {
        self.warnings += 1;
        self.push(Severity::Warning, self.warnings, span, message.into())
    }

    /// How many errors there are so far.
    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    fn push(&mut self, severity: Severity, number: usize, span: Span, message: String) -> Problem<'_> {
        let item = Diagnostic {
            severity,
            message,
            hint: None,
            related: None,
            span,
            line: 1,
            column: 1,
        };
        if number > MOST {
            return Problem(None);
        }
        self.items.push(item);
        Problem(self.items.last_mut())
    }

    /// Sort, and work out lines and columns.
    pub(crate) fn finish(mut self, name: &str, text: String) -> Diagnostics {
        self.items.sort_by_key(|item| (item.span.start, item.span.end));
        let (mut line, mut column, mut at) = (1, 1, 0);
        for item in &mut self.items {
            // Each piece of the text is counted once, however many diagnostics a long line has.
            let start = item.span.start.min(text.len());
            let between = text.get(at..start).unwrap_or_default();
            match between.rsplit_once('\n') {
                Some((lines, rest)) => {
                    line += 1 + lines.matches('\n').count();
                    column = 1 + rest.chars().count();
                }
                None => column += between.chars().count(),
            }
            at = start;
            item.line = line;
            item.column = column;
        }
        Diagnostics {
            name: name.to_owned(),
            text,
            items: self.items,
            errors: self.errors,
            warnings: self.warnings,
        }
    }
}

/// A diagnostic that was just reported, to be completed; none when there are too many to keep.
pub(crate) struct Problem<'a>(Option<&'a mut Diagnostic>);

impl Problem<'_> {
    /// Say what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(item) = &mut self.0 {
            item.hint = Some(hint.into());
        }
        self
    }

    /// Say what to do about it, where finding that out takes time.
    pub(crate) fn hint_with(self, hint: impl FnOnce() -> String) -> Self {
        if self.0.is_some() { self.hint(hint()) } else { self }
    }

    /// Say what to do about it, where that is known.
    pub(crate) fn maybe_hint(self, hint: Option<String>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// Point at a second place.
    pub(crate) fn related(mut self, span: Span, label: &'static str) -> Self {
        if let Some(item) = &mut self.0 {
            item.related = Some((span, label));
        }
        self
    }
}
