//! Authors with their repositories, and what builds guests.

use netsonde_registry::rebuild::{RebuildError, RebuildOptions, sandbox};
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};
use tempfile::TempDir;

/// An author's repository.
pub(crate) struct Author {
    folder: TempDir,
    guest: &'static str,
}

impl Author {
    /// One with a small guest, and further files of it.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let guest = folder.path().join("guest");
        fs::create_dir_all(guest.join("src")).unwrap();
        let usual = [
            (
                "Cargo.toml",
                "[package]\nname = \"small\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n[lib]\ncrate-type = [\"cdylib\"]\n",
            ),
            (
                "Cargo.lock",
                "version = 4\n\n[[package]]\nname = \"small\"\nversion = \"0.1.0\"\n",
            ),
            ("nettest.toml", "name = \"small\"\nkind = \"mini-nettest\"\n"),
            ("src/lib.rs", ""),
        ];
        for (name, text) in usual.iter().chain(files) {
            fs::write(guest.join(name), text).unwrap();
        }
        Self::in_git(folder, "guest")
    }

    /// The one of the guest in `examples/guests/rust`, with what it is built from.
    pub(crate) fn of_the_example() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["Cargo.toml", "guests/sdk", "wit", "examples/guests/rust"] {
            copy(&root().join(part), &folder.path().join(part));
        }
        Self::in_git(folder, "examples/guests/rust")
    }

    fn in_git(folder: TempDir, guest: &'static str) -> Self {
        let author = Self { folder, guest };
        author.git(&["init", "--quiet"]);
        author.git(&["add", "-A"]);
        author.git(&["commit", "--quiet", "-m", "a guest"]);
        author
    }

    /// The repository.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The guest's folder.
    pub(crate) fn guest(&self) -> PathBuf {
        self.folder().join(self.guest)
    }

    /// What git says.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(self.folder())
            .args(["-c", "user.name=Author", "-c", "user.email=author@example.org"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

/// Copy a file, or a folder without what was built in it.
fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        if name != "target" {
            copy(&from.join(&name), &to.join(&name));
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// The program that builds guests. It is another package's, so cargo builds it for no test of this one.
pub(crate) fn guest_tool() -> &'static Path {
    static TOOL: OnceLock<PathBuf> = OnceLock::new();
    TOOL.get_or_init(|| {
        let profile = Path::new(env!("CARGO_BIN_EXE_netsonde-registry"))
            .parent()
            .unwrap();
        let built = Command::new(env!("CARGO"))
            .current_dir(root())
            .args([
                "build",
                "--locked",
                "--package",
                "netsonde-guest-tool",
                "--target-dir",
            ])
            .arg(profile.parent().unwrap())
            .status();
        assert!(built.unwrap().success());
        profile.parent().unwrap().join("debug/netsonde-guest")
    })
}

pub(crate) fn options(sandboxed: bool) -> RebuildOptions {
    RebuildOptions {
        guest_tool: guest_tool().to_owned(),
        sandbox: sandboxed.then(|| PathBuf::from(env!("CARGO_BIN_EXE_netsonde-registry"))),
    }
}

/// Whether there is no sandbox here; says that the test is skipped.
pub(crate) fn skip_without_sandbox(error: &RebuildError) -> bool {
    let code = matches!(error, RebuildError::NoSandbox(_)).then(|| i32::from(sandbox::NONE));
    skip(code, &error.to_string())
}

/// Whether a program ended so because there is no sandbox here; says that the test is skipped.
pub(crate) fn skip(code: Option<i32>, said: &str) -> bool {
    let is_none = code == Some(i32::from(sandbox::NONE));
    if is_none {
        assert!(std::env::var_os("NETSONDE_REQUIRE_LAB").is_none(), "{said}");
        // Written, not printed: of a test that passes libtest shows nothing that is printed.
        let _ = writeln!(std::io::stderr(), "SKIPPED: {said}");
    }
    is_none
}
