//! HTTPS over TLS 1.0 and 1.1 only, by `BoringSSL`: rustls speaks neither.

use super::pki::Issued;
use super::sites::{Seen, Sites};
use super::web::{PAUSE, converse};
use boring::error::ErrorStack;
use boring::pkey::PKey;
use boring::ssl::{Ssl, SslContext, SslMethod, SslVersion};
use boring::x509::X509;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_boring::SslStreamBuilder;

/// Suites that there were in TLS 1.0.
const CIPHERS: &str = "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA";

/// The TLS side of such a server.
pub(super) fn context(certificate: &Issued) -> Result<SslContext, ErrorStack> {
    let mut context = SslContext::builder(SslMethod::tls())?;
    context.set_min_proto_version(Some(SslVersion::TLS1))?;
    context.set_max_proto_version(Some(SslVersion::TLS1_1))?;
    context.set_cipher_list(CIPHERS)?;
    context.set_certificate(&*X509::from_der(&certificate.certificate)?)?;
    context.set_private_key(&*PKey::private_key_from_pkcs8(certificate.key.secret_der())?)?;
    Ok(context.build())
}

/// Serves the pages of its one host.
pub(super) async fn serve(listener: TcpListener, context: SslContext, sites: Arc<Sites>) {
    loop {
        let Ok((stream, client)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (context, sites) = (context.clone(), Arc::clone(&sites));
        tokio::spawn(async move {
            let ssl = Ssl::new(&context).ok()?;
            // A handshake that fails is the client's to notice.
            let stream = SslStreamBuilder::new(ssl, stream).accept().await.ok()?;
            let named = stream
                .ssl()
                .servername(boring::ssl::NameType::HOST_NAME)
                .is_some();
            let seen = Seen {
                client: client.ip(),
                sni: if named { "plaintext" } else { "off" },
            };
            converse(stream, false, seen, sites).await;
            Some(())
        });
    }
}
