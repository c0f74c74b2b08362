//! `cargo xtask`: what developers run beside cargo's own commands.

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
    /// Kill a registry again and again while it is written to, and see that its log is whole.
    Soak(soak::Soak),
    /// What `soak` kills.
    #[command(hide = true)]
    SoakVictim(soak::Victim),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Soak(soak) => soak.run(),
        Command::SoakVictim(victim) => victim.run(),
    }
}
