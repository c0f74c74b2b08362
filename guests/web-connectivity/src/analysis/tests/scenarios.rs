//! The scenarios, in the order in which the reference implementation lists them.

use netsonde_guest::{Json, json};

use super::measure::measure;
use super::net::Rule::{self, Everywhere, Http, Isp, NoHelper, Spoof, Tcp, Tls};
use super::net::{Answer, BLOCKPAGE, INJECTED, PROXY};
use crate::analysis::keys;

/// Name, URL, what is not as usual, and what the keys are to be: `dns_consistency` (C, I), `dns_experiment_failure`,
/// `http_experiment_failure`, the comparison (proportion/length/status/headers/title), the flags
/// (DNS/blocking/null-null), `blocking/accessible`.
pub(super) type Scenario = (&'static str, &'static str, &'static [Rule], &'static str);

/// The keys that the last part of a scenario stands for.
fn expected(says: &str) -> Json {
    let columns: Vec<_> = says.split(" | ").collect();
    let &[consistency, dns_failure, http_failure, diff, flags, verdict] = columns.as_slice() else {
        panic!("six columns: {says}");
    };
    let mut diff = diff.split('/');
    let mut flags = flags.split('/').map(value);
    let proportion = diff.next().filter(|text| *text != "-").unwrap_or("0");
    let mut diff = diff.map(value);
    let mut diff = || diff.next().unwrap_or_default();
    let mut flag = || flags.next().unwrap();
    let (blocking, accessible) = verdict.split_once('/').unwrap();
    json!({
        "dns_consistency": value(consistency),
        "dns_experiment_failure": value(dns_failure),
        "http_experiment_failure": value(http_failure),
        "body_proportion": value(proportion),
        "body_length_match": diff(),
        "status_code_match": diff(),
        "headers_match": diff(),
        "title_match": diff(),
        "x_dns_flags": flag(),
        "x_blocking_flags": flag(),
        "x_null_null_flags": flag(),
        "blocking": value(blocking),
        "accessible": value(accessible),
    })
}

fn value(text: &str) -> Json {
    match text {
        "-" => Json::Null,
        "C" => json!("consistent"),
        "I" => json!("inconsistent"),
        "T" => json!(true),
        "F" => json!(false),
        text => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
    }
}

#[test]
fn every_scenario_has_its_keys() {
    for (name, url, rules, says) in SCENARIOS {
        let found = Json::Object(keys(&measure(url, rules)).unwrap());
        assert_eq!(found, expected(says), "{name}");
    }
}

#[rustfmt::skip]
pub(super) const SCENARIOS: [Scenario; 50] = [
    ("badSSLWithExpiredCertificate", "https://expired.badssl.com/", &[],
     "C | - | ssl_invalid_certificate | - | 0/0/4 | false/false"),
    ("badSSLWithWrongServerName", "https://wrong.host.badssl.com/", &[],
     "C | - | ssl_invalid_hostname | - | 0/0/4 | false/false"),
    ("badSSLWithUnknownAuthorityWithConsistentDNS", "https://untrusted-root.badssl.com/", &[],
     "C | - | ssl_unknown_authority | - | 0/0/4 | false/false"),
    ("badSSLWithUnknownAuthorityWithInconsistentDNS", "https://www.example.com/",
     &[Spoof("www.example.com", Ok(&["104.154.89.105"]))],
     "I | - | ssl_unknown_authority | - | 4/33/4 | dns/false"),
    ("cloudflareCAPTCHAWithHTTP", "http://www.cloudflare-cache.com/", &[],
     "C | - | - | 0.18180740037950663/F/F/T/F | 0/16/0 | http-diff/false"),
    ("cloudflareCAPTCHAWithHTTPS", "https://www.cloudflare-cache.com/", &[],
     "C | - | - | 0.18180740037950663/F/F/T/F | 0/32/0 | false/true"),
    ("controlFailureWithSuccessfulHTTPWebsite", "http://www.example.org/", &[NoHelper],
     "null | - | - | - | 0/0/0 | null/null"),
    ("controlFailureWithSuccessfulHTTPSWebsite", "https://www.example.org/", &[NoHelper],
     "null | - | - | - | 0/32/8 | false/true"),
    ("dnsBlockingAndroidDNSCacheNoData", "https://www.example.com/",
     &[Isp("www.example.com", Err("android_dns_cache_no_data"))],
     "I | android_dns_cache_no_data | android_dns_cache_no_data | - | 2/33/0 | dns/false"),
    ("dnsBlockingBOGON", "https://www.example.com/", &[Isp("www.example.com", Ok(&["10.10.34.35"]))],
     "I | - | generic_timeout_error | - | 5/33/0 | dns/false"),
    ("dnsBlockingNXDOMAIN", "https://www.example.com/", &[Isp("www.example.com", Err("dns_nxdomain_error"))],
     "I | dns_nxdomain_error | dns_nxdomain_error | - | 2/33/0 | dns/false"),
    ("dnsHijackingToLocalhostWithHTTP", "http://www.example.com/",
     &[Spoof("www.example.com", Ok(&["127.0.0.1"]))],
     "I | - | - | - | 5/33/0 | dns/false"),
    ("dnsHijackingToLocalhostWithHTTPS", "https://www.example.com/",
     &[Spoof("www.example.com", Ok(&["127.0.0.1"]))],
     "I | - | - | - | 5/33/0 | dns/false"),
    ("dnsHijackingToProxyWithHTTPURL", "http://www.example.com/", &[Spoof("www.example.com", Ok(&[PROXY]))],
     "I | - | - | 1/T/T/T/T | 4/33/0 | false/true"),
    ("dnsHijackingToProxyWithHTTPSURL", "https://www.example.com/", &[Spoof("www.example.com", Ok(&[PROXY]))],
     "I | - | - | 1/T/T/T/T | 4/33/0 | false/true"),
    ("ghostDNSBlockingWithHTTP", "http://itsat.info/", &[Spoof("itsat.info", Ok(&[BLOCKPAGE]))],
     "I | - | - | - | 0/16/18 | dns/false"),
    ("ghostDNSBlockingWithHTTPS", "https://itsat.info/", &[Spoof("itsat.info", Ok(&[BLOCKPAGE]))],
     "I | - | connection_refused | - | 0/0/18 | dns/false"),
    ("httpBlockingConnectionReset", "http://www.example.com/",
     &[Http("93.184.216.34:80", "www.example.com", Answer::Failure("connection_reset"))],
     "C | - | connection_reset | - | 0/8/0 | http-failure/false"),
    ("httpDiffWithConsistentDNS", "http://www.example.com/",
     &[Http("93.184.216.34:80", "www.example.com", Answer::Page(INJECTED))],
     "C | - | - | 0.12263535551206783/F/T/F/F | 0/16/0 | http-diff/false"),
    ("httpDiffWithInconsistentDNS", "http://www.example.com/",
     &[Spoof("www.example.com", Ok(&[PROXY])),
       Http("93.184.216.34:80", "www.example.com", Answer::Page(INJECTED)),
       Http("130.192.182.17:80", "www.example.com", Answer::Page(INJECTED))],
     "I | - | - | 0.12263535551206783/F/T/F/F | 4/17/0 | dns/false"),
    ("idnaWithoutCensorshipLowercase", "http://xn--d1acpjx3f.xn--p1ai/", &[],
     "C | - | - | 1/T/T/T/T | 0/32/0 | false/true"),
    ("idnaWithoutCensorshipWithFirstLetterUppercase", "http://xn--d1acpjx3f.xn--p1ai/", &[],
     "C | - | - | 1/T/T/T/T | 0/32/0 | false/true"),
    ("largeFileWithHTTP", "http://largefile.com/", &[],
     "C | - | - | 0/null/T/T/T | 0/32/0 | false/true"),
    ("largeFileWithHTTPS", "https://largefile.com/", &[],
     "C | - | - | 0/null/T/T/T | 0/32/0 | false/true"),
    ("localhostWithHTTP", "http://www.example.com/", &[Everywhere("www.example.com", Ok(&["127.0.0.1"]))],
     "C | - | - | - | 1/0/0 | false/false"),
    ("localhostWithHTTPS", "https://www.example.com/", &[Everywhere("www.example.com", Ok(&["127.0.0.1"]))],
     "C | - | - | - | 1/0/0 | false/false"),
    ("redirectWithBrokenLocationForHTTP", "http://httpbin.com/broken-redirect-http", &[],
     "C | - | http_invalid_redirect_location_host | - | 0/8/0 | http-failure/false"),
    ("redirectWithBrokenLocationForHTTPS", "https://httpbin.com/broken-redirect-https", &[],
     "C | - | http_invalid_redirect_location_host | - | 0/8/0 | http-failure/false"),
    ("redirectWithConsistentDNSAndThenConnectionRefusedForHTTP", "https://bit.ly/32447",
     &[Tcp("93.184.216.34:80", "connection_refused"), Tcp("93.184.216.34:443", "connection_refused")],
     "C | - | connection_refused | - | 0/2/0 | http-failure/false"),
    ("redirectWithConsistentDNSAndThenConnectionRefusedForHTTPS", "https://bit.ly/21645",
     &[Tcp("93.184.216.34:80", "connection_refused"), Tcp("93.184.216.34:443", "connection_refused")],
     "C | - | connection_refused | - | 0/2/0 | http-failure/false"),
    ("redirectWithConsistentDNSAndThenConnectionResetForHTTP", "https://bit.ly/32447",
     &[Http("93.184.216.34:80", "www.example.com", Answer::Failure("connection_reset")),
       Tls("www.example.com", "connection_reset")],
     "C | - | connection_reset | - | 0/12/0 | http-failure/false"),
    ("redirectWithConsistentDNSAndThenConnectionResetForHTTPS", "https://bit.ly/21645",
     &[Http("93.184.216.34:80", "www.example.com", Answer::Failure("connection_reset")),
       Tls("www.example.com", "connection_reset")],
     "C | - | connection_reset | - | 0/4/0 | http-failure/false"),
    ("redirectWithConsistentDNSAndThenNXDOMAIN", "https://bit.ly/21645",
     &[Spoof("www.example.com", Err("dns_nxdomain_error"))],
     "C | - | dns_nxdomain_error | - | 0/1/0 | dns/false"),
    ("redirectWithConsistentDNSAndThenEOFForHTTP", "https://bit.ly/32447",
     &[Http("93.184.216.34:80", "www.example.com", Answer::Failure("eof_error")),
       Tls("www.example.com", "eof_error")],
     "C | - | eof_error | - | 0/12/0 | http-failure/false"),
    ("redirectWithConsistentDNSAndThenEOFForHTTPS", "https://bit.ly/21645",
     &[Http("93.184.216.34:80", "www.example.com", Answer::Failure("eof_error")),
       Tls("www.example.com", "eof_error")],
     "C | - | eof_error | - | 0/4/0 | http-failure/false"),
    ("redirectWithConsistentDNSAndThenTimeoutForHTTP", "https://bit.ly/32447",
     &[Http("93.184.216.34:80", "www.example.com", Answer::Failure("generic_timeout_error")),
       Tls("www.example.com", "generic_timeout_error")],
     "C | - | generic_timeout_error | - | 0/12/0 | http-failure/false"),
    ("redirectWithConsistentDNSAndThenTimeoutForHTTPS", "https://bit.ly/21645",
     &[Http("93.184.216.34:80", "www.example.com", Answer::Failure("generic_timeout_error")),
       Tls("www.example.com", "generic_timeout_error")],
     "C | - | generic_timeout_error | - | 0/4/0 | http-failure/false"),
    ("redirectWithMoreThanTenRedirectsAndHTTP", "http://httpbin.com/redirect/15", &[],
     "C | - | unknown_failure: stopped after too many redirects | - | 0/0/0 | false/false"),
    ("redirectWithMoreThanTenRedirectsAndHTTPS", "https://httpbin.com/redirect/15", &[],
     "C | - | unknown_failure: stopped after too many redirects | - | 0/0/0 | false/false"),
    ("successWithHTTP", "http://www.example.com/", &[],
     "C | - | - | 1/T/T/T/T | 0/32/0 | false/true"),
    ("successWithHTTPS", "https://www.example.com/", &[],
     "C | - | - | 1/T/T/T/T | 0/32/0 | false/true"),
    ("tcpBlockingConnectTimeout", "https://www.example.com/",
     &[Tcp("93.184.216.34:443", "generic_timeout_error")],
     "C | - | generic_timeout_error | - | 0/2/0 | tcp_ip/false"),
    ("tcpBlockingConnectionRefusedWithInconsistentDNS", "http://www.example.org/",
     &[Spoof("www.example.org", Ok(&[BLOCKPAGE])), Tcp("83.224.65.41:80", "connection_refused")],
     "I | - | connection_refused | - | 4/35/2 | dns/false"),
    ("throttlingWithHTTP", "http://largefile.com/",
     &[Http("52.35.36.75:80", "largefile.com", Answer::Failure("generic_timeout_error"))],
     "C | - | generic_timeout_error | - | 0/8/0 | http-failure/false"),
    ("throttlingWithHTTPS", "https://largefile.com/",
     &[Http("52.35.36.75:443", "largefile.com", Answer::Failure("generic_timeout_error"))],
     "C | - | generic_timeout_error | - | 0/8/0 | http-failure/false"),
    ("tlsBlockingConnectionResetWithConsistentDNS", "https://www.example.com/",
     &[Tls("www.example.com", "connection_reset")],
     "C | - | connection_reset | - | 0/4/0 | http-failure/false"),
    ("tlsBlockingConnectionResetWithInconsistentDNS", "https://www.example.com/",
     &[Tls("www.example.com", "connection_reset"), Spoof("www.example.com", Ok(&[PROXY]))],
     "I | - | connection_reset | - | 4/5/0 | dns/false"),
    ("websiteDownNXDOMAIN", "http://www.example.xyz/", &[],
     "C | dns_nxdomain_error | dns_nxdomain_error | - | 0/0/1 | false/false"),
    ("websiteDownNoAddrs", "http://www.example.com/", &[Everywhere("www.example.com", Ok(&[]))],
     "C | dns_no_answer | - | - | 0/0/1 | false/false"),
    ("websiteDownTCPConnect", "http://www.example.com:444/", &[],
     "C | - | connection_refused | - | 0/0/2 | false/false"),
];
