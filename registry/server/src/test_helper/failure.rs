//! Failure strings as test helpers write them, which are not the probe's. Consumers of the data know these.

use netsonde_data::FailureCode;

const UNKNOWN: &str = "unknown_error";

/// Why a name was not found; none where it was, or has no addresses.
pub(super) fn of_dns(code: &FailureCode) -> Option<&'static str> {
    if *code == FailureCode::DNS_NO_ANSWER {
        return None;
    }
    Some(match code {
        code if *code == FailureCode::DNS_NXDOMAIN_ERROR => "dns_name_error",
        code if is_of_server(code) => "dns_server_failure",
        _ => UNKNOWN,
    })
}

/// Why a connection was not made.
pub(super) fn of_tcp(code: &FailureCode) -> &'static str {
    match code {
        code if *code == FailureCode::GENERIC_TIMEOUT_ERROR => "generic_timeout_error",
        code if *code == FailureCode::CONNECTION_REFUSED => "connection_refused_error",
        _ => "connect_error",
    }
}

/// Why there is no page, or not all of it. Whether that was while its host was looked up makes a difference.
pub(super) fn of_http(code: &FailureCode, while_resolving: bool) -> &'static str {
    let is_timeout = *code == FailureCode::GENERIC_TIMEOUT_ERROR;
    let is_dns =
        *code == FailureCode::DNS_NXDOMAIN_ERROR || *code == FailureCode::DNS_NO_ANSWER || is_of_server(code);
    if is_dns || (is_timeout && while_resolving) {
        "dns_lookup_error"
    } else if is_timeout {
        "generic_timeout_error"
    } else if *code == FailureCode::CONNECTION_REFUSED {
        "connection_refused_error"
    } else {
        UNKNOWN
    }
}

fn is_of_server(code: &FailureCode) -> bool {
    [
        FailureCode::DNS_NON_RECOVERABLE_FAILURE,
        FailureCode::DNS_REFUSED_ERROR,
        FailureCode::DNS_SERVER_MISBEHAVING,
        FailureCode::DNS_TEMPORARY_FAILURE,
    ]
    .contains(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_not_found() {
        for (code, expected) in [
            (FailureCode::DNS_NXDOMAIN_ERROR, Some("dns_name_error")),
            (FailureCode::DNS_NO_ANSWER, None),
            (FailureCode::DNS_REFUSED_ERROR, Some("dns_server_failure")),
            (FailureCode::DNS_SERVER_MISBEHAVING, Some("dns_server_failure")),
            (
                FailureCode::DNS_NON_RECOVERABLE_FAILURE,
                Some("dns_server_failure"),
            ),
            (FailureCode::DNS_TEMPORARY_FAILURE, Some("dns_server_failure")),
            (FailureCode::DNS_SERVFAIL_ERROR, Some("unknown_error")),
            (FailureCode::GENERIC_TIMEOUT_ERROR, Some("unknown_error")),
        ] {
            assert_eq!(of_dns(&code), expected, "{code}");
        }
    }

    #[test]
    fn connections_that_are_not_made() {
        for (code, expected) in [
            (FailureCode::GENERIC_TIMEOUT_ERROR, "generic_timeout_error"),
            (FailureCode::CONNECTION_REFUSED, "connection_refused_error"),
            (FailureCode::CONNECTION_RESET, "connect_error"),
            (FailureCode::NETWORK_UNREACHABLE, "connect_error"),
        ] {
            assert_eq!(of_tcp(&code), expected, "{code}");
        }
    }

    #[test]
    fn pages_that_are_not_read() {
        for (code, while_resolving, expected) in [
            (FailureCode::DNS_NXDOMAIN_ERROR, true, "dns_lookup_error"),
            (FailureCode::DNS_NO_ANSWER, true, "dns_lookup_error"),
            (FailureCode::DNS_REFUSED_ERROR, true, "dns_lookup_error"),
            (FailureCode::DNS_SERVFAIL_ERROR, true, "unknown_error"),
            (FailureCode::GENERIC_TIMEOUT_ERROR, true, "dns_lookup_error"),
            (FailureCode::GENERIC_TIMEOUT_ERROR, false, "generic_timeout_error"),
            (FailureCode::CONNECTION_REFUSED, false, "connection_refused_error"),
            (FailureCode::CONNECTION_RESET, false, "unknown_error"),
            (FailureCode::SSL_INVALID_HOSTNAME, false, "unknown_error"),
            (FailureCode::EOF_ERROR, false, "unknown_error"),
        ] {
            assert_eq!(of_http(&code, while_resolving), expected, "{code}");
        }
    }
}
