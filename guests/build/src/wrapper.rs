//! What stands between cargo and the compiler when a stranger's guest is built, so that the bytes do not depend on where its
//! dependencies are.
//!
//! Two things do: the names of source files, in messages of panics, and the hash by which cargo tells crates apart, which for
//! a dependency in a folder outside of the workspace is a hash of that folder, and for what depends on it a hash of that hash.
//! Here every dependency is named after itself. A workspace that holds all of its folders is left as it is.

use std::collections::HashSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, ExitCode};

use sha2::{Digest as _, Sha256};

/// The workspace, and what it asks for: set for a process that is to be the compiler.
const ROOT: &str = "NETSONDE_GUEST_ROOT";
/// The packages to give a hash of our own, `NAME-VERSION`, each with a space behind it.
const NEAR: &str = "NETSONDE_GUEST_NEAR";
/// What cargo calls the hash.
const METADATA: &str = "metadata=";

/// Who stands between cargo and the compiler.
pub(crate) struct Wrapper<'a> {
    /// A program that begins with [`as_rustc`].
    pub(crate) program: &'a Path,
    /// The packages that come from folders, as `NAME-VERSION`, if one of these is outside of the workspace.
    pub(crate) near: &'a [String],
}

impl Wrapper<'_> {
    /// Make a cargo ask this program for everything that it asks the compiler.
    pub(crate) fn stand_in(&self, cargo: &mut Command, root: &Path) {
        let near: String = self.near.iter().flat_map(|name| [name.as_str(), " "]).collect();
        cargo
            .env("RUSTC_WRAPPER", self.program)
            .env(ROOT, root)
            .env(NEAR, near);
    }
}

/// If this process was started by cargo in place of the compiler: be the compiler, and how that ended. The first thing that a
/// program asks which is a [`wrapper`](crate::Standalone::wrapper).
pub fn as_rustc() -> Option<ExitCode> {
    let root = env::var_os(ROOT)?;
    let mut arguments = env::args_os().skip(1);
    let compiler = arguments.next()?;
    let arguments: Vec<OsString> = arguments.collect();
    let text = |name| env::var(name).unwrap_or_default();
    let package = Package {
        name: format!("{}-{}", text("CARGO_PKG_NAME"), text("CARGO_PKG_VERSION")),
        folder: env::var_os("CARGO_MANIFEST_DIR"),
        near: text(NEAR).split(' ').map(str::to_owned).collect(),
    };
    let arguments = package.arguments(Path::new(&root), &arguments);
    let status = Command::new(&compiler)
        .args(arguments)
        .env_remove(ROOT)
        .env_remove(NEAR)
        .status();
    Some(match status {
        Ok(status) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            ExitCode::from(code.unwrap_or(1))
        }
        Err(error) => {
            eprintln!("start {}: {error}", compiler.display());
            ExitCode::FAILURE
        }
    })
}

/// What is compiled.
struct Package {
    /// `NAME-VERSION`.
    name: String,
    /// Where it is; nothing where cargo asks the compiler about itself.
    folder: Option<OsString>,
    /// The packages that come from folders.
    near: HashSet<String>,
}

impl Package {
    /// The compiler's arguments.
    fn arguments(&self, root: &Path, arguments: &[OsString]) -> Vec<OsString> {
        let Some(folder) = &self.folder else {
            return arguments.to_vec();
        };
        let mut changed = arguments.to_vec();
        if self.near.contains(&self.name) {
            let own = self.hash(arguments);
            for argument in &mut changed {
                if argument.to_str().is_some_and(|text| text.starts_with(METADATA)) {
                    argument.clone_from(&own);
                }
            }
        }
        // A file of the workspace has its place in it, which is the same everywhere.
        if !Path::new(folder).starts_with(root) {
            // Behind the others, so that it wins.
            let mut remap = OsString::from("--remap-path-prefix=");
            remap.push(folder);
            remap.push(format!("=/crates/{}", self.name));
            changed.push(remap);
        }
        changed
    }

    /// What tells this crate from all others of the build: the package, which crate of it, and its features.
    fn hash(&self, arguments: &[OsString]) -> OsString {
        let mut hash = Sha256::new();
        hash.update(&self.name);
        for pair in arguments.windows(2) {
            if let [what, value] = pair
                && ["--crate-name", "--crate-type", "--cfg", "--target"]
                    .map(OsStr::new)
                    .contains(&what.as_os_str())
            {
                hash.update(what.as_encoded_bytes());
                hash.update([0]);
                hash.update(value.as_encoded_bytes());
                hash.update([0]);
            }
        }
        let digest = hex::encode(hash.finalize());
        OsString::from(format!("{METADATA}{}", digest.get(..16).unwrap_or(&digest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(folder: &str) -> Package {
        Package {
            name: "sdk-0.1.0".to_owned(),
            folder: Some(folder.into()),
            near: HashSet::from(["sdk-0.1.0".to_owned()]),
        }
    }

    fn arguments(metadata: &str) -> Vec<OsString> {
        let line = format!(
            "--crate-name sdk --cfg feature=\"std\" -C metadata={metadata} -C extra-filename=-{metadata}"
        );
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn a_package_elsewhere_is_named_after_itself_wherever_it_is() {
        let root = Path::new("/w");
        let of = |folder: &str, metadata: &str| {
            let changed = package(folder).arguments(root, &arguments(metadata));
            let changed: Vec<String> = changed
                .iter()
                .map(|word| word.to_string_lossy().into_owned())
                .collect();
            // Files are still called as cargo looks for them.
            assert!(
                changed.contains(&format!("extra-filename=-{metadata}")),
                "{changed:?}"
            );
            assert_eq!(
                *changed.last().unwrap(),
                format!("--remap-path-prefix={folder}=/crates/sdk-0.1.0")
            );
            changed
                .into_iter()
                .find(|word| word.starts_with(METADATA))
                .unwrap()
        };
        assert_eq!(of("/a/sdk", "1234"), of("/b/else/sdk", "5678"));
        assert_ne!(of("/a/sdk", "1234"), "metadata=1234");
    }

    #[test]
    fn what_comes_from_a_registry_keeps_its_hash_and_what_is_in_the_workspace_its_place() {
        let root = Path::new("/w");
        let mut inside = package("/w/sdk");
        let changed = inside.arguments(root, &arguments("1234"));
        assert!(!changed.contains(&"metadata=1234".into()) && changed.len() == arguments("").len());
        inside.near.clear();
        assert_eq!(inside.arguments(root, &arguments("1234")), arguments("1234"));
        let mut far = package("/cargo/sdk");
        far.near.clear();
        let changed = far.arguments(root, &arguments("1234"));
        assert!(changed.contains(&"metadata=1234".into()) && changed.len() == arguments("").len() + 1);
    }
}
