//! Who may say what: roles, and the keys of those who have them.

use crate::canonical::Value;
use crate::canonical::fields::{Fields, FromValue, ToValue, as_text, word};
use crate::canonical::{Misfit, Unfit};
use crate::keys::verifying_key;
use crate::words::{Digest, Hex, KeyId, NotAWord};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use std::fmt;
use std::str::FromStr;

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Give keys and roles, and set the policy.
    Root,
    /// Ring 0: publish test code.
    Modules,
    /// Say that a module is what its source gives.
    Rebuild,
    /// Ring 1: publish scripts, switch nettests.
    Scripts,
    /// Ring 1: publish lists of targets.
    Lists,
    /// Ring 2: have a test run.
    Schedule,
    /// Ring 3: change how often what already runs does.
    Adjust,
    /// Stop anything; start within ring 1, for a day.
    Emergency,
    /// Say what the log has come to, and that it is alive.
    Snapshot,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Root,
        Self::Modules,
        Self::Rebuild,
        Self::Scripts,
        Self::Lists,
        Self::Schedule,
        Self::Adjust,
        Self::Emergency,
        Self::Snapshot,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Modules => "modules",
            Self::Rebuild => "rebuild",
            Self::Scripts => "scripts",
            Self::Lists => "lists",
            Self::Schedule => "schedule",
            Self::Adjust => "adjust",
            Self::Emergency => "emergency",
            Self::Snapshot => "snapshot",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = NotAWord;

    fn from_str(text: &str) -> Result<Self, NotAWord> {
        let role = Self::ALL.into_iter().find(|role| role.name() == text);
        role.ok_or_else(|| NotAWord::Choice {
            text: text.to_owned(),
            known: "root, modules, rebuild, scripts, lists, schedule, adjust, emergency, snapshot",
        })
    }
}

as_text!(Role);

/// The public key of somebody who has a role: Ed25519, and none of the few that everybody can sign for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleKey(Hex<32>);

/// Bytes that are no public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no Ed25519 public key that one person alone can sign for: make another")]
pub struct WeakKey(Hex<32>);

impl RoleKey {
    /// The key of these 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, WeakKey> {
        match verifying_key(&bytes) {
            Some(_) => Ok(Self(Hex(bytes))),
            None => Err(WeakKey(Hex(bytes))),
        }
    }

    /// Its 32 bytes.
    pub fn bytes(&self) -> [u8; 32] {
        self.0.0
    }

    /// Its id, as TUF has it: the SHA-256 of the canonical object that root documents list it as.
    pub fn id(&self) -> KeyId {
        Hex(Digest::of(&self.to_value().to_bytes()).bytes())
    }

    /// Whether this is its signature over the message.
    pub fn verifies(&self, message: &[u8], signature: &Hex<64>) -> bool {
        let signature = Signature::from_bytes(&signature.0);
        VerifyingKey::from_bytes(&self.0.0).is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
    }
}

impl fmt::Debug for RoleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// As TUF has keys.
impl FromValue for RoleKey {
    fn from_value(value: &Value) -> Result<Self, Misfit> {
        let mut fields = Fields::of(value)?;
        for (name, only) in [("keytype", "ed25519"), ("scheme", "ed25519")] {
            let text: String = fields.take(name)?;
            if text != only {
                return Err(Misfit::new(Unfit::Kind("\"ed25519\"")).within(name));
            }
        }
        let mut inner = Fields::of(fields.value("keyval")?).map_err(|misfit| misfit.within("keyval"))?;
        let public: Result<Hex<32>, Misfit> = inner.take("public");
        let key = public.and_then(|public| {
            let key = Self::from_bytes(public.0).map_err(|error| word(error).within("public"));
            inner.end().and(key)
        });
        fields.end()?;
        key.map_err(|misfit| misfit.within("keyval"))
    }
}

impl ToValue for RoleKey {
    fn to_value(&self) -> Value {
        let ed25519 = || Value::String("ed25519".to_owned());
        Value::object([
            ("keytype", ed25519()),
            ("keyval", Value::object([("public", self.0.to_value())])),
            ("scheme", ed25519()),
        ])
    }
}

/// The secret half of a [`RoleKey`].
pub struct SecretRoleKey(SigningKey);

impl SecretRoleKey {
    /// The key that these 32 random bytes make.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The half that everybody may know.
    pub fn public(&self) -> RoleKey {
        RoleKey(Hex(self.0.verifying_key().to_bytes()))
    }

    /// Its signature over the message.
    pub(crate) fn sign(&self, message: &[u8]) -> Hex<64> {
        Hex(self.0.sign(message).to_bytes())
    }
}

/// Says whose it is, and nothing of the secret.
impl fmt::Debug for SecretRoleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the secret of {:?}", self.public())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::Limits;

    const LIMITS: Limits = Limits {
        bytes: 4096,
        depth: 8,
    };

    #[test]
    fn a_key_has_the_id_that_tuf_gives_it() {
        let key = SecretRoleKey::from_seed(&[1; 32]).public();
        let text = key.to_value().to_string();
        assert_eq!(
            text,
            r#"{"keytype":"ed25519","keyval":{"public":"8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c"},"scheme":"ed25519"}"#
        );
        assert_eq!(key.id().0, Digest::of(text.as_bytes()).bytes());
        let value = Value::parse_canonical(text.as_bytes(), LIMITS).unwrap();
        assert_eq!(RoleKey::from_value(&value).unwrap(), key);
    }

    #[test]
    fn a_key_says_nothing_more_than_a_key() {
        let good = SecretRoleKey::from_seed(&[1; 32]).public().to_value().to_string();
        for (from, to) in [
            ("\"scheme\"", "\"owner\":\"me\",\"scheme\""),
            ("{\"public\"", "{\"more\":1,\"public\""),
            ("\"keytype\":\"ed25519\"", "\"keytype\":\"rsa\""),
            ("8a88e3dd", "8A88E3DD"),
            ("8a88e3dd", "8a88e3"),
        ] {
            let text = good.replace(from, to);
            let value = Value::parse(text.as_bytes(), LIMITS).unwrap();
            assert!(RoleKey::from_value(&value).is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_that_everybody_can_sign_for_is_none() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert!(RoleKey::from_bytes(identity).is_err());
        assert!(RoleKey::from_bytes([0; 32]).is_err());
    }

    #[test]
    fn a_signature_is_for_one_message_and_one_key() {
        let [one, other] = [1, 2].map(|seed| SecretRoleKey::from_seed(&[seed; 32]));
        let signature = one.sign(b"message");
        assert!(one.public().verifies(b"message", &signature));
        assert!(!one.public().verifies(b"massage", &signature));
        assert!(!other.public().verifies(b"message", &signature));
    }
}
