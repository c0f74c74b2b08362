//! `netsonde-guest`: builds of guests, bindings for C, and components.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use netsonde_guest_tool::{
    BuildError, BuiltGuest, Standalone, ToolError, World, as_rustc, build_standalone, c_bindings, pack,
};

/// For authors of guests
#[derive(Parser)]
#[command(name = "netsonde-guest", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build a guest of a cargo workspace: the same bytes wherever the workspace is and whoever builds it
    Build {
        /// The guest's folder, with its Cargo.toml and its nettest.toml
        #[arg(default_value = ".")]
        folder: PathBuf,
        /// Where to write the guest
        #[arg(long, short)]
        output: PathBuf,
        /// Where cargo puts its files; otherwise `guests` in the target directory of the workspace
        #[arg(long)]
        target_dir: Option<PathBuf>,
    },
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
    if let Some(code) = as_rustc() {
        return code;
    }
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
        Command::Build {
            folder,
            output,
            target_dir,
        } => {
            let wrapper = std::env::current_exe().map_err(ToolError::Itself)?;
            let BuiltGuest { wasm, sha256, .. } = build_standalone(&Standalone {
                folder,
                target_dir,
                wrapper,
            })?;
            write(&output, &wasm)?;
            println!("{}: {} bytes, sha256:{sha256}", output.display(), wasm.len());
        }
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
            write(&output, &guest)?;
            println!("{}: {} bytes", output.display(), guest.len());
        }
    }
    Ok(())
}

fn write(path: &Path, guest: &[u8]) -> Result<(), BuildError> {
    std::fs::write(path, guest).map_err(|error| BuildError::Write {
        path: path.to_path_buf(),
        error,
    })
}
