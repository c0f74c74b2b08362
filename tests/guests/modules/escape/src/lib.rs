//! A nettest that tries to go where it may not. Its input is a URL of a name that it may go to: `http://example.com/`.
//!
//! What it tries is written here and not in a script, which would make it a target. The result is
//! `{"ways": [{"way", "to", "failure"}]}`, one for each attempt; `failure` is null where it got through. `ways` has the
//! texts, `connections`, `datagrams`, `lookups` and `minis` what is done with them.

mod connections;
mod datagrams;
mod lookups;
mod minis;
mod ways;

use futures::future::join_all;
use netsonde_guest::{Failure, Json, Map, Nettest, Target, Url, export_nettest, json};
use serde::Deserialize;

/// How long something may take that is not refused.
const PATIENCE: u32 = 500;

/// The nettest.
pub struct Escape;

/// What to try.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Options {
    port: u16,
    scan: bool,
    flood: bool,
    spread: bool,
    also: Vec<String>,
}

impl Nettest for Escape {
    type Options = Options;

    async fn run(target: Target<Options>) -> Result<Map<String, Json>, Failure> {
        let input = target.input.unwrap_or_default();
        let url = Url::parse(&input)
            .map_err(|error| Failure::top_level("invalid_argument", format!("read {input}: {error}")))?;
        let options = target.options;
        let tried = if options.scan {
            connections::scan(&url.host).await
        } else if options.flood {
            datagrams::flood().await
        } else if options.spread {
            datagrams::spread(&options.also).await
        } else if options.port != 0 {
            let ways = ways::loopback(options.port);
            join_all(ways.iter().map(|(way, to)| connections::reach(way, to))).await
        } else {
            everything(&url).await
        };
        let mut keys = Map::new();
        keys.insert("ways".to_owned(), tried.into());
        Ok(keys)
    }

    fn reduce(_: &Map<String, Json>) -> Result<Map<String, Json>, Failure> {
        Ok(Map::new())
    }
}

export_nettest!(Escape);

fn tried(way: &str, to: &str, failure: Option<Failure>) -> Json {
    json!({ "way": way, "to": to, "failure": failure.map(|failure| failure.code) })
}

fn endpoint(address: &str, port: u16) -> String {
    if address.contains(':') {
        format!("[{address}]:{port}")
    } else {
        format!("{address}:{port}")
    }
}

/// Every way but those that end the run or take long; first the honest one.
async fn everything(url: &Url) -> Vec<Json> {
    let mut all = Vec::new();
    let addresses = lookups::by_system(&url.host).await.unwrap_or_default();
    for address in &addresses {
        all.push(connections::reach("the input itself", &endpoint(address, 80)).await);
    }
    let elsewhere = ways::elsewhere();
    all.extend(join_all(elsewhere.iter().map(|(way, to)| connections::reach(way, to))).await);
    all.extend(join_all(elsewhere.iter().map(|(way, to)| datagrams::quic(way, to))).await);
    all.extend(join_all(elsewhere.iter().map(|(way, to)| datagrams::send(way, to))).await);
    all.extend(join_all(elsewhere.iter().map(|(way, to)| datagrams::session(way, to))).await);
    for address in &addresses {
        all.extend(connections::abused(address).await);
        all.extend(datagrams::amplified(address).await);
    }
    all.extend(lookups::all(&url.host).await);
    for address in &addresses {
        all.extend(connections::redirected(url, address).await);
        connections::with_an_outer_name(address).await;
    }
    all.extend(minis::all().await);
    all
}
