//! The command line as clap sees it: one definition feeds parsing, `--help` and error messages.

use clap::{Args, Parser, Subcommand, builder::PossibleValuesParser};
use netsonde_net::Scope;
use netsonde_registry::test_helper::Limits;
use std::{net::SocketAddr, path::PathBuf};
use url::Url;

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
