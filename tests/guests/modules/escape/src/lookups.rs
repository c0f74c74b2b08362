//! Names that nobody named, answers that lead inside, and resolvers that nobody named.

use futures::future::join_all;
use netsonde_guest::{DnsAnswer, DnsOptions, DnsReply, Failure, Json, begin, dns};

use crate::connections::reach;
use crate::ways::{self, ENCRYPTED, Resolver};
use crate::{PATIENCE, endpoint, tried};

/// The addresses of a name, by the system's resolver.
pub(crate) async fn by_system(name: &str) -> Result<Vec<String>, Failure> {
    let answer = lookup(name, None, &[]).await?;
    Ok(answer.addresses())
}

async fn lookup(name: &str, resolver: Option<&Resolver>, types: &[&str]) -> Result<DnsAnswer, Failure> {
    let options = DnsOptions::new();
    options.timeout_ms(PATIENCE);
    if let Some((transport, at, host)) = resolver {
        let url = format!("https://{host}/dns-query");
        match *transport {
            "udp" => options.udp_resolver(at),
            "tcp" => options.tcp_resolver(at),
            "dot" => options.dot_resolver(at, host),
            "doh" => options.doh_resolver(at, &url),
            "doh3" => options.doh3_resolver(at, &url),
            _ => options.doq_resolver(at, host),
        }
    }
    let types: Vec<String> = types.iter().map(|&kind| kind.to_owned()).collect();
    if !types.is_empty() {
        options.query_types(&types);
    }
    dns::lookup(&begin(&[], None), name.to_owned(), &options).await
}

/// Every way that begins with a lookup. `host` is what may be looked up.
pub(crate) async fn all(host: &str) -> Vec<Json> {
    let mut all = Vec::new();
    for (way, name) in ways::NAMES {
        all.extend(by_name(way, name).await);
    }
    let resolvers = ways::resolvers();
    all.extend(
        join_all(
            resolvers
                .iter()
                .map(|(way, resolver)| ask(way, host, resolver, &[])),
        )
        .await,
    );
    all.extend(inside(host).await);
    all.extend(of_a_resolver_that_may_be_asked().await);
    all
}

/// Ask a resolver.
async fn ask(way: &str, name: &str, resolver: &Resolver, types: &[&str]) -> Json {
    let failure = lookup(name, Some(resolver), types).await.err();
    tried(way, &resolver.1, failure)
}

/// Look a name up and connect to what comes back: between the two, an answer can turn out to be another.
async fn by_name(way: &str, name: &str) -> Vec<Json> {
    match by_system(name).await {
        Err(failure) => vec![tried(way, name, Some(failure))],
        Ok(addresses) => {
            let to: Vec<String> = addresses.iter().map(|address| endpoint(address, 8080)).collect();
            join_all(to.iter().map(|to| reach(way, to))).await
        }
    }
}

/// Ask resolvers whose own name leads inside. TCP 443 is left out: a censor answers with private addresses and serves a
/// page there, so what the system's resolver says is gone to.
async fn inside(host: &str) -> Vec<Json> {
    let mut all = Vec::new();
    for address in by_system(ways::INSIDE).await.unwrap_or_default() {
        for (transport, port) in ENCRYPTED {
            let port = if transport == "doh" { 8443 } else { port };
            let at = endpoint(&address, port);
            let way = format!("{transport}: a resolver whose name leads inside");
            let resolver = (transport, at, ways::INSIDE.to_owned());
            all.push(ask(&way, host, &resolver, &[]).await);
        }
    }
    all
}

/// Ask a resolver that a script named for what nobody named, over everything that it speaks; and go where the hints of
/// a service lead.
async fn of_a_resolver_that_may_be_asked() -> Vec<Json> {
    let mut all = Vec::new();
    for address in by_system(ways::RESOLVER).await.unwrap_or_default() {
        for (transport, port) in [("udp", 53), ("tcp", 53)].into_iter().chain(ENCRYPTED) {
            let resolver = (transport, endpoint(&address, port), ways::RESOLVER.to_owned());
            let questions =
                ways::QUESTIONS.map(|(way, name, kind)| (format!("{transport}: {way}"), name, [kind]));
            let asked = questions
                .iter()
                .map(|(way, name, kind)| ask(way, name, &resolver, kind));
            all.extend(join_all(asked).await);
        }
        let resolver = ("udp", endpoint(&address, 53), String::new());
        let Ok(answer) = lookup(ways::SERVICE, Some(&resolver), &["HTTPS"]).await else {
            continue;
        };
        for service in answer.replies().iter().flat_map(DnsReply::services) {
            for hint in &service.ipv4_hints {
                all.push(reach("an address hint of a service", &endpoint(hint, 443)).await);
            }
            all.extend(by_name("the target of a service", &service.target).await);
        }
    }
    all
}
