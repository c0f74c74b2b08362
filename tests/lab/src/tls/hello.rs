//! The body of a `ClientHello` (RFC 8446, section 4.1.2), whole or cut short.

/// The extension `server_name` (RFC 6066, section 3).
const SERVER_NAME: u16 = 0;
/// The extension `encrypted_client_hello` (RFC 9849, section 5).
pub(crate) const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;

/// A `ClientHello`'s fields and as many extensions as are there.
#[derive(Debug)]
pub(crate) struct ClientHello<'a> {
    /// `legacy_version` and `random`.
    pub(crate) beginning: &'a [u8],
    /// `legacy_session_id`.
    pub(crate) session_id: &'a [u8],
    /// `cipher_suites`.
    pub(crate) cipher_suites: &'a [u8],
    /// `legacy_compression_methods`.
    pub(crate) compression_methods: &'a [u8],
    /// The extensions that are there as a whole.
    pub(crate) extensions: Vec<Extension<'a>>,
    /// What follows the extensions.
    pub(crate) rest: &'a [u8],
    /// Whether it is all there.
    pub(crate) whole: bool,
}

/// An extension.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extension<'a> {
    /// Which one.
    pub(crate) kind: u16,
    /// What it says.
    pub(crate) body: &'a [u8],
}

impl<'a> ClientHello<'a> {
    /// Reads the body of a message; nothing when its end is before the extensions.
    pub(crate) fn read(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(body);
        let beginning = reader.take(2 + 32)?;
        let session_id = reader.vector8()?;
        let cipher_suites = reader.vector16()?;
        let compression_methods = reader.vector8()?;
        let length = usize::from(reader.u16()?);
        let (mut inside, rest) = match reader.0.split_at_checked(length) {
            Some((inside, rest)) => (Reader(inside), rest),
            None => (Reader(reader.0), &[][..]),
        };
        let cut_short = reader.0.len() < length;
        let mut extensions = Vec::new();
        while let Some(extension) = inside.extension() {
            extensions.push(extension);
        }
        Some(Self {
            beginning,
            session_id,
            cipher_suites,
            compression_methods,
            extensions,
            rest,
            whole: !cut_short && inside.0.is_empty(),
        })
    }

    /// What one extension says.
    pub(crate) fn extension(&self, kind: u16) -> Option<&'a [u8]> {
        let found = self.extensions.iter().find(|extension| extension.kind == kind)?;
        Some(found.body)
    }

    /// The host name in `server_name`.
    pub(crate) fn server_name(&self) -> Option<String> {
        let mut list = Reader(Reader(self.extension(SERVER_NAME)?).vector16()?);
        while let Some(kind) = list.u8() {
            let name = list.vector16()?;
            if kind == 0 {
                return String::from_utf8(name.to_vec()).ok();
            }
        }
        None
    }
}

/// Takes fields off the beginning of what is left.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*first))
    }

    /// A vector behind one byte of length.
    pub(crate) fn vector8(&mut self) -> Option<&'a [u8]> {
        let length = self.u8()?;
        self.take(length.into())
    }

    /// A vector behind two bytes of length.
    pub(crate) fn vector16(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(length.into())
    }

    /// A whole extension; what is not one stays.
    fn extension(&mut self) -> Option<Extension<'a>> {
        let mut ahead = Reader(self.0);
        let extension = Extension {
            kind: ahead.u16()?,
            body: ahead.vector16()?,
        };
        self.0 = ahead.0;
        Some(extension)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::records::{self, Beginning};
    use rustls::pki_types::ServerName;
    use std::sync::Arc;

    fn sent_by_rustls(name: &'static str) -> Vec<u8> {
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
    fn a_whole_message_has_its_name_and_a_part_has_it_once_the_extension_is_there() {
        let stream = sent_by_rustls("web.telegram.org");
        let mut known = false;
        for length in 0..=stream.len() {
            let (Beginning::Whole { body, .. } | Beginning::Partial(body)) =
                records::client_hello(&stream[..length])
            else {
                panic!("{length} bytes are no TLS")
            };
            let hello = ClientHello::read(&body);
            let name = hello.as_ref().and_then(ClientHello::server_name);
            assert!(name.is_some() || !known, "{length}: forgotten");
            known = name.is_some();
            assert_eq!(name.as_deref(), known.then_some("web.telegram.org"));
            assert_eq!(hello.is_some_and(|hello| hello.whole), length == stream.len());
        }
        assert!(known);
    }
}
