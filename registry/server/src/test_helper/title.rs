//! The title of a page, found while its bytes pass by.
//!
//! The rule is the probe's (it compares titles): the first `<title>` without attributes, whatever the case of its
//! letters, then 1 to 512 characters that are not `<`, then `</title>`, over the bytes as they come, without decoding
//! or trimming.

/// What a title begins and ends with. In both, `<` stands at the beginning only, so that a search never goes back.
const OPENING: &[u8] = b"<title>";
const CLOSING: &[u8] = b"</title>";
/// How many characters a title may have.
const MOST_CHARACTERS: usize = 512;
/// So many bytes may they take.
const MOST_BYTES: usize = 4 * MOST_CHARACTERS;

/// Finds the title in a body that comes in pieces.
#[derive(Debug, Default)]
pub struct Title {
    state: State,
    text: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// So many bytes of `<title>` were seen.
    Opening(usize),
    Inside,
    /// So many bytes of `</title>` were seen.
    Closing(usize),
    Found,
}

impl Default for State {
    fn default() -> Self {
        Self::Opening(0)
    }
}

impl Title {
    /// The next piece of the body.
    pub fn read(&mut self, piece: &[u8]) {
        let mut rest = piece;
        loop {
            match self.state {
                State::Found => return,
                // Most of a body is on the way to the next `<`.
                State::Opening(0) => {
                    let begin = memchr::memchr(b'<', rest).unwrap_or(rest.len());
                    rest = rest.get(begin..).unwrap_or_default();
                }
                _ => {}
            }
            let Some((byte, after)) = rest.split_first() else {
                return;
            };
            self.state = self.after(*byte);
            rest = after;
        }
    }

    /// The title as text, where one was found; what is no UTF-8 in it is replaced byte by byte.
    pub fn text(&self) -> String {
        if !matches!(self.state, State::Found) {
            return String::new();
        }
        let mut text = String::with_capacity(self.text.len());
        for chunk in self.text.utf8_chunks() {
            text.push_str(chunk.valid());
            text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
        }
        text
    }

    fn after(&mut self, byte: u8) -> State {
        let is = |expected: &[u8], seen: usize| {
            expected
                .get(seen)
                .is_some_and(|letter| letter.eq_ignore_ascii_case(&byte))
        };
        match self.state {
            State::Opening(seen) if is(OPENING, seen) => {
                if seen + 1 < OPENING.len() {
                    return State::Opening(seen + 1);
                }
                self.text.clear();
                State::Inside
            }
            State::Inside if byte == b'<' => {
                if characters(&self.text) == 0 || characters(&self.text) > MOST_CHARACTERS {
                    return State::Opening(1);
                }
                State::Closing(1)
            }
            State::Inside if self.text.len() < MOST_BYTES => {
                self.text.push(byte);
                State::Inside
            }
            State::Closing(seen) if is(CLOSING, seen) => {
                if seen + 1 < CLOSING.len() {
                    return State::Closing(seen + 1);
                }
                State::Found
            }
            // What looked like the end may be another beginning.
            State::Closing(1) if is(OPENING, 1) => State::Opening(2),
            State::Opening(_) | State::Inside | State::Closing(_) => {
                State::Opening(usize::from(byte == b'<'))
            }
            State::Found => State::Found,
        }
    }
}

/// How many characters: each byte that belongs to none counts as one.
fn characters(text: &[u8]) -> usize {
    text.utf8_chunks()
        .map(|chunk| chunk.valid().chars().count() + chunk.invalid().len())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn title(body: &[u8]) -> String {
        let mut title = Title::default();
        title.read(body);
        title.text()
    }

    /// The rule, written down the other way: try every place.
    fn by_trying(body: &[u8]) -> String {
        let starts = |from: usize, word: &[u8]| {
            body.get(from..from + word.len())
                .is_some_and(|found| found.eq_ignore_ascii_case(word))
        };
        for begin in 0..body.len() {
            if !starts(begin, OPENING) {
                continue;
            }
            let inside = begin + OPENING.len();
            let length = body[inside..].iter().take_while(|byte| **byte != b'<').count();
            let text = &body[inside..inside + length];
            if (1..=MOST_CHARACTERS).contains(&characters(text)) && starts(inside + length, CLOSING) {
                let mut found = Title {
                    state: State::Found,
                    text: text.to_vec(),
                };
                found.read(b"");
                return found.text();
            }
        }
        String::new()
    }

    #[test]
    fn titles_are_found_as_the_rule_says() {
        for (body, expected) in [
            ("<title>Example Domain</title>", "Example Domain"),
            ("<html><TITLE>\n a \n</Title>", "\n a \n"),
            ("<title></title><title>second</title>", "second"),
            ("<title>a<title>b</title>", "b"),
            ("<title>a</titl<title>b</title>", "b"),
            ("<<title>a</title>", "a"),
            ("<title lang=en>a</title>", ""),
            ("<title>a", ""),
            ("<title>a</ title>", ""),
            ("<title>&amp;</title>", "&amp;"),
            ("", ""),
        ] {
            assert_eq!(title(body.as_bytes()), expected, "{body}");
        }
        assert_eq!(
            title(b"<title>caf\xe9\xe2\x82</title>"),
            "caf\u{fffd}\u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn titles_have_at_most_512_characters_of_any_size() {
        for letter in ["x", "é", "€", "🦀"] {
            let page = |count| format!("<title>{}</title>", letter.repeat(count));
            assert_eq!(title(page(512).as_bytes()), letter.repeat(512));
            assert_eq!(title(page(513).as_bytes()), "");
        }
        let late = format!("<title>{}</title><title>late</title>", "x".repeat(1_000_000));
        assert_eq!(title(late.as_bytes()), "late");
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter_and_every_place_is_tried(
            words in prop::collection::vec(
                prop_oneof![
                    Just(b"<title>".to_vec()), Just(b"</title>".to_vec()), Just(b"<".to_vec()), Just(b"</t".to_vec()),
                    Just(b"<tit".to_vec()), Just(vec![b'x'; 511]), prop::collection::vec(any::<u8>(), 0..4),
                ],
                0..24,
            ),
            cut in 1_usize..9,
        ) {
            let body = words.concat();
            let mut pieces = Title::default();
            body.chunks(cut).for_each(|piece| pieces.read(piece));
            prop_assert_eq!(pieces.text(), title(&body));
            prop_assert_eq!(pieces.text(), by_trying(&body));
        }
    }
}
