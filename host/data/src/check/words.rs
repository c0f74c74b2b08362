//! What a text can have to look like.

use super::shape::Shape;
use crate::{FailureCode, scrub};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What stands where an address of the probe was.
const SCRUBBED: &str = "[scrubbed]";

/// `YYYY-MM-DD hh:mm:ss`.
pub(super) const TIME: Shape = Shape::Like("a time like \"2024-02-14 09:06:17\" (UTC)", is_time);
/// `AS123`.
pub(super) const ASN: Shape = Shape::Like("\"AS\" and a number without zeros before it", is_asn);
/// `IT`.
pub(super) const COUNTRY: Shape = Shape::Like("two upper-case letters", is_country);
/// An address, or what stands for one of the probe's.
pub(super) const IP: Shape = Shape::Like("an IP address", is_ip);
/// An IPv4 address, or what stands for one of the probe's.
pub(super) const IPV4: Shape = Shape::Like("an IPv4 address", |text| {
    text == SCRUBBED || text.parse::<Ipv4Addr>().is_ok()
});
/// An IPv6 address, or what stands for one of the probe's.
pub(super) const IPV6: Shape = Shape::Like("an IPv6 address", |text| {
    text == SCRUBBED || text.parse::<Ipv6Addr>().is_ok()
});
/// `ip:port`.
pub(super) const ENDPOINT: Shape = Shape::Like("an endpoint like \"192.0.2.1:443\"", is_endpoint);
/// A URL of the web.
pub(super) const URL: Shape = Shape::Like("a URL that begins with http:// or https://", |text| {
    text.strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"))
        .is_some_and(|rest| !rest.is_empty())
});
/// Bytes.
pub(super) const BASE64: Shape = Shape::Like("base64", |text| STANDARD.decode(text).is_ok());
/// A certificate.
pub(super) const CERTIFICATE: Shape = Shape::Like("a DER certificate in base64", |text| {
    STANDARD.decode(text).is_ok_and(|der| der.first() == Some(&0x30))
});
/// A report's id, also the empty one of a measurement that was never submitted.
pub(super) const REPORT_ID: Shape = Shape::Like(
    "empty, or an id like 20240214T090617Z_webconnectivity_IT_30722_n1_1IvUiXNWHooB5rmD",
    |id| id.is_empty() || is_report_id(id),
);
/// A nettest's name.
pub(super) const NETTEST: Shape = Shape::Like("lower-case letters, digits and underscores", |text| {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
});
/// A text that is not empty.
pub(super) const SOMETHING: Shape = Shape::Like("a text that is not empty", |text| !text.is_empty());
/// `Name=value`.
pub(super) const OPTION: Shape = Shape::Like("an option like \"Name=value\"", |text| {
    text.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
});
/// A record's type.
pub(super) const RECORD_TYPE: Shape = Shape::Like("a type of records in capitals", |text| {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
});
/// A version of TLS.
pub(super) const TLS_VERSION: Shape = Shape::Like("\"TLSv1.3\" or an older one; empty for none", |text| {
    matches!(
        text,
        "" | "TLSv1.3" | "TLSv1.2" | "TLSv1.1" | "TLSv1.0" | "TLSv1" | "SSLv3" | "SSLv2"
    ) || text.starts_with("TLS_VERSION_UNKNOWN_")
});
/// A cipher suite.
pub(super) const CIPHER_SUITE: Shape =
    Shape::Like("the IANA name of a cipher suite; empty for none", |text| {
        text.is_empty() || text.starts_with("TLS_")
    });
/// An ECH configuration.
pub(super) const ECH_CONFIG: Shape = Shape::Like("\"GREASE\" or base64", |text| {
    text == "GREASE" || STANDARD.decode(text).is_ok()
});

/// A failure, or `null` for none.
pub(super) const FAILURE: Shape = Shape::Formerly(
    &Shape::Formerly(
        &Shape::OrNull(&Shape::Like(
            "a failure string of df-007, without addresses",
            is_failure,
        )),
        &Shape::Like("a failure string of ooniprobe 1 or 2", is_old_failure),
        "ooniprobe 1 and 2 had strings of their own",
    ),
    &Shape::False,
    "ooniprobe 1 and 2 wrote false for none",
);
/// A failure as the test helper tells it: in words of its own, or in ours.
pub(super) const HELPER_FAILURE: Shape =
    Shape::OrNull(&Shape::Like("a failure string of the test helper", |text| {
        is_failure(text) || is_helper_failure(text)
    }));

/// What the test helper calls failures.
fn is_helper_failure(text: &str) -> bool {
    [
        "connect_error",
        "connection_refused_error",
        "dns_lookup_error",
        "dns_name_error",
        "dns_server_failure",
        "unknown_error",
    ]
    .contains(&text)
}

/// Strings of the probe that was written in Python.
fn is_old_failure(text: &str) -> bool {
    is_helper_failure(text)
        || [
            "connection_lost_error",
            "connection_reset_error",
            "deferred_timeout_error",
            "no_answer",
            "response_never_received",
            "socks_error",
            "tcp_timed_out_error",
        ]
        .contains(&text)
}

fn is_failure(text: &str) -> bool {
    let known = FailureCode::KNOWN.iter().any(|code| code.as_str() == text);
    known
        || text
            .strip_prefix("unknown_failure: ")
            .is_some_and(|rest| !rest.is_empty() && scrub::address_looking_text(rest) == rest)
}

fn is_time(text: &str) -> bool {
    text.len() == "2024-02-14 09:06:17".len()
        && jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", text).is_ok()
}

fn is_number(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'))
}

fn is_asn(text: &str) -> bool {
    text.strip_prefix("AS")
        .is_some_and(|number| is_number(number) && number.parse::<u32>().is_ok())
}

fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

pub(super) fn is_ip(text: &str) -> bool {
    text == SCRUBBED || text.parse::<IpAddr>().is_ok()
}

pub(super) fn is_endpoint(text: &str) -> bool {
    text.parse::<SocketAddr>().is_ok()
        || text
            .strip_prefix(SCRUBBED)
            .is_some_and(|rest| rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))
        || text.strip_prefix("[[scrubbed]]:").is_some_and(is_port)
}

fn is_port(text: &str) -> bool {
    is_number(text) && text.parse::<u16>().is_ok()
}

/// `20240214T090617Z_webconnectivity_IT_30722_n1_1IvUiXNWHooB5rmD`.
fn is_report_id(text: &str) -> bool {
    let parts: Vec<&str> = text.split('_').collect();
    let [time, name, country, asn, collector, rest] = parts.as_slice() else {
        return false;
    };
    jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", time).is_ok()
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && is_country(country)
        && is_number(asn)
        && collector.strip_prefix('n').is_some_and(is_number)
        && rest.len() == 16
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_known_or_says_that_it_is_not() {
        assert!(is_failure("connection_reset"));
        assert!(is_failure("unknown_failure"));
        assert!(is_failure("unknown_failure: stopped after too many redirects"));
        assert!(!is_failure("unknown_failure: "));
        assert!(!is_failure("unknown_failure: dial tcp 192.0.2.1:443: oops"));
        assert!(!is_failure("connection_reset_by_peer"));
        assert!(!is_failure(""));
    }

    #[test]
    fn a_report_id_names_what_was_measured_and_where() {
        assert!(is_report_id(
            "20240214T090617Z_webconnectivity_IT_30722_n1_1IvUiXNWHooB5rmD"
        ));
        assert!(!is_report_id(
            "20240214T090617Z_web_connectivity_IT_30722_n1_1IvUiXNWHooB5rmD"
        ));
        assert!(!is_report_id(
            "20240214T090617Z_webconnectivity_IT_AS30722_n1_1IvUiXNWHooB5rmD"
        ));
        assert!(!is_report_id(
            "20191010T235815Z_AS13285_SCHbEXPZ59vF8wmd6SHGGCaPxYGiEg8tSPwN85fJIFHrG4ZfVP"
        ));
    }

    #[test]
    fn an_endpoint_may_be_scrubbed() {
        for endpoint in [
            "192.0.2.1:443",
            "[2001:db8::1]:443",
            "[scrubbed]",
            "[scrubbed]:443",
        ] {
            assert!(is_endpoint(endpoint), "{endpoint}");
        }
        for endpoint in [
            "192.0.2.1",
            "2001:db8::1:x",
            "example.com:443",
            "[scrubbed]443",
            "",
        ] {
            assert!(!is_endpoint(endpoint), "{endpoint}");
        }
    }

    #[test]
    fn a_time_is_one_of_the_calendar() {
        assert!(is_time("2024-02-29 23:59:59"));
        assert!(!is_time("2023-02-29 23:59:59"));
        assert!(!is_time("2024-02-14T09:06:17Z"));
    }

    #[test]
    fn a_number_of_a_network_has_no_zeros_before_it() {
        assert!(is_asn("AS0") && is_asn("AS30722"));
        assert!(!is_asn("AS0001") && !is_asn("30722") && !is_asn("AS4294967296"));
    }
}
