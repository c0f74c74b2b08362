//! Publishing: what authors, reviewers and operators type.

use clap::{Args, Subcommand};
use netsonde_log::words::Name;
use std::path::PathBuf;

/// A registry.
#[derive(Debug, Args)]
pub(crate) struct Registry {
    /// The registry's folder.
    #[arg(long, value_name = "DIR", env = "NETSONDE_REGISTRY_DIR")]
    pub(crate) dir: PathBuf,
}

/// Whose signatures something gets.
#[derive(Debug, Args)]
pub(crate) struct Keys {
    /// A secret key (NAME.key) to sign with; may be given several times. With enough of them it is published at once.
    #[arg(long = "key", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Sign in the role `emergency`: what begins by it ends after a day, what stops by it does not begin again.
    #[arg(long)]
    pub(crate) emergency: bool,
}

/// The program that checks.
#[derive(Debug, Args)]
pub(crate) struct Checker {
    /// The program `netsonde`, which checks modules and scripts. Otherwise the one beside this program, or in PATH.
    #[arg(long, value_name = "FILE")]
    pub(crate) netsonde: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The proposal: its id in the registry (of a module also NAME@VERSION), or its file.
    #[arg(value_name = "ID")]
    pub(crate) id: String,

    /// The registry's folder. With it a script, a list, flags or a withdrawal is published once enough have signed; without
    /// it, ID is a file, and is only signed.
    #[arg(long, value_name = "DIR", env = "NETSONDE_REGISTRY_DIR")]
    pub(crate) dir: Option<PathBuf>,

    /// The secret key (NAME.key) to sign with.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,

    /// Sign in the role `emergency`.
    #[arg(long)]
    pub(crate) emergency: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Script {
    /// Check a script, sign it, and publish it once enough have signed.
    Publish(Publish),
    /// Sign the proposal of a script.
    Sign(Sign),
    /// Have no probe run a script ever again.
    Revoke(ScriptRevoke),
}

#[derive(Debug, Subcommand)]
pub(crate) enum List {
    /// Check a list, sign it, and publish it once enough have signed. The list `check-in` is the table by which probes choose
    /// their script; any other has the name of a nettest and its targets, as the `with` of `nettest:run` in a script.
    Publish(Publish),
    /// Sign the proposal of a list.
    Sign(Sign),
}

#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// The file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// What it is called: a newer one of the same name takes its place.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Name,

    /// For how many days it holds.
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3650))]
    pub(crate) days: u64,

    #[command(flatten)]
    pub(crate) registry: Registry,

    #[command(flatten)]
    pub(crate) keys: Keys,

    #[command(flatten)]
    pub(crate) checker: Checker,
}

#[derive(Debug, Args)]
pub(crate) struct ScriptRevoke {
    /// The script: its name, or sha256:….
    #[arg(value_name = "SCRIPT")]
    pub(crate) script: String,

    /// Why, for everybody to read.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,

    #[command(flatten)]
    pub(crate) registry: Registry,

    #[command(flatten)]
    pub(crate) keys: Keys,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Flags {
    /// Switch nettests on and off, and publish it once enough have signed. Of nettests that are not named, what was said
    /// before goes on.
    Set(FlagsSet),
    /// Sign the proposal of flags.
    Sign(Sign),
}

#[derive(Debug, Args)]
pub(crate) struct FlagsSet {
    /// What: telegram=off, or =on, or =unset.
    #[arg(value_name = "NETTEST=on|off|unset", required = true, value_parser = flag)]
    pub(crate) flags: Vec<(Name, Option<bool>)>,

    /// For how many days it holds.
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3650))]
    pub(crate) days: u64,

    #[command(flatten)]
    pub(crate) registry: Registry,

    #[command(flatten)]
    pub(crate) keys: Keys,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Snapshot {
    /// Say what the log has come to, and publish it once enough have signed.
    Publish(SnapshotPublish),
    /// Sign the proposal of a snapshot.
    Sign(Sign),
}

#[derive(Debug, Args)]
pub(crate) struct SnapshotPublish {
    #[command(flatten)]
    pub(crate) registry: Registry,

    #[command(flatten)]
    pub(crate) keys: Keys,
}

fn flag(text: &str) -> Result<(Name, Option<bool>), String> {
    let (name, value) = text.split_once('=').ok_or("write it as telegram=off")?;
    let value = match value {
        "on" => Some(true),
        "off" => Some(false),
        "unset" => None,
        _ => return Err("write it as telegram=off, =on or =unset".to_owned()),
    };
    let name = name.parse().map_err(|error| format!("{error}"))?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_on_off_or_unset() {
        assert_eq!(flag("ndt=off").unwrap().1, Some(false));
        assert_eq!(flag("ndt=on").unwrap().1, Some(true));
        assert_eq!(flag("ndt=unset").unwrap().1, None);
        for wrong in ["ndt", "ndt=", "ndt=maybe", "../ndt=on"] {
            assert!(flag(wrong).is_err(), "{wrong}");
        }
    }
}
