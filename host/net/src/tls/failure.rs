//! What an error of a TLS stream means in OONI's words.

use super::alert;
use netsonde_data::failure::FailureCode;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};
use std::io;

/// Somebody answers who does not speak TLS.
pub(super) const CLEARTEXT: &str = "tls: first record does not look like a TLS handshake";
/// The server insists on a version that was not offered.
pub(super) const UNSUPPORTED_VERSION: &str = "tls: server selected unsupported protocol version";

/// The failure string for an error of a stream, TLS or not.
pub(crate) fn failure_code(error: &io::Error) -> FailureCode {
    #[cfg(feature = "boringssl")]
    if let Some(error) = boring_error(error) {
        return super::with_boring::failure_code(error);
    }
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    tls.map_or_else(|| FailureCode::from_io(error), tls_code)
}

/// What went wrong exactly, where the failure string is one for many causes; none where it says it all.
pub(crate) fn failure_detail(error: &io::Error) -> Option<String> {
    #[cfg(feature = "boringssl")]
    if let Some(error) = boring_error(error) {
        return super::with_boring::failure_detail(error);
    }
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::AlertReceived(alert)) => Some(alert::detail(*alert)),
        Some(tls) => Some(tls.to_string()),
        None => FailureCode::from_io(error)
            .is_unknown()
            .then(|| error.to_string()),
    }
}

#[cfg(feature = "boringssl")]
fn boring_error(error: &io::Error) -> Option<&boring::ssl::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

/// The failure string for an alert of the peer.
pub(super) fn alert_code(alert: AlertDescription) -> FailureCode {
    if alert == AlertDescription::UnrecognisedName {
        return FailureCode::SSL_INVALID_HOSTNAME;
    }
    FailureCode::unknown(format!("remote error: tls: {}", alert::text(alert)))
}

fn tls_code(error: &Error) -> FailureCode {
    if let Some(code) = certificate(error) {
        return code;
    }
    match error {
        Error::AlertReceived(alert) => alert_code(*alert),
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => FailureCode::unknown(CLEARTEXT),
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => FailureCode::unknown(UNSUPPORTED_VERSION),
        other => FailureCode::unknown(format!("tls: {other}")),
    }
}

/// The failure string for an error about the peer's certificate; none for any other error.
pub(crate) fn certificate(error: &Error) -> Option<FailureCode> {
    let Error::InvalidCertificate(error) = error else {
        return None;
    };
    Some(match error {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            FailureCode::SSL_INVALID_HOSTNAME
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            FailureCode::SSL_UNKNOWN_AUTHORITY
        }
        CertificateError::Other(other) => match other.to_string().as_str() {
            // A self-signed certificate that is a CA's, as blockpages have it. The verifier's own error type is not
            // part of its stable interface; its text is all there is to go by.
            "CaUsedAsEndEntity" => FailureCode::SSL_UNKNOWN_AUTHORITY,
            // Too old to hold names of hosts.
            "UnsupportedCertVersion" => FailureCode::SSL_INVALID_HOSTNAME,
            text if text.starts_with("UnsupportedSignatureAlgorithm") => FailureCode::SSL_UNKNOWN_AUTHORITY,
            _ => FailureCode::SSL_INVALID_CERTIFICATE,
        },
        // Expired, not yet valid, for another purpose, revoked, malformed.
        _ => FailureCode::SSL_INVALID_CERTIFICATE,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(error: impl Into<Error>) -> FailureCode {
        failure_code(&io::Error::new(io::ErrorKind::InvalidData, error.into()))
    }

    #[test]
    fn certificates_fail_for_one_of_three_reasons() {
        assert_eq!(
            code(CertificateError::Expired),
            FailureCode::SSL_INVALID_CERTIFICATE
        );
        assert_eq!(
            code(CertificateError::NotValidYet),
            FailureCode::SSL_INVALID_CERTIFICATE
        );
        assert_eq!(
            code(CertificateError::InvalidPurpose),
            FailureCode::SSL_INVALID_CERTIFICATE
        );
        assert_eq!(
            code(CertificateError::NotValidForName),
            FailureCode::SSL_INVALID_HOSTNAME
        );
        assert_eq!(
            code(CertificateError::UnknownIssuer),
            FailureCode::SSL_UNKNOWN_AUTHORITY
        );
    }

    #[test]
    fn alerts_keep_their_names_but_for_one() {
        assert_eq!(
            code(Error::AlertReceived(AlertDescription::UnrecognisedName)),
            FailureCode::SSL_INVALID_HOSTNAME
        );
        let alert = code(Error::AlertReceived(AlertDescription::HandshakeFailure));
        assert_eq!(
            alert.as_str(),
            "unknown_failure: remote error: tls: handshake failure"
        );
    }

    #[test]
    fn cleartext_is_no_handshake() {
        assert_eq!(
            code(Error::InvalidMessage(InvalidMessage::InvalidContentType)).as_str(),
            "unknown_failure: tls: first record does not look like a TLS handshake"
        );
    }

    #[test]
    fn the_end_of_the_stream_is_no_matter_of_tls() {
        assert_eq!(
            failure_code(&io::ErrorKind::UnexpectedEof.into()),
            FailureCode::EOF_ERROR
        );
    }
}
