//! The cookies of one fetch.

use cookie_store::{CookieStore, RawCookie};
use url::Url;

/// How long the header with cookies may be: as long as servers take it.
const LONGEST: usize = 8 << 10;

/// Keeps cookies from one response to the next request, for whom they are. None is for a public suffix.
#[derive(Debug, Default)]
pub(super) struct Cookies(CookieStore);

impl Cookies {
    /// Keep what a response sets.
    pub(super) fn store<'a>(&mut self, url: &Url, headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) {
        let set = headers
            .into_iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        for (_, value) in set {
            let Ok(text) = str::from_utf8(value) else { continue };
            let Ok(mut cookie) = RawCookie::parse(text.to_owned()) else {
                continue;
            };
            if let Some(domain) = cookie.domain().filter(|domain| is_public(domain)) {
                // A site that is itself a public suffix keeps its cookies to itself.
                if url.host_str() != Some(domain) {
                    continue;
                }
                cookie.unset_domain();
            }
            // What is not for this site is not kept.
            let _ = self.0.insert_raw(&cookie, url);
        }
    }

    /// The value of the `Cookie` header for a request, if there is anything in it.
    pub(super) fn header(&self, url: &Url) -> Option<String> {
        let mut header = String::new();
        for (name, value) in self.0.get_request_values(url) {
            if header.len() + name.len() + value.len() + 3 > LONGEST {
                break;
            }
            if !header.is_empty() {
                header.push_str("; ");
            }
            header.push_str(name);
            header.push('=');
            header.push_str(value);
        }
        (!header.is_empty()).then_some(header)
    }
}

/// Whether names below a name are registered by the public.
fn is_public(domain: &str) -> bool {
    let domain = domain.trim_matches('.').to_ascii_lowercase();
    psl::suffix_str(&domain) == Some(&domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn kept(from: &str, set: &[&str], to: &str) -> Option<String> {
        let mut cookies = Cookies::default();
        cookies.store(
            &url(from),
            set.iter().map(|value| ("Set-Cookie", value.as_bytes())),
        );
        cookies.header(&url(to))
    }

    #[test]
    fn cookies_go_back_to_whom_they_are_from() {
        let set = &["a=1", "b=2; Path=/x", "c=3; Secure"];
        assert_eq!(
            kept("https://example.org/", set, "https://example.org/"),
            Some("a=1; c=3".into())
        );
        assert_eq!(kept("http://example.org/", set, "http://www.example.org/"), None);
        assert_eq!(
            kept("https://example.org/", set, "http://example.org/"),
            Some("a=1".into())
        );
    }

    #[test]
    fn cookies_may_be_for_a_whole_site_and_not_for_a_suffix() {
        let from = "http://www.example.co.uk/";
        let to = "http://example.co.uk/";
        assert_eq!(kept(from, &["a=1; Domain=example.co.uk"], to), Some("a=1".into()));
        assert_eq!(
            kept(from, &["a=1; Domain=.example.co.uk"], to),
            Some("a=1".into())
        );
        for domain in ["co.uk", ".co.uk", "uk", "CO.UK", "co.uk."] {
            let set = format!("a=1; Domain={domain}");
            assert_eq!(kept(from, &[&set], "http://other.co.uk/"), None, "{domain}");
            assert_eq!(kept(from, &[&set], from), None, "{domain}");
        }
        let suffix = "http://github.io/";
        assert_eq!(
            kept(suffix, &["a=1; Domain=github.io"], suffix),
            Some("a=1".into())
        );
        assert_eq!(
            kept(suffix, &["a=1; Domain=github.io"], "http://x.github.io/"),
            None
        );
        assert_eq!(
            kept(
                "http://example.org/",
                &["a=1; Domain=example.com"],
                "http://example.com/"
            ),
            None
        );
    }

    #[test]
    fn many_cookies_are_not_all_sent() {
        let set: Vec<String> = (0..1_000)
            .map(|number| format!("name{number}=0123456789"))
            .collect();
        let set: Vec<&str> = set.iter().map(String::as_str).collect();
        let header = kept("http://example.org/", &set, "http://example.org/").unwrap();
        assert!((4_000..=LONGEST).contains(&header.len()), "{}", header.len());
    }
}
