//! The scripts under `examples/`, which people start from.

use std::fs;
use std::path::{Path, PathBuf};

use netsonde_script::{Instruction, Targets, parse, parse_locations};

use crate::vocabulary::vocabulary;

fn example(name: &str) -> Vec<u8> {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples/scripts")
        .join(name);
    fs::read(path).unwrap()
}

#[test]
fn every_example_is_read_without_a_warning() {
    for name in ["minimal.jsonc", "telegram-urlgetter.jsonc"] {
        let parsed = parse(name, &example(name), &vocabulary()).unwrap_or_else(|wrong| panic!("{wrong}"));
        assert!(parsed.warnings.is_empty(), "{}", parsed.warnings);
    }
    let locations = parse_locations("location.jsonc", &example("location.jsonc")).unwrap();
    assert_eq!(locations.ipv4.unwrap().probe_asn, 137);
}

#[test]
fn the_example_measures_every_data_centre_on_two_ports_and_the_web_client() {
    let parsed = parse("x", &example("telegram-urlgetter.jsonc"), &vocabulary()).unwrap();
    let telegram = parsed
        .script
        .instructions
        .iter()
        .find_map(|instruction| match instruction {
            Instruction::RunNettest(run) if run.nettest_name == "telegram" => Some(run),
            _ => None,
        });
    let Targets::Mini(targets) = &telegram.unwrap().targets else {
        panic!()
    };
    let tagged = |tag: &str| targets.iter().filter(|target| target.tags == [tag]).count();
    assert_eq!(
        (
            tagged("mini_nettest:dc"),
            tagged("mini_nettest:web"),
            targets.len()
        ),
        (12, 1, 13)
    );
}
