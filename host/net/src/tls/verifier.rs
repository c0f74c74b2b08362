//! Verification that remembers what it saw.

use super::roots;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use std::sync::{Arc, Mutex, PoisonError};

/// Records the peer's certificates, and verifies them unless told not to.
#[derive(Debug)]
pub(crate) struct Verifier {
    inner: Option<Arc<WebPkiServerVerifier>>,
    /// A name that is sent, and the one to verify in its place.
    replaced: Option<(ServerName<'static>, ServerName<'static>)>,
    seen: Mutex<Vec<Vec<u8>>>,
}

impl Verifier {
    /// Records and verifies.
    pub(super) fn strict(inner: Arc<WebPkiServerVerifier>) -> Self {
        Self {
            inner: Some(inner),
            replaced: None,
            seen: Mutex::default(),
        }
    }

    /// Records only.
    pub(super) fn lenient() -> Self {
        Self {
            inner: None,
            replaced: None,
            seen: Mutex::default(),
        }
    }

    /// Verifies the second name where the first, which is the one that was sent, would be.
    pub(super) fn replacing(self, replaced: Option<(ServerName<'static>, ServerName<'static>)>) -> Self {
        Self { replaced, ..self }
    }

    /// The certificates that the peer presented, leaf first.
    pub(crate) fn certificates(&self) -> Vec<Vec<u8>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = chain.map(|der| der.to_vec()).collect();
        let Some(inner) = &self.inner else {
            return Ok(ServerCertVerified::assertion());
        };
        // The public name of an ECH configuration, which stands for a server that rejects it, is verified as it is.
        let server_name = match &self.replaced {
            Some((sent, verified)) if sent == server_name => verified,
            _ => server_name,
        };
        inner
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .map_err(|error| {
                // OONI's data comes from a library that looks at the name before the chain: a certificate of nobody
                // known for another host is another host's.
                if is_about_issuer(&error) && !is_for(end_entity, server_name) {
                    CertificateError::NotValidForName.into()
                } else {
                    error
                }
            })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.as_ref().map_or_else(
            || Ok(HandshakeSignatureValid::assertion()),
            |inner| inner.verify_tls12_signature(message, cert, dss),
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.as_ref().map_or_else(
            || Ok(HandshakeSignatureValid::assertion()),
            |inner| inner.verify_tls13_signature(message, cert, dss),
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        roots::provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Whether an error says that nobody trusted issued the certificate.
fn is_about_issuer(error: &Error) -> bool {
    super::failure::certificate(error) == Some(netsonde_data::failure::FailureCode::SSL_UNKNOWN_AUTHORITY)
}

/// Whether a certificate is for this name. One that can not be read is left to the verifier's own error.
fn is_for(certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> bool {
    ParsedCertificate::try_from(certificate)
        .map_or(true, |certificate| verify_server_name(&certificate, name).is_ok())
}
