//! Finding what may be an address in a run of bytes.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The byte at `index`, or a newline outside of the text.
pub(super) fn at(text: &[u8], index: usize) -> u8 {
    text.get(index).copied().unwrap_or(b'\n')
}

/// The byte before `index`, or a newline at the beginning.
pub(super) fn before(text: &[u8], index: usize) -> u8 {
    index.checked_sub(1).map_or(b'\n', |previous| at(text, previous))
}

/// Whether a byte is part of a word.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether the byte at `start` follows a percent-encoded one, whose digits are no part of what begins here.
pub(super) fn after_escape(text: &[u8], start: usize) -> bool {
    let escape = start.checked_sub(3).and_then(|begin| text.get(begin..start));
    matches!(escape, Some([b'%', high, low]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

/// What may stand between the numbers of an IPv4 address; letters in lower case.
pub(super) type Separator = [&'static [u8]];

/// The ordinary one.
pub(super) const DOT: &Separator = &[b"."];

/// Four numbers of one to three digits, each below 256, with `separator` between them, at `start`: the address and
/// where it ends. Leading zeros are accepted. No more digits may follow.
pub(super) fn quad(text: &[u8], start: usize, separator: &Separator) -> Option<(Ipv4Addr, usize)> {
    let mut octets = [0_u8; 4];
    let mut index = start;
    for (position, octet) in octets.iter_mut().enumerate() {
        if position > 0 {
            let rest = text.get(index..)?;
            let begins = |spelled: &&&[u8]| {
                rest.get(..spelled.len())
                    .is_some_and(|begin| begin.eq_ignore_ascii_case(spelled))
            };
            index += separator.iter().find(begins)?.len();
        }
        let digits = (0..3)
            .take_while(|&offset| at(text, index + offset).is_ascii_digit())
            .count();
        let number = text.get(index..index + digits)?;
        let number = number
            .iter()
            .fold(0_u16, |sum, digit| sum * 10 + u16::from(digit - b'0'));
        if digits == 0 {
            return None;
        }
        *octet = u8::try_from(number).ok()?;
        index += digits;
    }
    (!at(text, index).is_ascii_digit()).then(|| (Ipv4Addr::from(octets), index))
}

/// A piece of a run that may hold an IPv6 address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: Kind,
}

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Hexadecimal digits.
    Group,
    /// A colon, as such or as `%3A`, or what stands for it.
    Colon,
    /// An IPv4 address in dotted form.
    Quad,
}

/// How many pieces an address has at most: eight groups and seven colons, or one of each more around "::".
const LONGEST: usize = 17;

/// The longest run of groups, colons and quads at `start`, but not much longer than any address: bodies come from
/// strangers, and a megabyte of colons must not take a minute.
pub(super) fn run(text: &[u8], start: usize) -> Vec<Piece> {
    run_of(text, start, colon)
}

/// The same with dashes in place of colons, as host names have it.
pub(super) fn dashed_run(text: &[u8], start: usize) -> Vec<Piece> {
    run_of(text, start, |text, index| (at(text, index) == b'-').then_some(1))
}

fn run_of(text: &[u8], start: usize, colon: impl Fn(&[u8], usize) -> Option<usize>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut index = start;
    while pieces.len() <= LONGEST + 1 {
        let (end, kind) = if let Some((_, end)) = quad(text, index, DOT) {
            (end, Kind::Quad)
        } else if at(text, index).is_ascii_hexdigit() {
            let digits = text
                .iter()
                .skip(index)
                .take_while(|byte| byte.is_ascii_hexdigit())
                .count();
            (index + digits, Kind::Group)
        } else if let Some(length) = colon(text, index) {
            (index + length, Kind::Colon)
        } else {
            return pieces;
        };
        pieces.push(Piece {
            start: index,
            end,
            kind,
        });
        index = end;
    }
    pieces
}

/// How long the colon at `index` is, if there is one.
fn colon(text: &[u8], index: usize) -> Option<usize> {
    match at(text, index) {
        b':' => Some(1),
        b'%' if at(text, index + 1) == b'3' && at(text, index + 2).eq_ignore_ascii_case(&b'a') => Some(3),
        _ => None,
    }
}

/// The IPv6 address that the pieces spell, if they spell one.
pub(super) fn v6(text: &[u8], pieces: &[Piece]) -> Option<Ipv6Addr> {
    if pieces.len() > LONGEST {
        return None;
    }
    let mut spelled = String::new();
    for piece in pieces {
        match piece.kind {
            Kind::Colon => spelled.push(':'),
            Kind::Group => spelled.push_str(std::str::from_utf8(text.get(piece.start..piece.end)?).ok()?),
            Kind::Quad => spelled.push_str(&quad(text, piece.start, DOT)?.0.to_string()),
        }
    }
    spelled.parse().ok()
}

/// The beginnings of a run that have as many groups as an address, longest first. Saves most of the work on what is
/// no address.
pub(super) fn plausible(run: &[Piece]) -> impl Iterator<Item = &[Piece]> {
    let (mut groups, mut gaps, mut after_colon) = (0, 0, false);
    let mut lengths = Vec::new();
    for (length, piece) in (1..=LONGEST).zip(run) {
        let is_colon = piece.kind == Kind::Colon;
        match piece.kind {
            Kind::Group => groups += 1,
            Kind::Quad => groups += 2,
            Kind::Colon if after_colon => gaps += 1,
            Kind::Colon => {}
        }
        after_colon = is_colon;
        if gaps > 1 || groups > 8 {
            break;
        }
        if (gaps == 0 && groups == 8) || (gaps == 1 && groups < 8) {
            lengths.push(length);
        }
    }
    lengths.into_iter().rev().filter_map(|length| run.get(..length))
}
