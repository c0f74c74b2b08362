//! A request's head is what a guest says: nothing in it may become a second head, or a header that was not given.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use netsonde_net::{fuzzing::request_head, http::Request};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    method: Option<&'a str>,
    url: Url<'a>,
    headers: Vec<(&'a str, &'a str)>,
    pseudo_headers: Vec<(Pseudo, &'a str)>,
}

#[derive(Arbitrary, Debug)]
enum Url<'a> {
    Path(&'a str),
    Any(&'a str),
}

#[derive(Arbitrary, Debug)]
enum Pseudo {
    Authority,
    Path,
    Scheme,
}

fuzz_target!(|input: Input| {
    let owned = |text: &str| text.to_owned();
    let pseudo_headers = input.pseudo_headers.iter().map(|(name, value)| {
        let name = match name {
            Pseudo::Authority => ":authority",
            Pseudo::Path => ":path",
            Pseudo::Scheme => ":scheme",
        };
        (owned(name), owned(value))
    });
    let request = Request {
        method: owned(input.method.unwrap_or("GET")),
        url: match input.url {
            Url::Path(path) => format!("https://example.org/{path}"),
            Url::Any(url) => owned(url),
        },
        headers: input
            .headers
            .iter()
            .map(|(name, value)| (owned(name), owned(value)))
            .collect(),
        pseudo_headers: pseudo_headers.collect(),
        ..Request::default()
    };
    let (Some(head), _) = request_head(&request) else {
        return;
    };
    let text = String::from_utf8_lossy(&head);
    let lines: Vec<&str> = text.split("\r\n").collect();
    let [first, headers @ .., "", ""] = lines.as_slice() else {
        panic!("no end: {text:?}");
    };
    assert_eq!(first.split(' ').count(), 3, "{first:?}");
    // The host and the body's length are added where they are not given.
    assert!(
        (input.headers.len()..=input.headers.len() + 2).contains(&headers.len()),
        "{headers:?}"
    );
    assert!(headers.iter().all(|line| line.contains(": ")), "{headers:?}");
    assert!(lines.iter().all(|line| !line.contains(['\r', '\n'])), "{text:?}");
});
