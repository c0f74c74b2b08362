//! Android's C library, as far as it matters: what its getaddrinfo says where there is no answer.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A library to be loaded before the C library. Nothing, loudly, where it can not be built.
pub(crate) fn library(folder: &TempDir) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/web_connectivity/preload/getaddrinfo.rs");
    let library = folder.path().join("getaddrinfo.so");
    let built = Command::new("rustc")
        .args(["--crate-type", "cdylib", "--edition", "2024", "-o"])
        .args([&library, &source])
        .output();
    let why = match built {
        Ok(output) if output.status.success() => return Some(library),
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED what the probe says on Android: build {} with rustc: {why}",
        source.display()
    );
    None
}
