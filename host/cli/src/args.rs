//! The command line as clap sees it: one definition feeds parsing, `--help` and error messages.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use netsonde_probe::locate::Server;
use url::Url;

use crate::exit;

mod registry;

pub(crate) use registry::{Checkin, Registry, RegistryAdd, Why};
#[cfg(feature = "install")]
pub(crate) use registry::{Install, Remove, Search, Update, Verify};

/// Measure how networks interfere with traffic.
#[derive(Debug, Parser)]
#[command(name = "netsonde", version, after_help = exit::HELP)]
pub(crate) struct Cli {
    /// Events as JSON, one a line on standard output, instead of progress for people.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Say more on standard error: -v for what modules log, -vv for what the probe does.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a script.
    Runx(Box<Runx>),
    /// Run the script that registries say a probe like this one is to run, or else one that is here.
    Run(Box<Run>),
    /// Say what `run` would run and why; run nothing.
    Checkin(Checkin),
    /// Say why a module may run, or why a measurement was made: what the log says and who signed it, proven without any
    /// network by what was kept.
    Why(Why),
    /// Run the guests of recorded measurements again, without any network, and compare.
    Replay(Replay),
    /// Compute the top-level keys of measurements from anywhere again, as this probe's nettests do.
    Analyze(Analyze),
    /// Check a script and say what is wrong with it; run nothing.
    CheckScript(CheckScript),
    /// Check a module as a registry does before anybody proposes it: what it asks for, and how it does in the lab.
    Check(Check),
    /// List the nettests and mini nettests of this probe; with --json, with whole digests and reasons.
    List(List),
    /// Find out where the probe is, and print it as a location file for runx.
    Locate(Locate),
    /// List what registries have released: all, or what has a text in its name.
    #[cfg(feature = "install")]
    Search(Search),
    /// Install a module from a registry, after showing what it is, asks for, and who vouches for it.
    #[cfg(feature = "install")]
    Install(Install),
    /// Install newer versions of what is installed, after showing what they ask for otherwise.
    #[cfg(feature = "install")]
    Update(Update),
    /// Install a module no longer.
    #[cfg(feature = "install")]
    Remove(Remove),
    /// Check installed modules again, every byte and every signature, without any network.
    #[cfg(feature = "install")]
    Verify(Verify),
    /// The registries that say what this probe may be told to run.
    #[command(subcommand)]
    Registry(Registry),
    /// Run a command inside a simulated, censored internet (Linux).
    Lab(Lab),
    /// See the whole idea work: the same script on an uncensored and on a censored network (Linux).
    Demo,
}

#[derive(Debug, Args)]
pub(crate) struct Runx {
    /// Where the probe is: a JSON file with comments.
    #[arg(long, value_name = "FILE")]
    pub(crate) location_file: PathBuf,

    /// What to run: a JSON file with comments.
    #[arg(long, value_name = "FILE")]
    pub(crate) script_file: PathBuf,

    #[command(flatten)]
    pub(crate) running: Running,
}

/// How a script is run, wherever it is from.
#[derive(Debug, Args)]
pub(crate) struct Running {
    /// Append measurements to this file, one a line; `-` is standard output.
    #[arg(
        short = 'o',
        long,
        visible_alias = "results-file",
        value_name = "FILE",
        default_value = "report.jsonl"
    )]
    pub(crate) output: PathBuf,

    /// Whose addresses are: an .mmdb file with autonomous systems, countries, or both; may be given several
    /// times. Answers of lookups then carry it, and modules may ask.
    #[arg(long, value_name = "FILE")]
    pub(crate) mmdb: Vec<PathBuf>,

    /// Append the log to this file, whatever the terminal shows.
    #[arg(long, value_name = "FILE")]
    pub(crate) log_file: Option<PathBuf>,

    /// Record what every guest asks and is told, each measurement in a folder of its own below this one, which must be
    /// new or empty. Recordings hold addresses of this probe: they are not for publication.
    #[arg(long, value_name = "DIR")]
    pub(crate) record: Option<PathBuf>,

    /// Start no target once this much time has passed: 90s, 5m. 0 means no limit.
    #[arg(long, value_name = "DURATION", default_value = "0", value_parser = duration)]
    pub(crate) max_runtime: Duration,

    /// Measure so many targets of a nettest at a time, up to 64. More load, and answers that share it, in less time.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) parallelism: u16,

    /// Run only this suite; may be given several times.
    #[arg(long, value_name = "SUITE")]
    pub(crate) only_suite: Vec<String>,

    /// Run only this nettest; may be given several times.
    #[arg(long, value_name = "NETTEST")]
    pub(crate) only_nettest: Vec<String>,

    /// What the user allows: a TOML file.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings_file: Option<PathBuf>,

    /// Let nettests go to addresses of this kind too, which they are refused otherwise; may be given several times.
    /// `lan` is every network that this device is in.
    #[arg(long, value_name = "KIND", value_parser = scopes())]
    pub(crate) allow_destination: Vec<String>,

    /// Why the probe runs; settings may differ.
    #[arg(long, value_enum, default_value = "manual")]
    pub(crate) run_mode: RunMode,

    #[command(flatten)]
    pub(crate) modules: Modules,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Each registry that is followed is asked for news, and its table for the script of a probe like this one; what this probe is, is \
told to nobody. Without an online script: that of the last check-in, if it still holds; the offline script of the last \
check-in, on the same condition; the one in this program.")]
pub(crate) struct Run {
    /// Where the probe is: a JSON file with comments. Otherwise name somebody to ask, with --stun or --http.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["stun", "http"])]
    pub(crate) location_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) observers: Observers,

    #[command(flatten)]
    pub(crate) running: Running,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// A recording of `runx --record`, or a folder of them.
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,

    #[command(flatten)]
    pub(crate) modules: Modules,
}

#[derive(Debug, Args)]
pub(crate) struct Analyze {
    /// A measurement of OONI's or netsonde's, or several, one after the other; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) measurement: PathBuf,

    #[command(flatten)]
    pub(crate) modules: Modules,
}

#[derive(Debug, Args)]
pub(crate) struct CheckScript {
    /// The script: a JSON file with comments.
    #[arg(value_name = "FILE")]
    pub(crate) script: PathBuf,

    #[command(flatten)]
    pub(crate) modules: Modules,
}

#[derive(Debug, Args)]
#[command(after_help = "\
DIR has a script.jsonc that runs the module, and scenarios: *.toml, as for `netsonde lab`. Two more files may be there:
location.jsonc, and expected.json with the verdicts that are wanted: {\"clean\": \"fine\", \"reset\": \"anomaly\"}.")]
pub(crate) struct Check {
    /// The module.
    #[arg(value_name = "FILE")]
    pub(crate) module: PathBuf,

    /// Run it in these scenarios, and not in those that are built in.
    #[arg(long, value_name = "DIR")]
    pub(crate) suite: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) modules: Modules,
}

#[derive(Debug, Args)]
pub(crate) struct Modules {
    /// Use this Wasm module too, in place of a preinstalled one of the same name; may be given several times.
    #[arg(long = "module", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Who is asked learns the probe's address, as everybody does whom it connects to. STUN servers are asked first, then \
pages; the first that answers counts, over IPv4 and over IPv6. Whose an address is, only the .mmdb files are asked.

    netsonde locate --stun stun.l.google.com:19302 --mmdb asn.mmdb --mmdb country.mmdb > location.json")]
pub(crate) struct Locate {
    #[command(flatten)]
    pub(crate) observers: Observers,

    /// Whose addresses are: an .mmdb file with autonomous systems, countries, or both; may be given several
    /// times.
    #[arg(long, value_name = "FILE")]
    pub(crate) mmdb: Vec<PathBuf>,
}

/// Who is asked where the probe is.
#[derive(Debug, Args)]
pub(crate) struct Observers {
    /// Ask this STUN server for the probe's public address; may be given several times.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) stun: Vec<Server>,

    /// Ask this page, which is the address of who asks or has it in a line ip=ADDRESS; may be given several
    /// times.
    #[arg(long, value_name = "URL")]
    pub(crate) http: Vec<Url>,

    /// A name that resolves to the address from which the resolver asks for it; may be given several times.
    /// Otherwise whoami.v4.powerdns.org and whoami.v6.powerdns.org.
    #[arg(long, value_name = "NAME")]
    pub(crate) resolver_name: Vec<String>,

    /// How long to wait for each answer.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct Lab {
    /// The internet to simulate: a TOML file.
    #[arg(long, value_name = "FILE")]
    pub(crate) scenario: PathBuf,

    /// Write how often each rule of the censor acted to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) hits_file: Option<PathBuf>,

    /// Write how many packets the command sent to each endpoint to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) packets_file: Option<PathBuf>,

    /// The command and its arguments.
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        required = true,
        value_name = "COMMAND"
    )]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum RunMode {
    /// Somebody asked for this run.
    Manual,
    /// A timer started it.
    Timed,
}

impl From<RunMode> for netsonde_probe::settings::RunMode {
    fn from(mode: RunMode) -> Self {
        match mode {
            RunMode::Manual => Self::Manual,
            RunMode::Timed => Self::Timed,
        }
    }
}

/// The kinds of addresses, as the help lists them.
fn scopes() -> PossibleValuesParser {
    netsonde_net::Scope::ALL.map(netsonde_net::Scope::as_str).into()
}

fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    humantime::parse_duration(text).map_err(|error| format!("{error}; write it as 90s, 5m or 1h30m"))
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
    fn a_command_in_the_lab_keeps_its_own_flags() {
        for line in [
            vec![
                "netsonde",
                "lab",
                "--scenario",
                "s.toml",
                "--",
                "curl",
                "-v",
                "--json",
                "x",
            ],
            vec![
                "netsonde",
                "lab",
                "--scenario",
                "s.toml",
                "curl",
                "-v",
                "--json",
                "x",
            ],
        ] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert!(!cli.json);
            let Command::Lab(lab) = cli.command else {
                panic!("not lab")
            };
            assert_eq!(lab.command, ["curl", "-v", "--json", "x"]);
        }
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert!(duration("soon").unwrap_err().contains("90s"));
    }
}
