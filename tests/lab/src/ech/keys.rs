//! The key of a server with Encrypted Client Hello, and what it opens (RFC 9849, sections 4, 5.1 and 7.1).

use super::EchError;
use crate::tls::hello::{ClientHello, ENCRYPTED_CLIENT_HELLO, Extension, Reader};
use rustls::crypto::aws_lc_rs::hpke;
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke, HpkePrivateKey};

/// The only version of `ECHConfig` there is, and the number of the extension.
const VERSION: u16 = ENCRYPTED_CLIENT_HELLO;
/// The key encapsulation: DHKEM(X25519, HKDF-SHA256).
const KEM: u16 = 0x0020;
/// The key derivation: HKDF-SHA256.
const KDF: u16 = 0x0001;
/// The encryptions a client can choose from, most wanted first.
const SUITES: [(u16, &dyn Hpke); 2] = [
    (0x0001, hpke::DH_KEM_X25519_HKDF_SHA256_AES_128),
    (0x0003, hpke::DH_KEM_X25519_HKDF_SHA256_CHACHA20_POLY1305),
];
/// The name length up to which clients pad.
const MAXIMUM_NAME_LENGTH: u8 = 64;
/// The extension that stands in an inner `ClientHello` for some of the outer one's.
const OUTER_EXTENSIONS: u16 = 0xfd00;

/// A key, and the `ECHConfig` that tells clients of it.
pub(super) struct Key {
    id: u8,
    config: Vec<u8>,
    private: HpkePrivateKey,
}

/// What was in an `encrypted_client_hello` extension.
pub(super) struct Opened {
    /// The body of the inner `ClientHello`, made whole.
    pub(super) body: Vec<u8>,
    /// Its random.
    pub(super) random: [u8; 32],
}

impl Key {
    /// Makes a key for servers behind this public name.
    pub(super) fn generate(id: u8, public_name: &str) -> Result<Self, EchError> {
        let [(_, suite), _] = SUITES;
        let (public, private) = suite.generate_key_pair()?;
        let mut contents = vec![id];
        contents.extend(KEM.to_be_bytes());
        contents.extend(vector16(&public.0)?);
        let suites = SUITES.map(|(aead, _)| [KDF.to_be_bytes(), aead.to_be_bytes()].concat());
        contents.extend(vector16(&suites.concat())?);
        contents.push(MAXIMUM_NAME_LENGTH);
        contents.push(u8::try_from(public_name.len()).map_err(|_| EchError::TooLong)?);
        contents.extend(public_name.as_bytes());
        contents.extend(vector16(&[])?);
        let config = [&VERSION.to_be_bytes()[..], &vector16(&contents)?].concat();
        Ok(Self { id, config, private })
    }

    /// An `ECHConfigList` with this key alone, as it stands in HTTPS records and in retry configurations.
    pub(super) fn config_list(&self) -> Result<Vec<u8>, EchError> {
        vector16(&self.config)
    }

    /// Opens the inner `ClientHello` of an outer one; nothing when it is not for this key, or forged.
    pub(super) fn open(&self, outer_body: &[u8]) -> Option<Opened> {
        let outer = ClientHello::read(outer_body)?;
        let mut offer = Reader(outer.extension(ENCRYPTED_CLIENT_HELLO)?);
        if (offer.u8()?, offer.u16()?) != (0, KDF) {
            return None;
        }
        let aead = offer.u16()?;
        let (_, suite) = SUITES.into_iter().find(|(offered, _)| *offered == aead)?;
        if offer.u8()? != self.id {
            return None;
        }
        let encapsulated = EncapsulatedSecret(offer.vector16()?.to_vec());
        let payload = offer.vector16()?;
        let info = [b"tls ech\0", &self.config[..]].concat();
        let mut opener = suite.setup_opener(&encapsulated, &info, &self.private).ok()?;
        let encoded = opener.open(&without(outer_body, payload)?, payload).ok()?;
        make_whole(&encoded, &outer)
    }
}

/// The message with zeros in the place of its payload: what the encryption authenticates.
fn without(outer_body: &[u8], payload: &[u8]) -> Option<Vec<u8>> {
    let start = payload.as_ptr().addr().checked_sub(outer_body.as_ptr().addr())?;
    let mut blank = outer_body.to_vec();
    blank.get_mut(start..start.checked_add(payload.len())?)?.fill(0);
    Some(blank)
}

/// Puts back what the encoding of an inner `ClientHello` leaves out because the outer one has it.
fn make_whole(encoded: &[u8], outer: &ClientHello<'_>) -> Option<Opened> {
    let inner = ClientHello::read(encoded)?;
    let padded = inner.rest.iter().all(|byte| *byte == 0);
    let marked = inner.extension(ENCRYPTED_CLIENT_HELLO) == Some(&[1]);
    if !inner.whole || !inner.session_id.is_empty() || !padded || !marked {
        return None;
    }
    let mut extensions = Vec::new();
    for extension in &inner.extensions {
        if extension.kind != OUTER_EXTENSIONS {
            extensions.extend(encode(extension).ok()?);
            continue;
        }
        let mut remaining = outer.extensions.iter();
        let mut wanted = Reader(Reader(extension.body).vector8()?);
        while let Some(kind) = wanted.u16() {
            if kind == ENCRYPTED_CLIENT_HELLO {
                return None;
            }
            // They are named in the order in which they stand.
            extensions.extend(encode(remaining.find(|outer| outer.kind == kind)?).ok()?);
        }
    }
    let body = [
        inner.beginning,
        &vector8(outer.session_id)?,
        &vector16(inner.cipher_suites).ok()?,
        &vector8(inner.compression_methods)?,
        &vector16(&extensions).ok()?,
    ]
    .concat();
    Some(Opened {
        body,
        random: *inner.beginning.last_chunk()?,
    })
}

fn encode(extension: &Extension<'_>) -> Result<Vec<u8>, EchError> {
    Ok([&extension.kind.to_be_bytes()[..], &vector16(extension.body)?].concat())
}

fn vector8(bytes: &[u8]) -> Option<Vec<u8>> {
    Some([&[u8::try_from(bytes.len()).ok()?][..], bytes].concat())
}

fn vector16(bytes: &[u8]) -> Result<Vec<u8>, EchError> {
    let length = u16::try_from(bytes.len()).map_err(|_| EchError::TooLong)?;
    Ok([&length.to_be_bytes()[..], bytes].concat())
}
