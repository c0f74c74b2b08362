//! The contract as C.

use std::fs;
use std::path::{Path, PathBuf};

use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::{Resolve, SourceMap};

use crate::{BuildError, ToolError};

/// The plain twin, which C needs: it has no `async`.
const CONTRACT: [(&str, &str); 3] = [
    ("cache.wit", include_str!("../../../wit/plain/cache.wit")),
    ("probe.wit", include_str!("../../../wit/plain/probe.wit")),
    ("types.wit", include_str!("../../../wit/plain/types.wit")),
];

/// What a guest is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum World {
    /// A test as users know it.
    Nettest,
    /// One reusable list of steps.
    MiniNettest,
}

impl World {
    fn name(self) -> &'static str {
        match self {
            Self::Nettest => "nettest",
            Self::MiniNettest => "mini-nettest",
        }
    }
}

/// Write a header, a source file and an object file with the types into a folder, which is made if need be. What was
/// written, in the order of the names.
pub fn c_bindings(world: World, folder: &Path) -> Result<Vec<PathBuf>, ToolError> {
    let files = generate(world).map_err(ToolError::Bindings)?;
    fs::create_dir_all(folder).map_err(|error| BuildError::Write {
        path: folder.to_path_buf(),
        error,
    })?;
    files
        .iter()
        .map(|(name, bytes)| {
            let path = folder.join(name);
            match fs::write(&path, bytes) {
                Ok(()) => Ok(path),
                Err(error) => Err(BuildError::Write { path, error }.into()),
            }
        })
        .collect()
}

fn generate(world: World) -> Result<Files, String> {
    let mut sources = SourceMap::new();
    for (name, text) in CONTRACT {
        sources.push_str(name, text);
    }
    let package = sources.parse().map_err(|(_, error)| format!("{error:#}"))?;
    let mut resolve = Resolve::default();
    let package = resolve
        .push_group(package)
        .map_err(|error| format!("{error:#}"))?;
    let world = resolve
        .select_world(&[package], Some(world.name()))
        .map_err(|error| format!("{error:#}"))?;
    let mut files = Files::default();
    wit_bindgen_c::Opts::default()
        .build()
        .generate(&mut resolve, world, &mut files)
        .map_err(|error| format!("{error:#}"))?;
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_world_has_its_header_source_and_types() {
        for (world, name) in [(World::Nettest, "nettest"), (World::MiniNettest, "mini_nettest")] {
            let files = generate(world).unwrap();
            let names: Vec<_> = files.iter().map(|(name, _)| name.to_owned()).collect();
            assert_eq!(
                names,
                [
                    format!("{name}.c"),
                    format!("{name}.h"),
                    format!("{name}_component_type.o")
                ]
            );
        }
    }

    #[test]
    fn the_contract_is_all_of_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit/plain");
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, CONTRACT.map(|(name, _)| name));
    }

    #[test]
    fn a_folder_that_can_not_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = c_bindings(World::Nettest, &file.join("gen")).unwrap_err();
        assert!(error.to_string().contains("gen"), "{error}");
    }
}
