//! What is measured in each scenario, and what is to come out: the table of the specification.

use Diff::{Challenge, Forged, Long, Nothing, Same};
use Dns::{Consistent as C, Inconsistent as I, Unknown as U};
use Verdict::{Blocked, Down, Open, Unknown};

/// A scenario and what `web_connectivity` says in it.
pub(crate) struct Row {
    /// The number of the scenario.
    pub(crate) number: u32,
    /// Upstream's name for it.
    pub(crate) name: &'static str,
    /// The URL that is measured.
    pub(crate) input: &'static str,
    /// Whether the system's answers are as the test helper's.
    pub(crate) dns: Dns,
    /// How the system's lookup failed.
    pub(crate) dns_failure: Option<&'static str>,
    /// How what decided the verdict failed.
    pub(crate) http_failure: Option<&'static str>,
    /// How the page differs from the test helper's.
    pub(crate) diff: Diff,
    /// `x_dns_flags`, `x_blocking_flags`, `x_null_null_flags`.
    pub(crate) flags: [u32; 3],
    /// What is concluded.
    pub(crate) verdict: Verdict,
}

/// `dns_consistency`.
#[derive(Clone, Copy)]
pub(crate) enum Dns {
    Consistent,
    Inconsistent,
    Unknown,
}

/// How pages differ.
#[derive(Clone, Copy)]
pub(crate) enum Diff {
    /// Nothing was compared.
    Nothing,
    /// They are the same.
    Same,
    /// A challenge of 8432 bytes came in place of a page of 1533, with another status.
    Challenge,
    /// A page of 188 bytes without header fields came in place of one of 1533.
    Forged,
    /// All is the same, but the lengths could not be compared.
    Long,
}

/// `blocking` and `accessible`.
#[derive(Clone, Copy)]
pub(crate) enum Verdict {
    /// Not blocked, and there.
    Open,
    /// Not blocked, and not there.
    Down,
    /// Blocked in this way.
    Blocked(&'static str),
    /// Nothing is known.
    Unknown,
}

impl Row {
    /// The name of the scenario's file, without its extension.
    pub(crate) fn scenario(&self) -> String {
        format!("{:02}-{}", self.number, self.name)
    }

    /// Whether something is waited for that never comes.
    pub(crate) fn is_slow(&self) -> bool {
        self.http_failure == Some("generic_timeout_error")
    }

    /// What happened to the test helper.
    pub(crate) fn control_failure(&self) -> Option<&'static str> {
        matches!(self.dns, U).then_some("connection_reset")
    }
}

type Cells = (
    u32,
    &'static str,
    &'static str,
    Dns,
    Option<&'static str>,
    Option<&'static str>,
    Diff,
    [u32; 3],
    Verdict,
);

const fn row(cells: Cells) -> Row {
    let (number, name, input, dns, dns_failure, http_failure, diff, flags, verdict) = cells;
    Row {
        number,
        name,
        input,
        dns,
        dns_failure,
        http_failure,
        diff,
        flags,
        verdict,
    }
}

const COM: &str = "http://www.example.com/";
const COM_TLS: &str = "https://www.example.com/";
/// Leads to [`COM`].
const BITLY: &str = "https://bit.ly/32447";
/// Leads to [`COM_TLS`].
const BITLY_TLS: &str = "https://bit.ly/21645";

const RESET: Option<&str> = Some("connection_reset");
const REFUSED: Option<&str> = Some("connection_refused");
const TIMEOUT: Option<&str> = Some("generic_timeout_error");
const EOF: Option<&str> = Some("eof_error");
const NXDOMAIN: Option<&str> = Some("dns_nxdomain_error");
const ANDROID: Option<&str> = Some("android_dns_cache_no_data");
const BROKEN: Option<&str> = Some("http_invalid_redirect_location_host");
const TOO_MANY: Option<&str> = Some("unknown_failure: stopped after too many redirects");

/// All of them, as the specification has them. 44 and 45 are throttled by a limit, not by loss, which makes them as steady
/// as the others; the name of 49 has no address by itself, not by an alias.
#[rustfmt::skip]
pub(crate) const ROWS: [Row; 50] = [
    row((1, "badSSLWithExpiredCertificate", "https://expired.badssl.com/", C, None, Some("ssl_invalid_certificate"), Nothing, [0, 0, 4], Down)),
    row((2, "badSSLWithWrongServerName", "https://wrong.host.badssl.com/", C, None, Some("ssl_invalid_hostname"), Nothing, [0, 0, 4], Down)),
    row((3, "badSSLWithUnknownAuthorityWithConsistentDNS", "https://untrusted-root.badssl.com/", C, None, Some("ssl_unknown_authority"), Nothing, [0, 0, 4], Down)),
    row((4, "badSSLWithUnknownAuthorityWithInconsistentDNS", COM_TLS, I, None, Some("ssl_unknown_authority"), Nothing, [4, 33, 4], Blocked("dns"))),
    row((5, "cloudflareCAPTCHAWithHTTP", "http://www.cloudflare-cache.com/", C, None, None, Challenge, [0, 16, 0], Blocked("http-diff"))),
    row((6, "cloudflareCAPTCHAWithHTTPS", "https://www.cloudflare-cache.com/", C, None, None, Challenge, [0, 32, 0], Open)),
    row((7, "controlFailureWithSuccessfulHTTPWebsite", "http://www.example.org/", U, None, None, Nothing, [0, 0, 0], Unknown)),
    row((8, "controlFailureWithSuccessfulHTTPSWebsite", "https://www.example.org/", U, None, None, Nothing, [0, 32, 8], Open)),
    row((9, "dnsBlockingAndroidDNSCacheNoData", COM_TLS, I, ANDROID, ANDROID, Nothing, [2, 33, 0], Blocked("dns"))),
    row((10, "dnsBlockingBOGON", COM_TLS, I, None, TIMEOUT, Nothing, [5, 33, 0], Blocked("dns"))),
    row((11, "dnsBlockingNXDOMAIN", COM_TLS, I, NXDOMAIN, NXDOMAIN, Nothing, [2, 33, 0], Blocked("dns"))),
    row((12, "dnsHijackingToLocalhostWithHTTP", COM, I, None, None, Nothing, [5, 33, 0], Blocked("dns"))),
    row((13, "dnsHijackingToLocalhostWithHTTPS", COM_TLS, I, None, None, Nothing, [5, 33, 0], Blocked("dns"))),
    row((14, "dnsHijackingToProxyWithHTTPURL", COM, I, None, None, Same, [4, 33, 0], Open)),
    row((15, "dnsHijackingToProxyWithHTTPSURL", COM_TLS, I, None, None, Same, [4, 33, 0], Open)),
    row((16, "ghostDNSBlockingWithHTTP", "http://itsat.info/", I, None, None, Nothing, [0, 16, 18], Blocked("dns"))),
    row((17, "ghostDNSBlockingWithHTTPS", "https://itsat.info/", I, None, REFUSED, Nothing, [0, 0, 18], Blocked("dns"))),
    row((18, "httpBlockingConnectionReset", COM, C, None, RESET, Nothing, [0, 8, 0], Blocked("http-failure"))),
    row((19, "httpDiffWithConsistentDNS", COM, C, None, None, Forged, [0, 16, 0], Blocked("http-diff"))),
    row((20, "httpDiffWithInconsistentDNS", COM, I, None, None, Forged, [4, 17, 0], Blocked("dns"))),
    row((21, "idnaWithoutCensorshipLowercase", "http://яндекс.рф/", C, None, None, Same, [0, 32, 0], Open)),
    row((22, "idnaWithoutCensorshipWithFirstLetterUppercase", "http://Яндекс.рф/", C, None, None, Same, [0, 32, 0], Open)),
    row((23, "largeFileWithHTTP", "http://largefile.com/", C, None, None, Long, [0, 32, 0], Open)),
    row((24, "largeFileWithHTTPS", "https://largefile.com/", C, None, None, Long, [0, 32, 0], Open)),
    row((25, "localhostWithHTTP", COM, C, None, None, Nothing, [1, 0, 0], Down)),
    row((26, "localhostWithHTTPS", COM_TLS, C, None, None, Nothing, [1, 0, 0], Down)),
    row((27, "redirectWithBrokenLocationForHTTP", "http://httpbin.com/broken-redirect-http", C, None, BROKEN, Nothing, [0, 8, 0], Blocked("http-failure"))),
    row((28, "redirectWithBrokenLocationForHTTPS", "https://httpbin.com/broken-redirect-https", C, None, BROKEN, Nothing, [0, 8, 0], Blocked("http-failure"))),
    row((29, "redirectWithConsistentDNSAndThenConnectionRefusedForHTTP", BITLY, C, None, REFUSED, Nothing, [0, 2, 0], Blocked("http-failure"))),
    row((30, "redirectWithConsistentDNSAndThenConnectionRefusedForHTTPS", BITLY_TLS, C, None, REFUSED, Nothing, [0, 2, 0], Blocked("http-failure"))),
    row((31, "redirectWithConsistentDNSAndThenConnectionResetForHTTP", BITLY, C, None, RESET, Nothing, [0, 12, 0], Blocked("http-failure"))),
    row((32, "redirectWithConsistentDNSAndThenConnectionResetForHTTPS", BITLY_TLS, C, None, RESET, Nothing, [0, 4, 0], Blocked("http-failure"))),
    row((33, "redirectWithConsistentDNSAndThenNXDOMAIN", BITLY_TLS, C, None, NXDOMAIN, Nothing, [0, 1, 0], Blocked("dns"))),
    row((34, "redirectWithConsistentDNSAndThenEOFForHTTP", BITLY, C, None, EOF, Nothing, [0, 12, 0], Blocked("http-failure"))),
    row((35, "redirectWithConsistentDNSAndThenEOFForHTTPS", BITLY_TLS, C, None, EOF, Nothing, [0, 4, 0], Blocked("http-failure"))),
    row((36, "redirectWithConsistentDNSAndThenTimeoutForHTTP", BITLY, C, None, TIMEOUT, Nothing, [0, 12, 0], Blocked("http-failure"))),
    row((37, "redirectWithConsistentDNSAndThenTimeoutForHTTPS", BITLY_TLS, C, None, TIMEOUT, Nothing, [0, 4, 0], Blocked("http-failure"))),
    row((38, "redirectWithMoreThanTenRedirectsAndHTTP", "http://httpbin.com/redirect/15", C, None, TOO_MANY, Nothing, [0, 0, 0], Down)),
    row((39, "redirectWithMoreThanTenRedirectsAndHTTPS", "https://httpbin.com/redirect/15", C, None, TOO_MANY, Nothing, [0, 0, 0], Down)),
    row((40, "successWithHTTP", COM, C, None, None, Same, [0, 32, 0], Open)),
    row((41, "successWithHTTPS", COM_TLS, C, None, None, Same, [0, 32, 0], Open)),
    row((42, "tcpBlockingConnectTimeout", COM_TLS, C, None, TIMEOUT, Nothing, [0, 2, 0], Blocked("tcp_ip"))),
    row((43, "tcpBlockingConnectionRefusedWithInconsistentDNS", "http://www.example.org/", I, None, REFUSED, Nothing, [4, 35, 2], Blocked("dns"))),
    row((44, "throttlingWithHTTP", "http://largefile.com/", C, None, TIMEOUT, Nothing, [0, 8, 0], Blocked("http-failure"))),
    row((45, "throttlingWithHTTPS", "https://largefile.com/", C, None, TIMEOUT, Nothing, [0, 8, 0], Blocked("http-failure"))),
    row((46, "tlsBlockingConnectionResetWithConsistentDNS", COM_TLS, C, None, RESET, Nothing, [0, 4, 0], Blocked("http-failure"))),
    row((47, "tlsBlockingConnectionResetWithInconsistentDNS", COM_TLS, I, None, RESET, Nothing, [4, 5, 0], Blocked("dns"))),
    row((48, "websiteDownNXDOMAIN", "http://www.example.xyz/", C, NXDOMAIN, NXDOMAIN, Nothing, [0, 0, 1], Down)),
    row((49, "websiteDownNoAddrs", COM, C, Some("dns_no_answer"), None, Nothing, [0, 0, 1], Down)),
    row((50, "websiteDownTCPConnect", "http://www.example.com:444/", C, None, REFUSED, Nothing, [0, 0, 2], Down)),
];
