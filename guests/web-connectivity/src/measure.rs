//! The task graph of one measurement: look a host up, connect to each of its addresses, fetch over one of the
//! connections, follow its redirect, and so on; beside the first step, ask a test helper.
//!
//! All that goes on at once is one future in the end. A step ends when everything that it began has ended.

use std::cell::{Cell, RefCell};
use std::pin::Pin;

use netsonde_guest::futures::future::join_all;
use netsonde_guest::steps::endpoint;
use netsonde_guest::{Json, Map, Url, info, json, progress};

use crate::addresses::{Addresses, Origins};
use crate::control;
use crate::cookies::Jar;
use crate::flow::Flow;
use crate::lookups::Lookups;
use crate::selector::Selector;
use crate::transactions::{Kind, Numbers};

/// How many redirects are followed in all.
const MAX_REDIRECTS: u32 = 10;
/// How many addresses that only the test helper knows are connected to: as many as our own helper would measure. A reply
/// with thousands must not use the budget up.
const MAX_MORE_ADDRESSES: usize = 64;

/// What the tasks of one measurement share.
pub(crate) struct Measurement {
    pub(crate) lookups: Lookups,
    pub(crate) numbers: Numbers,
    pub(crate) cookies: RefCell<Jar>,
    pub(crate) redirects_left: Cell<u32>,
    priority_log: RefCell<Vec<Json>>,
}

/// One step: a URL, and how we got there.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// How many redirects were followed to get here.
    pub(crate) depth: u32,
    pub(crate) url: Url,
    /// Where the redirect stood; empty for the first step.
    pub(crate) referer: String,
}

type Task<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

impl Measurement {
    pub(crate) fn new(udp_resolver: String) -> Self {
        Self {
            lookups: Lookups::new(udp_resolver),
            numbers: Numbers::default(),
            cookies: RefCell::default(),
            redirects_left: Cell::new(MAX_REDIRECTS),
            priority_log: RefCell::default(),
        }
    }

    /// Measure a URL; the keys that only the guest knows.
    pub(crate) async fn run(&self, url: &Url) -> Map<String, Json> {
        let step = Step {
            depth: 0,
            url: url.clone(),
            referer: String::new(),
        };
        let addresses = self.look_up(&step).await;
        let selector = Selector::new(addresses.preferred());
        let flows = self.flows(&step, addresses.iter(), &selector);
        let control = async {
            let asked = control::ask(url, &addresses).await;
            let more = asked
                .addresses
                .iter()
                .filter(|address| !addresses.contains(address))
                .take(MAX_MORE_ADDRESSES);
            let more = more.map(|address| (address.as_str(), Origins::default()));
            join_all(self.flows(&step, more, &selector)).await;
            asked.keys
        };
        let (_, mut keys) = netsonde_guest::futures::join!(join_all(flows), control);
        progress::report(1.0, "done");
        keys.append(&mut self.lookups.keys(&self.numbers));
        keys.insert(
            "x_conn_priority_log".to_owned(),
            Json::Array(self.priority_log.take()),
        );
        keys
    }

    /// One more step, where a redirect led.
    pub(crate) fn follow(&self, step: Step) -> Task<'_> {
        Box::pin(async move {
            let addresses = self.look_up(&step).await;
            let selector = Selector::new(addresses.preferred());
            join_all(self.flows(&step, addresses.iter(), &selector)).await;
        })
    }

    async fn look_up(&self, step: &Step) -> Addresses {
        let Step { depth, url, .. } = step;
        progress::report(
            f64::from(*depth) / f64::from(MAX_REDIRECTS + 1),
            &format!("looking {} up", url.host),
        );
        let addresses = self.lookups.addresses(&url.host, *depth, &self.numbers).await;
        self.tell(&format!("{}: {}", url.host, addresses.describe()));
        addresses
    }

    /// The flows to these addresses. All of them have their numbers when this returns: cleartext ones first.
    fn flows<'a>(
        &'a self,
        step: &'a Step,
        addresses: impl Iterator<Item = (&'a str, Origins)>,
        selector: &'a Selector,
    ) -> Vec<Task<'a>> {
        let addresses: Vec<_> = addresses.collect();
        let places = places(&step.url);
        let flows = places
            .iter()
            .flat_map(|place| addresses.iter().map(move |to| (place, to)));
        flows
            .map(|(place, (address, origins))| {
                let flow = Flow {
                    measurement: self,
                    step,
                    selector,
                    number: self.numbers.next(place.kind),
                    is_secure: place.kind == Kind::Secure,
                    may_fetch: place.may_fetch,
                    address,
                    endpoint: endpoint(address, place.port),
                    origins: *origins,
                };
                Box::pin(flow.run()) as Task<'a>
            })
            .collect()
    }

    /// Note how it was decided which connection fetches.
    pub(crate) fn tell(&self, message: &str) {
        let entry = json!({ "msg": message, "t": seconds(info::now()) });
        self.priority_log.borrow_mut().push(entry);
    }
}

/// Where to connect to at each address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Place {
    kind: Kind,
    port: u16,
    /// Otherwise the connection only shows whether the address is one of the host's.
    may_fetch: bool,
}

fn places(url: &Url) -> Vec<Place> {
    let place = |kind, port, may_fetch| Place {
        kind,
        port,
        may_fetch,
    };
    match (url.scheme.as_str(), url.port) {
        ("http", Some(port)) => vec![place(Kind::Cleartext, port, true)],
        ("http", None) => vec![place(Kind::Cleartext, 80, true), place(Kind::Secure, 443, false)],
        ("https", port) => vec![place(Kind::Secure, port.unwrap_or(443), true)],
        _ => Vec::new(),
    }
}

/// Nanoseconds as seconds.
#[expect(clippy::cast_precision_loss, reason = "a measurement takes less than 2^52 ns")]
fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_flows_go_follows_from_the_url() {
        let of = |url: &str| -> Vec<(Kind, u16, bool)> {
            let places = places(&Url::parse(url).unwrap());
            places
                .iter()
                .map(|place| (place.kind, place.port, place.may_fetch))
                .collect()
        };
        assert_eq!(
            of("http://example.com/"),
            [(Kind::Cleartext, 80, true), (Kind::Secure, 443, false)]
        );
        assert_eq!(of("http://example.com:80/"), [(Kind::Cleartext, 80, true)]);
        assert_eq!(of("https://example.com/"), [(Kind::Secure, 443, true)]);
        assert_eq!(of("https://example.com:8443/"), [(Kind::Secure, 8443, true)]);
        assert_eq!(of("ftp://example.com/"), []);
    }
}
