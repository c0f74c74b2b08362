//! A proposal is a file that anybody may have carried: reading it must not panic, and what is read is written so that it is read the
//! same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netsonde_registry::proposal::Proposal;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(proposal) = Proposal::parse(bytes) {
        let written = proposal.to_bytes().unwrap();
        assert_eq!(Proposal::parse(&written).unwrap(), proposal);
    }
});
