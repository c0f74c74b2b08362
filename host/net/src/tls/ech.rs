//! Encrypted `ClientHello` (RFC 9849): what observations say about a list of configurations, and a list made up.

use super::ja4::Reader;
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The version of a configuration that RFC 9849 defines.
const VERSION: u16 = 0xfe0d;
/// DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-128-GCM, which every server has to know.
const KEM: u16 = 0x0020;
const KDF: u16 = 0x0001;
const AEAD: u16 = 0x0001;
/// How long a name the server would expect.
const LONGEST_NAME: u8 = 42;

/// What observations say about what was offered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offered {
    /// `GREASE`, or the list in base64.
    pub(crate) echconfig: Option<String>,
    /// The public name, where all configurations agree on one.
    pub(crate) outer_server_name: Option<String>,
}

impl Offered {
    /// An extension without meaning beside an SNI that has one.
    pub(super) fn grease(sent_name: Option<&str>) -> Self {
        Self {
            echconfig: Some("GREASE".to_owned()),
            outer_server_name: sent_name.map(ToOwned::to_owned),
        }
    }

    /// A list of configurations.
    pub(super) fn list(list: &[u8]) -> Self {
        Self {
            echconfig: Some(base64(list)),
            outer_server_name: public_name(list),
        }
    }
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The public name that all configurations of a list, as far as they are of a known version, agree on.
fn public_name(list: &[u8]) -> Option<String> {
    let mut configs = Reader(Reader(list).list(2)?);
    let mut agreed: Option<String> = None;
    while !configs.0.is_empty() {
        let (version, contents) = (configs.u16()?, configs.list(2)?);
        if version != VERSION {
            continue;
        }
        let name = name_in(contents)?;
        if agreed.as_ref().is_some_and(|other| *other != name) {
            return None;
        }
        agreed = Some(name);
    }
    agreed
}

/// The public name of one configuration.
fn name_in(contents: &[u8]) -> Option<String> {
    let mut contents = Reader(contents);
    // The configuration's id, the KEM, the public key, the suites, the longest name.
    contents.take(3)?;
    contents.list(2)?;
    contents.list(2)?;
    contents.u8()?;
    String::from_utf8(contents.list(1)?.to_vec()).ok()
}

/// A list with one configuration that nobody has the private key of. None where the name is too long for it.
pub(super) fn made_up(public_name: &str, config_id: u8, public_key: &[u8; 32]) -> Option<Vec<u8>> {
    let name_length = u8::try_from(public_name.len()).ok()?;
    let contents = [
        &[config_id][..],
        &KEM.to_be_bytes(),
        &[0, 32],
        public_key,
        &[0, 4],
        &KDF.to_be_bytes(),
        &AEAD.to_be_bytes(),
        &[LONGEST_NAME, name_length],
        public_name.as_bytes(),
        &[0, 0],
    ]
    .concat();
    let length = u16::try_from(contents.len()).ok()?;
    let list_length = length.checked_add(4)?;
    Some(
        [
            &list_length.to_be_bytes()[..],
            &VERSION.to_be_bytes(),
            &length.to_be_bytes(),
            &contents,
        ]
        .concat(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn joined(lists: &[Vec<u8>]) -> Vec<u8> {
        let configs: Vec<u8> = lists.iter().flat_map(|list| list[2..].to_vec()).collect();
        [&u16::try_from(configs.len()).unwrap().to_be_bytes()[..], &configs].concat()
    }

    #[test]
    fn what_is_made_up_can_be_used_and_says_its_name() {
        let list = made_up("example.org", 7, &[9; 32]).unwrap();
        assert_eq!(public_name(&list).unwrap(), "example.org");
        let suites = rustls::crypto::aws_lc_rs::hpke::ALL_SUPPORTED_SUITES;
        rustls::client::EchConfig::new(list.into(), suites).unwrap();
    }

    #[test]
    fn configurations_that_disagree_have_no_name() {
        let [one, other] = ["a.example", "b.example"].map(|name| made_up(name, 1, &[9; 32]).unwrap());
        assert_eq!(
            public_name(&joined(&[one.clone(), one.clone()])).unwrap(),
            "a.example"
        );
        assert_eq!(public_name(&joined(&[one.clone(), other])), None);
        let unknown = [0, 7, 0xfe, 0x99, 0, 3, 1, 2, 3].to_vec();
        assert_eq!(public_name(&joined(&[unknown, one])).unwrap(), "a.example");
    }

    proptest! {
        #[test]
        fn bytes_of_any_kind_are_survived(bytes: Vec<u8>) {
            let _ = public_name(&bytes);
        }
    }
}
