//! What the end of a QUIC connection means in OONI's words.

use crate::tls;
use netsonde_data::failure::FailureCode;
use quinn::{ConnectionError, TransportErrorCode};
use rustls::{AlertDescription, Error};
use std::fmt::Display;

/// Why a connection ended: `ours` is what rustls found wrong with the peer, where that was it.
pub(super) fn code(error: &ConnectionError, ours: Option<&Error>) -> FailureCode {
    match error {
        ConnectionError::VersionMismatch => FailureCode::QUIC_INCOMPATIBLE_VERSION,
        ConnectionError::Reset => FailureCode::CONNECTION_RESET,
        ConnectionError::TimedOut => FailureCode::GENERIC_TIMEOUT_ERROR,
        ConnectionError::LocallyClosed => FailureCode::CONNECTION_ALREADY_CLOSED,
        ConnectionError::ConnectionClosed(close) => closed(close.error_code, "remote", &lossy(&close.reason)),
        ConnectionError::TransportError(error) => ours.and_then(tls::certificate_code).unwrap_or_else(|| {
            let reason = ours.map_or_else(|| error.reason.clone(), ToString::to_string);
            closed(error.code, "local", &reason)
        }),
        ConnectionError::ApplicationClosed(close) => {
            let name = format!("application error {:#x}", close.error_code.into_inner());
            told(&name, "remote", &lossy(&close.reason))
        }
        ConnectionError::CidsExhausted => FailureCode::unknown("no connection ids are left"),
    }
}

/// What exactly was said, for the strings that several causes share.
pub(super) fn detail(error: &ConnectionError, ours: Option<&Error>) -> Option<String> {
    match error {
        ConnectionError::ConnectionClosed(close) => {
            Some(name(close.error_code, "remote", &lossy(&close.reason)))
        }
        ConnectionError::TransportError(error) => {
            let reason = ours.map_or_else(|| error.reason.clone(), ToString::to_string);
            Some(name(error.code, "local", &reason))
        }
        ConnectionError::Reset => Some("stateless reset".to_owned()),
        ConnectionError::TimedOut => Some("idle timeout".to_owned()),
        _ => None,
    }
}

/// The failure string for an error code of the transport (RFC 9000, section 20.1).
fn closed(code: TransportErrorCode, side: &str, reason: &str) -> FailureCode {
    if code == TransportErrorCode::CONNECTION_REFUSED {
        return FailureCode::CONNECTION_REFUSED;
    }
    match alert(code) {
        Some(40 | 51) => FailureCode::SSL_FAILED_HANDSHAKE,
        Some(42..=46) => FailureCode::SSL_INVALID_CERTIFICATE,
        Some(48) => FailureCode::SSL_UNKNOWN_AUTHORITY,
        Some(112) => FailureCode::SSL_INVALID_HOSTNAME,
        _ => FailureCode::unknown(name(code, side, reason)),
    }
}

/// The TLS alert in an error code, where it is one (RFC 9001, section 4.8).
fn alert(code: TransportErrorCode) -> Option<u8> {
    let code = u64::from(code);
    u8::try_from(code & 0xff).ok().filter(|_| code & !0xff == 0x100)
}

/// An error code in words, who said so, and the reason that was given.
fn name(code: TransportErrorCode, side: &str, reason: &str) -> String {
    match alert(code) {
        Some(alert) => {
            let text = tls::alert_text(AlertDescription::from(alert));
            with_reason(
                &format!("CRYPTO_ERROR {:#x} ({side}): tls: {text}", u64::from(code)),
                reason,
            )
        }
        None => with_reason(&format!("{code:?} ({side})"), reason),
    }
}

fn told(name: &str, side: &str, reason: &str) -> FailureCode {
    FailureCode::unknown(with_reason(&format!("{name} ({side})"), reason))
}

fn with_reason(text: &str, reason: impl Display) -> String {
    let reason = reason.to_string();
    if reason.is_empty() {
        text.to_owned()
    } else {
        format!("{text}: {reason}")
    }
}

fn lossy(reason: &[u8]) -> String {
    String::from_utf8_lossy(reason).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use quinn::ConnectionClose;
    use rustls::CertificateError;

    fn remote(code: u8) -> FailureCode {
        let close = ConnectionClose {
            error_code: TransportErrorCode::crypto(code),
            frame_type: None,
            reason: b"no".to_vec().into(),
        };
        super::code(&ConnectionError::ConnectionClosed(close), None)
    }

    #[test]
    fn alerts_have_the_strings_that_ooni_gives_them() {
        assert_eq!(remote(40), FailureCode::SSL_FAILED_HANDSHAKE);
        assert_eq!(remote(51), FailureCode::SSL_FAILED_HANDSHAKE);
        for code in 42..=46 {
            assert_eq!(remote(code), FailureCode::SSL_INVALID_CERTIFICATE, "{code}");
        }
        assert_eq!(remote(48), FailureCode::SSL_UNKNOWN_AUTHORITY);
        assert_eq!(remote(112), FailureCode::SSL_INVALID_HOSTNAME);
        assert_eq!(
            remote(120).as_str(),
            "unknown_failure: CRYPTO_ERROR 0x178 (remote): tls: no application protocol: no"
        );
    }

    #[test]
    fn what_we_find_wrong_with_a_certificate_is_more_than_the_alert_that_we_send() {
        let sent = quinn_proto::TransportError {
            code: TransportErrorCode::crypto(42),
            frame: None,
            reason: String::new(),
        };
        let ours = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let error = ConnectionError::TransportError(sent);
        assert_eq!(code(&error, Some(&ours)), FailureCode::SSL_UNKNOWN_AUTHORITY);
        assert_eq!(
            detail(&error, Some(&ours)).unwrap(),
            "CRYPTO_ERROR 0x12a (local): tls: bad certificate: invalid peer certificate: UnknownIssuer"
        );
    }
}
