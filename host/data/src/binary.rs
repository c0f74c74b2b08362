//! Bytes in JSON: text where they are UTF-8, base64 in an object where they are not (df-001, "binary data").

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Bytes that are usually text: a JSON string if they are valid UTF-8, else `{"data": …, "format": "base64"}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MaybeBinary(pub Vec<u8>);

/// Bytes that are never text: `{"data": …, "format": "base64"}`, or `null` when there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BinaryData(pub Vec<u8>);

impl MaybeBinary {
    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl From<&str> for MaybeBinary {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl Serialize for MaybeBinary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_str() {
            Some(text) => serializer.serialize_str(text),
            None => Encoded::new(&self.0).serialize(serializer),
        }
    }
}

impl Serialize for BinaryData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_empty() {
            serializer.serialize_none()
        } else {
            Encoded::new(&self.0).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for MaybeBinary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<Either>::deserialize(deserializer)? {
            None => Ok(Self::default()),
            Some(Either::Text(text)) => Ok(Self(text.into_bytes())),
            Some(Either::Encoded(encoded)) => encoded.decode().map(Self),
        }
    }
}

impl<'de> Deserialize<'de> for BinaryData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<Encoded>::deserialize(deserializer)? {
            None => Ok(Self::default()),
            Some(encoded) => encoded.decode().map(Self),
        }
    }
}

/// What may stand where a [`MaybeBinary`] is expected.
#[derive(Deserialize)]
#[serde(untagged)]
enum Either {
    Text(String),
    Encoded(Encoded),
}

/// The object form.
#[derive(Serialize, Deserialize)]
struct Encoded {
    data: String,
    format: String,
}

impl Encoded {
    fn new(bytes: &[u8]) -> Self {
        Self {
            data: STANDARD.encode(bytes),
            format: "base64".to_owned(),
        }
    }

    fn decode<E: de::Error>(&self) -> Result<Vec<u8>, E> {
        if self.format != "base64" {
            return Err(E::custom(format!(
                "binary data: format {:?} is not known, only base64 is",
                self.format
            )));
        }
        STANDARD
            .decode(&self.data)
            .map_err(|error| E::custom(format!("binary data: not base64: {error}")))
    }
}

/// `#[serde(with = …)]`: bytes as a plain base64 string, the form of `raw_response` in `queries`.
pub(crate) mod base64_text {
    use super::{Deserialize, Deserializer, STANDARD, Serializer, de};
    use base64::Engine as _;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        STANDARD
            .decode(text)
            .map_err(|error| de::Error::custom(format!("raw_response: not base64: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn text_is_a_string_and_the_rest_an_object() {
        assert_eq!(
            serde_json::to_value(MaybeBinary::from("hé")).unwrap(),
            json!("hé")
        );
        assert_eq!(serde_json::to_value(MaybeBinary::default()).unwrap(), json!(""));
        let bytes = MaybeBinary(vec![0xff, 0x00]);
        assert_eq!(
            serde_json::to_value(bytes).unwrap(),
            json!({"data": "/wA=", "format": "base64"})
        );
    }

    #[test]
    fn empty_binary_data_is_null() {
        assert_eq!(serde_json::to_value(BinaryData::default()).unwrap(), json!(null));
        assert_eq!(
            serde_json::from_value::<BinaryData>(json!(null)).unwrap(),
            BinaryData::default()
        );
    }

    #[test]
    fn another_format_is_refused() {
        let error = serde_json::from_value::<BinaryData>(json!({"data": "", "format": "hex"})).unwrap_err();
        assert!(error.to_string().contains("hex"), "{error}");
    }

    proptest! {
        #[test]
        fn bytes_survive_both_forms(bytes: Vec<u8>) {
            let maybe = MaybeBinary(bytes.clone());
            let text = serde_json::to_string(&maybe).unwrap();
            prop_assert_eq!(serde_json::from_str::<MaybeBinary>(&text).unwrap(), maybe);
            let data = BinaryData(bytes);
            let text = serde_json::to_string(&data).unwrap();
            prop_assert_eq!(serde_json::from_str::<BinaryData>(&text).unwrap(), data);
        }
    }
}
