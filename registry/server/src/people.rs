//! The keys of the people who have roles, as files: PKCS #8 and `SubjectPublicKeyInfo` in PEM (RFC 8410), which other
//! programs make and read too (`openssl genpkey -algorithm ed25519`).

use ed25519_dalek::{
    SigningKey, VerifyingKey,
    pkcs8::{
        DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _,
        spki::der::pem::LineEnding,
    },
};
use netsonde_log::role::{RoleKey, SecretRoleKey, WeakKey};

/// Why a text is no key, or a key no text.
#[derive(Debug, thiserror::Error)]
pub enum PersonError {
    /// Not PKCS #8, or of another algorithm.
    #[error("it is no secret Ed25519 key in PEM (`PRIVATE KEY`): {0}")]
    Secret(ed25519_dalek::pkcs8::Error),
    /// A secret key where a public one belongs, which others will read.
    #[error("it is a secret key: give the file with the public one")]
    NotPublic,
    /// Not `SubjectPublicKeyInfo`, or of another algorithm.
    #[error("it is no public Ed25519 key in PEM (`PUBLIC KEY`): {0}")]
    Public(ed25519_dalek::pkcs8::spki::Error),
    /// A key that is nobody's.
    #[error(transparent)]
    Weak(#[from] WeakKey),
}

/// The texts of the key that these 32 random bytes make: the secret one and the public one.
pub fn to_pem(seed: &[u8; 32]) -> Result<(String, String), PersonError> {
    let key = SigningKey::from_bytes(seed);
    let secret = key.to_pkcs8_pem(LineEnding::LF).map_err(PersonError::Secret)?;
    let public = key
        .verifying_key()
        .to_public_key_pem(LineEnding::LF)
        .map_err(PersonError::Public)?;
    Ok((secret.to_string(), public))
}

/// Read a secret key.
pub fn secret(pem: &str) -> Result<SecretRoleKey, PersonError> {
    let key = SigningKey::from_pkcs8_pem(pem).map_err(PersonError::Secret)?;
    Ok(SecretRoleKey::from_seed(key.as_bytes()))
}

/// Read a public key.
pub fn public(pem: &str) -> Result<RoleKey, PersonError> {
    if pem.contains("PRIVATE KEY") {
        return Err(PersonError::NotPublic);
    }
    let key = VerifyingKey::from_public_key_pem(pem).map_err(PersonError::Public)?;
    Ok(RoleKey::from_bytes(key.to_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of RFC 8410, section 10.3 and 10.1.
    const SECRET: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
";

    #[test]
    fn keys_of_other_programs_are_read() {
        assert_eq!(secret(SECRET).unwrap().public(), public(PUBLIC).unwrap());
    }

    #[test]
    fn what_is_written_is_read() {
        let (secret_pem, public_pem) = to_pem(&[7; 32]).unwrap();
        assert_eq!(
            secret(&secret_pem).unwrap().public(),
            public(&public_pem).unwrap()
        );
    }

    #[test]
    fn a_secret_key_is_not_given_away_for_a_public_one() {
        let said = public(SECRET).unwrap_err().to_string();
        assert!(said.contains("secret") && !said.contains("1O5y"), "{said}");
        assert!(secret(PUBLIC).is_err());
        assert!(public("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n").is_err());
        assert!(public("").is_err());
    }
}
