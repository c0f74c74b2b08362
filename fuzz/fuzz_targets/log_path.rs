//! A server is asked for the files of a log by path: each file has one, and whatever else is asked for is none. Any text, or
//! the parts of a path.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use netsonde_log::tiles::Path;

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Text(&'a str),
    Parts {
        level: Option<u8>,
        groups: Vec<u16>,
        width: Option<u16>,
        rest: &'a str,
    },
}

fuzz_target!(|input: Input| {
    let text = match input {
        Input::Text(text) => text.to_owned(),
        Input::Parts {
            level,
            groups,
            width,
            rest,
        } => {
            let kind = level.map_or("entries".to_owned(), |level| level.to_string());
            // All but the last begin with an x.
            let last = groups.len().saturating_sub(1);
            let groups = groups.iter().enumerate();
            let groups = groups.map(|(at, group)| format!("{}{group:03}", if at < last { "x" } else { "" }));
            let groups: Vec<String> = groups.collect();
            let width = width.map(|width| format!(".p/{width}")).unwrap_or_default();
            format!("tile/{kind}/{}{width}{rest}", groups.join("/"))
        }
    };
    if let Ok(path) = text.parse::<Path>() {
        assert_eq!(path.to_string(), text);
        assert!(!text.contains("..") && text.starts_with("tile/"));
        assert!(path.max_len() <= path.whole().max_len());
        assert!((1..=256).contains(&path.width()));
    }
});
