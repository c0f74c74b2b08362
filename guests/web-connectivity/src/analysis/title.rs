//! The title of a page, found as the test helper finds it: without a parser, by what stands between two tags that are
//! written without attributes.

use std::borrow::Cow;

const OPENING: &[u8] = b"<title>";
const CLOSING: &[u8] = b"</title>";

/// The most characters of a title.
const LONGEST: usize = 512;

/// The title; empty where there is none.
pub(super) fn of(page: &[u8]) -> Cow<'_, str> {
    let mut rest = page;
    while let Some(after) = after_opening(rest) {
        let end = after.iter().position(|byte| *byte == b'<').unwrap_or(after.len());
        let (title, closing) = after.split_at(end);
        let text = String::from_utf8_lossy(title);
        if starts_with(closing, CLOSING) && (1..=LONGEST).contains(&text.chars().count()) {
            return text;
        }
        rest = closing;
    }
    Cow::Borrowed("")
}

/// What follows on the next opening tag.
fn after_opening(page: &[u8]) -> Option<&[u8]> {
    let start = page
        .windows(OPENING.len())
        .position(|window| starts_with(window, OPENING))?;
    page.get(start + OPENING.len()..)
}

fn starts_with(text: &[u8], tag: &[u8]) -> bool {
    text.get(..tag.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_title_that_is_one() {
        assert_eq!(
            of(b"<html><TITLE>Two\nlines &amp; more</Title>"),
            "Two\nlines &amp; more"
        );
        assert_eq!(of(b"<title>a</title><title>b</title>"), "a");
        assert_eq!(of(b"<title></title><title>b</title>"), "b");
        assert_eq!(of(b"<title>a<title>b</title>"), "b");
        assert_eq!(of(b"<title>a<b></title>"), "");
        assert_eq!(of(b"<title lang=en>a</title>"), "");
        assert_eq!(of(b"<title>a"), "");
        assert_eq!(of(b"<title>"), "");
        assert_eq!(of(b""), "");
    }

    #[test]
    fn a_title_has_at_most_512_characters() {
        let page = |length: usize| format!("<title>{}</title>", "é".repeat(length)).into_bytes();
        assert_eq!(of(&page(512)).chars().count(), 512);
        assert_eq!(of(&page(513)), "");
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(of(b"<title>\xff\xfe</title>"), "\u{fffd}\u{fffd}");
    }
}
