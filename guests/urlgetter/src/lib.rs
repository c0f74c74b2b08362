//! `urlgetter` 0.2.0: fetch a URL, or take one step towards it.
//!
//! | input | what is measured |
//! |---|---|
//! | `http://…`, `https://…` | lookup, connection, handshake, HTTP, and the same again for each redirect |
//! | `dnslookup://domain` | the lookup |
//! | `tcpconnect://host:port` | the lookup and the connection |
//! | `tlshandshake://host:port` | those, and the handshake |
//! | `quichandshake://host:port` | the lookup, and the handshake over QUIC |
//!
//! With the option `HTTP3Enabled`, `https` is spoken over QUIC.
//!
//! Whatever goes wrong, options that make no sense included, is in the test keys `failure` and `failed_operation`.

mod cache;
mod dial;
mod fetch;
mod options;
mod resolve;

use netsonde_guest::{Failure, Json, Map, Nettest, Target, Url, export_nettest, gather, json};

use crate::dial::Dialer;
use crate::options::Options;
use crate::resolve::Resolver;

/// The nettest.
pub struct Urlgetter;

impl Nettest for Urlgetter {
    type Options = Options;

    async fn run(target: Target<Options>) -> Result<Map<String, Json>, Failure> {
        let Some(input) = target.input.filter(|input| !input.is_empty()) else {
            return Err(Failure::top_level(
                "invalid_argument",
                "urlgetter needs a URL as its input".to_owned(),
            ));
        };
        let agent = if target.options.no_follow_redirects {
            "agent"
        } else {
            "redirect"
        };
        let failure = measure(&input, &target.options).await.err();
        let mut test_keys: Map<String, Json> = gather([
            ("agent".to_owned(), json!(agent)),
            (
                "failed_operation".to_owned(),
                json!(failure.as_ref().map(|failure| &failure.operation)),
            ),
            (
                "failure".to_owned(),
                json!(failure.as_ref().map(|failure| &failure.code)),
            ),
        ]);
        let cache = &target.options.dns_cache;
        if !cache.is_empty() {
            test_keys.insert("dns_cache".to_owned(), json!([cache]));
        }
        Ok(test_keys)
    }

    /// All keys of urlgetter come from `run`: only it knows which step was the last.
    fn reduce(_test_keys: &Map<String, Json>) -> Result<Map<String, Json>, Failure> {
        Ok(Map::new())
    }
}

async fn measure(input: &str, options: &Options) -> Result<(), Failure> {
    options.check()?;
    let resolver = Resolver::parse(options)?;
    let url = target_url(input)?;
    let dialer = Dialer { resolver, options };
    match url.scheme.as_str() {
        "http" | "https" => fetch::follow(&dialer, url).await,
        "dnslookup" => dialer.resolver.lookup(&url.host).await.map(drop),
        "tcpconnect" => dialer.connect(&url).await.map(drop),
        "quichandshake" => dialer.quic_handshake(&url).await.map(drop),
        _ => dialer.handshake(&url).await.map(drop),
    }
}

/// The schemes that say what to measure.
const SCHEMES: [&str; 6] = [
    "http",
    "https",
    "dnslookup",
    "tcpconnect",
    "tlshandshake",
    "quichandshake",
];

/// The input as a URL with one of the [`SCHEMES`].
fn target_url(input: &str) -> Result<Url, Failure> {
    let scheme = Url::scheme_of(input).unwrap_or_default();
    if !SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(unknown("unknown targetURL scheme"));
    }
    Url::parse(input).map_err(|error| unknown(&format!("{input} {error}")))
}

/// A failure that OONI has no string for.
fn unknown(text: &str) -> Failure {
    Failure::top_level(&format!("unknown_failure: {text}"), text.to_owned())
}

/// A failure as one of the step that it happened in.
fn during(operation: &'static str) -> impl Fn(Failure) -> Failure {
    move |failure| Failure {
        operation: operation.to_owned(),
        ..failure
    }
}

export_nettest!(Urlgetter);

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(input: &str) -> Failure {
        target_url(input).unwrap_err()
    }

    #[test]
    fn every_scheme_is_known_in_either_case() {
        for scheme in SCHEMES {
            assert_eq!(target_url(&format!("{scheme}://a:80")).unwrap().scheme, scheme);
        }
        assert_eq!(target_url("HTTP://a/").unwrap().scheme, "http");
    }

    #[test]
    fn other_schemes_are_unknown_ones() {
        for input in [
            "file:///etc/passwd",
            "ftp://a/",
            "javascript:alert(1)",
            "example.com",
            "/",
        ] {
            let failure = refused(input);
            assert_eq!(
                (failure.code.as_str(), failure.operation.as_str()),
                ("unknown_failure: unknown targetURL scheme", "top_level"),
                "{input}"
            );
        }
    }

    #[test]
    fn what_is_wrong_with_an_input_is_said() {
        assert_eq!(refused("http://").code, "unknown_failure: http:// is no URL");
        let failure = refused("http://bücher.example/");
        assert!(
            failure
                .code
                .starts_with("unknown_failure: http://bücher.example/ has a host")
        );
        assert!(failure.code.contains("punycode"), "{failure:?}");
    }
}
