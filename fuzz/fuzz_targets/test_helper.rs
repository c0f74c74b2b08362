//! Who asks a test helper is a stranger, and so are the servers that it is asked about: questions, titles, `Alt-Svc`.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use netsonde_registry::test_helper::{Question, Title, h3_endpoint};

const MOST_ADDRESSES: usize = 4;

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Question(&'a [u8]),
    /// Values for the members of a question.
    Members(&'a str, Vec<(&'a str, Vec<&'a str>)>, Vec<&'a str>),
    Body(Vec<Piece<'a>>),
    AltSvc(&'a str, &'a str),
}

#[derive(Arbitrary, Debug)]
enum Piece<'a> {
    Opening,
    Closing,
    Any(&'a [u8]),
}

fuzz_target!(|input: Input| match input {
    Input::Question(json) => read(json),
    Input::Members(url, headers, endpoints) => {
        let headers: serde_json::Map<_, _> = headers
            .into_iter()
            .map(|(name, values)| (name.to_owned(), values.into()))
            .collect();
        let question = serde_json::json!({
            "http_request": url, "http_request_headers": headers, "tcp_connect": endpoints,
        });
        read(question.to_string().as_bytes());
    }
    Input::Body(pieces) => {
        let bytes = |piece: &Piece<'_>| match piece {
            Piece::Opening => b"<title>".to_vec(),
            Piece::Closing => b"</title>".to_vec(),
            Piece::Any(bytes) => bytes.to_vec(),
        };
        let body: Vec<u8> = pieces.iter().flat_map(bytes).collect();
        let (mut whole, mut single) = (Title::default(), Title::default());
        whole.read(&body);
        body.iter().for_each(|byte| single.read(&[*byte]));
        assert_eq!(whole.text(), single.text());
        assert!(whole.text().chars().count() <= 512);
    }
    Input::AltSvc(value, host) => drop(h3_endpoint(value, host)),
});

fn read(json: &[u8]) {
    if let Ok(question) = Question::read(json, MOST_ADDRESSES) {
        assert!(question.addresses.len() <= MOST_ADDRESSES);
        for (name, value) in question.headers {
            assert!(["Accept", "Accept-Language", "User-Agent"].contains(&name.as_str()));
            assert!(!value.contains(['\r', '\n', '\0']));
        }
    }
}
