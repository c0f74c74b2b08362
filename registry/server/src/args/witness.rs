//! `netsonde-registry witness`.

use super::count;
use clap::{Args, Subcommand};
use netsonde_log::keys::LogKey;
use std::{net::SocketAddr, path::PathBuf};
use url::Url;

#[derive(Debug, Subcommand)]
pub(crate) enum Witness {
    /// Make a witness: a folder with its key, and DIR/witness.pub, which operators of logs give to `root init --witness`.
    New(WitnessNew),
    /// Answer the questions of logs (C2SP tlog-witness).
    Serve(WitnessServe),
}

#[derive(Debug, Args)]
pub(crate) struct WitnessNew {
    /// The witness's folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,

    /// What it is called in the world, as witness.example.org.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,

    /// Where logs ask it, without /add-checkpoint.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Url,
}

#[derive(Debug, Args)]
pub(crate) struct WitnessServe {
    /// The witness's folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,

    /// Listen here; may be given several times. Port 0 is any; what was chosen is printed.
    #[arg(long, value_name = "ADDR:PORT", required = true)]
    pub(crate) listen: Vec<SocketAddr>,

    /// The key of a log that it follows, as `netsonde-registry status` prints it; may be given several times.
    #[arg(long = "log", value_name = "KEY", required = true)]
    pub(crate) logs: Vec<LogKey>,

    /// The certificate chain to serve TLS with, PEM, leaf first. Without it: HTTP in the clear, for a proxy in front.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) certificate: Option<PathBuf>,

    /// The certificate's key, PEM.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) key: Option<PathBuf>,

    /// Connections of clients at once; more wait to be accepted.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = count)]
    pub(crate) max_connections: usize,

    /// Connections of one client at once; what is more is closed at once. Of no effect behind a proxy, which has all of them.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = count)]
    pub(crate) max_connections_of_client: usize,

    /// There is a proxy in front, and it sees to how many connections one client has.
    #[arg(long)]
    pub(crate) behind_proxy: bool,
}
