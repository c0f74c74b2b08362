//! A transcript is a file from anywhere: reading it must not panic. Any bytes, and files whose lines follow from each other
//! or nearly do.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use netsonde_sandbox::Transcript;

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Bytes(&'a [u8]),
    Lines(Vec<Line<'a>>),
}

#[derive(Arbitrary, Debug)]
enum Line<'a> {
    Call(u8, &'a str),
    Answer(u8, Option<&'a str>),
    Dropped(u8),
    End(Option<&'a str>),
    Any(&'a [u8]),
    Empty,
}

impl Line<'_> {
    fn bytes(&self) -> Vec<u8> {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            Self::Call(number, name) => {
                format!(r#"{{"call":{number},"name":{},"args":{{}}}}"#, text(name)).into_bytes()
            }
            Self::Answer(number, Some(value)) => {
                format!(r#"{{"answer":{number},"value":{}}}"#, text(value)).into_bytes()
            }
            Self::Answer(number, None) => format!(r#"{{"answer":{number},"stopped":"no"}}"#).into_bytes(),
            Self::Dropped(number) => format!(r#"{{"dropped":{number}}}"#).into_bytes(),
            Self::End(Some(value)) => format!(r#"{{"end":{{"returned":{}}}}}"#, text(value)).into_bytes(),
            Self::End(None) => br#"{"end":{"stopped":"no"}}"#.to_vec(),
            Self::Any(bytes) => bytes.to_vec(),
            Self::Empty => Vec::new(),
        }
    }
}

fuzz_target!(|input: Input| match input {
    Input::Bytes(text) => drop(Transcript::parse(text)),
    Input::Lines(lines) => {
        let mut text = br#"{"transcript":1,"module":"m","sha256":"0","argument":"{}"}"#.to_vec();
        text.push(b'\n');
        for line in &lines {
            text.extend(line.bytes());
            text.push(b'\n');
        }
        if let Ok(transcript) = Transcript::parse(&text) {
            assert!(transcript.calls() < lines.len());
        }
    }
});
