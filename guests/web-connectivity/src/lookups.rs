//! The lookups of a host: by the system, over UDP, now and then over HTTPS; and who the resolvers are.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;

use netsonde_guest::futures::join;
use netsonde_guest::steps::{USER_AGENT, endpoint};
use netsonde_guest::{DnsOptions, Json, Map, Url, dns, gather, info, json};

use crate::addresses::{Addresses, Origins};
use crate::kept;
use crate::transactions::{Kind, Numbers, Tags};

/// How long a lookup may take.
const PATIENCE_MS: u32 = 4_000;
/// How long late answers are listened for.
const LISTEN_MS: u32 = 500;
/// A name whose address is that of who asks.
const WHOAMI: &str = "whoami.v4.powerdns.org";

/// Resolvers that answer everybody over UDP. Those over IPv6 would fail wherever there is none.
pub(crate) const UDP_RESOLVERS: [&str; 8] = [
    "8.8.8.8:53",
    "8.8.4.4:53",
    "9.9.9.9:53",
    "149.112.112.112:53",
    "1.1.1.1:53",
    "1.0.0.1:53",
    "208.67.222.222:53",
    "208.67.220.220:53",
];

/// Resolvers that answer everybody over HTTPS.
const DOH_RESOLVERS: [&str; 4] = [
    "https://mozilla.cloudflare-dns.com/dns-query",
    "https://dns.nextdns.io/dns-query",
    "https://dns.google/dns-query",
    "https://dns.quad9.net/dns-query",
];

/// The lookups of one measurement.
pub(crate) struct Lookups {
    /// Who is asked over UDP.
    udp_resolver: String,
    /// What is known of a host. It is looked up once.
    known: RefCell<Vec<(String, Addresses)>>,
    whoami: Whoami,
    /// The transactions of lookups that are about resolvers, not about the target.
    whoami_transactions: RefCell<Vec<u64>>,
    doh_host_transactions: RefCell<Vec<u64>>,
}

/// Who the resolvers are.
#[derive(Default)]
struct Whoami {
    system: RefCell<Option<String>>,
    udp: RefCell<Option<String>>,
    is_udp_asked: Cell<bool>,
}

impl Lookups {
    pub(crate) fn new(udp_resolver: String) -> Self {
        Self {
            udp_resolver,
            known: RefCell::default(),
            whoami: Whoami::default(),
            whoami_transactions: RefCell::default(),
            doh_host_transactions: RefCell::default(),
        }
    }

    /// The addresses of a host, from all resolvers, when all have answered or given up.
    pub(crate) async fn addresses(&self, host: &str, depth: u32, numbers: &Numbers) -> Addresses {
        if let Some((_, known)) = self.known.borrow().iter().find(|(known, _)| known == host) {
            return known.clone();
        }
        let mut addresses = Addresses::default();
        if host.parse::<IpAddr>().is_ok() {
            addresses.add([host.to_owned()], Origins::ALL);
        } else {
            let (system, udp, doh, (), ()) = join!(
                system(host, depth, numbers),
                self.udp(host, depth, numbers),
                self.doh(host, depth, numbers),
                self.who_is_system(),
                self.who_is_udp(),
            );
            addresses.add(system, Origins::SYSTEM);
            addresses.add(udp, Origins::UDP);
            addresses.add(doh, Origins::DOH);
        }
        self.known.borrow_mut().push((host.to_owned(), addresses.clone()));
        addresses
    }

    async fn udp(&self, host: &str, depth: u32, numbers: &Numbers) -> Vec<String> {
        let options = options();
        options.udp_resolver(&self.udp_resolver);
        options.listen_ms(LISTEN_MS);
        let transaction = lookup_tags(depth, false).begin(Some(numbers.next(Kind::Udp)));
        let answer = dns::lookup(&transaction, host.to_owned(), &options).await;
        answer.map(|answer| answer.addresses()).unwrap_or_default()
    }

    /// Ask a resolver over HTTPS, if it is time for that.
    async fn doh(&self, host: &str, depth: u32, numbers: &Numbers) -> Vec<String> {
        if !kept::is_time_for_doh().await {
            return Vec::new();
        }
        let began = info::now();
        let url = choose(&DOH_RESOLVERS);
        let number = numbers.next(Kind::Doh);
        let Ok(resolver) = Url::parse(url) else {
            return Vec::new();
        };
        let transaction = lookup_tags(depth, false).begin(None);
        self.doh_host_transactions.borrow_mut().push(transaction.id());
        let Ok(found) = dns::lookup(&transaction, resolver.host, &options()).await else {
            return Vec::new();
        };
        let transaction = lookup_tags(depth, false).begin(Some(number));
        for address in found.addresses() {
            let spent_ms = u32::try_from((info::now() - began) / 1_000_000).unwrap_or(u32::MAX);
            if spent_ms >= PATIENCE_MS {
                break;
            }
            let options = options();
            options.timeout_ms(PATIENCE_MS - spent_ms);
            options.doh_resolver(&endpoint(&address, 443), url);
            options.header("User-Agent", USER_AGENT);
            match dns::lookup(&transaction, host.to_owned(), &options).await {
                Ok(answer) => return answer.addresses(),
                // It was asked, and said no.
                Err(failure) if failure.operation == "resolve" => break,
                Err(_) => {}
            }
        }
        Vec::new()
    }

    async fn who_is_system(&self) {
        let address = self.who("system", &options()).await;
        *self.whoami.system.borrow_mut() = address;
    }

    async fn who_is_udp(&self) {
        let options = options();
        options.udp_resolver(&self.udp_resolver);
        self.whoami.is_udp_asked.set(true);
        let address = self.who(&self.udp_resolver, &options).await;
        *self.whoami.udp.borrow_mut() = address;
    }

    async fn who(&self, resolver: &str, options: &DnsOptions) -> Option<String> {
        if let Some(known) = kept::whoami(resolver).await {
            return Some(known);
        }
        options.query_types(&["A".to_owned()]);
        let transaction = netsonde_guest::begin(&[], None);
        self.whoami_transactions.borrow_mut().push(transaction.id());
        let answer = dns::lookup(&transaction, WHOAMI.to_owned(), options).await.ok()?;
        let address = answer.addresses().into_iter().next()?;
        kept::set_whoami(resolver, &address).await;
        Some(address)
    }

    /// The keys about resolvers, and the places of what was observed on the way.
    pub(crate) fn keys(&self, numbers: &Numbers) -> Map<String, Json> {
        let address = |found: &RefCell<Option<String>>| match &*found.borrow() {
            Some(address) => json!([{ "address": address }]),
            None => json!([]),
        };
        let mut udp = Map::new();
        if self.whoami.is_udp_asked.get() {
            udp.insert(self.udp_resolver.clone(), address(&self.whoami.udp));
        }
        let whoami = self.whoami_transactions.borrow();
        let own_lookups = self.doh_host_transactions.borrow();
        let by_doh = [numbers.of(Kind::Doh), own_lookups.clone()].concat();
        gather([
            (
                "x_dns_whoami".to_owned(),
                json!({ "system_v4": address(&self.whoami.system), "udp_v4": udp }),
            ),
            (
                "x_whoami".to_owned(),
                json!({
                    "network_events": placed("network_events", &whoami),
                    "queries": placed("queries", &whoami),
                }),
            ),
            (
                "x_getaddrinfo".to_owned(),
                json!({ "network_events": placed("network_events", &numbers.of(Kind::Getaddrinfo)) }),
            ),
            (
                "x_do53".to_owned(),
                json!({
                    "network_events": placed("network_events", &numbers.of(Kind::Udp)),
                    "queries": [],
                }),
            ),
            (
                "x_doh".to_owned(),
                json!({
                    "network_events": placed("network_events", &by_doh),
                    "queries": placed("queries", &own_lookups),
                    "requests": placed("requests", &by_doh),
                    "tcp_connect": placed("tcp_connect", &by_doh),
                    "tls_handshakes": placed("tls_handshakes", &by_doh),
                }),
            ),
            (
                "x_dns_duplicate_responses".to_owned(),
                placed("x_dns_duplicate_responses", &numbers.of(Kind::Udp)),
            ),
        ])
    }
}

async fn system(host: &str, depth: u32, numbers: &Numbers) -> Vec<String> {
    let transaction = lookup_tags(depth, true).begin(Some(numbers.next(Kind::Getaddrinfo)));
    let answer = dns::lookup(&transaction, host.to_owned(), &options()).await;
    answer.map(|answer| answer.addresses()).unwrap_or_default()
}

fn options() -> DnsOptions {
    let options = DnsOptions::new();
    options.timeout_ms(PATIENCE_MS);
    options
}

fn lookup_tags(depth: u32, classic: bool) -> Tags {
    Tags {
        classic,
        depth,
        fetch_body: None,
    }
}

/// One of several, at random.
pub(crate) fn choose<'a>(from: &[&'a str]) -> &'a str {
    let random = info::random_bytes(1).first().copied().map_or(0, usize::from);
    // Both lists have a power of two of entries: each is as likely as any other.
    from.get(random % from.len().max(1)).copied().unwrap_or_default()
}

/// Where the host puts what it observed.
fn placed(kind: &str, transactions: &[u64]) -> Json {
    json!({ "$observations": { "kind": kind, "transactions": transactions } })
}
