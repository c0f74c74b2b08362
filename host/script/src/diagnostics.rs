//! What is wrong with a document, where, and what to do about it; shown the way compilers show it.

use std::fmt;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use crate::node::Span;

/// How many errors, and how many warnings, are kept of one document. The rest is counted.
const MOST: usize = 200;

/// A longer line is shown in part.
const LONG_LINE: usize = 400;

/// How much of a long line is shown on each side of what is pointed at, in bytes.
const AROUND: usize = 60;

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
        let origin = Origin::path(self.name.as_str())
            .line(item.line)
            .char_column(item.column);
        let mut elements: Vec<Element<'_>> = vec![origin.into()];
        let primary = (item.span.clone(), None, AnnotationKind::Primary);
        let mut marks = vec![primary];
        if let Some((span, label)) = &item.related {
            marks.push((span.clone(), Some(*label), AnnotationKind::Context));
            marks.sort_by_key(|(span, ..)| span.start);
        }
        let mut snippets: Vec<(Span, Vec<_>)> = Vec::new();
        for (span, label, kind) in marks {
            let window = window(&self.text, &span);
            match snippets.last_mut() {
                Some((last, marks)) if *last == window => marks.push((span, label, kind)),
                _ => snippets.push((window, vec![(span, label, kind)])),
            }
        }
        for (window, marks) in snippets {
            let shown = self.text.get(window.clone()).unwrap_or_default();
            // An empty line has nothing to point at.
            if shown.is_empty() {
                continue;
            }
            let annotations = marks.into_iter().map(|(span, label, kind)| {
                let start = span.start.clamp(window.start, window.end) - window.start;
                let end = span.end.clamp(window.start, window.end) - window.start;
                kind.span(start..end.max(start)).label(label)
            });
            let here = window.contains(&item.span.start) || window.start == item.span.start;
            let line = if here {
                item.line
            } else {
                line_of(&self.text, window.start)
            };
            let snippet = Snippet::source(shown).line_start(line).annotations(annotations);
            elements.push(snippet.into());
        }
        elements
    }
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

/// The line on which a span starts, or the part of a long one that is worth showing.
fn window(text: &str, span: &Span) -> Span {
    let before = text.get(..span.start).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let after = text.get(span.start..).unwrap_or_default();
    let end = span.start.min(text.len()) + after.find(['\n', '\r']).unwrap_or(after.len());
    if end - start <= LONG_LINE {
        return start..end;
    }
    let from = text.floor_char_boundary(span.start.saturating_sub(AROUND).max(start));
    let to = text.ceil_char_boundary((span.end.min(span.start + AROUND) + AROUND).min(end));
    from..to.max(from)
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text
        .as_bytes()
        .iter()
        .take(at)
        .filter(|byte| **byte == b'\n')
        .count()
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
        let (mut line, mut line_start, mut at) = (1, 0, 0);
        for item in &mut self.items {
            let start = item.span.start.min(text.len());
            for (offset, _) in text.get(at..start).unwrap_or_default().match_indices('\n') {
                line += 1;
                line_start = at + offset + 1;
            }
            at = start;
            item.line = line;
            item.column = 1 + text.get(line_start..start).unwrap_or_default().chars().count();
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
