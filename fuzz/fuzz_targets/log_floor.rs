//! What a probe keeps of the log may be damaged: reading it must not panic, and it is what it is in one way only.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use netsonde_log::client::Floor;

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Text(&'a str),
    Fields([&'a str; 5]),
}

fuzz_target!(|input: Input| {
    let text = match input {
        Input::Text(text) => text.to_owned(),
        Input::Fields([origin, size, root, time, version]) => format!(
            "netsonde floor 1\norigin {origin}\nsize {size}\nroot {root}\ntime {time}\nroot-version {version}\n"
        ),
    };
    if let Ok(floor) = text.parse::<Floor>() {
        assert_eq!(floor.to_string(), text);
    }
});
