//! `netsonde-guest`: bindings for C, and components.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use netsonde_guest_tool::{BuildError, ToolError, World, c_bindings, pack};

/// For authors of guests in C and in other languages that have no async functions
#[derive(Parser)]
#[command(name = "netsonde-guest", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the contract as C: a header, a source file, and an object file with the types; compile and link all of it
    CBindings {
        /// What the guest is
        #[arg(long, value_enum, default_value_t = WorldName::Nettest)]
        world: WorldName,
        /// Where to write them; made if need be
        folder: PathBuf,
    },
    /// Make a guest out of what a compiler made: a component with its manifest, checked against the contract
    Pack {
        /// A core module that was linked with the bindings, or a component
        module: PathBuf,
        /// The manifest
        #[arg(long, default_value = "nettest.toml")]
        manifest: PathBuf,
        /// Where to write the guest
        #[arg(long, short)]
        output: PathBuf,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum WorldName {
    /// A test as users know it
    Nettest,
    /// One reusable list of steps
    MiniNettest,
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("netsonde-guest: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), ToolError> {
    match cli.command {
        Command::CBindings { world, folder } => {
            let world = match world {
                WorldName::Nettest => World::Nettest,
                WorldName::MiniNettest => World::MiniNettest,
            };
            for path in c_bindings(world, &folder)? {
                println!("{}", path.display());
            }
        }
        Command::Pack {
            module,
            manifest,
            output,
        } => {
            let guest = pack(&module, &manifest)?;
            if let Err(error) = std::fs::write(&output, &guest) {
                return Err(BuildError::Write { path: output, error }.into());
            }
            println!("{}: {} bytes", output.display(), guest.len());
        }
    }
    Ok(())
}
