//! A clone in another folder gives the same guests, byte by byte.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use netsonde_guest_build::{Request, build};
use netsonde_preinstalled::GUESTS;

include!("../guests.rs");

/// What a clone would not have.
const NOT_SOURCES: &[&str] = &["target", ".git", "netsonde-demo", "node_modules"];

#[test]
fn a_clone_in_another_folder_gives_the_same_digests() {
    if let Some(folder) = option_env!("NETSONDE_GUESTS_DIR") {
        // Written, not printed: of a test that passes libtest shows nothing that is printed.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: the guests were not built but taken from {folder}"
        );
        return;
    }
    // The folder stays, so that only the first run compiles the guests' dependencies.
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("another folder");
    let clone = folder.join("clone");
    let _ = fs::remove_dir_all(&clone);
    copy(
        &Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .canonicalize()
            .unwrap(),
        &clone,
    );

    let request = Request {
        workspace_root: clone,
        guests: FOLDERS.iter().map(|&guest| guest.to_owned()).collect(),
        target_dir: folder.join("built"),
        prebuilt: None,
    };
    let built = build(&request).unwrap_or_else(|error| panic!("{error}"));

    let digests: Vec<_> = built
        .iter()
        .map(|guest| (guest.name.as_str(), guest.sha256.as_str()))
        .collect();
    let embedded: Vec<_> = GUESTS.iter().map(|guest| (guest.name, guest.sha256)).collect();
    assert_eq!(digests, embedded);
}

/// Copy what a clone would have.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if NOT_SOURCES.iter().any(|&skipped| name == skipped) {
            continue;
        }
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&entry.path(), &to.join(name));
        } else if kind.is_file() {
            fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}
