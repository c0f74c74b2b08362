//! Guards taken away one by one, in a copy of what is committed or about to be: the proof has to fail each time, or what it says of
//! that guard is worth nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use super::build::cargo;
use super::report::FAILED;

/// A guard, where it stands, what stands there without it, and what of which part of the proof has to fail.
struct Mutant {
    name: &'static str,
    part: &'static str,
    check: &'static str,
    file: &'static str,
    guard: &'static str,
    without: &'static str,
}

const fn mutant(
    name: &'static str,
    (part, check): (&'static str, &'static str),
    file: &'static str,
    guard: &'static str,
    without: &'static str,
) -> Mutant {
    Mutant {
        name,
        part,
        check,
        file,
        guard,
        without,
    }
}

const MUTANTS: &[Mutant] = &[
    mutant(
        "the gate of the compiler",
        ("1", "the feature `compiler` is refused"),
        "host/sandbox/src/engine.rs",
        "#[cfg(all(target_os = \"ios\", feature = \"compiler\"))]",
        "#[cfg(any())]",
    ),
    mutant(
        "the gate of the installer",
        ("1", "the feature `install` is refused"),
        "host/probe/src/lib.rs",
        "#[cfg(all(target_os = \"ios\", feature = \"install\"))]",
        "#[cfg(any())]",
    ),
    mutant(
        "no file as a module",
        ("1", "that must not build do"),
        "host/probe/src/catalog.rs",
        "    #[cfg(feature = \"compiler\")]\n    pub fn add_file(&mut self, path: &Path, wasm: Vec<u8>) {",
        "    #[cfg(not(feature = \"compiler\"))]\n    pub fn add_file(&mut self, _: &std::path::Path, _: Vec<u8>) {}\n    #[cfg(feature = \"compiler\")]\n    pub fn add_file(&mut self, path: &Path, wasm: Vec<u8>) {",
    ),
    mutant(
        "no installer",
        ("1", "that must not build do"),
        "host/probe/src/lib.rs",
        "#[cfg(feature = \"install\")]\npub mod install;",
        "#[cfg(not(feature = \"install\"))]\npub mod install {\n    #![allow(missing_docs, reason = \"a mutant\")]\n    pub fn install() {}\n}\n#[cfg(feature = \"install\")]\npub mod install;",
    ),
    mutant(
        "no compiler among the crates",
        ("2", "no crate that compiles"),
        "host/sandbox/Cargo.toml",
        "pulley = [",
        "pulley = [\"wasmtime/cranelift\", ",
    ),
    mutant(
        "no compiler in the library",
        ("3", "its functions"),
        "host/sandbox/Cargo.toml",
        "pulley = [",
        "pulley = [\"compiler\", ",
    ),
    mutant(
        "no Wasm in the library",
        ("3", "its bytes"),
        "host/sandbox/src/bytecode.rs",
        "        if hex::encode(",
        "        std::hint::black_box(b\"\\0asm\\x0d\\0\\x01\\0\");\n        if hex::encode(",
    ),
    mutant(
        "the filter for mmap",
        ("4", "the filter kills for mmap"),
        "tests/ios/src/filter.rs",
        "        (libc::SYS_mmap, when(2, PROT_EXEC)?),\n",
        "",
    ),
    mutant(
        "the filter for mprotect",
        ("4", "the filter kills for mprotect"),
        "tests/ios/src/filter.rs",
        "        (libc::SYS_mprotect, when(2, PROT_EXEC)?),\n",
        "",
    ),
    mutant(
        "the filter for execve",
        ("4", "the filter kills for execve"),
        "tests/ios/src/filter.rs",
        "        (libc::SYS_execve, Vec::new()),\n",
        "",
    ),
    mutant(
        "the comparison of memory",
        ("4", "executable memory that came is noticed"),
        "tests/ios/src/run.rs",
        "    ensure!(\n        before == after,",
        "    ensure!(\n        before == before,",
    ),
    mutant(
        "the digest of bytecode",
        ("4", "bytecode that was changed is refused"),
        "host/sandbox/src/bytecode.rs",
        "if hex::encode(Sha256::digest(&code)) != self.sha256 {",
        "if self.sha256.is_empty() {",
    ),
    mutant(
        "bytecode, and not machine code",
        ("4", "machine code is refused"),
        "host/sandbox/src/settings.rs",
        "        .target(\"pulley64\")?\n",
        "",
    ),
    mutant(
        "skipping what is not there",
        ("5", "it is skipped"),
        "host/probe/src/interpreter.rs",
        "            self.skip(Thing::Nettest, name, why);\n            return Ok(());",
        "            let _ = why;\n            return Ok(());",
    ),
];

pub(super) fn run(only: Option<&str>) -> anyhow::Result<()> {
    let copy = copy()?;
    let mut survived = Vec::new();
    let mut tried = 0;
    for mutant in MUTANTS {
        if only.is_some_and(|only| !mutant.name.contains(only)) {
            continue;
        }
        tried += 1;
        let path = copy.join(mutant.file);
        let whole = fs::read_to_string(&path).with_context(|| format!("read {}", mutant.file))?;
        ensure!(
            whole.contains(mutant.guard),
            "{}: {} is not in {} any more: change xtask/src/ios_proof/mutants.rs too",
            mutant.name,
            mutant.guard,
            mutant.file
        );
        fs::write(&path, whole.replacen(mutant.guard, mutant.without, 1)).context("write the mutant")?;
        let output = cargo()
            .args(["xtask", "ios-proof", "--part", mutant.part])
            .current_dir(&copy)
            .env("CARGO_TARGET_DIR", target(&copy)?)
            .output()
            .context("run the proof")?;
        fs::write(&path, &whole).context("mend the mutant")?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let failed: Vec<&str> = said.lines().filter(|line| line.contains(FAILED)).collect();
        // A proof that failed for another reason, as that the mutant does not build, proves nothing.
        let is_caught = failed.iter().any(|line| line.contains(mutant.check));
        if output.status.success() || !is_caught {
            println!(
                "SURVIVED without {}: {said}{}",
                mutant.name,
                String::from_utf8_lossy(&output.stderr)
            );
            survived.push(mutant.name);
        } else {
            println!("fails without {}:", mutant.name);
            for line in failed {
                println!("  {line}");
            }
        }
    }
    ensure!(tried > 0, "no guard has such a name");
    if survived.is_empty() {
        println!("{tried} guards, and the proof fails without any one of them");
        return Ok(());
    }
    bail!("the proof does not fail without: {}", survived.join("; "))
}

/// Where the copy is built, the same each time.
fn target(copy: &Path) -> anyhow::Result<PathBuf> {
    Ok(copy.parent().context("find the copy's folder")?.join("target"))
}

/// A copy of all files that git knows of or does not ignore.
fn copy() -> anyhow::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("find the workspace")?;
    let list = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("run git")?;
    ensure!(
        list.status.success(),
        "git does not list the files of the workspace"
    );
    let copy = std::env::current_exe()
        .context("find this program")?
        .ancestors()
        .find(|folder| folder.file_name().is_some_and(|name| name == "target"))
        .unwrap_or(root)
        .join("ios-mutants/workspace");
    let list = String::from_utf8(list.stdout).context("read the names of files")?;
    for name in list.split_terminator('\0') {
        let (from, to) = (root.join(name), copy.join(name));
        // Deleted and not yet committed.
        let Ok(bytes) = fs::read(&from) else { continue };
        if fs::read(&to).is_ok_and(|old| old == bytes) {
            continue;
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).context("make the copy's folders")?;
        }
        fs::write(&to, bytes).with_context(|| format!("copy {name}"))?;
    }
    Ok(copy)
}
