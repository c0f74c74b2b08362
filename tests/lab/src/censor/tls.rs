//! The name in a `ClientHello`.

use rustls::server::Acceptor;

/// The server name (RFC 6066, section 3) in the `ClientHello` with which a connection begins, once all of it is
/// there, in however many segments and records it came.
pub(super) fn server_name(mut prefix: &[u8]) -> Option<String> {
    let mut acceptor = Acceptor::default();
    while !prefix.is_empty() {
        acceptor.read_tls(&mut prefix).ok()?;
        match acceptor.accept() {
            Ok(Some(accepted)) => return accepted.client_hello().server_name().map(str::to_owned),
            Ok(None) => (),
            Err(_) => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::server_name;
    use rustls::pki_types::ServerName;
    use std::sync::Arc;

    fn client_hello(name: &'static str) -> Vec<u8> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let mut client =
            rustls::ClientConnection::new(Arc::new(config), ServerName::try_from(name).unwrap()).unwrap();
        let mut hello = Vec::new();
        client.write_tls(&mut hello).unwrap();
        hello
    }

    #[test]
    fn the_name_is_read_when_the_whole_message_is_there_and_not_before() {
        let hello = client_hello("web.telegram.org");
        assert_eq!(server_name(&hello).as_deref(), Some("web.telegram.org"));
        for length in 0..hello.len() {
            assert_eq!(
                server_name(&hello[..length]),
                None,
                "{length} of {} bytes",
                hello.len()
            );
        }
    }

    #[test]
    fn a_message_cut_into_small_records_is_read() {
        let hello = client_hello("web.telegram.org");
        let (header, message) = hello.split_at(5);
        let records: Vec<u8> = message
            .chunks(40)
            .flat_map(|chunk| {
                [
                    &header[..3],
                    &u16::try_from(chunk.len()).unwrap().to_be_bytes(),
                    chunk,
                ]
                .concat()
            })
            .collect();
        assert_eq!(server_name(&records).as_deref(), Some("web.telegram.org"));
    }

    #[test]
    fn what_is_not_tls_has_no_name() {
        assert_eq!(server_name(b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"), None);
    }
}
