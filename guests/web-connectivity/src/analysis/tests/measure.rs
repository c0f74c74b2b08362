//! What a probe would observe: the test keys of a measurement of a URL, as the live flow would write them where only one
//! thing happens at a time.

use std::collections::{BTreeMap, BTreeSet};

use netsonde_guest::{Json, Map, Url, json};

use super::net::{Answer, Net, Page, Resolver, Rule, Who, asn};
use crate::analysis::{address, read};

const PROBE_REDIRECTS: u64 = 10;

/// The test keys of a measurement, without those that are derived.
pub(super) fn measure(url: &str, rules: &[Rule]) -> Map<String, Json> {
    let mut probe = Probe {
        net: Net(rules),
        keys: BTreeMap::new(),
        ids: [10_000, 20_000, 30_000, 40_000, 50_000],
        cache: BTreeMap::new(),
        control: None,
    };
    let input = Url::parse(url).unwrap();
    let mut next = Some((0, input.clone()));
    while let Some((depth, url)) = next {
        next = probe.visit(depth, &url).map(|url| (depth + 1, url));
    }
    let mut keys: Map<String, Json> = probe
        .keys
        .into_iter()
        .map(|(kind, records)| (kind.to_owned(), json!(records)))
        .collect();
    let asked = json!({ "http_request": input.to_string() });
    keys.insert("x_control_request".to_owned(), asked);
    keys.insert("control".to_owned(), probe.control.unwrap_or_default());
    keys
}

struct Probe<'a> {
    net: Net<'a>,
    keys: BTreeMap<&'static str, Vec<Json>>,
    ids: [u64; 5],
    cache: BTreeMap<String, Vec<(&'static str, u8)>>,
    control: Option<Json>,
}

/// One flow that may be granted the fetch.
struct Flow {
    ip: &'static str,
    port: u64,
    id: u64,
    tags: Json,
    class: u8,
}

impl Probe<'_> {
    /// One URL; where it redirects to.
    fn visit(&mut self, depth: u64, url: &Url) -> Option<Url> {
        let addresses = match self.cache.get(&url.host) {
            Some(known) => known.clone(),
            None => self.resolve(depth, &url.host),
        };
        let top = [1, 2, 4]
            .into_iter()
            .find(|bit| addresses.iter().any(|(_, class)| class & bit != 0));
        let mut ready = self.flows(depth, url, &addresses);
        if depth == 0 && !self.net.0.iter().any(|rule| matches!(rule, Rule::NoHelper)) {
            let control = self.ask_helper(url, &addresses);
            let theirs = self.net.resolve(Resolver::Doh, &url.host).unwrap_or_default();
            let more: Vec<_> = theirs
                .iter()
                .filter(|ip| !addresses.iter().any(|(known, _)| known == *ip))
                .map(|ip| (*ip, 0))
                .collect();
            self.control = Some(control);
            ready.extend(self.flows(depth, url, &more));
        }
        let is_top = |flow: &&Flow| top.is_none_or(|bit| flow.class & bit != 0);
        let granted = ready.iter().find(is_top).or(ready.first())?;
        self.fetch(depth, url, granted)
    }

    fn resolve(&mut self, depth: u64, host: &str) -> Vec<(&'static str, u8)> {
        let mut merged = BTreeMap::new();
        let depth_tag = format!("depth={depth}");
        // The client asks an encrypted resolver at most every 20 seconds.
        let resolvers = [
            (Resolver::System, "getaddrinfo", json!(["classic", depth_tag])),
            (Resolver::Udp, "udp", json!([depth_tag])),
            (Resolver::Doh, "doh", json!([depth_tag])),
        ];
        for (place, (resolver, engine, tags)) in resolvers.into_iter().enumerate() {
            if resolver == Resolver::Doh && depth > 0 {
                continue;
            }
            let id = self.id(place);
            let resolved = self.net.resolve(resolver, host);
            for ip in resolved.unwrap_or_default() {
                *merged.entry(*ip).or_insert(0) |= 1_u8 << place;
            }
            let record = |query_type: &str, resolved: Result<&[&str], &str>| {
                let answers: Vec<_> = resolved
                    .unwrap_or_default()
                    .iter()
                    .map(|ip| json!({"answer_type": "A", "ipv4": ip, "asn": asn(ip)}))
                    .collect();
                let failure = match resolved {
                    Ok([]) => Some("dns_no_answer"),
                    other => other.err(),
                };
                json!({"engine": engine, "query_type": query_type, "hostname": host, "failure": failure,
                       "answers": if answers.is_empty() { Json::Null } else { json!(answers) },
                       "transaction_id": id, "tags": tags})
            };
            if resolver == Resolver::System {
                self.push("queries", record("ANY", resolved));
            } else {
                // The order in which the reference likes to see them least.
                self.push("queries", record("AAAA", resolved.map(|_| &[] as &[_])));
                self.push("queries", record("A", resolved));
            }
        }
        let merged: Vec<_> = merged.into_iter().collect();
        self.cache.insert(host.to_owned(), merged.clone());
        merged
    }

    /// Connect and shake hands; the flows that are ready for a request.
    fn flows(&mut self, depth: u64, url: &Url, addresses: &[(&'static str, u8)]) -> Vec<Flow> {
        let port = u64::from(url.port_or_default().unwrap());
        let mut kinds = vec![(url.scheme == "https", port, true)];
        if url.scheme == "http" && url.port.is_none() {
            kinds.push((true, 443, false));
        }
        let mut ready = Vec::new();
        for (is_secure, port, may_fetch) in kinds {
            for (ip, class) in addresses {
                let flow = Flow {
                    ip,
                    port,
                    id: self.id(if is_secure { 4 } else { 3 }),
                    tags: tags(*class, depth, may_fetch),
                    class: *class,
                };
                if self.prepare(url, is_secure, &flow) && may_fetch {
                    ready.push(flow);
                }
            }
        }
        ready
    }

    fn prepare(&mut self, url: &Url, is_secure: bool, flow: &Flow) -> bool {
        if address::is_loopback(flow.ip) {
            return false;
        }
        let failure = self.net.connect(Who::Client, flow.ip, flow.port);
        self.push(
            "tcp_connect",
            json!({"ip": flow.ip, "port": flow.port, "transaction_id": flow.id, "tags": flow.tags,
                   "status": {"failure": nullable(failure), "success": failure.is_empty()}}),
        );
        if !failure.is_empty() || !is_secure {
            return failure.is_empty();
        }
        let failure = self.net.handshake(Who::Client, flow.ip, &url.host);
        self.push(
            "tls_handshakes",
            json!({"address": read::endpoint(flow.ip, flow.port), "server_name": url.host,
                   "failure": nullable(failure), "transaction_id": flow.id, "tags": flow.tags}),
        );
        failure.is_empty()
    }

    fn fetch(&mut self, depth: u64, url: &Url, flow: &Flow) -> Option<Url> {
        let answer = self
            .net
            .fetch(Who::Client, flow.ip, flow.port, &url.host, &url.path);
        let (failure, response, next) = match answer {
            Answer::Failure(failure) => (failure, json!({"code": 0, "body": "", "headers_list": []}), None),
            Answer::Page(page) => ("", response(page), None),
            Answer::Redirect(location) => {
                let response = json!({"code": 302, "body": "", "headers_list": [["Location", location]]});
                match url.join(location) {
                    Err(_) => ("http_invalid_redirect_location_host", response, None),
                    Ok(_) if depth == PROBE_REDIRECTS => (
                        "unknown_failure: stopped after too many redirects",
                        response,
                        None,
                    ),
                    Ok(next) => ("", response, Some(next)),
                }
            }
        };
        let record = json!({"request": {"url": url.to_string()}, "response": response, "failure": nullable(failure),
                            "transaction_id": flow.id, "tags": flow.tags});
        self.keys.entry("requests").or_default().insert(0, record);
        next
    }

    fn ask_helper(&self, url: &Url, addresses: &[(&'static str, u8)]) -> Json {
        let resolved = self.net.resolve(Resolver::Doh, &url.host);
        let own = resolved.unwrap_or_default();
        let all: BTreeSet<_> = addresses.iter().map(|(ip, _)| ip).chain(own).collect();
        let ports = match (url.port, url.scheme.as_str()) {
            (Some(port), _) => vec![u64::from(port)],
            (None, "http") => vec![80, 443],
            (None, _) => vec![443],
        };
        let (mut tcp, mut tls, mut info) = (Map::new(), Map::new(), Map::new());
        for ip in all {
            info.insert((*ip).to_owned(), json!({"asn": asn(ip), "flags": 0}));
            for port in ports.iter().filter(|_| !address::is_bogon(ip)) {
                let failure = self.net.connect(Who::Helper, ip, *port);
                tcp.insert(read::endpoint(ip, *port), json!({"failure": nullable(failure)}));
                if failure.is_empty() && *port == 443 {
                    let failure = self.net.handshake(Who::Helper, ip, &url.host);
                    let shaken = json!({"server_name": url.host, "failure": nullable(failure)});
                    tls.insert(read::endpoint(ip, *port), shaken);
                }
            }
        }
        let dns_failure = resolved.err().map(|_| "dns_name_error");
        let page = match self.net.helper_fetch(&url.to_string()) {
            Ok(page) => json!({"failure": null, "status_code": page.status, "body_length": page.length,
                               "title": page.title, "headers": headers(&page)}),
            Err(failure) => json!({"failure": failure, "status_code": -1, "body_length": -1, "title": "",
                                   "headers": {}}),
        };
        json!({"dns": {"failure": dns_failure, "addrs": own}, "tcp_connect": tcp, "tls_handshake": tls,
               "http_request": page, "ip_info": info})
    }

    fn id(&mut self, kind: usize) -> u64 {
        self.ids[kind] += 1;
        self.ids[kind]
    }

    fn push(&mut self, kind: &'static str, record: Json) {
        self.keys.entry(kind).or_default().push(record);
    }
}

fn tags(class: u8, depth: u64, may_fetch: bool) -> Json {
    let mut tags = Vec::new();
    if class & 1 != 0 {
        tags.push("classic".to_owned());
    }
    if depth == 0 {
        tags.push("tcptls_experiment".to_owned());
    }
    tags.extend([format!("depth={depth}"), format!("fetch_body={may_fetch}")]);
    json!(tags)
}

fn response(page: Page) -> Json {
    let title = match page.title {
        "" => String::new(),
        title => format!("<title>{title}</title>"),
    };
    let filler = " ".repeat(page.length - title.len());
    let pairs: Vec<_> = page.headers.iter().map(|name| json!([name, "a"])).collect();
    json!({"code": page.status, "body": title + &filler, "headers_list": pairs,
           "headers": headers(&page), "body_is_truncated": page.is_truncated})
}

fn headers(page: &Page) -> Json {
    page.headers
        .iter()
        .map(|name| ((*name).to_owned(), json!("a")))
        .collect::<Map<_, _>>()
        .into()
}

fn nullable(failure: &str) -> Option<&str> {
    Some(failure).filter(|failure| !failure.is_empty())
}
