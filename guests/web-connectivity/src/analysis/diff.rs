//! How the page compares with the test helper's.

use std::collections::BTreeSet;

use netsonde_guest::{Json, gather};

use crate::analysis::control::Control;
use crate::analysis::observation::Response;
use crate::analysis::read;

/// Names that so many servers send that they say nothing about a page. `content-length` is none of them.
const COMMON: [&str; 25] = [
    "date",
    "content-type",
    "server",
    "cache-control",
    "vary",
    "set-cookie",
    "location",
    "expires",
    "x-powered-by",
    "content-encoding",
    "last-modified",
    "accept-ranges",
    "pragma",
    "x-frame-options",
    "etag",
    "x-content-type-options",
    "age",
    "via",
    "p3p",
    "x-xss-protection",
    "content-language",
    "cf-ray",
    "strict-transport-security",
    "link",
    "x-varnish",
];

/// The smaller body must be larger than this part of the other.
const SIMILAR: f64 = 0.7;

/// Words that are shorter (in bytes) say nothing about a title.
const SHORTEST_WORD: usize = 5;

/// What two pages have in common; nothing where there is no page to compare with.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Diff {
    /// 0 where it can not be computed.
    pub(super) body_proportion: f64,
    pub(super) body_length_match: Option<bool>,
    pub(super) status_code_match: Option<bool>,
    pub(super) headers_match: Option<bool>,
    pub(super) title_match: Option<bool>,
}

impl Diff {
    pub(super) fn of(ours: &Response, control: &Control<'_>) -> Self {
        let Some(theirs) = control.fetched() else {
            return Self::default();
        };
        let status = read::count(theirs, "status_code");
        let proportion = proportion(ours, read::count(theirs, "body_length"));
        Self {
            body_proportion: proportion.unwrap_or_default(),
            body_length_match: proportion.map(|proportion| proportion > SIMILAR),
            status_code_match: status_code_match(ours.status, status),
            headers_match: (status > 0).then(|| headers_match(&ours.header_names, theirs)),
            title_match: (status > 0).then(|| words(&ours.title) == words(read::text(theirs, "title"))),
        }
    }

    /// Whether the page is another one. What can not be compared is not the same: a test helper that got no page is no
    /// reason to think that this one is right.
    pub(super) fn is_other_page(&self) -> bool {
        let similar = [self.body_length_match, self.headers_match, self.title_match];
        self.status_code_match != Some(true) || !similar.contains(&Some(true))
    }
}

fn proportion(ours: &Response, theirs: u64) -> Option<f64> {
    let theirs = u32::try_from(theirs).ok().filter(|length| *length > 0)?;
    let ours = u32::try_from(ours.length)
        .ok()
        .filter(|length| *length > 0 && !ours.is_truncated)?;
    Some(f64::from(ours.min(theirs)) / f64::from(ours.max(theirs)))
}

fn status_code_match(ours: u64, theirs: u64) -> Option<bool> {
    if ours == 0 || theirs == 0 {
        None
    } else if ours == theirs {
        Some(true)
    } else {
        // A server that refuses the test helper is no measure.
        (theirs / 100 == 2).then_some(false)
    }
}

fn headers_match(ours: &BTreeSet<String>, theirs: &Json) -> bool {
    let theirs = theirs.get("headers").and_then(Json::as_object);
    let mut theirs = theirs
        .into_iter()
        .flatten()
        .map(|(name, _)| name.to_ascii_lowercase());
    theirs.any(|name| !COMMON.contains(&name.as_str()) && ours.contains(&name))
}

fn words(title: &str) -> BTreeSet<String> {
    let words = title.split(' ').filter(|word| word.len() >= SHORTEST_WORD);
    // Character by character, as others do it: `str::to_lowercase` knows about the end of Greek words.
    gather(words.map(|word| word.chars().flat_map(char::to_lowercase).collect::<String>()))
}
