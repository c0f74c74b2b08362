//! `netsonde-registry monitor`.

use clap::Args;
use std::{path::PathBuf, time::Duration};

#[derive(Debug, Args)]
pub(crate) struct Monitor {
    /// Where the registry is served: a URL, or file: and a folder.
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// What is trusted: the digest of the first root (sha256:…), or its file.
    #[arg(long, value_name = "DIGEST|FILE")]
    pub(crate) root: String,

    /// The folder that keeps what was seen, so that the log can not go back behind it.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,

    /// Look again and again, each time that this has passed. Otherwise once: the exit code is 1 where something is wrong.
    #[arg(long, value_name = "DURATION", value_parser = super::serve::renew)]
    pub(crate) every: Option<Duration>,
}
