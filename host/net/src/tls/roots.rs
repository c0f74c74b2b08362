//! Whom to trust.

use rustls::{
    RootCertStore,
    client::WebPkiServerVerifier,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// The cryptography of every handshake.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    Arc::clone(&PROVIDER)
}

/// A number and a public key for an ECH configuration that nobody can decrypt with.
pub(super) fn random_hpke_key() -> Result<(u8, [u8; 32]), String> {
    let mut random = [0; 33];
    getrandom::fill(&mut random).map_err(|error| format!("no random bytes: {error}"))?;
    let [config_id, public_key @ ..] = random;
    // Any 32 bytes are a public key of X25519.
    Ok((config_id, public_key))
}

/// Why texts of root certificates can not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RootsError {
    /// A text is no PEM.
    #[error(
        "root certificates: text {position} of {count} is not PEM: {reason}; it must hold BEGIN CERTIFICATE blocks"
    )]
    NotPem {
        /// Which text, from 1.
        position: usize,
        /// How many texts there are.
        count: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A text holds no certificate.
    #[error(
        "root certificates: text {position} of {count} holds no certificate; it must hold BEGIN CERTIFICATE blocks"
    )]
    Empty {
        /// Which text, from 1.
        position: usize,
        /// How many texts there are.
        count: usize,
    },
    /// Not one certificate can serve as a root.
    #[error("root certificates: none of the {certificates} can be used: {reason}")]
    NoneUsable {
        /// How many there are.
        certificates: usize,
        /// What is wrong with the last one.
        reason: String,
    },
}

/// A set of root certificates, ready to verify with.
#[derive(Clone, Debug)]
pub(crate) struct Roots(Arc<WebPkiServerVerifier>);

impl Roots {
    /// Mozilla's bundle and these. The last set is kept, because the measurements of a run trust the same ones, and to
    /// make them ready takes longer than a query.
    pub(crate) fn mozilla_and(pem: &[String]) -> Result<Self, RootsError> {
        static LAST: Mutex<Option<(Vec<String>, Roots)>> = Mutex::new(None);
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, roots)) = &*last
            && of == pem
        {
            return Ok(roots.clone());
        }
        let mozilla = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        let roots = Self::new(mozilla, pem)?;
        *last = Some((pem.to_vec(), roots.clone()));
        Ok(roots)
    }

    /// Only these.
    pub(crate) fn only(pem: &[String]) -> Result<Self, RootsError> {
        Self::new(RootCertStore::empty(), pem)
    }

    fn new(mut store: RootCertStore, pem: &[String]) -> Result<Self, RootsError> {
        let certificates = add(&mut store, pem)?;
        WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider())
            .build()
            .map(Self)
            .map_err(|error| RootsError::NoneUsable {
                certificates,
                reason: error.to_string(),
            })
    }

    pub(crate) fn verifier(&self) -> Arc<WebPkiServerVerifier> {
        Arc::clone(&self.0)
    }
}

/// Add every certificate of every text; how many the texts hold. One that can not serve as a root (too old a format, for
/// instance) is left out, so that it does not take the others with it, and the log says once how many were; only where
/// none is left is it an error.
fn add(store: &mut RootCertStore, pem: &[String]) -> Result<usize, RootsError> {
    let count = pem.len();
    let mut certificates = 0;
    let (mut usable, mut left_out) = (0_usize, 0_usize);
    let mut refused = None;
    for (position, text) in (1..).zip(pem) {
        let before = certificates;
        for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
            let certificate = certificate.map_err(|error| RootsError::NotPem {
                position,
                count,
                reason: error.to_string(),
            })?;
            certificates += 1;
            match store.add(certificate) {
                Ok(()) => usable += 1,
                Err(error) => {
                    left_out += 1;
                    refused = Some(format!("text {position} of {count}: {error}"));
                }
            }
        }
        if certificates == before {
            return Err(RootsError::Empty { position, count });
        }
    }
    match refused {
        Some(reason) if usable == 0 => Err(RootsError::NoneUsable { certificates, reason }),
        Some(reason) => {
            tracing::warn!(
                "root certificates: left {left_out} of {certificates} out, the last because of {reason}"
            );
            Ok(certificates)
        }
        None => Ok(certificates),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use tracing::{Event, Metadata, Subscriber, span};

    /// Counts what is logged.
    #[derive(Default)]
    struct Counting(Arc<AtomicUsize>);

    impl Subscriber for Counting {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target().starts_with("netsonde")
        }
        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }
        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
        fn event(&self, _: &Event<'_>) {
            self.0.fetch_add(1, Relaxed);
        }
        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}
    }

    #[test]
    fn a_thousand_useless_certificates_are_told_once() {
        let key = rcgen::KeyPair::generate().unwrap();
        let good = rcgen::CertificateParams::default()
            .self_signed(&key)
            .unwrap()
            .pem();
        let useless = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".repeat(1_000);
        let counting = Counting::default();
        let lines = Arc::clone(&counting.0);
        let roots = tracing::subscriber::with_default(counting, || Roots::only(&[useless.clone(), good]));
        assert!(roots.is_ok());
        assert_eq!(lines.load(Relaxed), 1);
        let error = Roots::only(&[useless]).unwrap_err().to_string();
        assert!(error.contains("none of the 1000 can be used"), "{error}");
    }
}
