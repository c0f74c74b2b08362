//! The cookies of one measurement (RFC 6265).

mod date;

use std::net::IpAddr;

use netsonde_guest::Url;

/// More cookies, or longer ones, are no browser's.
const MOST: usize = 300;
const LONGEST: usize = 4096;

/// What servers have set.
#[derive(Debug, Default)]
pub(crate) struct Jar(Vec<Cookie>);

#[derive(Clone, Debug, Eq, PartialEq)]
struct Cookie {
    name: String,
    value: String,
    domain: String,
    /// Only for the very host that set it.
    host_only: bool,
    path: String,
    secure: bool,
}

impl Jar {
    /// A response for `url` had this `Set-Cookie`. `now` is in seconds since 1970.
    pub(crate) fn set(
        &mut self,
        url: &Url,
        set_cookie: &str,
        now: u64,
        public_suffix: impl FnOnce(&str) -> String,
    ) {
        let Some((cookie, expired)) = Cookie::parse(url, set_cookie, now, public_suffix) else {
            return;
        };
        let same = |other: &Cookie| {
            (&other.name, &other.domain, &other.path) == (&cookie.name, &cookie.domain, &cookie.path)
        };
        // A changed cookie keeps its place.
        let place = self.0.iter().position(same);
        match (place, expired) {
            (Some(place), true) => drop(self.0.remove(place)),
            (Some(place), false) => {
                if let Some(known) = self.0.get_mut(place) {
                    *known = cookie;
                }
            }
            (None, false) if self.0.len() < MOST => self.0.push(cookie),
            (None, _) => {}
        }
    }

    /// The `Cookie` header of a request for `url`, longer paths first; none without cookies.
    pub(crate) fn header(&self, url: &Url) -> Option<String> {
        let path = path_of(url);
        let mut cookies: Vec<&Cookie> = Vec::new();
        for cookie in self.0.iter().filter(|cookie| cookie.is_for(url, path)) {
            let shorter = cookies
                .iter()
                .position(|other| other.path.len() < cookie.path.len());
            cookies.insert(shorter.unwrap_or(cookies.len()), cookie);
        }
        let pairs: Vec<String> = cookies
            .into_iter()
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

impl Cookie {
    /// The cookie, and whether it is one to forget.
    fn parse(
        url: &Url,
        text: &str,
        now: u64,
        public_suffix: impl FnOnce(&str) -> String,
    ) -> Option<(Self, bool)> {
        if text.len() > LONGEST || text.contains(|c: char| c.is_control() && c != '\t') {
            return None;
        }
        let mut parts = text.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() {
            return None;
        }
        let mut cookie = Self {
            name: name.to_owned(),
            value: value.to_owned(),
            domain: url.host.clone(),
            host_only: true,
            path: default_path(path_of(url)).to_owned(),
            secure: false,
        };
        let (mut max_age, mut expires, mut domain) = (None, None, "");
        for attribute in parts {
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "max-age" => max_age = value.parse::<i64>().ok(),
                "expires" => expires = date::parse(value),
                "domain" => domain = value.strip_prefix('.').unwrap_or(value),
                "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                "secure" => cookie.secure = true,
                _ => {}
            }
        }
        if !domain.is_empty() {
            let domain = domain.to_ascii_lowercase();
            let is_public = public_suffix(&domain) == domain;
            if domain == url.host {
                cookie.host_only = is_public;
            } else if is_public || !is_below(&url.host, &domain) || url.host.parse::<IpAddr>().is_ok() {
                return None;
            } else {
                cookie.host_only = false;
                cookie.domain = domain;
            }
        }
        let is_over = match (max_age, expires) {
            (Some(seconds), _) => seconds <= 0,
            (None, Some(expires)) => expires <= i64::try_from(now).unwrap_or(i64::MAX),
            (None, None) => false,
        };
        Some((cookie, is_over))
    }

    fn is_for(&self, url: &Url, path: &str) -> bool {
        let host = url.host == self.domain || (!self.host_only && is_below(&url.host, &self.domain));
        let rest = path.strip_prefix(self.path.as_str());
        let within =
            rest.is_some_and(|rest| rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/'));
        host && within && (!self.secure || url.scheme == "https")
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

fn path_of(url: &Url) -> &str {
    let path = url.path.split('?').next().unwrap_or_default();
    if path.starts_with('/') { path } else { "/" }
}

/// The folder of a path.
fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(last) => path.get(..last).unwrap_or("/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn suffix(domain: &str) -> String {
        let known = ["co.uk", "com", "github.io"];
        let found = known
            .iter()
            .find(|suffix| domain == **suffix || is_below(domain, suffix));
        found.map_or(domain, |suffix| suffix).to_owned()
    }

    fn jar(set: &[(&str, &str)]) -> Jar {
        let mut jar = Jar::default();
        for (url, cookie) in set {
            jar.set(&Url::parse(url).unwrap(), cookie, NOW, suffix);
        }
        jar
    }

    fn sent(jar: &Jar, url: &str) -> String {
        jar.header(&Url::parse(url).unwrap()).unwrap_or_default()
    }

    #[test]
    fn a_cookie_goes_back_to_who_set_it() {
        let jar = jar(&[("http://www.example.com/a/b", "session=1; HttpOnly")]);
        assert_eq!(sent(&jar, "http://www.example.com/a/c"), "session=1");
        assert_eq!(sent(&jar, "https://www.example.com:8443/a"), "session=1");
        assert_eq!(sent(&jar, "http://www.example.com/ab"), "");
        assert_eq!(sent(&jar, "http://example.com/a/"), "");
        assert_eq!(sent(&jar, "http://a.www.example.com/a/"), "");
    }

    #[test]
    fn a_domain_is_for_all_below_it_unless_it_is_a_public_suffix() {
        let jar = jar(&[
            ("http://www.example.com/", "a=1; Domain=.Example.com"),
            ("http://www.example.com/", "b=1; Domain=com"),
            ("http://example.co.uk/", "c=1; Domain=co.uk"),
            ("http://www.example.com/", "d=1; Domain=example.org"),
            ("http://user.github.io/", "e=1; domain=github.io"),
            ("http://192.0.2.1/", "f=1; domain=2.1"),
        ]);
        assert_eq!(sent(&jar, "http://other.example.com/"), "a=1");
        assert_eq!(sent(&jar, "http://example.com/"), "a=1");
        assert_eq!(sent(&jar, "http://badexample.com/"), "");
        assert_eq!(jar.0.len(), 1);
    }

    #[test]
    fn paths_and_schemes_are_heeded() {
        let jar = jar(&[
            ("https://a.example/", "a=1; Path=/"),
            ("https://a.example/", "b=2; Path=/x; Secure"),
        ]);
        assert_eq!(sent(&jar, "https://a.example/x/y?z"), "b=2; a=1");
        assert_eq!(sent(&jar, "http://a.example/x"), "a=1");
        assert_eq!(sent(&jar, "https://a.example/xy"), "a=1");
    }

    #[test]
    fn what_has_expired_is_forgotten() {
        let mut kept = jar(&[("http://a.example/", "a=1"), ("http://a.example/", "b=1")]);
        let url = Url::parse("http://a.example/").unwrap();
        kept.set(&url, "a=; Expires=Thu, 01 Jan 1970 00:00:01 GMT", NOW, suffix);
        assert_eq!(sent(&kept, "http://a.example/"), "b=1");
        kept.set(
            &url,
            "b=2; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:01 GMT",
            NOW,
            suffix,
        );
        assert_eq!(sent(&kept, "http://a.example/"), "b=2");
        kept.set(&url, "b=2; Max-Age=0", NOW, suffix);
        assert_eq!(sent(&kept, "http://a.example/"), "");
    }

    #[test]
    fn what_is_no_cookie_is_none() {
        for text in ["", "=1", "novalue", "a=1\nb", &format!("a={}", "x".repeat(5000))] {
            assert!(jar(&[("http://a.example/", text)]).0.is_empty(), "{text}");
        }
    }

    #[test]
    fn there_is_an_end_to_cookies() {
        let mut jar = Jar::default();
        let url = Url::parse("http://a.example/").unwrap();
        for number in 0..1000 {
            jar.set(&url, &format!("c{number}=1"), NOW, suffix);
        }
        assert_eq!(jar.0.len(), MOST);
    }
}
