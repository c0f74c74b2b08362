//! What rustls's server does not say of Encrypted Client Hello, added where its messages are hashed and encrypted.
//!
//! rustls speaks ECH as a client only. Two messages of a server are different with it: the `ServerHello` of one
//! that accepts ends its random with a confirmation computed from the inner `ClientHello` (RFC 9849, section 7.2),
//! and the `EncryptedExtensions` of one that rejects carry retry configurations (section 7.1). Both are the
//! transcript's hash away from being ours to write: the provider hashes, and for the second also encrypts, the
//! changed message in the place of rustls's own. The first is sent in the clear, and is changed on its way out.

use rustls::crypto::cipher::{
    AeadKey, Iv, MessageDecrypter, MessageEncrypter, OutboundChunks, OutboundOpaqueMessage,
    OutboundPlainMessage, Tls13AeadAlgorithm, UnsupportedOperationError,
};
use rustls::crypto::hash::{Context, Hash, HashAlgorithm, Output};
use rustls::crypto::tls13::{Hkdf, expand};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{
    CipherSuiteCommon, ConnectionTrafficSecrets, ContentType, Error, SupportedCipherSuite, Tls13CipherSuite,
};
use std::cell::RefCell;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

/// Handshake types.
const SERVER_HELLO: u8 = 2;
const ENCRYPTED_EXTENSIONS: u8 = 8;
/// Where the confirmation stands in a `ServerHello`: behind the header, the version and 24 bytes of the random.
pub(super) const CONFIRMATION: Range<usize> = 30..38;

/// What the server says of ECH in the handshake that is under way on this thread.
#[derive(Clone, Default)]
pub(super) enum Say {
    /// Nothing.
    #[default]
    Nothing,
    /// That it accepts: the inner `ClientHello`'s random, and the confirmation once it is known.
    Accepted {
        inner_random: [u8; 32],
        confirmation: Option<[u8; 8]>,
    },
    /// That it rejects, and the whole extension with the configurations to retry with.
    Retry(Vec<u8>),
}

thread_local! {
    /// A `ClientHello` is answered in one call, so that what is said of ECH can stand beside it.
    static SAY: RefCell<Say> = const { RefCell::new(Say::Nothing) };
}

/// Runs the step of a handshake that answers a `ClientHello`; returns what was to be said and what has become of it.
pub(super) fn saying<T>(say: Say, step: impl FnOnce() -> T) -> (T, Say) {
    SAY.with_borrow_mut(|place| *place = say);
    let outcome = step();
    (outcome, SAY.take())
}

/// rustls's own cryptography, which says what it is told to.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
        let mut provider = aws_lc_rs::default_provider();
        for suite in &mut provider.cipher_suites {
            if let SupportedCipherSuite::Tls13(plain) = *suite {
                *suite = SupportedCipherSuite::Tls13(speaking(plain));
            }
        }
        Arc::new(provider)
    });
    Arc::clone(&PROVIDER)
}

/// rustls wants cipher suites that live for ever; there are three of them.
fn speaking(plain: &'static Tls13CipherSuite) -> &'static Tls13CipherSuite {
    let hash: &'static Transcript = Box::leak(Box::new(Transcript(plain)));
    let aead: &'static Encryption = Box::leak(Box::new(Encryption(plain.aead_alg)));
    Box::leak(Box::new(Tls13CipherSuite {
        common: CipherSuiteCommon {
            suite: plain.common.suite,
            hash_provider: hash,
            confidentiality_limit: plain.common.confidentiality_limit,
        },
        hkdf_provider: plain.hkdf_provider,
        aead_alg: aead,
        quic: plain.quic,
    }))
}

/// The hash of a cipher suite.
struct Transcript(&'static Tls13CipherSuite);

impl Hash for Transcript {
    fn start(&self) -> Box<dyn Context> {
        Box::new(Hashing {
            plain: self.0.common.hash_provider.start(),
            hkdf: self.0.hkdf_provider,
        })
    }

    fn hash(&self, data: &[u8]) -> Output {
        self.0.common.hash_provider.hash(data)
    }

    fn output_len(&self) -> usize {
        self.0.common.hash_provider.output_len()
    }

    fn algorithm(&self) -> HashAlgorithm {
        self.0.common.hash_provider.algorithm()
    }
}

/// A transcript that is being hashed, one message a call.
struct Hashing {
    plain: Box<dyn Context>,
    hkdf: &'static dyn Hkdf,
}

impl Context for Hashing {
    fn fork_finish(&self) -> Output {
        self.plain.fork_finish()
    }

    fn fork(&self) -> Box<dyn Context> {
        Box::new(Self {
            plain: self.plain.fork(),
            hkdf: self.hkdf,
        })
    }

    fn finish(self: Box<Self>) -> Output {
        self.plain.finish()
    }

    fn update(&mut self, data: &[u8]) {
        let changed = SAY.with_borrow_mut(|say| match (say, data.first()) {
            (
                Say::Accepted {
                    inner_random,
                    confirmation,
                },
                Some(&SERVER_HELLO),
            ) => {
                let (message, computed) = confirm(self.plain.fork(), self.hkdf, inner_random, data)?;
                *confirmation = Some(computed);
                Some(message)
            }
            (Say::Retry(extension), Some(&ENCRYPTED_EXTENSIONS)) => with_extension(data, extension),
            _ => None,
        });
        self.plain.update(changed.as_deref().unwrap_or(data));
    }
}

/// A `ServerHello` that confirms, and the confirmation; `transcript` holds the inner `ClientHello`.
fn confirm(
    mut transcript: Box<dyn Context>,
    hkdf: &dyn Hkdf,
    inner_random: &[u8],
    server_hello: &[u8],
) -> Option<(Vec<u8>, [u8; 8])> {
    let mut message = server_hello.to_vec();
    message.get_mut(CONFIRMATION)?.fill(0);
    transcript.update(&message);
    let transcript = transcript.finish();
    let transcript = transcript.as_ref();
    let label = b"tls13 ech accept confirmation";
    // HKDF-Expand-Label (RFC 8446, section 7.1).
    let info = [
        &8_u16.to_be_bytes()[..],
        &[u8::try_from(label.len()).ok()?],
        label,
        &[u8::try_from(transcript.len()).ok()?],
        transcript,
    ];
    let secret = hkdf.extract_from_secret(None, inner_random);
    let confirmation: [u8; 8] = expand(&*secret, &info);
    message.get_mut(CONFIRMATION)?.copy_from_slice(&confirmation);
    Some((message, confirmation))
}

/// Whether these bytes begin with a `ServerHello`.
pub(super) fn is_server_hello(bytes: &[u8]) -> bool {
    bytes.first() == Some(&SERVER_HELLO)
}

/// The same with the extension, where these bytes begin with `EncryptedExtensions`.
pub(super) fn with_retry(bytes: &[u8], extension: &[u8]) -> Option<Vec<u8>> {
    (bytes.first() == Some(&ENCRYPTED_EXTENSIONS)).then(|| with_extension(bytes, extension))?
}

/// The `EncryptedExtensions` with which these bytes begin, with one extension more, and what follows them.
fn with_extension(bytes: &[u8], extension: &[u8]) -> Option<Vec<u8>> {
    let &[kind, high, middle, low, list_high, list_low, ..] = bytes else {
        return None;
    };
    let length = u32::from_be_bytes([0, high, middle, low]);
    let list = u16::from_be_bytes([list_high, list_low]);
    let end = 4_usize.checked_add(usize::try_from(length).ok()?)?;
    let added = u16::try_from(extension.len()).ok()?;
    let [_, new_length @ ..] = length.checked_add(added.into())?.to_be_bytes();
    Some(
        [
            &[kind][..],
            &new_length,
            &list.checked_add(added)?.to_be_bytes(),
            bytes.get(6..end)?,
            extension,
            bytes.get(end..)?,
        ]
        .concat(),
    )
}

/// The encryption of a cipher suite.
struct Encryption(&'static dyn Tls13AeadAlgorithm);

impl Tls13AeadAlgorithm for Encryption {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(Encrypting(self.0.encrypter(key, iv)))
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        self.0.decrypter(key, iv)
    }

    fn key_len(&self) -> usize {
        self.0.key_len()
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.0.extract_keys(key, iv)
    }
}

/// Records that are being encrypted; the first one with a handshake message begins with `EncryptedExtensions`.
struct Encrypting(Box<dyn MessageEncrypter>);

impl MessageEncrypter for Encrypting {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        sequence: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let changed = SAY.with_borrow(|say| match say {
            Say::Retry(extension) if message.typ == ContentType::Handshake => {
                let bytes = message.payload.to_vec();
                with_retry(&bytes, extension)
            }
            _ => None,
        });
        match changed {
            None => self.0.encrypt(message, sequence),
            Some(bytes) => self.0.encrypt(
                OutboundPlainMessage {
                    payload: OutboundChunks::Single(&bytes),
                    ..message
                },
                sequence,
            ),
        }
    }

    fn encrypted_payload_len(&self, length: usize) -> usize {
        self.0.encrypted_payload_len(length)
    }
}
