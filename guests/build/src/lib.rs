//! Builds guest crates into components, reproducibly.
//!
//! For build scripts: `guests/preinstalled` and `tests/guests` call [`build`] and embed what comes back. A guest is a
//! crate of this workspace with a `nettest.toml` beside its `Cargo.toml`. The way from one to the other:
//!
//! 1. `cargo.rs`: one nested `cargo build` for `wasm32-unknown-unknown`, with a target directory of its own and an
//!    environment in which nothing of the outer build survives; `target.rs` installs the compilation target when it is
//!    missing.
//! 2. [`component`]: the core module becomes a component, the manifest is embedded, and what came out is checked
//!    against the contract: it imports `netsonde:probe` and nothing else, only what its manifest asks for, and it
//!    exports what its kind must export.
//!
//! [`build_standalone`] does the same for one guest of anybody's workspace.
//!
//! The bytes depend on the sources, on `Cargo.lock` and on the Rust release, and not on the folder, the user or the
//! machine.

mod cargo;
pub mod component;
mod embed;
mod error;
mod manifest;
mod standalone;
mod target;
mod wrapper;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use sha2::{Digest, Sha256};

pub use embed::embed;
pub use error::BuildError;
pub use manifest::{Kind, Manifest};
pub use standalone::{Standalone, build_standalone};
pub use wrapper::as_rustc;

/// The environment variable that names a folder of built guests, to be embedded instead of building any.
pub const GUESTS_DIR: &str = "NETSONDE_GUESTS_DIR";

/// What to build, from what, where to.
#[derive(Clone, Debug)]
pub struct Request {
    /// The root of the workspace that the guests are members of.
    pub workspace_root: PathBuf,
    /// The guests' folders, relative to the workspace root. Each has a `Cargo.toml` and a `nettest.toml`.
    pub guests: Vec<String>,
    /// Where the nested build puts its files. Never the target directory of the outer build, which is locked.
    pub target_dir: PathBuf,
    /// Take `NAME.wasm` from this folder instead of building; NAME is the one in `nettest.toml`.
    pub prebuilt: Option<PathBuf>,
}

/// A component that is ready to be embedded.
#[derive(Clone, Debug)]
pub struct BuiltGuest {
    /// The name in its manifest.
    pub name: String,
    /// The component, manifest included.
    pub wasm: Vec<u8>,
    /// The SHA-256 of `wasm`, in hexadecimal.
    pub sha256: String,
}

impl Request {
    /// The request of a build script: the workspace above the script's crate, and a target directory for guests beside
    /// the outer build's, which all build scripts share.
    pub fn of_build_script(guests: &[&str]) -> Result<Self, BuildError> {
        let variable = |name: &'static str| {
            env::var_os(name)
                .map(PathBuf::from)
                .ok_or(BuildError::NoVariable(name))
        };
        let manifest_dir = variable("CARGO_MANIFEST_DIR")?;
        let workspace_root = workspace_above(&manifest_dir).ok_or(BuildError::NoWorkspace(manifest_dir))?;
        Ok(Self {
            workspace_root,
            guests: guests.iter().map(|&guest| guest.to_owned()).collect(),
            target_dir: shared_target_dir(&variable("OUT_DIR")?),
            prebuilt: None,
        })
    }

    /// Take built guests from the folder that [`GUESTS_DIR`] names, if it names one.
    #[must_use]
    pub fn or_prebuilt(mut self) -> Self {
        println!("cargo:rerun-if-env-changed={GUESTS_DIR}");
        self.prebuilt = env::var_os(GUESTS_DIR)
            .filter(|folder| !folder.is_empty())
            .map(PathBuf::from);
        self
    }

    /// Tell cargo which files decide the bytes, so that it runs the build script again when one of them changes, and
    /// only then.
    pub fn print_dependencies(&self) {
        let root = &self.workspace_root;
        let shared = ["guests/sdk", "wit", "Cargo.toml", "Cargo.lock"];
        for path in self.guests.iter().map(String::as_str).chain(shared) {
            println!("cargo:rerun-if-changed={}", root.join(path).display());
        }
        if let Some(folder) = &self.prebuilt {
            println!("cargo:rerun-if-changed={}", folder.display());
        }
    }
}

/// How a build script ends: with an error, the error's text is all that it says.
pub fn report(result: Result<(), BuildError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Build all guests of the request, in its order.
pub fn build(request: &Request) -> Result<Vec<BuiltGuest>, BuildError> {
    let sources: Vec<Source> = request
        .guests
        .iter()
        .map(|guest| Source::read(&request.workspace_root, guest))
        .collect::<Result<_, _>>()?;
    if let Some(folder) = &request.prebuilt {
        return sources
            .iter()
            .map(|source| take_prebuilt(folder, source))
            .collect();
    }
    let packages: Vec<&str> = sources.iter().map(|source| source.package.as_str()).collect();
    let ours = cargo::Foreign::default();
    let artefacts = cargo::build(&request.workspace_root, &request.target_dir, &packages, &ours)?;
    sources
        .iter()
        .map(|source| source.component(&artefacts))
        .collect()
}

impl BuiltGuest {
    /// Bytes with their digest.
    pub fn new(name: &str, wasm: Vec<u8>) -> Self {
        let sha256 = hex::encode(Sha256::digest(&wasm));
        Self {
            name: name.to_owned(),
            wasm,
            sha256,
        }
    }
}

/// A guest's folder, read.
struct Source {
    package: String,
    manifest: Manifest,
    text: String,
}

impl Source {
    fn read(root: &Path, guest: &str) -> Result<Self, BuildError> {
        let read = |file: &str| {
            let path = root.join(guest).join(file);
            match fs::read_to_string(&path) {
                Ok(text) => Ok((path, text)),
                Err(error) => Err(BuildError::Read { path, error }),
            }
        };
        let (path, cargo_toml) = read("Cargo.toml")?;
        let package = manifest::package_name(&path, &cargo_toml)?;
        let (path, text) = read("nettest.toml")?;
        let manifest = Manifest::parse(&path.display().to_string(), &text)?;
        Ok(Self {
            package,
            manifest,
            text,
        })
    }
}

impl Source {
    /// The component, of the core module that cargo left in a folder.
    fn component(&self, artefacts: &Path) -> Result<BuiltGuest, BuildError> {
        let path = artefacts.join(format!("{}.wasm", self.package.replace('-', "_")));
        let core = fs::read(&path).map_err(|error| BuildError::Read { path, error })?;
        let name = &self.manifest.name;
        let bare = component::encode(name, &core)?;
        let wasm = component::embed_manifest(name, &bare, &self.text)?;
        Ok(BuiltGuest::new(name, wasm))
    }
}

fn take_prebuilt(folder: &Path, source: &Source) -> Result<BuiltGuest, BuildError> {
    let name = &source.manifest.name;
    let path = folder.join(format!("{name}.wasm"));
    let wasm = fs::read(&path).map_err(|error| BuildError::NoPrebuilt {
        path: path.clone(),
        error,
    })?;
    let manifest = component::check(&path.display().to_string(), &wasm)?;
    if manifest.name != *name {
        return Err(BuildError::Misnamed {
            path,
            expected: name.clone(),
            found: manifest.name,
        });
    }
    Ok(BuiltGuest::new(name, wasm))
}

/// The nearest folder at or above `folder` whose `Cargo.toml` has a `[workspace]` table.
fn workspace_above(folder: &Path) -> Option<PathBuf> {
    folder
        .ancestors()
        .find(|folder| {
            fs::read_to_string(folder.join("Cargo.toml"))
                .is_ok_and(|text| text.lines().any(|line| line.trim() == "[workspace]"))
        })
        .map(Path::to_path_buf)
}

/// `TARGET/guests`, where `out_dir` is `TARGET/PROFILE/build/PACKAGE-HASH/out`: one place for all profiles and all build
/// scripts, since the guests are the same. Below `out_dir` where the layout is another one.
fn shared_target_dir(out_dir: &Path) -> PathBuf {
    out_dir
        .ancestors()
        .find(|folder| folder.file_name().is_some_and(|name| name == "build"))
        .and_then(|build| build.parent()?.parent())
        .unwrap_or(out_dir)
        .join("guests")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace with one guest, and a folder for built ones.
    fn packager() -> (tempfile::TempDir, Request) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_path_buf();
        fs::create_dir_all(root.join("guests/one")).unwrap();
        fs::create_dir(root.join("built")).unwrap();
        fs::write(root.join("Cargo.toml"), "[workspace]\n").unwrap();
        fs::write(
            root.join("guests/one/Cargo.toml"),
            "[package]\nname = \"guest-one\"\n",
        )
        .unwrap();
        fs::write(root.join("guests/one/nettest.toml"), manifest("one")).unwrap();
        let request = Request {
            guests: vec!["guests/one".to_owned()],
            target_dir: root.join("target"),
            prebuilt: Some(root.join("built")),
            workspace_root: root,
        };
        (folder, request)
    }

    fn manifest(name: &str) -> String {
        format!("name = \"{name}\"\nkind = \"mini-nettest\"\n")
    }

    /// A component that exports `run`, a function, and imports nothing.
    fn component(name: &str) -> Vec<u8> {
        use wasm_encoder::{
            CodeSection, ComponentBuilder, ComponentExportKind, ExportKind, ExportSection, Function,
            FunctionSection, Module, TypeSection,
        };
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut functions = FunctionSection::new();
        functions.function(0);
        let mut exports = ExportSection::new();
        exports.export("run", ExportKind::Func, 0);
        let mut code = CodeSection::new();
        let mut body = Function::new([]);
        body.instructions().end();
        code.function(&body);
        let mut module = Module::new();
        module
            .section(&types)
            .section(&functions)
            .section(&exports)
            .section(&code);

        let mut builder = ComponentBuilder::default();
        let module = builder.core_module(None, &module);
        let instance = builder.core_instantiate(None, module, []);
        let run = builder.core_alias_export(None, instance, "run", ExportKind::Func);
        let (ty, mut function) = builder.type_function(None);
        function
            .params::<[(&str, wasm_encoder::ComponentValType); 0], _>([])
            .result(None);
        let run = builder.lift_func(None, run, ty, []);
        builder.export("run", ComponentExportKind::Func, run, None);
        component::append_manifest(&builder.finish(), manifest(name))
    }

    #[test]
    fn a_packagers_guest_is_taken_as_it_is() {
        let (folder, request) = packager();
        let wasm = component("one");
        fs::write(folder.path().join("built/one.wasm"), &wasm).unwrap();
        let guests = build(&request).unwrap();
        let guest = guests.first().unwrap();
        assert_eq!((guest.name.as_str(), &guest.wasm), ("one", &wasm));
        assert_eq!(guest.sha256, hex::encode(Sha256::digest(&wasm)));
    }

    #[test]
    fn a_packagers_folder_without_the_guest_is_an_error_that_names_the_file() {
        let (_folder, request) = packager();
        let error = build(&request).unwrap_err().to_string();
        assert!(
            error.contains("NETSONDE_GUESTS_DIR") && error.contains("one.wasm"),
            "{error}"
        );
    }

    #[test]
    fn a_packagers_guest_under_a_wrong_name_is_an_error() {
        let (folder, request) = packager();
        fs::write(folder.path().join("built/one.wasm"), component("two")).unwrap();
        let error = build(&request).unwrap_err().to_string();
        assert!(
            error.contains("one.wasm is two by its manifest, not one"),
            "{error}"
        );
    }

    #[test]
    fn a_packagers_guest_is_checked() {
        let (folder, request) = packager();
        fs::write(folder.path().join("built/one.wasm"), b"not a component").unwrap();
        assert!(matches!(build(&request), Err(BuildError::Component { .. })));
    }

    #[test]
    fn the_workspace_is_found_from_inside() {
        let (folder, _) = packager();
        assert_eq!(
            workspace_above(&folder.path().join("guests/one")).as_deref(),
            Some(folder.path())
        );
        assert_eq!(workspace_above(Path::new("/nowhere/at/all")), None);
    }

    #[test]
    fn all_build_scripts_and_profiles_share_one_target_directory() {
        let of = |out_dir: &str| shared_target_dir(Path::new(out_dir));
        assert_eq!(of("/w/target/debug/build/a-1/out"), Path::new("/w/target/guests"));
        assert_eq!(
            of("/w/target/release/build/b-2/out"),
            Path::new("/w/target/guests")
        );
        assert_eq!(of("/elsewhere/out"), Path::new("/elsewhere/out/guests"));
    }
}
