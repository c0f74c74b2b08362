//! The command line as clap sees it: one definition feeds parsing, `--help` and error messages.

use clap::{Args, Parser, Subcommand, builder::PossibleValuesParser};
use netsonde_log::role::Role;
use netsonde_net::Scope;
use netsonde_registry::{rebuild::sandbox::Sandbox, test_helper::Limits};
use std::{net::SocketAddr, path::PathBuf};
use url::Url;

mod module;
mod monitor;
mod publish;
mod serve;
mod witness;

pub(crate) use module::{Builder, Module, ModulePropose, ModuleRelease, ModuleReview, ModuleStop, Rebuild};
pub(crate) use monitor::Monitor;
pub(crate) use publish::{
    Flags, FlagsSet, Keys, List, Publish, Script, ScriptRevoke, Sign, Snapshot, SnapshotPublish,
};
pub(crate) use serve::Serve;
pub(crate) use witness::{Witness, WitnessNew, WitnessServe};

/// What an operator runs for probes.
#[derive(Debug, Parser)]
#[command(name = "netsonde-registry", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure for probes what they measure, from where nobody interferes: the test helper of `web_connectivity`.
    TestHelper(Box<TestHelper>),
    /// Serve a registry: its log, what is named in it, and what probes are to run.
    Serve(Box<Serve>),
    /// Keys of people.
    #[command(subcommand)]
    Key(Key),
    /// Who may say what in a registry.
    #[command(subcommand)]
    Root(Root),
    /// Modules: what probes can run.
    #[command(subcommand)]
    Module(Module),
    /// Build a module from its source again, offline and in a sandbox, and say whether it comes out the same.
    Rebuild(Rebuild),
    /// Scripts: what probes do run.
    #[command(subcommand)]
    Script(Script),
    /// Lists: of targets, and of which probes run what.
    #[command(subcommand)]
    List(List),
    /// Which nettests are on and off.
    #[command(subcommand)]
    Flags(Flags),
    /// What the log has come to, so that a probe that is new need not read all of it.
    #[command(subcommand)]
    Snapshot(Snapshot),
    /// Read a log entry by entry, and say what is wrong with it.
    Monitor(Monitor),
    /// Sign for logs that only grow, so that they can not show two people what contradicts each other.
    #[command(subcommand)]
    Witness(Witness),
    /// Show what a registry has published, and what waits for signatures.
    Status(Status),
    /// Run a program that can read and write what is named here, and reach nobody. Rebuilds start themselves so.
    #[command(hide = true)]
    Sandbox(Sandbox),
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The registry's folder.
    #[arg(long, value_name = "DIR", env = "NETSONDE_REGISTRY_DIR")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make keys: NAME.key, which stays with its owner, and NAME.pub. Prints their ids.
    New(KeyNew),
    /// Write the next root to DIR/roots/N.json, for the owners to sign: it holds on from when the one in force is over, and puts
    /// new keys in the place of those that are lost, stolen or old, in every role that they have.
    Rotate(KeyRotate),
}

#[derive(Debug, Args)]
pub(crate) struct KeyRotate {
    /// The registry's folder.
    #[arg(long, value_name = "DIR", env = "NETSONDE_REGISTRY_DIR")]
    pub(crate) dir: PathBuf,

    /// The public keys of somebody, before and now: --replace old.pub=new.pub; may be given several times.
    #[arg(long, value_name = "OLD=NEW", value_parser = replacement)]
    pub(crate) replace: Vec<(PathBuf, PathBuf)>,

    /// Make a new key for the log itself too. It signs from when the root is published.
    #[arg(long)]
    pub(crate) log: bool,

    /// For how many days the next root holds.
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=366))]
    pub(crate) days: u16,
}

#[derive(Debug, Args)]
pub(crate) struct KeyNew {
    /// How the files are to be called.
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Root {
    /// Make a registry with an empty log, and write its first root to DIR/roots/1.json, for its owners to sign.
    Init(RootInit),
    /// Sign a root. It is a file that can be carried to the machine with the key and back.
    Sign(RootSign),
}

#[derive(Debug, Args)]
pub(crate) struct RootInit {
    /// The registry's folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,

    /// What the log is called in the world, as registry.example.org/log.
    #[arg(long, value_name = "NAME")]
    pub(crate) origin: String,

    /// The public key (NAME.pub) of somebody who has every role that --role does not give to others; may be given several times.
    #[arg(long = "key", value_name = "FILE", required = true)]
    pub(crate) keys: Vec<PathBuf>,

    /// Give a role to others, with how many of them have to sign: modules=ann.pub,bob.pub,eve.pub:2. May be given once for
    /// each of root, modules, rebuild, scripts, lists, schedule, adjust, emergency, snapshot.
    #[arg(long = "role", value_name = "ROLE=FILE,…[:N]", value_parser = role)]
    pub(crate) roles: Vec<RoleArg>,

    /// A witness that has to see every checkpoint before others do: what `witness new` wrote; may be given several times.
    #[arg(long = "witness", value_name = "FILE")]
    pub(crate) witnesses: Vec<PathBuf>,

    /// How many of them. Otherwise more than half.
    #[arg(long, value_name = "N", requires = "witnesses")]
    pub(crate) quorum: Option<usize>,

    /// Sign the root at once with this secret key (NAME.key), where the owners are all here; may be given several times.
    #[arg(long = "sign", value_name = "FILE")]
    pub(crate) sign: Vec<PathBuf>,

    /// For how many days it holds. Another one has to follow before.
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=366))]
    pub(crate) days: u16,
}

#[derive(Debug, Args)]
pub(crate) struct RootSign {
    /// The root.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// The secret key (NAME.key) to sign with; may be given several times.
    #[arg(long = "key", value_name = "FILE", required = true)]
    pub(crate) keys: Vec<PathBuf>,

    /// Publish it in this registry once enough have signed.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// A role that was given to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoleArg {
    pub(crate) role: Role,
    pub(crate) keys: Vec<PathBuf>,
    pub(crate) threshold: Option<u64>,
}

fn replacement(text: &str) -> Result<(PathBuf, PathBuf), String> {
    match text.split_once('=') {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => Ok((old.into(), new.into())),
        _ => Err("write it as old.pub=new.pub".to_owned()),
    }
}

fn role(text: &str) -> Result<RoleArg, String> {
    let wanted = "write it as modules=ann.pub,bob.pub:2";
    let (role, rest) = text.split_once('=').ok_or(wanted)?;
    let role = role.parse().map_err(|error| format!("{error}"))?;
    // A file may be called so that it has a colon in it.
    let (files, threshold) = match rest
        .rsplit_once(':')
        .map(|(files, number)| (files, number.parse()))
    {
        Some((files, Ok(threshold))) => (files, Some(threshold)),
        _ => (rest, None),
    };
    let keys: Vec<PathBuf> = files.split(',').map(PathBuf::from).collect();
    if keys.iter().any(|key| key.as_os_str().is_empty()) {
        return Err(wanted.to_owned());
    }
    Ok(RoleArg {
        role,
        keys,
        threshold,
    })
}

#[derive(Debug, Args)]
pub(crate) struct TestHelper {
    /// Listen here; may be given several times. Port 0 is any; what was chosen is printed.
    #[arg(long, value_name = "ADDR:PORT", required = true)]
    pub(crate) listen: Vec<SocketAddr>,

    /// The certificate chain to serve TLS with, PEM, leaf first. Without it: HTTP in the clear, for a proxy in front.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) certificate: Option<PathBuf>,

    /// The certificate's key, PEM.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) key: Option<PathBuf>,

    /// Who is asked for measured names: DNS over HTTPS. The system is asked for its own name.
    #[arg(long, value_name = "URL", default_value = "https://dns.google/dns-query")]
    pub(crate) resolver: Url,

    /// Whose addresses are: an .mmdb file with autonomous systems; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) mmdb: Vec<PathBuf>,

    /// Measure addresses of this kind too, which are refused otherwise; may be given several times. For tests.
    #[arg(long, value_name = "KIND", value_parser = scopes())]
    pub(crate) allow_destination: Vec<String>,

    /// Measure QUIC too, for probes that ask for it.
    #[arg(long, env = "OOHELPERD_ENABLE_QUIC")]
    pub(crate) enable_quic: bool,

    /// Shake hands over TLS on the port of every https URL, and not on 443 alone. Other test helpers do not.
    #[arg(long)]
    pub(crate) tls_on_any_port: bool,

    /// HTTP requests for one page, redirects included. Probes send one more than the default.
    #[arg(long, value_name = "N", default_value_t = Limits::default().requests, value_parser = count)]
    pub(crate) max_requests: usize,

    /// Requests that are answered at once; more are turned away with 503.
    #[arg(long, value_name = "N", default_value_t = Limits::default().in_flight, value_parser = count)]
    pub(crate) max_in_flight: usize,

    /// Requests under way from when on only those of probes are answered: their User-Agent begins with `ooniprobe-` or
    /// `netsonde/`.
    #[arg(long, value_name = "N", default_value_t = Limits::default().in_flight_of_strangers)]
    pub(crate) max_in_flight_of_strangers: usize,

    /// Connections of clients at once; more wait to be accepted.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = count)]
    pub(crate) max_connections: usize,

    /// Connections to measured servers at once.
    #[arg(long, value_name = "N", default_value_t = Limits::default().sockets, value_parser = count)]
    pub(crate) max_sockets: usize,

    /// Connections to measured servers at once for one request.
    #[arg(
        long,
        value_name = "N",
        default_value_t = Limits::default().sockets_of_question,
        value_parser = count
    )]
    pub(crate) max_sockets_of_request: usize,

    /// Different addresses that are measured for one request.
    #[arg(long, value_name = "N", default_value_t = Limits::default().addresses, value_parser = count)]
    pub(crate) max_addresses: usize,

    /// Memory for the bodies of all requests together, in MiB. Where it is used up, requests are turned away with 503.
    #[arg(long, value_name = "MIB", default_value_t = Limits::default().bodies >> 20, value_parser = count)]
    pub(crate) max_body_memory: usize,
}

/// The kinds of addresses, as the help lists them.
fn scopes() -> PossibleValuesParser {
    Scope::ALL.map(Scope::as_str).into()
}

fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it has to be 1 at least".to_owned()),
        Ok(count) => Ok(count),
        Err(error) => Err(format!("{error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_role_is_given_to_files_and_may_say_how_many_have_to_sign() {
        let given = |text| role(text).map(|given| (given.role, given.keys.len(), given.threshold));
        assert_eq!(given("modules=a.pub,b.pub:2"), Ok((Role::Modules, 2, Some(2))));
        assert_eq!(given("emergency=a.pub"), Ok((Role::Emergency, 1, None)));
        for wrong in ["modules", "modules=", "modules=a.pub,", "captain=a.pub"] {
            assert!(given(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_certificate_needs_its_key_and_a_limit_is_not_zero() {
        let parse = |more: &[&str]| {
            let line = ["netsonde-registry", "test-helper", "--listen", "127.0.0.1:0"];
            Cli::try_parse_from(line.iter().chain(more))
        };
        assert!(parse(&[]).is_ok());
        assert!(parse(&["--certificate", "x"]).is_err());
        assert!(parse(&["--key", "x"]).is_err());
        assert!(parse(&["--max-in-flight", "0"]).is_err());
        assert!(parse(&["--allow-destination", "moon"]).is_err());
    }
}
