//! A nettest that tries to go where it may not. Its input is a URL of a name that it may go to: `http://example.com/`.
//!
//! What it tries is written here and not in a script, which would make it a target. The result is
//! `{"ways": [{"way", "to", "failure"}]}`, one for each attempt; `failure` is null where it got through.

mod ways;

use futures::future::join_all;
use netsonde_guest::{
    Connection, DnsOptions, Failure, HttpRequest, Json, Map, MiniRequest, MiniStatus, Nettest, Target,
    TcpOptions, Url, begin, dns, export_nettest, http, json, mini, tcp,
};
use serde::Deserialize;

/// How long a connect may take that is not refused.
const PATIENCE: u32 = 500;

/// The nettest.
pub struct Escape;

/// What to try.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Options {
    port: u16,
    scan: bool,
}

impl Nettest for Escape {
    type Options = Options;

    async fn run(target: Target<Options>) -> Result<Map<String, Json>, Failure> {
        let input = target.input.unwrap_or_default();
        let url = Url::parse(&input)
            .map_err(|error| Failure::top_level("invalid_argument", format!("read {input}: {error}")))?;
        let tried = if target.options.scan {
            scan(&url.host).await
        } else if target.options.port != 0 {
            let port = target.options.port;
            join_all(ways::loopback(port).into_iter().map(|(way, to)| reach(way, to))).await
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

async fn connect(to: &str) -> Result<Connection, Failure> {
    let options = TcpOptions::new();
    options.timeout_ms(PATIENCE);
    tcp::connect(&begin(&[], None), to.to_owned(), Some(&options)).await
}

async fn reach(way: &'static str, to: String) -> Json {
    let failure = connect(&to).await.err();
    tried(way, &to, failure)
}

/// Every way but the scan, which ends the run; first the honest one.
async fn everything(url: &Url) -> Vec<Json> {
    let mut all = Vec::new();
    let addresses = lookup(&url.host, None).await.unwrap_or_default();
    for address in &addresses {
        let to = endpoint(address, 80);
        all.push(reach("the input itself", to).await);
    }
    all.extend(join_all(ways::elsewhere().into_iter().map(|(way, to)| reach(way, to))).await);
    for address in &addresses {
        let ports = ways::ABUSED
            .into_iter()
            .map(|port| reach("a port that is abused", endpoint(address, port)));
        all.extend(join_all(ports).await);
    }
    for (way, name) in ways::NAMES {
        all.extend(by_name(way, name, None).await);
    }
    for (way, resolver) in ways::RESOLVERS {
        all.extend(by_name(way, &url.host, Some(resolver)).await);
    }
    for address in &addresses {
        all.extend(redirected(url, address).await);
    }
    all.push(by_another().await);
    all
}

fn endpoint(address: &str, port: u16) -> String {
    if address.contains(':') {
        format!("[{address}]:{port}")
    } else {
        format!("{address}:{port}")
    }
}

async fn lookup(name: &str, resolver: Option<&str>) -> Result<Vec<String>, Failure> {
    let options = DnsOptions::new();
    if let Some(resolver) = resolver {
        options.udp_resolver(resolver);
    }
    options.timeout_ms(PATIENCE);
    let answer = dns::lookup(&begin(&[], None), name.to_owned(), &options).await?;
    Ok(answer.addresses())
}

/// Look a name up and connect to what comes back: between the two, an answer can turn out to be another.
async fn by_name(way: &'static str, name: &str, resolver: Option<&str>) -> Vec<Json> {
    match lookup(name, resolver).await {
        Err(failure) => vec![tried(way, resolver.unwrap_or(name), Some(failure))],
        Ok(addresses) => {
            let connects = addresses
                .iter()
                .map(|address| reach(way, endpoint(address, 8080)));
            join_all(connects).await
        }
    }
}

/// Fetch the input and go wherever it leads.
async fn redirected(url: &Url, address: &str) -> Vec<Json> {
    const WAY: &str = "a redirect";
    let Ok(connection) = connect(&endpoint(address, 80)).await else {
        return Vec::new();
    };
    let request = HttpRequest::new("GET", &url.to_string());
    let Ok(response) = http::round_trip(&begin(&[], None), &connection, &request).await else {
        return Vec::new();
    };
    let Some(next) = response
        .header("location")
        .and_then(|location| Url::parse(&location).ok())
    else {
        return Vec::new();
    };
    vec![reach(WAY, endpoint(&next.host, next.port.unwrap_or(80))).await]
}

/// Let a mini nettest go where the script did not send it.
async fn by_another() -> Json {
    let (way, to) = ("a mini nettest", "23.215.0.132");
    let request = MiniRequest {
        run: "tcp-connect-address@v1".to_owned(),
        with: json!({ "ip_address": to, "port": 80 }).to_string(),
        tags: Vec::new(),
    };
    let failure = match mini::run(vec![request], 1).await.pop() {
        Some(MiniStatus::Done(outcome)) => outcome.failure,
        Some(MiniStatus::Broken(failure)) => Some(failure),
        Some(MiniStatus::Skipped(why)) => Some(Failure::top_level("skipped", why)),
        None => None,
    };
    tried(way, to, failure)
}

/// Try one port after the other.
async fn scan(host: &str) -> Vec<Json> {
    let mut all = Vec::new();
    for address in lookup(host, None).await.unwrap_or_default() {
        for port in 8000..9000 {
            all.push(reach("a scan", endpoint(&address, port)).await);
        }
    }
    all
}
