//! `netsonde`: measure how networks interfere with traffic.
//!
//! This crate is the command line and its views, nothing else: what a run does is `netsonde-probe`'s, and the simulated
//! internet of `lab` and `demo` is `netsonde-lab`'s. Data goes to standard output, everything for people to standard
//! error.

mod args;
mod command;
mod env;
mod exit;
mod log;
mod view;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Cli, Command};
use crate::exit::Exit;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.command {
        Command::Runx(args) => command::runx::run(args, cli.json, cli.verbose),
        Command::Replay(args) => command::replay::run(args, cli.json, cli.verbose),
        Command::Analyze(args) => command::analyze::run(args, cli.json, cli.verbose),
        Command::CheckScript(args) => command::check_script::run(args, cli.json, cli.verbose),
        Command::Check(args) => command::check::run(args, cli.json, cli.verbose),
        Command::List(args) => command::list::run(args, cli.json, cli.verbose),
        Command::Locate(args) => command::locate::run(args, cli.verbose),
        Command::Run(args) => command::run::run(args, cli.json, cli.verbose),
        Command::Checkin(args) => command::checkin::run(args, cli.json, cli.verbose),
        Command::Why(args) => command::why::run(args, cli.json, cli.verbose),
        #[cfg(feature = "install")]
        Command::Search(args) => command::modules::search(args, cli.json, cli.verbose),
        #[cfg(feature = "install")]
        Command::Install(args) => command::modules::install(args, cli.json, cli.verbose),
        #[cfg(feature = "install")]
        Command::Update(args) => command::modules::update(args, cli.json, cli.verbose),
        #[cfg(feature = "install")]
        Command::Remove(args) => command::modules::remove(args, cli.verbose),
        #[cfg(feature = "install")]
        Command::Verify(args) => command::modules::verify(args, cli.json, cli.verbose),
        Command::Registry(args) => command::registry::run(args, cli.json, cli.verbose),
        Command::Lab(args) => command::lab::run(args, cli.verbose),
        Command::Demo => command::demo::run(cli.json, cli.verbose),
    };
    match done {
        Ok(exit) => exit.into(),
        // Whoever read our output has read enough.
        Err(error) if broken_pipe(&error) => Exit::Done.into(),
        Err(error) => {
            view::tell(&format!(
                "{}error:{} {}",
                view::ERROR,
                view::ERROR.render_reset(),
                view::escaped(&format!("{error:#}"))
            ));
            Exit::Failed.into()
        }
    }
}

fn broken_pipe(error: &anyhow::Error) -> bool {
    let is = |cause: &(dyn std::error::Error + 'static)| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    };
    error.chain().any(is)
}
