//! The keys of logs and witnesses: Ed25519, with a name, as texts (C2SP signed-note, "verifier keys").
//!
//! A public key is `NAME+ID+KEY`, a secret one `PRIVATE+KEY+NAME+ID+SEED`. The byte in front of the key says what it signs:
//! texts (`0x01`, a log), or texts with a time (`0x04`, a witness). What belongs here: these two. What does not: the keys of
//! the people who sign entries, which the root chain names.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

const LOG: u8 = 0x01;
const WITNESS: u8 = 0x04;
const PRIVATE: &str = "PRIVATE+KEY+";
/// As long as C2SP's newer signatures allow, which have the name in them.
const MAX_NAME: usize = 255;

/// Why a text is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not `NAME+ID+KEY`. The text is not repeated: it may be a secret.
    #[error(
        "this is no key: wanted NAME+ID+KEY, with an id of 8 hexadecimal digits and a key of 33 bytes in base64"
    )]
    Format,
    /// Not `PRIVATE+KEY+NAME+ID+SEED`.
    #[error("this is no secret key: wanted PRIVATE+KEY+NAME+ID+SEED")]
    NotSecret,
    /// A secret where a public key is wanted, which others will read.
    #[error("this is a secret key: give the public key that belongs to it, and keep this one where it is")]
    Secret,
    /// Empty, too long, or with spaces, plus signs or control characters.
    #[error("{0:?} can not name a key: wanted 1 to 255 bytes without spaces, `+` and control characters")]
    Name(String),
    /// Signs something else.
    #[error(
        "the key of {name} is of type {found:#04x}, wanted {wanted:#04x}: a log's is 0x01, a witness's 0x04"
    )]
    Type {
        /// Whose it is.
        name: String,
        /// What is wanted.
        wanted: u8,
        /// What it is.
        found: u8,
    },
    /// The id is not that of this name and key: one of the three was mistyped or exchanged.
    #[error("the key of {name} has the id {found:08x}, not {written:08x} as written: copy the key again")]
    Id {
        /// Whose it is.
        name: String,
        /// What is written.
        written: u32,
        /// What name and key make.
        found: u32,
    },
    /// No point of the curve, one that does not bind a signature to one message, or not written in the one right way.
    #[error("the key of {0} is no Ed25519 public key")]
    Point(String),
}

/// The public key of a log, which signs its checkpoints.
#[derive(Clone, PartialEq, Eq)]
pub struct LogKey(Public);

/// The public key of a witness, which says of checkpoints when it has seen them.
#[derive(Clone, PartialEq, Eq)]
pub struct WitnessKey(Public);

/// The secret key of a log.
#[derive(Clone)]
pub struct LogSecret(Secret);

/// The secret key of a witness.
#[derive(Clone)]
pub struct WitnessSecret(Secret);

/// What the two kinds of public keys have in common.
#[derive(Clone, PartialEq, Eq)]
struct Public {
    name: String,
    id: u32,
    key: VerifyingKey,
}

/// What the two kinds of secret keys have in common.
#[derive(Clone)]
struct Secret {
    name: String,
    key: SigningKey,
}

impl LogKey {
    /// Whose it is: for a log of ours, its origin.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What signatures by it carry beside the name.
    pub const fn id(&self) -> u32 {
        self.0.id
    }

    /// The key itself.
    pub fn public(&self) -> &[u8; 32] {
        self.0.key.as_bytes()
    }

    /// The same key as that of a witness: what a log says of when is signed with it.
    pub fn as_witness(&self) -> WitnessKey {
        WitnessKey(Public::new(WITNESS, self.0.name.clone(), self.0.key))
    }

    /// Whether it has signed this.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verifies(message, signature)
    }
}

impl WitnessKey {
    /// Whose it is.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What signatures by it carry beside the name.
    pub const fn id(&self) -> u32 {
        self.0.id
    }

    /// The key itself: what tells witnesses apart. A name costs nothing.
    pub fn public(&self) -> &[u8; 32] {
        self.0.key.as_bytes()
    }

    /// Whether it has signed this.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verifies(message, signature)
    }
}

impl LogSecret {
    /// The key that is made of this seed. Whoever knows the seed can sign: it comes from the system's random numbers.
    pub fn new(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        Secret::new(name, seed).map(Self)
    }

    /// The key that others get.
    pub fn public(&self) -> LogKey {
        LogKey(self.0.public(LOG))
    }

    /// The same key as that of a witness.
    pub(crate) fn as_witness(&self) -> WitnessSecret {
        WitnessSecret(self.0.clone())
    }

    /// The text to keep secret. No `Display`, so that none is printed by accident.
    pub fn to_text(&self) -> String {
        self.0.to_text(LOG)
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.key.sign(message).to_bytes()
    }
}

impl WitnessSecret {
    /// The key that is made of this seed. Whoever knows the seed can sign: it comes from the system's random numbers.
    pub fn new(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        Secret::new(name, seed).map(Self)
    }

    /// The key that others get.
    pub fn public(&self) -> WitnessKey {
        WitnessKey(self.0.public(WITNESS))
    }

    /// The text to keep secret. No `Display`, so that none is printed by accident.
    pub fn to_text(&self) -> String {
        self.0.to_text(WITNESS)
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.key.sign(message).to_bytes()
    }
}

impl FromStr for LogKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Public::parse(LOG, text).map(Self)
    }
}

impl FromStr for WitnessKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Public::parse(WITNESS, text).map(Self)
    }
}

impl FromStr for LogSecret {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Secret::parse(LOG, text).map(Self)
    }
}

impl FromStr for WitnessSecret {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Secret::parse(WITNESS, text).map(Self)
    }
}

impl fmt::Display for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_text(LOG))
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_text(WITNESS))
    }
}

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for LogSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the secret of {}", self.public())
    }
}

impl fmt::Debug for WitnessSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the secret of {}", self.public())
    }
}

impl Public {
    fn new(kind: u8, name: String, key: VerifyingKey) -> Self {
        let id = id(kind, &name, &key);
        Self { name, id, key }
    }

    fn parse(kind: u8, text: &str) -> Result<Self, KeyError> {
        if text.starts_with(PRIVATE) {
            return Err(KeyError::Secret);
        }
        let (name, written, bytes) = parts(kind, text)?;
        let key = verifying_key(&bytes).ok_or_else(|| KeyError::Point(name.to_owned()))?;
        let public = Self::new(kind, name.to_owned(), key);
        check_id(&public, written)?;
        Ok(public)
    }

    fn to_text(&self, kind: u8) -> String {
        text(kind, &self.name, self.id, self.key.as_bytes())
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

impl Secret {
    fn new(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        check_name(name)?;
        Ok(Self {
            name: name.to_owned(),
            key: SigningKey::from_bytes(seed),
        })
    }

    fn parse(kind: u8, text: &str) -> Result<Self, KeyError> {
        let text = text.strip_prefix(PRIVATE).ok_or(KeyError::NotSecret)?;
        let (name, written, seed) = parts(kind, text)?;
        let secret = Self::new(name, &seed)?;
        check_id(&secret.public(kind), written)?;
        Ok(secret)
    }

    fn public(&self, kind: u8) -> Public {
        Public::new(kind, self.name.clone(), self.key.verifying_key())
    }

    fn to_text(&self, kind: u8) -> String {
        let id = self.public(kind).id;
        PRIVATE.to_owned() + &text(kind, &self.name, id, self.key.as_bytes())
    }
}

/// A public key as it must be to be counted: in its one encoding, and not of small order, so that there are no two keys for
/// one secret and no signature that fits any message.
pub(crate) fn verifying_key(bytes: &[u8; 32]) -> Option<VerifyingKey> {
    let key = VerifyingKey::from_bytes(bytes).ok()?;
    let encoded = VerifyingKey::from(key.to_edwards());
    (encoded.as_bytes() == bytes && !key.is_weak()).then_some(key)
}

/// Whether signatures can carry this name.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    (1..=MAX_NAME).contains(&name.len()) && name.chars().all(fits)
}

fn check_name(name: &str) -> Result<(), KeyError> {
    if is_name(name) {
        return Ok(());
    }
    Err(KeyError::Name(name.chars().take(64).collect()))
}

fn check_id(public: &Public, written: u32) -> Result<(), KeyError> {
    if public.id == written {
        return Ok(());
    }
    Err(KeyError::Id {
        name: public.name.clone(),
        written,
        found: public.id,
    })
}

/// The first four bytes of a hash over name, type and key: an abbreviation that tells keys apart and proves nothing.
fn id(kind: u8, name: &str, key: &VerifyingKey) -> u32 {
    let hash = Sha256::new().chain_update(name).chain_update([b'\n', kind]);
    let [a, b, c, d, ..] = <[u8; 32]>::from(hash.chain_update(key.as_bytes()).finalize());
    u32::from_be_bytes([a, b, c, d])
}

fn text(kind: u8, name: &str, id: u32, bytes: &[u8; 32]) -> String {
    let key = STANDARD.encode([&[kind][..], bytes].concat());
    format!("{name}+{id:08x}+{key}")
}

/// Name, id, and the 32 bytes behind the type.
fn parts(wanted: u8, text: &str) -> Result<(&str, u32, [u8; 32]), KeyError> {
    let (name, rest) = text.split_once('+').ok_or(KeyError::Format)?;
    let (written, key) = rest.split_once('+').ok_or(KeyError::Format)?;
    check_name(name)?;
    let id = u32::from_str_radix(written, 16).map_err(|_| KeyError::Format)?;
    if format!("{id:08x}") != written {
        return Err(KeyError::Format);
    }
    let key = STANDARD.decode(key).map_err(|_| KeyError::Format)?;
    let (found, bytes) = key.split_first().ok_or(KeyError::Format)?;
    if *found != wanted {
        return Err(KeyError::Type {
            name: name.to_owned(),
            wanted,
            found: *found,
        });
    }
    let bytes = bytes.try_into().map_err(|_| KeyError::Format)?;
    Ok((name, id, bytes))
}

#[cfg(test)]
mod tests;
