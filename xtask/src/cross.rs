//! `cargo xtask cross`: does the probe type-check for phones, on a machine that has none of their makers' tools?
//!
//! Rust's compiler checks for any platform whose standard library is there. What it can not do without the platform's own
//! tools is link, which a check does not, and compile the C that some crates bring along. So build scripts find a compiler
//! that compiles nothing and writes down what it was asked for (`cross/stand-in.sh`). They run as they would otherwise:
//! nothing here knows which crates bring C, the report names those that asked.

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    ffi::OsString,
    fmt, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Instant,
};

/// What build scripts find in the place of a C compiler and of `ar`.
const STAND_IN: &str = include_str!("cross/stand-in.sh");
/// The features of the library on iOS, where no program may make code.
pub(crate) const IOS_FEATURES: [&str; 3] = ["--no-default-features", "--features", "pulley,uniffi"];
/// Where it writes, in a build script's own folder, what it did not compile.
const RECORD: &str = "not-compiled.txt";

/// Check the probe for phones, without their makers' tools.
#[derive(Args)]
pub(crate) struct CrossCommand {
    /// For these only.
    #[arg(long, value_name = "TARGET")]
    target: Vec<Phone>,
}

/// What the probe is checked for.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Phone {
    #[value(name = "aarch64-apple-ios")]
    Ios,
    #[value(name = "aarch64-linux-android")]
    Android,
}

impl CrossCommand {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let wanted = |phone| self.target.is_empty() || self.target.contains(&phone);
        for phone in [Phone::Ios, Phone::Android]
            .into_iter()
            .filter(|phone| wanted(*phone))
        {
            println!("{}", phone.cross().check()?);
        }
        Ok(())
    }
}

impl Phone {
    fn cross(self) -> Cross<'static> {
        let (target, features): (_, &[&str]) = match self {
            Self::Ios => ("aarch64-apple-ios", &IOS_FEATURES),
            Self::Android => ("aarch64-linux-android", &[]),
        };
        Cross::of_workspace(target, "netsonde-mobile", features)
    }
}

/// What is checked, and for which platform.
pub(crate) struct Cross<'a> {
    root: PathBuf,
    /// Where cargo builds, if not in the workspace's target directory.
    folder: Option<PathBuf>,
    target: &'a str,
    package: &'a str,
    features: &'a [&'a str],
}

/// A package that type-checks, without a warning in crates of its workspace.
pub(crate) struct Checked {
    target: String,
    package: String,
    features: String,
    seconds: u64,
    /// The crates whose C was not compiled.
    pub(crate) skipped: Vec<Skipped>,
}

/// A crate whose C was not compiled.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Skipped {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The `links` key of its manifest.
    pub(crate) links: Option<String>,
    /// The libraries that would have been made.
    pub(crate) libraries: Vec<String>,
    /// How many files the compiler was asked to compile.
    pub(crate) files: usize,
}

impl<'a> Cross<'a> {
    /// A package of this workspace. `features` are cargo's own flags.
    pub(crate) fn of_workspace(target: &'a str, package: &'a str, features: &'a [&'a str]) -> Self {
        Self {
            root: Path::new(env!("CARGO_MANIFEST_DIR")).join(".."),
            folder: None,
            target,
            package,
            features,
        }
    }

    /// Check it with clippy, because what only these platforms compile is linted nowhere else.
    pub(crate) fn check(&self) -> anyhow::Result<Checked> {
        let began = Instant::now();
        let metadata = self.metadata()?;
        let output = self.clippy(&metadata, Stdio::inherit())?;
        if !output.status.success() {
            let (package, target) = (self.package, self.target);
            bail!("{package} does not type-check without warnings for {target}, see above");
        }
        Ok(Checked {
            target: self.target.to_owned(),
            package: self.package.to_owned(),
            features: self.features.join(" "),
            seconds: began.elapsed().as_secs(),
            skipped: skipped(&String::from_utf8_lossy(&output.stdout), &metadata)?,
        })
    }

    /// What the compiler says to what must not type-check; an error if it does.
    pub(crate) fn refusal(&self) -> anyhow::Result<String> {
        let output = self.clippy(&self.metadata()?, Stdio::piped())?;
        if output.status.success() {
            bail!("{} type-checks for {}", self.package, self.target);
        }
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn clippy(&self, metadata: &Metadata, stderr: Stdio) -> anyhow::Result<Output> {
        ensure_target(self.target)?;
        let target = self.folder.as_ref().unwrap_or(&metadata.target_directory);
        let tools = Tools::make(&target.join("cross/stand-in"))?;
        // Where other builds are, too, with which it shares what build scripts are made of: most of the work. The empty libraries are not
        // taken for real ones: build scripts run again where `AR` or `CC` is another program.
        let mut command = self.cargo();
        command.args(["clippy", "--locked", "--target", self.target]);
        command.args(["--package", self.package]).args(self.features);
        command.arg("--target-dir").arg(target);
        command.arg("--message-format=json-render-diagnostics");
        command.args(["--", "--deny", "warnings"]);
        tools.offer(&mut command, self.target);
        let output = command.stdout(Stdio::piped()).stderr(stderr).spawn();
        let output = output.and_then(Child::wait_with_output);
        output.with_context(|| format!("start `{}`", shown(&command)))
    }

    fn metadata(&self) -> anyhow::Result<Metadata> {
        let mut command = self.cargo();
        command.args(["metadata", "--locked", "--format-version", "1"]);
        let output = command.stderr(Stdio::inherit()).output();
        let output = output.with_context(|| format!("start `{}`", shown(&command)))?;
        if !output.status.success() {
            bail!("`{}` failed, see above", shown(&command));
        }
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("read what `{}` says", shown(&command)))
    }

    fn cargo(&self) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root);
        command
    }
}

/// What `cargo metadata` says, as far as it is needed.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    links: Option<String>,
}

/// What cargo says of a build script, also of one that it need not run again.
#[derive(Deserialize)]
struct Executed {
    package_id: String,
    linked_libs: Vec<String>,
    out_dir: PathBuf,
}

/// The crates whose build scripts asked for a C compiler.
fn skipped(messages: &str, metadata: &Metadata) -> anyhow::Result<Vec<Skipped>> {
    let packages: BTreeMap<&str, &Package> = metadata
        .packages
        .iter()
        .map(|package| (package.id.as_str(), package))
        .collect();
    let mut skipped = Vec::new();
    for message in messages.lines() {
        let message: serde_json::Value = serde_json::from_str(message).context("read what cargo says")?;
        if message.get("reason").and_then(|reason| reason.as_str()) != Some("build-script-executed") {
            continue;
        }
        let executed: Executed =
            serde_json::from_value(message).context("read what cargo says of a build script")?;
        let Ok(record) = fs::read_to_string(executed.out_dir.join(RECORD)) else {
            continue;
        };
        let package = packages.get(executed.package_id.as_str());
        let package = package.with_context(|| format!("cargo does not know {}", executed.package_id))?;
        let name = |library: &String| library.rsplit('=').next().unwrap_or_default().to_owned();
        skipped.push(Skipped {
            name: package.name.clone(),
            version: package.version.clone(),
            links: package.links.clone(),
            libraries: executed.linked_libs.iter().map(name).collect(),
            files: record.lines().collect::<BTreeSet<_>>().len(),
        });
    }
    skipped.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    Ok(skipped)
}

/// The folder with what stands in for the platform's tools.
struct Tools(PathBuf);

impl Tools {
    fn make(folder: &Path) -> anyhow::Result<Self> {
        let make = || -> std::io::Result<()> {
            fs::create_dir_all(folder)?;
            // cc takes the family of a compiler from its name where it does not say.
            for name in ["clang", "ar"] {
                let path = folder.join(name);
                // A file that another process just runs is not written again.
                if fs::read_to_string(&path).is_ok_and(|script| script == STAND_IN) {
                    continue;
                }
                fs::write(&path, STAND_IN)?;
                #[cfg(unix)]
                fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
            }
            Ok(())
        };
        make().with_context(|| format!("write the stand-ins into {}", folder.display()))?;
        Ok(Self(folder.to_owned()))
    }

    /// Let the build scripts of what is compiled for `target` find them; those of what this machine runs have its own.
    fn offer(&self, command: &mut Command, target: &str) {
        for (variable, tool) in [("CC", "clang"), ("CXX", "clang"), ("AR", "ar")] {
            for target in [target.to_owned(), target.replace('-', "_")] {
                command.env(format!("{variable}_{target}"), self.0.join(tool));
            }
        }
        // Else cc asks Xcode where this is.
        if target.contains("-apple-") && !cfg!(target_vendor = "apple") {
            command.env("SDKROOT", &self.0);
        }
    }
}

/// Make sure that the standard library is there for `target`.
fn ensure_target(target: &str) -> anyhow::Result<()> {
    if has_target(target)? {
        return Ok(());
    }
    let mut command = Command::new("rustup");
    command.args(["target", "add", target]);
    if let Some(toolchain) = env::var_os("RUSTUP_TOOLCHAIN") {
        command.args([OsString::from("--toolchain"), toolchain]);
    }
    // It is looked at again whatever came of it; rustup says itself why it could not.
    let _ = command.status();
    if !has_target(target)? {
        bail!(
            "Rust's standard library for {target} is missing; install it: `{}`",
            shown(&command)
        );
    }
    Ok(())
}

fn has_target(target: &str) -> anyhow::Result<bool> {
    let mut command = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command.args(["--print", "target-libdir", "--target", target]);
    let output = command
        .output()
        .with_context(|| format!("start `{}`", shown(&command)))?;
    let folder = String::from_utf8_lossy(&output.stdout);
    Ok(!folder.trim().is_empty() && Path::new(folder.trim()).is_dir())
}

/// A command as one would type it.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

impl fmt::Display for Checked {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            target,
            package,
            features,
            seconds,
            skipped,
        } = self;
        let features = if features.is_empty() {
            "with default features"
        } else {
            features
        };
        writeln!(
            to,
            "{target}: {package} ({features}) type-checks, without a warning in our crates ({seconds} s)"
        )?;
        if skipped.is_empty() {
            return write!(to, "  no crate in it brings C along");
        }
        write!(
            to,
            "  not compiled, because it needs the platform's own tools, is the C of:"
        )?;
        for part in skipped {
            write!(to, "\n    {part}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            version,
            links,
            libraries,
            files,
        } = self;
        let links = links.as_deref().unwrap_or("nothing that it names");
        let s = if *files == 1 { "" } else { "s" };
        write!(
            to,
            "{name} {version}, links {links}: {files} file{s}, for {}",
            libraries.join(", ")
        )
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests;
