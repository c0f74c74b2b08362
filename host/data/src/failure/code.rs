//! OONI failure strings.

use super::os;
use crate::scrub;
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt, io};

/// An OONI failure string, such as `connection_reset`.
///
/// The known ones are constants. It is a string inside, because data of others may hold strings that are new.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FailureCode(Cow<'static, str>);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        impl FailureCode {
            $($(#[$doc])* pub const $name: Self = Self(Cow::Borrowed($text));)*

            /// Every string that this crate knows.
            pub const KNOWN: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

codes! {
    /// EAFNOSUPPORT.
    ADDRESS_FAMILY_NOT_SUPPORTED = "address_family_not_supported";
    /// EADDRINUSE.
    ADDRESS_IN_USE = "address_in_use";
    /// EADDRNOTAVAIL.
    ADDRESS_NOT_AVAILABLE = "address_not_available";
    /// EISCONN.
    ALREADY_CONNECTED = "already_connected";
    /// Android's getaddrinfo found no data (`EAI_NODATA`).
    ANDROID_DNS_CACHE_NO_DATA = "android_dns_cache_no_data";
    /// EFAULT.
    BAD_ADDRESS = "bad_address";
    /// EBADF.
    BAD_FILE_DESCRIPTOR = "bad_file_descriptor";
    /// ECONNABORTED.
    CONNECTION_ABORTED = "connection_aborted";
    /// I/O on a connection that was closed on our side.
    CONNECTION_ALREADY_CLOSED = "connection_already_closed";
    /// EALREADY.
    CONNECTION_ALREADY_IN_PROGRESS = "connection_already_in_progress";
    /// ECONNREFUSED.
    CONNECTION_REFUSED = "connection_refused";
    /// ECONNRESET.
    CONNECTION_RESET = "connection_reset";
    /// EDESTADDRREQ.
    DESTINATION_ADDRESS_REQUIRED = "destination_address_required";
    /// A bogon answer where bogons are refused.
    DNS_BOGON_ERROR = "dns_bogon_error";
    /// A good answer without a record of the type asked for.
    DNS_NO_ANSWER = "dns_no_answer";
    /// `WSANO_RECOVERY`.
    DNS_NON_RECOVERABLE_FAILURE = "dns_non_recoverable_failure";
    /// The name does not exist: rcode 3, `EAI_NONAME`.
    DNS_NXDOMAIN_ERROR = "dns_nxdomain_error";
    /// Rcode 5.
    DNS_REFUSED_ERROR = "dns_refused_error";
    /// The first answer did not carry the query's id.
    DNS_REPLY_WITH_WRONG_QUERY_ID = "dns_reply_with_wrong_query_id";
    /// Any other rcode, any other return code of getaddrinfo.
    DNS_SERVER_MISBEHAVING = "dns_server_misbehaving";
    /// Rcode 2.
    DNS_SERVFAIL_ERROR = "dns_servfail_error";
    /// `WSATRY_AGAIN`.
    DNS_TEMPORARY_FAILURE = "dns_temporary_failure";
    /// The stream ended early, at whatever layer.
    EOF_ERROR = "eof_error";
    /// One of the probe's own deadlines passed. The kernel's is [`FailureCode::TIMED_OUT`].
    GENERIC_TIMEOUT_ERROR = "generic_timeout_error";
    /// EHOSTUNREACH.
    HOST_UNREACHABLE = "host_unreachable";
    /// A redirect to an empty or malformed host.
    HTTP_INVALID_REDIRECT_LOCATION_HOST = "http_invalid_redirect_location_host";
    /// A status that the nettest takes for a failure.
    HTTP_REQUEST_FAILED = "http_request_failed";
    /// A redirect to a URL that the nettest did not expect.
    HTTP_UNEXPECTED_REDIRECT_URL = "http_unexpected_redirect_url";
    /// A status that the nettest did not expect.
    HTTP_UNEXPECTED_STATUS_CODE = "http_unexpected_status_code";
    /// The operation was cancelled; EINTR.
    INTERRUPTED = "interrupted";
    /// EINVAL; an operation that does not fit the state of a connection.
    INVALID_ARGUMENT = "invalid_argument";
    /// A body that should have been JSON.
    JSON_PARSE_ERROR = "json_parse_error";
    /// EMSGSIZE.
    MESSAGE_SIZE = "message_size";
    /// ENETDOWN.
    NETWORK_DOWN = "network_down";
    /// ENETRESET.
    NETWORK_RESET = "network_reset";
    /// ENETUNREACH.
    NETWORK_UNREACHABLE = "network_unreachable";
    /// ENOBUFS.
    NO_BUFFER_SPACE = "no_buffer_space";
    /// ENOPROTOOPT.
    NO_PROTOCOL_OPTION = "no_protocol_option";
    /// ENOTSOCK.
    NOT_A_SOCKET = "not_a_socket";
    /// ENOTCONN.
    NOT_CONNECTED = "not_connected";
    /// EWOULDBLOCK.
    OPERATION_WOULD_BLOCK = "operation_would_block";
    /// EACCES.
    PERMISSION_DENIED = "permission_denied";
    /// EPROTONOSUPPORT.
    PROTOCOL_NOT_SUPPORTED = "protocol_not_supported";
    /// No QUIC version in common.
    QUIC_INCOMPATIBLE_VERSION = "quic_incompatible_version";
    /// QUIC handshake alerts 40 and 51.
    SSL_FAILED_HANDSHAKE = "ssl_failed_handshake";
    /// The certificate is not valid: expired, not yet valid, not for this use, malformed.
    SSL_INVALID_CERTIFICATE = "ssl_invalid_certificate";
    /// The certificate is another host's, or the server does not know the name (alert 112).
    SSL_INVALID_HOSTNAME = "ssl_invalid_hostname";
    /// Nobody trusted issued the certificate.
    SSL_UNKNOWN_AUTHORITY = "ssl_unknown_authority";
    /// ETIMEDOUT: the kernel gave up. The probe's own deadline is [`FailureCode::GENERIC_TIMEOUT_ERROR`].
    TIMED_OUT = "timed_out";
    /// EPROTOTYPE.
    WRONG_PROTOCOL_TYPE = "wrong_protocol_type";
    /// Nothing is known about the failure. Prefer [`FailureCode::unknown`].
    UNKNOWN_FAILURE = "unknown_failure";
}

impl FailureCode {
    /// `unknown_failure: <text>`, with what looks like an address scrubbed from the text.
    pub fn unknown(text: impl AsRef<str>) -> Self {
        Self(Cow::Owned(format!(
            "unknown_failure: {}",
            scrub::address_looking_text(text.as_ref())
        )))
    }

    /// The string for an error of the operating system or of a stream.
    ///
    /// An error number decides where there is one; otherwise the kind, where it says as much as a number would;
    /// otherwise the error's text becomes an `unknown_failure`. A failure code that an inner layer wrapped into the
    /// error is kept.
    pub fn from_io(error: &io::Error) -> Self {
        if let Some(code) = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<super::Failure>())
        {
            return code.code.clone();
        }
        if let Some(number) = error.raw_os_error() {
            return os::code(number).unwrap_or_else(|| Self::unknown(io_text(error)));
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::EOF_ERROR,
            io::ErrorKind::TimedOut => Self::GENERIC_TIMEOUT_ERROR,
            io::ErrorKind::ConnectionRefused => Self::CONNECTION_REFUSED,
            io::ErrorKind::ConnectionReset => Self::CONNECTION_RESET,
            io::ErrorKind::ConnectionAborted => Self::CONNECTION_ABORTED,
            io::ErrorKind::NotConnected => Self::NOT_CONNECTED,
            io::ErrorKind::Interrupted => Self::INTERRUPTED,
            _ => Self::unknown(error.to_string()),
        }
    }

    /// The string for an error number of the operating system, if OONI has one.
    pub fn from_errno(number: i32) -> Option<Self> {
        os::code(number)
    }

    /// What an error of the operating system is exactly, where [`FailureCode::from_io`] can not say it: its symbolic name
    /// and text, `EPIPE: broken pipe`.
    pub fn detail_of_io(error: &io::Error) -> Option<String> {
        let number = error.raw_os_error()?;
        if os::code(number).is_some() {
            return None;
        }
        let text = io_text(error);
        Some(match os::name(number) {
            Some(name) => format!("{name}: {text}"),
            None => format!("error {number}: {text}"),
        })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `unknown_failure`, with or without a text.
    pub fn is_unknown(&self) -> bool {
        self.0
            .strip_prefix("unknown_failure")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    }
}

/// The system's text for an error, in lower case and without Rust's `(os error N)`, as other tools print it.
fn io_text(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error ").next().unwrap_or_default();
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_lowercase().chain(chars).collect())
        .unwrap_or_default()
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for FailureCode {
    /// Any string, from a guest or from data of others. An empty one, which is never valid, is `unknown_failure`.
    fn from(text: String) -> Self {
        if text.is_empty() {
            Self::UNKNOWN_FAILURE
        } else {
            Self(Cow::Owned(text))
        }
    }
}

impl From<&str> for FailureCode {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_strings_are_distinct_and_written_as_such() {
        let mut texts: Vec<&str> = FailureCode::KNOWN.iter().map(FailureCode::as_str).collect();
        let count = texts.len();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), count);
        assert_eq!(serde_json::to_value(FailureCode::EOF_ERROR).unwrap(), "eof_error");
    }

    #[test]
    fn unknown_failures_hide_addresses() {
        let code = FailureCode::unknown("dial tcp 130.192.91.211:443: oops");
        assert_eq!(code.as_str(), "unknown_failure: dial tcp [scrubbed]: oops");
        assert!(code.is_unknown());
        assert!(!FailureCode::CONNECTION_RESET.is_unknown());
    }

    #[cfg(unix)]
    #[test]
    fn error_numbers_decide() {
        let of = |number| FailureCode::from_io(&io::Error::from_raw_os_error(number));
        assert_eq!(of(libc::ECONNREFUSED), FailureCode::CONNECTION_REFUSED);
        assert_eq!(of(libc::ETIMEDOUT), FailureCode::TIMED_OUT);
        assert_eq!(of(libc::EHOSTUNREACH), FailureCode::HOST_UNREACHABLE);
        assert_eq!(of(libc::EPIPE).as_str(), "unknown_failure: broken pipe");
    }

    #[cfg(unix)]
    #[test]
    fn what_has_no_string_of_its_own_is_told_exactly() {
        let of = |number| FailureCode::detail_of_io(&io::Error::from_raw_os_error(number));
        assert_eq!(of(libc::EPIPE).as_deref(), Some("EPIPE: broken pipe"));
        assert_eq!(
            of(libc::ECHILD).unwrap(),
            format!("error {}: no child processes", libc::ECHILD)
        );
        assert_eq!(of(libc::ECONNRESET), None);
        assert_eq!(
            FailureCode::detail_of_io(&io::ErrorKind::UnexpectedEof.into()),
            None
        );
    }

    #[test]
    fn kinds_stand_in_where_there_is_no_number() {
        let of = |kind: io::ErrorKind| FailureCode::from_io(&kind.into());
        assert_eq!(of(io::ErrorKind::UnexpectedEof), FailureCode::EOF_ERROR);
        assert_eq!(of(io::ErrorKind::TimedOut), FailureCode::GENERIC_TIMEOUT_ERROR);
    }

    #[test]
    fn a_wrapped_failure_keeps_its_code() {
        let inner =
            super::super::Failure::new(FailureCode::SSL_INVALID_HOSTNAME, crate::Operation::Read, "test");
        assert_eq!(
            FailureCode::from_io(&io::Error::other(inner)),
            FailureCode::SSL_INVALID_HOSTNAME
        );
    }
}
