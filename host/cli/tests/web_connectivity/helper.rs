//! The test helper: a program of another crate, beside the binary of this one.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

const PROGRAM: &str = "netsonde-registry";

/// A `PATH` on which the test helper is found. It is built where it is not there: `cargo test --workspace` does that, but
/// a test of this crate alone does not.
pub(crate) fn path() -> OsString {
    let binary = Path::new(env!("CARGO_BIN_EXE_netsonde"));
    let folder = binary.parent().unwrap();
    if !folder.join(PROGRAM).is_file() {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--locked", "--package", PROGRAM, "--target-dir"]);
        build.arg(folder.parent().unwrap());
        if folder.ends_with("release") {
            build.arg("--release");
        }
        let status = build.status().unwrap();
        assert!(status.success(), "{build:?}: {status}");
    }
    let others = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(PathBuf::from(folder)).chain(std::env::split_paths(&others));
    std::env::join_paths(folders).unwrap()
}
