//! What a step meets: the servers of the simulated internet, and a censor on the client's link.

use crate::analysis::read;

/// Who asks. The censor is between the client's and everybody else's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Who {
    Client,
    Helper,
}

/// Whom the client asks for a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Resolver {
    System,
    Udp,
    Doh,
}

pub(super) type Resolved = Result<&'static [&'static str], &'static str>;

/// What is not as it usually is. Endpoints are `ip:port`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    /// What the client's queries over UDP get, the system resolver's included.
    Spoof(&'static str, Resolved),
    /// What the client's own resolver says.
    Isp(&'static str, Resolved),
    /// What everybody is told.
    Everywhere(&'static str, Resolved),
    /// Why the client can not connect to an endpoint.
    Tcp(&'static str, &'static str),
    /// Why the client's handshakes with a name fail.
    Tls(&'static str, &'static str),
    /// What the client gets from an endpoint instead of the page of a host.
    Http(&'static str, &'static str, Answer),
    /// No test helper can be reached.
    NoHelper,
}

/// A page or what stands for it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Failure(&'static str),
    Redirect(&'static str),
    Page(Page),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) status: u64,
    pub(super) title: &'static str,
    pub(super) length: usize,
    pub(super) headers: &'static [&'static str],
    pub(super) is_truncated: bool,
}

const USUAL: &[&str] = &["Alt-Svc", "Content-Length", "Content-Type", "Date"];
pub(super) const DEFAULT: Page = Page {
    status: 200,
    title: "Default Web Page",
    length: 1533,
    headers: USUAL,
    is_truncated: false,
};
pub(super) const DENIED: Page = Page {
    title: "Access Denied",
    length: 188,
    ..DEFAULT
};
/// What a censor injects: a page without headers.
pub(super) const INJECTED: Page = Page {
    headers: &[],
    ..DENIED
};
const CAPTCHA: Page = Page {
    status: 503,
    title: "Just a moment...",
    length: 8432,
    headers: &["Alt-Svc", "Content-Length", "Nel", "Report-To"],
    ..DEFAULT
};
const CACHED: Page = Page {
    headers: &["Alt-Svc", "Content-Length", "Nel", "Permissions-Policy"],
    ..DEFAULT
};

pub(super) const PROXY: &str = "130.192.182.17";
pub(super) const BLOCKPAGE: &str = "83.224.65.41";
const EXAMPLE: &str = "93.184.216.34";
const BADSSL: &str = "104.154.89.105";
/// The most redirects that the test helper follows.
const HELPER_REDIRECTS: u32 = 9;

/// What the name's own servers say.
fn zone(host: &str) -> Resolved {
    Ok(match host {
        "www.example.com" | "www.example.org" => &[EXAMPLE],
        "bit.ly" => &["67.199.248.11"],
        "expired.badssl.com" | "wrong.host.badssl.com" | "untrusted-root.badssl.com" => &[BADSSL],
        "xn--d1acpjx3f.xn--p1ai" | "yandex.com" | "ya.ru" => &["5.255.255.80"],
        "largefile.com" => &["52.35.36.75"],
        "www.cloudflare-cache.com" => &["104.16.132.229"],
        "httpbin.com" => &["172.67.144.64"],
        _ => return Err("dns_nxdomain_error"),
    })
}

/// The network that an address belongs to.
pub(super) fn asn(address: &str) -> u64 {
    match address {
        EXAMPLE => 15133,
        BADSSL | "67.199.248.11" => 396_982,
        "5.255.255.80" => 208_398,
        "52.35.36.75" => 16509,
        "104.16.132.229" | "172.67.144.64" => 13335,
        BLOCKPAGE => 30722,
        PROXY => 137,
        _ => 0,
    }
}

/// The simulated internet under some rules.
pub(super) struct Net<'a>(pub(super) &'a [Rule]);

impl Net<'_> {
    pub(super) fn resolve(&self, asked: Resolver, host: &str) -> Resolved {
        let ruled = self.0.iter().find_map(|rule| match rule {
            Rule::Spoof(name, answer) if asked != Resolver::Doh && *name == host => Some(*answer),
            Rule::Isp(name, answer) if asked == Resolver::System && *name == host => Some(*answer),
            Rule::Everywhere(name, answer) if *name == host => Some(*answer),
            _ => None,
        });
        ruled.unwrap_or_else(|| zone(host))
    }

    /// Why a connection fails; empty where it does not.
    pub(super) fn connect(&self, who: Who, ip: &str, port: u64) -> &'static str {
        let to = read::endpoint(ip, port);
        let ruled = self.0.iter().find_map(|rule| match rule {
            Rule::Tcp(endpoint, failure) if who == Who::Client && *endpoint == to => Some(*failure),
            _ => None,
        });
        ruled.unwrap_or(match (ip, port) {
            ("10.10.34.35", _) => "generic_timeout_error",
            (BLOCKPAGE, 443) | ("67.199.248.11" | BADSSL, 80) => "connection_refused",
            (_, 80 | 443) => "",
            _ => "connection_refused",
        })
    }

    /// Why a handshake fails; empty where it does not.
    pub(super) fn handshake(&self, who: Who, ip: &str, name: &str) -> &'static str {
        let ruled = self.0.iter().find_map(|rule| match rule {
            Rule::Tls(sni, failure) if who == Who::Client && *sni == name => Some(*failure),
            _ => None,
        });
        ruled.unwrap_or(match (ip, name) {
            (BADSSL, "expired.badssl.com") => "ssl_invalid_certificate",
            (BADSSL, "wrong.host.badssl.com") => "ssl_invalid_hostname",
            (BADSSL, _) => "ssl_unknown_authority",
            _ => "",
        })
    }

    /// What a request gets. `path` begins with a slash.
    pub(super) fn fetch(&self, who: Who, ip: &str, port: u64, host: &str, path: &str) -> Answer {
        let to = read::endpoint(ip, port);
        let ruled = self.0.iter().find_map(|rule| match rule {
            Rule::Http(endpoint, name, answer) if who == Who::Client && *endpoint == to && *name == host => {
                Some(*answer)
            }
            _ => None,
        });
        ruled.unwrap_or_else(|| match ip {
            BLOCKPAGE => Answer::Page(DENIED),
            _ => page(who, host, path),
        })
    }

    /// What the test helper gets in the end: the failure in its own words, or the page.
    pub(super) fn helper_fetch(&self, url: &str) -> Result<Page, &'static str> {
        let mut url = netsonde_guest::Url::parse(url).unwrap();
        for _ in 0..=HELPER_REDIRECTS {
            let addresses = self
                .resolve(Resolver::Doh, &url.host)
                .map_err(|_| "dns_lookup_error")?;
            let ip = addresses.first().ok_or("dns_lookup_error")?;
            if crate::analysis::address::is_bogon(ip) {
                return Err("unknown_error");
            }
            let port = u64::from(url.port_or_default().unwrap());
            if !self.connect(Who::Helper, ip, port).is_empty() {
                return Err("connection_refused_error");
            }
            if url.scheme == "https" && !self.handshake(Who::Helper, ip, &url.host).is_empty() {
                return Err("unknown_error");
            }
            match self.fetch(Who::Helper, ip, port, &url.host, &url.path) {
                Answer::Failure(_) => return Err("unknown_error"),
                Answer::Page(page) => return Ok(page),
                Answer::Redirect(location) => url = url.join(location).map_err(|_| "unknown_error")?,
            }
        }
        Err("unknown_error")
    }
}

fn page(who: Who, host: &str, path: &str) -> Answer {
    match (host, path) {
        ("xn--d1acpjx3f.xn--p1ai", _) => Answer::Redirect("https://yandex.com/"),
        ("yandex.com", _) => Answer::Redirect("https://ya.ru/"),
        ("largefile.com", _) => Answer::Page(Page {
            title: "",
            length: if who == Who::Client { 1 << 19 } else { 1 << 24 },
            headers: &["Alt-Svc", "Content-Type", "Date"],
            is_truncated: who == Who::Client,
            ..DEFAULT
        }),
        ("www.cloudflare-cache.com", _) if who == Who::Client => Answer::Page(CAPTCHA),
        ("www.cloudflare-cache.com", _) => Answer::Page(CACHED),
        ("httpbin.com", "/broken-redirect-http") if who == Who::Client => Answer::Redirect("http://"),
        ("httpbin.com", "/broken-redirect-https") if who == Who::Client => Answer::Redirect("https://"),
        ("bit.ly", "/32447") | ("httpbin.com", "/broken-redirect-http") => {
            Answer::Redirect("http://www.example.com/")
        }
        ("bit.ly", "/21645") | ("httpbin.com", "/broken-redirect-https") => {
            Answer::Redirect("https://www.example.com/")
        }
        ("httpbin.com", path) => Answer::Redirect(DOWN.get(left(path)).unwrap()),
        _ => Answer::Page(DEFAULT),
    }
}

/// Where `/redirect/N` leads, by N.
const DOWN: [&str; 16] = [
    "/",
    "/redirect/0",
    "/redirect/1",
    "/redirect/2",
    "/redirect/3",
    "/redirect/4",
    "/redirect/5",
    "/redirect/6",
    "/redirect/7",
    "/redirect/8",
    "/redirect/9",
    "/redirect/10",
    "/redirect/11",
    "/redirect/12",
    "/redirect/13",
    "/redirect/14",
];

fn left(path: &str) -> usize {
    path.strip_prefix("/redirect/").unwrap().parse().unwrap()
}
