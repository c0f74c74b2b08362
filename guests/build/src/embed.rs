//! What a build script leaves behind for its crate to include.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::{BuildError, BuiltGuest};

/// Write `OUT_DIR/LIST`, an expression for `include!`: a slice of `Guest { name, wasm, sha256 }`, a type that the
/// including crate defines, and the components beside it.
pub fn embed(list_name: &str, guests: &[BuiltGuest]) -> Result<(), BuildError> {
    let out_dir = env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .ok_or(BuildError::NoVariable("OUT_DIR"))?;
    let mut list = String::from("&[\n");
    for BuiltGuest { name, wasm, sha256 } in guests {
        let path = out_dir.join(format!("{name}.wasm"));
        write_if_new(&path, wasm)?;
        let file = format!("/{name}.wasm");
        // Writing to a string can not fail.
        let _ = writeln!(
            list,
            "    Guest {{ name: {name:?}, wasm: include_bytes!(concat!(env!(\"OUT_DIR\"), {file:?})), sha256: {sha256:?} }},",
        );
    }
    list.push_str("]\n");
    write_if_new(&out_dir.join(list_name), list.as_bytes())
}

/// A file that did not change keeps its time, so that nothing is compiled again because of it.
fn write_if_new(path: &Path, content: &[u8]) -> Result<(), BuildError> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    fs::write(path, content).map_err(|error| BuildError::Write {
        path: path.to_path_buf(),
        error,
    })
}
