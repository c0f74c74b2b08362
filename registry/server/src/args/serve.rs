//! `netsonde-registry serve`.

use super::count;
use clap::Args;
use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf, time::Duration};

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The registry's folder.
    #[arg(long, value_name = "DIR", env = "NETSONDE_REGISTRY_DIR")]
    pub(crate) dir: PathBuf,

    /// Listen here; may be given several times. Port 0 is any; what was chosen is printed.
    #[arg(long, value_name = "ADDR:PORT", required = true)]
    pub(crate) listen: Vec<SocketAddr>,

    /// The certificate chain to serve TLS with, PEM, leaf first. Without it: HTTP in the clear, for a proxy in front.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) certificate: Option<PathBuf>,

    /// The certificate's key, PEM.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) key: Option<PathBuf>,

    /// Serve metrics here, at /metrics, in the clear: not for everybody.
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) metrics_listen: Option<SocketAddr>,

    /// Connections of clients at once, and so requests; more wait to be accepted.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = count)]
    pub(crate) max_connections: usize,

    /// Connections of one client at once; what is more is closed at once. Of no effect behind a proxy, which has all of them.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = count)]
    pub(crate) max_connections_of_client: usize,

    /// Requests a minute of one client: an IPv4 address, or a /64 of IPv6. More are turned away with 429. 0 is any number.
    #[arg(long, value_name = "N", default_value_t = 6000)]
    pub(crate) rate: u32,

    /// A proxy in front says whose requests these are: the last address of X-Forwarded-For is the client's.
    #[arg(long)]
    pub(crate) behind_proxy: bool,

    /// How often to sign the checkpoint again, which says that nothing was left out since.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = renew)]
    pub(crate) renew: Duration,
}

impl Serve {
    /// The limit of requests, if there is one.
    pub(crate) fn rate(&self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.rate)
    }
}

pub(super) fn renew(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration.is_zero() {
        return Err("it has to be longer than nothing".to_owned());
    }
    Ok(duration)
}
