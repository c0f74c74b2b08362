//! One file of the cache: an HMAC-SHA256, then the code.

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::private::Key;
use crate::digest::Digest;

const MAC_LENGTH: usize = 32;

/// The authentication code over all that the compiled code stands for, each part with its length before it.
fn mac(key: &Key, fingerprint: &str, digest: &Digest, artefact: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.bytes()).ok()?;
    for part in [
        b"netsonde compiled module 1".as_slice(),
        fingerprint.as_bytes(),
        digest.as_str().as_bytes(),
        artefact,
    ] {
        mac.update(&(part.len() as u64).to_le_bytes());
        mac.update(part);
    }
    Some(mac)
}

/// The bytes of the file.
pub(super) fn seal(key: &Key, fingerprint: &str, digest: &Digest, artefact: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(MAC_LENGTH + artefact.len());
    if let Some(mac) = mac(key, fingerprint, digest, artefact) {
        sealed.extend_from_slice(&mac.finalize().into_bytes());
    }
    sealed.extend_from_slice(artefact);
    sealed
}

/// The code, if the file is what [`seal`] made for this module and this engine.
pub(super) fn open(key: &Key, fingerprint: &str, digest: &Digest, mut sealed: Vec<u8>) -> Option<Vec<u8>> {
    let artefact = sealed.get(MAC_LENGTH..)?;
    let tag = sealed.get(..MAC_LENGTH)?;
    mac(key, fingerprint, digest, artefact)?.verify_slice(tag).ok()?;
    sealed.drain(..MAC_LENGTH);
    Some(sealed)
}
