//! Texts of strangers may hold the probe's address, and whatever is around it, it goes. Long texts take no time.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use netsonde_data::scrub::{SCRUBBED, Scrubber, address_looking};
use std::{borrow::Cow, net::IpAddr};

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Text(&'a [u8]),
    Around {
        before: &'a str,
        spelling: Spelling,
        after: &'a str,
    },
    Document(&'a [u8]),
}

#[derive(Arbitrary, Debug)]
enum Spelling {
    V4,
    V6,
    Bracketed,
    Mapped,
    Dashes,
    Escaped,
    Reversed,
}

const V4: &str = "203.0.114.77";
const V6: &str = "2001:db8:7::abcd:42";

impl Spelling {
    fn text(&self) -> &str {
        match self {
            Self::V4 => V4,
            Self::V6 => V6,
            Self::Bracketed => "[2001:db8:7::abcd:42]",
            Self::Mapped => "::ffff:203.0.114.77",
            Self::Dashes => "203-0-114-77",
            Self::Escaped => "2001%3Adb8%3A7%3A%3Aabcd%3A42",
            Self::Reversed => "77.114.0.203",
        }
    }
}

fuzz_target!(|input: Input| {
    let own: [IpAddr; 2] = [V4, V6].map(|address| address.parse().expect("an address"));
    let scrubber = Scrubber::new(own);
    match input {
        Input::Text(text) => {
            if let Cow::Owned(scrubbed) = address_looking(text) {
                let marks = scrubbed
                    .windows(SCRUBBED.len())
                    .filter(|part| *part == SCRUBBED.as_bytes());
                assert!(marks.count() > 0);
            }
            drop(scrubber.text(&String::from_utf8_lossy(text)));
        }
        Input::Around {
            before,
            spelling,
            after,
        } => {
            let spelled = format!(" {} ", spelling.text());
            let text = format!("{before}{spelled}{after}");
            let scrubbed = scrubber.text(&text);
            let left = |text: &str| text.matches(&spelled).count();
            assert_eq!(left(&scrubbed), 0, "{text:?} became {scrubbed:?}");
        }
        Input::Document(json) => {
            if let Ok(mut document) = serde_json::from_slice(json) {
                scrubber.measurement(&mut document);
            }
        }
    }
});
