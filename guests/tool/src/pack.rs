//! From what a compiler made to a guest.

use std::fs;
use std::path::Path;

use netsonde_guest_build::component;
use wasmparser::Parser;

use crate::{BuildError, ToolError};

/// Read a core module (made with bindings of the contract) or a component, embed the text of `manifest`, and check it as
/// the build of preinstalled guests does: it imports the contract and nothing else, and only what the manifest asks
/// for. The bytes of the guest.
pub fn pack(module: &Path, manifest: &Path) -> Result<Vec<u8>, ToolError> {
    let wasm = read(module)?;
    let manifest = String::from_utf8(read(manifest)?).map_err(|error| BuildError::Read {
        path: manifest.to_path_buf(),
        error: std::io::Error::new(std::io::ErrorKind::InvalidData, error),
    })?;
    let name = module.display().to_string();
    let component = if Parser::is_component(&wasm) {
        wasm
    } else {
        component::encode(&name, &wasm)?
    };
    Ok(component::embed_manifest(&name, &component, &manifest)?)
}

fn read(path: &Path) -> Result<Vec<u8>, BuildError> {
    fs::read(path).map_err(|error| BuildError::Read {
        path: path.to_path_buf(),
        error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pack `wasm` with a manifest, and say what is wrong.
    fn wrong(wasm: &[u8], manifest: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let [module, text] = ["guest.wasm", "nettest.toml"].map(|name| folder.path().join(name));
        fs::write(&module, wasm).unwrap();
        fs::write(&text, manifest).unwrap();
        pack(&module, &text).unwrap_err().to_string()
    }

    /// An empty core module.
    const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

    #[test]
    fn what_is_wrong_is_named() {
        let manifest = b"name = \"one\"\nkind = \"nettest\"\n";
        assert!(wrong(b"#include <stdio.h>", manifest).contains("guest.wasm"));
        assert!(wrong(EMPTY, b"name = ").contains("guest.wasm"));
        assert!(wrong(EMPTY, b"\xff\xfe").contains("nettest.toml"));
        // A module without the types of the contract exports nothing that a probe could call.
        let error = wrong(EMPTY, manifest);
        assert!(error.contains("guest.wasm") && error.contains("run"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = pack(Path::new("/nowhere/guest.wasm"), Path::new("nettest.toml")).unwrap_err();
        assert!(
            error.to_string().starts_with("read /nowhere/guest.wasm: "),
            "{error}"
        );
    }
}
