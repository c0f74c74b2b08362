//! The check-in table is from whoever publishes lists: reading it must not panic, and neither must choosing by it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netsonde_log::check_in::{Attributes, Table};

fuzz_target!(|input: (&[u8], String, String)| {
    let (bytes, country, version) = input;
    if let Ok(table) = Table::parse(bytes) {
        let choice = table.choose(&Attributes {
            probe_cc: country,
            software_version: version,
            ..Attributes::default()
        });
        assert!(choice.online.iter().all(|name| table.scripts().any(|known| known == name)));
    }
});
