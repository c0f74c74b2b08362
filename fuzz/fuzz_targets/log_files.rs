//! The files of a log come from whoever serves it: reading them must not panic, and nothing is read that is not in the log.
//!
//! A log of some entries, of whose files some are replaced: by any bytes, or by themselves with a few bytes changed.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use netsonde_log::fetch::{Entries, Fetched, Progress, consistency, inclusion};
use netsonde_log::tree::Hash;
use netsonde_log::writer::Writer;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    size: u16,
    before: u16,
    from: u16,
    files: Vec<(u8, File<'a>)>,
}

#[derive(Arbitrary, Debug)]
enum File<'a> {
    Bytes(&'a [u8]),
    Changed(Vec<(u16, u8)>),
    Cut(u16),
    Gone,
}

fuzz_target!(|input: Input| {
    let size = u64::from(input.size % 700);
    let entries: Vec<Vec<u8>> = (0..size).map(entry).collect();
    let before = usize::from(input.before).min(entries.len());
    let mut writer = Writer::new();
    let old = writer.append(&entries[..before]).expect("short entries").tree;
    let mut stored: Fetched = Writer::new()
        .append(&entries)
        .expect("short entries")
        .files
        .into_iter()
        .collect();
    let tree = writer.append(&entries[before..]).expect("short entries").tree;
    let paths: Vec<_> = stored.keys().copied().collect();
    for (which, file) in input.files {
        let Some(path) = paths.get(usize::from(which) % paths.len().max(1)) else {
            break;
        };
        match file {
            File::Bytes(bytes) => drop(stored.insert(*path, bytes.to_vec())),
            File::Gone => drop(stored.remove(path)),
            File::Cut(length) => stored.entry(*path).or_default().truncate(usize::from(length)),
            File::Changed(places) => {
                for (at, with) in places {
                    if let Some(byte) = stored.entry(*path).or_default().get_mut(usize::from(at)) {
                        *byte = with;
                    }
                }
            }
        }
    }
    let from = u64::from(input.from).min(size);
    let mut reader = Entries::new(tree, from..size).expect("a range of the tree");
    let mut next = from;
    while let Ok(Progress::Done(Some(batch))) = reader.next(&stored) {
        assert_eq!(batch.first, next);
        for read in batch.entries {
            assert_eq!(read, entry(next));
            next += 1;
        }
    }
    let forged = Hash::of_entry(b"forged");
    assert!(!matches!(
        inclusion(tree, from, forged, &stored),
        Ok(Progress::Done(()))
    ));
    // It may be refused, because files are altered; it is a fork for nobody.
    let _ = consistency(old, tree, &stored);
    if let Ok(Progress::Done(opened)) = Writer::open(tree, &stored) {
        assert_eq!(opened.tree(), tree);
    }
});

fn entry(number: u64) -> Vec<u8> {
    number.to_string().into_bytes()
}
