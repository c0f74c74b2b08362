//! `netsonde locate`: find out where the probe is and print a location file for `runx`.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use netsonde_probe::locate::{Found, RESOLVER_NAMES, Sources};
use netsonde_probe::locating::locate_once;
use netsonde_probe::location::primary;

use crate::args::{Locate, Observers};
use crate::command::net_config;
use crate::exit::Exit;
use crate::log;
use crate::view::{Stderr, plain, print, tell};

/// Find the location. It goes to standard output, and what did not work to standard error.
pub(crate) fn run(args: &Locate, verbose: u8) -> anyhow::Result<Exit> {
    log::start(verbose, None, &Stderr::new())?;
    let found = find(&args.observers, &args.mmdb)?;
    for line in remarks(&found, !args.mmdb.is_empty()) {
        tell(&plain(&line));
    }
    // What `runx` would refuse is no location file.
    primary(&found.locations).context("find the probe's public address")?;
    print(&serde_json::to_string_pretty(&found.locations)?)?;
    Ok(Exit::Done)
}

/// Ask those who can see where the probe is.
pub(crate) fn find(observers: &Observers, mmdb: &[PathBuf]) -> anyhow::Result<Found> {
    ensure!(
        !observers.stun.is_empty() || !observers.http.is_empty(),
        "name somebody who can see the probe's public address: --stun HOST:PORT, or --http URL"
    );
    ensure!(
        !observers.timeout.is_zero(),
        "--timeout 0: no answer comes in no time"
    );
    for url in &observers.http {
        ensure!(
            ["http", "https"].contains(&url.scheme()),
            "--http {url}: it begins with neither http:// nor https://"
        );
    }
    let config = net_config(mmdb)?;
    let names = &observers.resolver_name;
    let sources = Sources {
        stun: observers.stun.clone(),
        http: observers.http.clone(),
        resolver_names: if names.is_empty() {
            RESOLVER_NAMES.map(str::to_owned).to_vec()
        } else {
            names.clone()
        },
        within: observers.timeout,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    let found = runtime.block_on(locate_once(&config, &sources))?;
    // A name lookup under way can not be cancelled; do not wait for it.
    runtime.shutdown_background();
    Ok(found)
}

/// What the user should know beside the location.
pub(crate) fn remarks(found: &Found, has_networks: bool) -> Vec<String> {
    let mut lines = found.problems.clone();
    let families = [&found.locations.ipv4, &found.locations.ipv6];
    let families: Vec<_> = families.into_iter().flatten().collect();
    if !has_networks && !families.is_empty() {
        lines.push(
            "without --mmdb nobody knows whose the addresses are: fill in probe_asn and probe_cc by hand"
                .to_owned(),
        );
    }
    for location in &families {
        if let Some(address) = location.probe_ip
            && has_networks
            && (location.probe_asn == 0 || location.probe_cc.is_empty())
        {
            let what = if location.probe_asn == 0 {
                "network"
            } else {
                "country"
            };
            lines.push(format!("the files of --mmdb do not know the {what} of {address}"));
        }
    }
    let configured: Vec<String> = found
        .configured_resolvers
        .iter()
        .map(ToString::to_string)
        .collect();
    if !configured.is_empty() {
        lines.push(format!(
            "this system is configured to ask the resolver {}; resolver_ip is from where that one asks others",
            configured.join(", ")
        ));
    }
    if families.iter().any(|location| location.resolver_ip.is_none()) {
        lines.push("from where the resolver asks is not known: resolver_ip stays empty".to_owned());
    }
    lines
}
