//! What crosses the boundary between host and guest, as JSON: what transcripts are made of.
//!
//! Exact both ways. Bytes are a text where they are UTF-8 and `{"base64": …}` where not; a handle is its number, which
//! means nothing outside its instance.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use wasmtime::component::{ComponentNamedList, Lower, Resource};

use crate::bindings::{helper, info, progress, types};

/// A value that transcripts can hold.
pub(crate) trait Wire: Sized {
    fn to_wire(&self) -> Value;

    /// The error says what was there instead.
    fn from_wire(value: Value) -> Result<Self, String>;

    fn list_to_wire(list: &[Self]) -> Value {
        list.iter().map(Self::to_wire).collect()
    }

    fn list_from_wire(value: Value) -> Result<Vec<Self>, String> {
        match value {
            Value::Array(values) => values.into_iter().map(Self::from_wire).collect(),
            other => Err(unexpected("a list", &other)),
        }
    }
}

fn unexpected(wanted: &str, found: &Value) -> String {
    let text = found.to_string();
    let shown = text.get(..text.floor_char_boundary(80)).unwrap_or_default();
    format!("{wanted} was expected, and this is there: {shown}")
}

fn serialised<T: serde::Serialize>(value: &T) -> Value {
    // What is serialised here has texts for keys and nothing that can fail.
    serde_json::to_value(value).unwrap_or_default()
}

fn deserialised<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    T::deserialize(value).map_err(|error| format!("{error}: {}", unexpected("another value", value)))
}

/// What serde describes well enough.
macro_rules! by_serde {
    ($($type:ty),* $(,)?) => {$(
        impl Wire for $type {
            fn to_wire(&self) -> Value {
                serialised(self)
            }

            fn from_wire(value: Value) -> Result<Self, String> {
                deserialised(&value)
            }
        }
    )*};
}

by_serde!(
    bool,
    u16,
    u32,
    u64,
    i32,
    i64,
    String,
    types::DnsRecord,
    types::SvcParams,
    types::Failure,
    types::Outcome,
    types::MiniRequest,
    types::MiniStatus,
    info::AsnInfo,
    helper::HelperReply,
    progress::Level,
);

/// JSON has no infinities; what is no finite number is its bits.
impl Wire for f64 {
    fn to_wire(&self) -> Value {
        if self.is_finite() {
            json!(self)
        } else {
            json!({ "bits": self.to_bits() })
        }
    }

    fn from_wire(value: Value) -> Result<Self, String> {
        match value.get("bits").and_then(Value::as_u64) {
            Some(bits) => Ok(Self::from_bits(bits)),
            None => value.as_f64().ok_or_else(|| unexpected("a number", &value)),
        }
    }
}

/// Alone a number, in lists bytes.
impl Wire for u8 {
    fn to_wire(&self) -> Value {
        json!(self)
    }

    fn from_wire(value: Value) -> Result<Self, String> {
        deserialised(&value)
    }

    fn list_to_wire(list: &[Self]) -> Value {
        match std::str::from_utf8(list) {
            Ok(text) => json!(text),
            Err(_) => json!({ "base64": STANDARD.encode(list) }),
        }
    }

    fn list_from_wire(value: Value) -> Result<Vec<Self>, String> {
        match (&value, value.get("base64").and_then(Value::as_str)) {
            (Value::String(text), _) => Ok(text.clone().into_bytes()),
            (_, Some(encoded)) => STANDARD.decode(encoded).map_err(|error| error.to_string()),
            _ => Err(unexpected("bytes", &value)),
        }
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn to_wire(&self) -> Value {
        T::list_to_wire(self)
    }

    fn from_wire(value: Value) -> Result<Self, String> {
        T::list_from_wire(value)
    }
}

/// In a list of one, because an option may hold what is null.
impl<T: Wire> Wire for Option<T> {
    fn to_wire(&self) -> Value {
        self.as_ref()
            .map_or(Value::Null, |some| json!({ "some": some.to_wire() }))
    }

    fn from_wire(mut value: Value) -> Result<Self, String> {
        if value.is_null() {
            return Ok(None);
        }
        match value.get_mut("some") {
            Some(some) => T::from_wire(some.take()).map(Some),
            None => Err(unexpected("`some` or null", &value)),
        }
    }
}

/// What a result can hold: a value, or nothing.
pub(crate) trait Held: Sized {
    fn held(&self) -> Value;
    fn hold(value: Value) -> Result<Self, String>;
}

impl<T: Wire> Held for T {
    fn held(&self) -> Value {
        self.to_wire()
    }

    fn hold(value: Value) -> Result<Self, String> {
        T::from_wire(value)
    }
}

impl Held for () {
    fn held(&self) -> Value {
        Value::Null
    }

    fn hold(value: Value) -> Result<Self, String> {
        deserialised(&value)
    }
}

impl<T: Held, E: Held> Wire for Result<T, E> {
    fn to_wire(&self) -> Value {
        match self {
            Ok(value) => json!({ "ok": value.held() }),
            Err(error) => json!({ "error": error.held() }),
        }
    }

    fn from_wire(mut value: Value) -> Result<Self, String> {
        if let Some(held) = value.get_mut("ok") {
            return T::hold(held.take()).map(Ok);
        }
        match value.get_mut("error") {
            Some(held) => E::hold(held.take()).map(Err),
            None => Err(unexpected("`ok` or `error`", &value)),
        }
    }
}

impl<T: 'static> Wire for Resource<T> {
    fn to_wire(&self) -> Value {
        json!(self.rep())
    }

    fn from_wire(value: Value) -> Result<Self, String> {
        deserialised(&value).map(Self::new_own)
    }
}

macro_rules! tuples {
    ($($($name:ident)*;)*) => {$(
        impl<$($name: Wire),*> Arguments for ($($name,)*) {
            #[expect(non_snake_case, reason = "the names are those of the types")]
            fn list(&self) -> Vec<Value> {
                let ($($name,)*) = self;
                vec![$($name.to_wire()),*]
            }
        }
    )*};
}

/// The arguments of a function.
pub(crate) trait Arguments {
    fn list(&self) -> Vec<Value>;
}

impl Arguments for () {
    fn list(&self) -> Vec<Value> {
        Vec::new()
    }
}

tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn to_wire(&self) -> Value {
        Value::Array(self.list())
    }

    fn from_wire(mut value: Value) -> Result<Self, String> {
        match value.as_array_mut().map(Vec::as_mut_slice) {
            Some([a, b]) => Ok((A::from_wire(a.take())?, B::from_wire(b.take())?)),
            _ => Err(unexpected("a pair", &value)),
        }
    }
}

/// What a function answers: a value, or nothing, which the component model tells apart.
pub(crate) trait Answer: Held + Send + Sync + 'static {
    type Lowered: ComponentNamedList + Lower + Send + Sync + 'static;

    fn lowered(self) -> Self::Lowered;
}

impl Answer for () {
    type Lowered = ();

    fn lowered(self) {}
}

impl<T: Wire + Lower + Send + Sync + 'static> Answer for T
where
    (T,): ComponentNamedList + Lower,
{
    type Lowered = (T,);

    fn lowered(self) -> (T,) {
        (self,)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same<T: Wire + PartialEq + std::fmt::Debug>(value: &T) -> Value {
        let wire = value.to_wire();
        let text = wire.to_string();
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(T::from_wire(read).as_ref(), Ok(value), "{text}");
        wire
    }

    #[test]
    fn values_come_back_as_they_were() {
        assert_eq!(same(&b"text".to_vec()), json!("text"));
        assert_eq!(same(&vec![0xff_u8, 0]), json!({ "base64": "/wA=" }));
        assert_eq!(same(&Some(7_u32)), json!({ "some": 7 }));
        assert_eq!(same(&None::<u32>), json!(null));
        assert_eq!(same(&vec![("a".to_owned(), vec![1_u8])]), json!([["a", "\u{1}"]]));
        assert_eq!(same(&Ok::<(), String>(())), json!({ "ok": null }));
        assert_eq!(
            same(&Err::<u64, String>("no".to_owned())),
            json!({ "error": "no" })
        );
        same(&u64::MAX);
        same(&f64::INFINITY);
        same(&0.1_f64);
    }

    #[test]
    fn numbers_come_back_to_the_last_bit() {
        // Times of observations have as many digits as these, and not every reader gets the last one right.
        for nanoseconds in (0..2_000_000_000_000_u64).step_by(9_999_999_967) {
            let seconds = std::time::Duration::from_nanos(nanoseconds).as_secs_f64();
            same(&seconds);
            same(&seconds.sqrt());
            same(&(seconds + 0.5).recip());
        }
    }

    #[test]
    fn what_is_not_expected_is_shown() {
        let error = Vec::<u8>::from_wire(json!([1])).unwrap_err();
        assert_eq!(error, "bytes was expected, and this is there: [1]");
        assert!(u32::from_wire(json!("x")).unwrap_err().contains("\"x\""));
    }
}
