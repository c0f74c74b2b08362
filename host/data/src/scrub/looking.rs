//! Removing whatever looks like an address.

use super::{
    SCRUBBED,
    scan::{self, Kind},
};
use memchr::memchr3;
use std::borrow::Cow;

/// `text` with everything that looks like an IPv4 or IPv6 address, with or without a port, replaced by
/// `[scrubbed]`.
///
/// What counts, and why:
///
/// * An address stands alone: neither a letter, a digit nor an underscore touches it, nor does one more dotted
///   number (`1.2.3.4.5` is no address). Colons may be written as `%3A`.
/// * Four numbers after a slash are a **version**, and stay, if the slash follows a bare product name: `Chrome/116.0.0.0`.
///   The name must begin where a product begins in a header: at the start of the text or after a space, a quote,
///   a bracket, a comma or a semicolon, and hold only letters, digits, `_` and `-`. So `http://1.2.3.4/` and
///   `/whois/1.2.3.4` are scrubbed, and so is a version with a port after it, which is none.
/// * An IPv6 address has to be one as a whole (`12:34:56` and a MAC address are not), and to hold a digit (`::` is
///   not enough).
pub fn address_looking(text: &[u8]) -> Cow<'_, [u8]> {
    let mut out: Option<Vec<u8>> = None;
    let mut index = 0;
    let mut copied = 0;
    while let Some((start, end)) = next_address(text, index) {
        let out = out.get_or_insert_with(|| Vec::with_capacity(text.len()));
        out.extend_from_slice(text.get(copied..start).unwrap_or_default());
        out.extend_from_slice(SCRUBBED.as_bytes());
        index = end;
        copied = end;
    }
    match out {
        None => Cow::Borrowed(text),
        Some(mut out) => {
            out.extend_from_slice(text.get(copied..).unwrap_or_default());
            Cow::Owned(out)
        }
    }
}

/// How far from the beginning of an address its first dot or colon is at most: after a bracket and four digits.
const TO_SEPARATOR: usize = 5;

/// Where the first address at or after `index` begins and ends. Bodies are long and dots and colons rare, so that only
/// what stands around these is looked at.
fn next_address(text: &[u8], mut index: usize) -> Option<(usize, usize)> {
    loop {
        let separator = index + memchr3(b'.', b':', b'%', text.get(index..)?)?;
        let candidates = index.max(separator.saturating_sub(TO_SEPARATOR))..=separator;
        if let Some(found) = candidates.into_iter().find_map(|start| address_at(text, start)) {
            return Some(found);
        }
        index = separator + 1;
    }
}

/// [`address_looking`] for text.
pub fn address_looking_text(text: &str) -> Cow<'_, str> {
    match address_looking(text.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// Where the address whose first byte (or opening bracket) is at `index` begins and ends, port included.
fn address_at(text: &[u8], index: usize) -> Option<(usize, usize)> {
    match scan::at(text, index) {
        b'[' => {
            let end = v6_at(text, index + 1)?;
            let closed = scan::at(text, end) == b']';
            closed.then(|| (index, port(text, end + 1)))
        }
        byte if byte.is_ascii_hexdigit() || byte == b':' => {
            if touches_word(text, index) {
                return None;
            }
            let end = v4_at(text, index).or_else(|| v6_at(text, index))?;
            Some((index, end))
        }
        _ => None,
    }
}

/// Whether the text at `index` continues a word or, for a colon, an address. `%3A` before it is a colon, not a word.
fn touches_word(text: &[u8], index: usize) -> bool {
    let escaped = index >= 3
        && text
            .get(index - 3..index)
            .is_some_and(|escape| escape.eq_ignore_ascii_case(b"%3a"));
    scan::is_word(scan::before(text, index)) && !escaped
}

fn v4_at(text: &[u8], start: usize) -> Option<usize> {
    let (_, end) = scan::quad(text, start, scan::DOT)?;
    let dotted_before =
        scan::before(text, start) == b'.' && start >= 2 && scan::at(text, start - 2).is_ascii_digit();
    let dotted_after = scan::at(text, end) == b'.' && scan::at(text, end + 1).is_ascii_digit();
    if dotted_before || dotted_after || scan::is_word(scan::at(text, end)) {
        return None;
    }
    let end_with_port = port(text, end);
    if end_with_port == end && is_version(text, start) {
        return None;
    }
    Some(end_with_port)
}

/// Whether what begins at `start` is the version in `Product/1.2.3.4`.
fn is_version(text: &[u8], start: usize) -> bool {
    if scan::before(text, start) != b'/' {
        return false;
    }
    let head = text.get(..start - 1).unwrap_or_default();
    let name = head
        .iter()
        .rev()
        .take_while(|&&byte| scan::is_word(byte) || byte == b'-')
        .count();
    let delimiter = scan::before(text, start - 1 - name);
    name > 0
        && matches!(
            delimiter,
            b'\n' | b'\r' | b'\t' | b' ' | b'"' | b'\'' | b'(' | b'[' | b'<' | b',' | b';'
        )
}

/// Whether `start` is in the midst of a run of groups and colons, so that what follows is only the tail of something
/// longer, such as a fingerprint. A word before the colon (`mode:`) is no group.
fn continues_run(text: &[u8], start: usize) -> bool {
    if scan::before(text, start) != b':' {
        return false;
    }
    let head = text.get(..start - 1).unwrap_or_default();
    let digits = head
        .iter()
        .rev()
        .take(5)
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    head.last() == Some(&b':')
        || ((1..=4).contains(&digits) && !scan::is_word(scan::before(text, start - 1 - digits)))
}

/// Where the IPv6 address at `start` ends. A single colon after it (`2001:db8::1: refused`) is not part of it.
fn v6_at(text: &[u8], start: usize) -> Option<usize> {
    let run = scan::run(text, start);
    let is_colon = |piece: &scan::Piece| piece.kind == Kind::Colon;
    let colons = run.iter().filter(|piece| is_colon(piece)).count();
    // Without a gap there are six groups and a quad at least. The time of day, which is in every response, ends here.
    let has_gap = run
        .array_windows()
        .any(|[one, next]| is_colon(one) && is_colon(next));
    if continues_run(text, start)
        || colons < 2
        || (colons < 6 && !has_gap)
        || run.iter().all(|piece| piece.kind == Kind::Colon)
    {
        return None;
    }
    let whole = run.as_slice();
    let without_colon = whole
        .split_last()
        .filter(|(last, _)| last.kind == Kind::Colon)
        .map(|(_, rest)| rest);
    let pieces = std::iter::once(whole)
        .chain(without_colon)
        .find(|pieces| scan::v6(text, pieces).is_some())?;
    let end = pieces.last()?.end;
    (!scan::is_word(scan::at(text, end))).then_some(end)
}

/// Where the port after an address that ends at `end` ends; `end` itself if there is none.
fn port(text: &[u8], end: usize) -> usize {
    let colon = match scan::run(text, end).first() {
        Some(piece) if piece.kind == Kind::Colon => piece.end,
        _ => return end,
    };
    let digits = text
        .iter()
        .skip(colon)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if (1..=5).contains(&digits) {
        colon + digits
    } else {
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Each line before and after.
    fn check(lines: &[(&str, &str)]) {
        for (text, expected) in lines {
            assert_eq!(address_looking_text(text), *expected, "{text}");
        }
    }

    #[test]
    fn what_looks_like_an_address_goes_with_its_port() {
        check(&[
            ("1.2.3.4", "[scrubbed]"),
            ("dial tcp 1.2.3.4:443: refused", "dial tcp [scrubbed]: refused"),
            ("<b>Your IP: 1.2.3.4.</b>", "<b>Your IP: [scrubbed].</b>"),
            (
                "http://1.2.3.4/ and http://1.2.3.4:80/x",
                "http://[scrubbed]/ and http://[scrubbed]/x",
            ),
            ("ip=1.2.3.4&x=1", "ip=[scrubbed]&x=1"),
            ("ip=1.2.3.4%3A80", "ip=[scrubbed]"),
            ("a,1.2.3.4,2.3.4.5", "a,[scrubbed],[scrubbed]"),
            ("[2001:db8::1]:443", "[scrubbed]"),
            ("2001:DB8::1", "[scrubbed]"),
            ("read 2001:db8::1: reset", "read [scrubbed]: reset"),
            ("for=\"[2001:db8::1]\"", "for=\"[scrubbed]\""),
            ("2001%3Adb8%3A%3a1", "[scrubbed]"),
            ("::ffff:1.2.3.4", "[scrubbed]"),
            ("mode:2001:db8:1:2:3:4:5:6", "mode:[scrubbed]"),
            ("addr:2001:db8::1", "addr:[scrubbed]"),
            ("2001:db8:1:2:3:4:5:6", "[scrubbed]"),
            ("/whois/1.2.3.4", "/whois/[scrubbed]"),
        ]);
    }

    #[test]
    fn versions_times_and_numbers_stay() {
        for text in [
            "Mozilla/5.0 (X11; Linux) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/116.0.0.0 Safari/537.36",
            "(compatible; my-bot/1.2.3.4)",
            "1.2.3.4.5",
            "v1.2.3.4",
            "1.2.3.256",
            "1.2.3",
            "12:34:56",
            "00:11:22:33:44:55",
            "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33",
            "std::string a::xyz",
            "::",
            "2026-11-21T21:25:00",
            "",
        ] {
            assert!(
                matches!(address_looking_text(text), Cow::Borrowed(same) if same == text),
                "{text}"
            );
        }
    }

    #[test]
    fn a_version_has_no_port_and_a_product_has_a_name() {
        check(&[
            ("Chrome/116.0.0.0:80", "Chrome/[scrubbed]"),
            ("/116.0.0.0", "/[scrubbed]"),
            ("a.b/116.0.0.0", "a.b/[scrubbed]"),
        ]);
    }

    #[test]
    fn long_texts_of_anything_take_no_time() {
        for piece in [":", "a:", "::1", "1.2.3.", "%3A", "[", "f"] {
            let text = piece.repeat((1 << 16) / piece.len());
            let begin = std::time::Instant::now();
            let _ = address_looking_text(&text);
            assert!(begin.elapsed().as_secs() < 10, "{piece}: {:?}", begin.elapsed());
        }
    }

    proptest! {
        #[test]
        fn nothing_is_missed_between_separators(text in "[0-9a-f.:%3A\\[\\]/ xZ]{0,60}") {
            let text = text.as_bytes();
            let everywhere = (0..text.len()).find_map(|start| address_at(text, start));
            prop_assert_eq!(next_address(text, 0), everywhere);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_scrubbed_too() {
        assert_eq!(
            &*address_looking(b"\xff\x001.2.3.4\xff"),
            b"\xff\x00[scrubbed]\xff"
        );
    }
}
