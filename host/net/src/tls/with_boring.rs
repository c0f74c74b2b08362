//! Handshakes by `BoringSSL`, with hellos like those of Chrome, and with TLS 1.0 and 1.1 where they are asked for.
//!
//! Chrome's ALPS extension is missing: the bindings offer it to unsafe code only. Verification is ours, over the same
//! roots as with rustls, so that the same certificate fails for the same reason.

use super::{
    alert,
    backend::{Agreed, Backend, Broken, EchPlan, Io, Plan, Refused, Secured, Shaking},
    failure,
    group::group_name,
    options::Version,
    verifier::Verifier,
};
use boring::{
    ec::EcKey,
    error::ErrorStack,
    pkey::{PKey, Private},
    rsa::Rsa,
    ssl::{
        self, CertificateCompressionAlgorithm, CertificateCompressor, Ssl, SslAlert, SslContext,
        SslContextBuilder, SslMethod, SslRef, SslVerifyError, SslVerifyMode, SslVersion,
    },
    x509::X509,
};
use netsonde_data::failure::FailureCode;
use rustls::{
    AlertDescription,
    client::danger::ServerCertVerifier as _,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
};
use std::{
    error::Error as _,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};
use tokio_boring::{HandshakeError, SslStream, SslStreamBuilder};

/// Chrome's suites for TLS 1.2, in its order; those for TLS 1.3 are the library's.
const CIPHERS: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
                       ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:\
                       ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA:AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA:\
                       AES256-SHA";
/// What servers of TLS 1.0 and 1.1 may need besides.
const OLD_CIPHERS: &str = "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:DES-CBC3-SHA";
/// Chrome's groups: key shares are sent for the first two.
const GROUPS: &str = "X25519MLKEM768:X25519:P-256:P-384";
/// Chrome's signature algorithms.
const SIGNATURES: &str = "ecdsa_secp256r1_sha256:rsa_pss_rsae_sha256:rsa_pkcs1_sha256:ecdsa_secp384r1_sha384:\
                          rsa_pss_rsae_sha384:rsa_pkcs1_sha384:rsa_pss_rsae_sha512:rsa_pkcs1_sha512";
/// Reason codes of received alerts are their numbers and this.
const ALERT_REASONS: i32 = 1000;

/// What our verifier refused a certificate for.
type Refusal = Arc<Mutex<Option<rustls::Error>>>;

/// `BoringSSL`, made ready for one handshake.
pub(super) struct Boring {
    ssl: Ssl,
    refusal: Refusal,
    is_ech_offered: bool,
}

impl Boring {
    pub(super) fn new(plan: Plan) -> Result<Self, Refused> {
        let refusal = Refusal::default();
        let is_ech_offered = matches!(plan.ech, EchPlan::Configs(_));
        let ssl = prepared(plan, &refusal).map_err(|error| {
            Refused::Invalid(format!("BoringSSL takes no such options: {}", texts(&error)))
        })?;
        Ok(Self {
            ssl,
            refusal,
            is_ech_offered,
        })
    }
}

fn prepared(plan: Plan, refusal: &Refusal) -> Result<Ssl, ErrorStack> {
    let mut context = SslContext::builder(SslMethod::tls())?;
    like_chrome(&mut context, plan.versions.min)?;
    if !plan.groups.is_empty() {
        let names: Vec<_> = plan.groups.iter().map(|group| group.boringssl()).collect();
        context.set_curves_list(&names.join(":"))?;
    }
    context.set_min_proto_version(Some(version(plan.versions.min)))?;
    context.set_max_proto_version(Some(version(plan.versions.max)))?;
    if !plan.alpn.is_empty() {
        context.set_alpn_protos(&alpn_list(&plan.alpn))?;
    }
    if let Some((chain, key)) = &plan.identity {
        let mut chain = chain.iter();
        if let Some(leaf) = chain.next() {
            context.set_certificate(&*X509::from_der(leaf)?)?;
        }
        for certificate in chain {
            context.add_extra_chain_cert(X509::from_der(certificate)?)?;
        }
        context.set_private_key(&*private_key(key)?)?;
    }
    let (name, verifier, refusal) = (plan.name.clone(), plan.verifier, Arc::clone(refusal));
    context.set_custom_verify_callback(SslVerifyMode::PEER, move |ssl| {
        verify(ssl, &name, &verifier).map_err(|(alert, error)| {
            *refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            SslVerifyError::Invalid(alert)
        })
    });
    let mut ssl = Ssl::new(&context.build())?;
    if plan.is_name_sent
        && let ServerName::DnsName(name) = &plan.name
    {
        ssl.set_hostname(name.as_ref())?;
    }
    match &plan.ech {
        EchPlan::Absent => {}
        EchPlan::Grease => ssl.set_enable_ech_grease(true),
        EchPlan::Configs(list) => ssl.set_ech_config_list(list)?,
    }
    Ok(ssl)
}

/// What Chrome's hello has whatever is asked for.
fn like_chrome(context: &mut SslContextBuilder, oldest: Version) -> Result<(), ErrorStack> {
    context.set_grease_enabled(true);
    context.set_permute_extensions(true);
    context.enable_ocsp_stapling();
    context.enable_signed_cert_timestamps();
    context.set_curves_list(GROUPS)?;
    context.set_sigalgs_list(SIGNATURES)?;
    context.add_certificate_compression_algorithm(Brotli)?;
    if oldest < Version::Tls12 {
        context.set_cipher_list(&format!("{CIPHERS}:{OLD_CIPHERS}"))
    } else {
        context.set_cipher_list(CIPHERS)
    }
}

fn version(version: Version) -> SslVersion {
    match version {
        Version::Tls10 => SslVersion::TLS1,
        Version::Tls11 => SslVersion::TLS1_1,
        Version::Tls12 => SslVersion::TLS1_2,
        Version::Tls13 => SslVersion::TLS1_3,
    }
}

/// On the wire each protocol has its length in front; plans have none that is longer than that can say.
fn alpn_list(protocols: &[Vec<u8>]) -> Vec<u8> {
    let mut list = Vec::new();
    for protocol in protocols {
        list.push(u8::try_from(protocol.len()).unwrap_or(u8::MAX));
        list.extend_from_slice(protocol);
    }
    list
}

fn private_key(key: &PrivateKeyDer<'_>) -> Result<PKey<Private>, ErrorStack> {
    match key {
        PrivateKeyDer::Pkcs1(key) => PKey::from_rsa(Rsa::private_key_from_der(key.secret_pkcs1_der())?),
        PrivateKeyDer::Sec1(key) => PKey::from_ec_key(EcKey::private_key_from_der(key.secret_sec1_der())?),
        other => PKey::private_key_from_pkcs8(other.secret_der()),
    }
}

/// Let our verifier decide. The alert is the one that the peer is told.
fn verify(
    ssl: &SslRef,
    name: &ServerName<'static>,
    verifier: &Verifier,
) -> Result<(), (SslAlert, rustls::Error)> {
    let malformed = || rustls::Error::from(rustls::CertificateError::BadEncoding);
    let refused = |error| (SslAlert::BAD_CERTIFICATE, error);
    let mut chain = Vec::new();
    for certificate in ssl.peer_cert_chain().into_iter().flatten() {
        let der = certificate.to_der().map_err(|_| refused(malformed()))?;
        chain.push(CertificateDer::from(der));
    }
    let (leaf, rest) = chain.split_first().ok_or_else(|| refused(malformed()))?;
    // A server that rejects ECH shows the certificate of the configuration's public name.
    let public_name = ssl
        .get_ech_name_override()
        .map(|name| ServerName::try_from(String::from_utf8_lossy(name).into_owned()));
    let name = match &public_name {
        Some(Ok(public_name)) => public_name,
        Some(Err(_)) => return Err(refused(malformed())),
        None => name,
    };
    verifier
        .verify_server_cert(leaf, rest, name, &[], UnixTime::now())
        .map(drop)
        .map_err(|error| {
            let is_unknown = failure::certificate(&error) == Some(FailureCode::SSL_UNKNOWN_AUTHORITY);
            let alert = if is_unknown {
                SslAlert::UNKNOWN_CA
            } else {
                SslAlert::BAD_CERTIFICATE
            };
            (alert, error)
        })
}

impl Backend for Boring {
    fn shake(self: Box<Self>, io: Box<dyn Io>) -> Shaking {
        Box::pin(async move {
            match SslStreamBuilder::new(self.ssl, io).connect().await {
                Ok(stream) => Ok(Secured {
                    agreed: agreed(&stream, self.is_ech_offered),
                    io: Box::new(stream),
                }),
                Err(error) => Err(broken(&error, &self.refusal)),
            }
        })
    }
}

fn agreed(stream: &SslStream<Box<dyn Io>>, is_ech_offered: bool) -> Agreed {
    let ssl = stream.ssl();
    Agreed {
        // The library's names are Go's: TLSv1, TLSv1.1, TLSv1.2, TLSv1.3.
        version: ssl.version_str().to_owned(),
        cipher: ssl
            .current_cipher()
            .and_then(ssl::SslCipherRef::standard_name)
            .unwrap_or_default()
            .to_owned(),
        group: ssl.curve().map(group_name),
        alpn: ssl
            .selected_alpn_protocol()
            .map(|protocol| String::from_utf8_lossy(protocol).into_owned()),
        ech_accepted: is_ech_offered.then(|| ssl.ech_accepted()),
    }
}

fn broken(error: &HandshakeError<Box<dyn Io>>, refusal: &Refusal) -> Broken {
    if let Some(error) = refusal.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let error = io::Error::other(error);
        return Broken::new(failure::failure_code(&error), failure::failure_detail(&error));
    }
    match error
        .source()
        .and_then(|source| source.downcast_ref::<ssl::Error>())
    {
        Some(cause) if has_reason(cause, "ECH_REJECTED") => {
            let configs = error.ssl().and_then(SslRef::get_ech_retry_configs);
            Broken::rejected(configs.map(<[u8]>::to_vec))
        }
        Some(cause) => Broken::new(failure_code(cause), failure_detail(cause)),
        None => Broken::new(FailureCode::unknown(format!("tls: {error}")), None),
    }
}

fn has_reason(error: &ssl::Error, reason: &str) -> bool {
    let mut errors = error.ssl_error().into_iter().flat_map(ErrorStack::errors);
    errors.any(|error| error.reason() == Some(reason))
}

/// The failure string for an error of the library.
pub(super) fn failure_code(error: &ssl::Error) -> FailureCode {
    if let Some(error) = error.io_error() {
        return FailureCode::from_io(error);
    }
    if let Some(alert) = received_alert(error) {
        return failure::alert_code(alert);
    }
    let is_end = matches!(
        error.code(),
        ssl::ErrorCode::SYSCALL | ssl::ErrorCode::ZERO_RETURN
    );
    if is_end || has_reason(error, "UNEXPECTED_EOF_WHILE_READING") {
        return FailureCode::EOF_ERROR;
    }
    let cleartext = ["WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST"];
    if cleartext.iter().any(|reason| has_reason(error, reason)) {
        return FailureCode::unknown(failure::CLEARTEXT);
    }
    if has_reason(error, "UNSUPPORTED_PROTOCOL") {
        return FailureCode::unknown(failure::UNSUPPORTED_VERSION);
    }
    FailureCode::unknown(format!("tls: {}", reasons(error)))
}

/// What went wrong exactly, where the failure string is one for many causes.
pub(super) fn failure_detail(error: &ssl::Error) -> Option<String> {
    if let Some(error) = error.io_error() {
        return FailureCode::from_io(error)
            .is_unknown()
            .then(|| error.to_string());
    }
    match received_alert(error) {
        Some(alert) => Some(alert::detail(alert)),
        None => error.ssl_error().map(texts),
    }
}

fn received_alert(error: &ssl::Error) -> Option<AlertDescription> {
    error.ssl_error()?.errors().iter().find_map(|error| {
        let number = u8::try_from(error.reason_code().checked_sub(ALERT_REASONS)?).ok()?;
        (error.library() == Some("SSL routines")).then(|| AlertDescription::from(number))
    })
}

fn reasons(error: &ssl::Error) -> String {
    error.ssl_error().map_or_else(|| error.to_string(), texts)
}

fn texts(errors: &ErrorStack) -> String {
    let reasons: Vec<_> = errors
        .errors()
        .iter()
        .filter_map(|error| error.reason())
        .collect();
    reasons.join(", ").to_lowercase().replace('_', " ")
}

/// Certificates compressed as Chrome takes them.
struct Brotli;

impl CertificateCompressor for Brotli {
    const ALGORITHM: CertificateCompressionAlgorithm = CertificateCompressionAlgorithm::BROTLI;
    const CAN_COMPRESS: bool = false;
    const CAN_DECOMPRESS: bool = true;

    /// The library ends it where the output is longer than announced.
    fn decompress<W: Write>(&self, mut input: &[u8], output: &mut W) -> io::Result<()> {
        brotli_decompressor::BrotliDecompress(&mut input, output)
    }
}
