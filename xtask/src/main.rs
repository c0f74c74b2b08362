//! `cargo xtask`: what developers run beside cargo's own commands.

mod bindings;
mod cross;
mod ios_proof;
mod soak;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the code by which Swift, Kotlin and Python use the library for apps.
    Bindings(bindings::Bindings),
    /// Check the probe for phones, without their makers' tools.
    Cross(cross::CrossCommand),
    /// Prove what the library for iOS can not do.
    IosProof(ios_proof::IosProof),
    /// How large the library for iOS is, and how fast it starts.
    IosSize(ios_proof::IosSize),
    /// Kill a registry again and again while it is written to, and see that its log is whole.
    Soak(soak::Soak),
    /// What `soak` kills.
    #[command(hide = true)]
    SoakVictim(soak::Victim),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Bindings(bindings) => bindings.run(),
        Command::Cross(cross) => cross.run(),
        Command::IosProof(proof) => proof.run(),
        Command::IosSize(size) => size.run(),
        Command::Soak(soak) => soak.run(),
        Command::SoakVictim(victim) => victim.run(),
    }
}
