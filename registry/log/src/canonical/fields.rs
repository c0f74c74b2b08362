//! From values to types and back: every field of an object is asked for by name, and none is left over.

use super::Value;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

/// What is wrong with a document that is well written: which part of it, and how.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {problem}", if path.is_empty() { "the document" } else { path })]
pub struct Misfit {
    /// The names of the fields that lead there, joined with dots.
    pub path: String,
    /// What is wrong.
    pub problem: Unfit,
}

/// How a part of a document can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A field that must be there is not.
    #[error("it is missing: add it")]
    Missing,
    /// A field that this kind of document does not have.
    #[error("there is no such field: remove it")]
    Unknown,
    /// A value of another kind.
    #[error("it must be {0}")]
    Kind(&'static str),
    /// A value of the right kind that can not be one of these.
    #[error("{0}")]
    Word(String),
}

impl Misfit {
    pub(crate) fn new(problem: Unfit) -> Self {
        let path = String::new();
        Self { path, problem }
    }

    pub(crate) fn within(mut self, outer: impl Display) -> Self {
        self.path = if self.path.is_empty() {
            outer.to_string()
        } else {
            format!("{outer}.{}", self.path)
        };
        self
    }
}

/// What can be made of a value.
pub(crate) trait FromValue: Sized {
    fn from_value(value: &Value) -> Result<Self, Misfit>;
}

/// What can be made into a value.
pub(crate) trait ToValue {
    fn to_value(&self) -> Value;
}

/// The fields of one object that were not yet asked for.
pub(crate) struct Fields<'a>(BTreeMap<&'a str, &'a Value>);

impl<'a> Fields<'a> {
    pub(crate) fn of(value: &'a Value) -> Result<Self, Misfit> {
        let Value::Object(fields) = value else {
            return Err(Misfit::new(Unfit::Kind("an object")));
        };
        Ok(Self(
            fields.iter().map(|(key, value)| (key.as_str(), value)).collect(),
        ))
    }

    /// The field of this name, which must be there.
    pub(crate) fn take<T: FromValue>(&mut self, name: &str) -> Result<T, Misfit> {
        T::from_value(self.value(name)?).map_err(|misfit| misfit.within(name))
    }

    /// The field of this name, which may be there.
    pub(crate) fn maybe<T: FromValue>(&mut self, name: &str) -> Result<Option<T>, Misfit> {
        let value = self.0.remove(name);
        let value = value.map(|value| T::from_value(value).map_err(|misfit| misfit.within(name)));
        value.transpose()
    }

    /// The same, as it is.
    pub(crate) fn value(&mut self, name: &str) -> Result<&'a Value, Misfit> {
        self.0
            .remove(name)
            .ok_or_else(|| Misfit::new(Unfit::Missing).within(name))
    }

    /// Forget the fields that later versions may add.
    pub(crate) fn ignore(&mut self, is_known_to_later: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| !is_known_to_later(name));
    }

    /// Nothing may be left.
    pub(crate) fn end(self) -> Result<(), Misfit> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(Misfit::new(Unfit::Unknown).within(name)),
        }
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Result<Self, Misfit> {
        match value {
            Value::Bool(value) => Ok(*value),
            _ => Err(Misfit::new(Unfit::Kind("true or false"))),
        }
    }
}

impl ToValue for bool {
    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }
}

impl FromValue for u64 {
    fn from_value(value: &Value) -> Result<Self, Misfit> {
        let Value::Integer(value) = value else {
            return Err(Misfit::new(Unfit::Kind("a number")));
        };
        Self::try_from(*value).map_err(|_| Misfit::new(Unfit::Kind("a number that is not negative")))
    }
}

/// Beyond what a document can hold, one that can not be read back.
impl ToValue for u64 {
    fn to_value(&self) -> Value {
        Value::Integer(i64::try_from(*self).unwrap_or(i64::MAX))
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> Result<Self, Misfit> {
        match value {
            Value::String(text) => Ok(text.clone()),
            _ => Err(Misfit::new(Unfit::Kind("a string"))),
        }
    }
}

impl ToValue for String {
    fn to_value(&self) -> Value {
        Value::String(self.clone())
    }
}

impl FromValue for Value {
    fn from_value(value: &Value) -> Result<Self, Misfit> {
        Ok(value.clone())
    }
}

impl ToValue for Value {
    fn to_value(&self) -> Value {
        self.clone()
    }
}

impl<T: FromValue> FromValue for Vec<T> {
    fn from_value(value: &Value) -> Result<Self, Misfit> {
        let Value::Array(values) = value else {
            return Err(Misfit::new(Unfit::Kind("an array")));
        };
        let values = values.iter().enumerate();
        values
            .map(|(at, value)| T::from_value(value).map_err(|misfit| misfit.within(at)))
            .collect()
    }
}

impl<T: ToValue> ToValue for Vec<T> {
    fn to_value(&self) -> Value {
        Value::Array(self.iter().map(T::to_value).collect())
    }
}

impl<K, V> FromValue for BTreeMap<K, V>
where
    K: FromStr<Err: Display> + Ord,
    V: FromValue,
{
    fn from_value(value: &Value) -> Result<Self, Misfit> {
        let Value::Object(fields) = value else {
            return Err(Misfit::new(Unfit::Kind("an object")));
        };
        let entry = |(name, value): (&String, &Value)| {
            let key = name.parse().map_err(word::<K::Err>);
            key.and_then(|key| Ok((key, V::from_value(value)?)))
                .map_err(|misfit| misfit.within(name))
        };
        fields.iter().map(entry).collect()
    }
}

impl<K: Display, V: ToValue> ToValue for BTreeMap<K, V> {
    fn to_value(&self) -> Value {
        let fields = self.iter();
        Value::Object(
            fields
                .map(|(key, value)| (key.to_string(), value.to_value()))
                .collect(),
        )
    }
}

/// A word that could not be read.
pub(crate) fn word<E: Display>(error: E) -> Misfit {
    Misfit::new(Unfit::Word(error.to_string()))
}

/// Types that are a string in a document: read with `FromStr`, written with `Display`.
macro_rules! as_text {
    ($($type:ty),+ $(,)?) => {$(
        impl $crate::canonical::fields::FromValue for $type {
            fn from_value(value: &$crate::canonical::Value) -> Result<Self, $crate::canonical::Misfit> {
                let text = String::from_value(value)?;
                text.parse().map_err($crate::canonical::fields::word)
            }
        }

        impl $crate::canonical::fields::ToValue for $type {
            fn to_value(&self) -> $crate::canonical::Value {
                $crate::canonical::Value::String(self.to_string())
            }
        }
    )+};
}
pub(crate) use as_text;

/// A type that is an object of exactly these fields.
macro_rules! record {
    ($(#[$about:meta])* $vis:vis struct $name:ident { $($(#[$what:meta])* $field:ident: $type:ty,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        $vis struct $name {
            $($(#[$what])* $vis $field: $type,)+
        }

        impl $name {
            pub(crate) fn take_from(
                fields: &mut $crate::canonical::fields::Fields<'_>,
            ) -> Result<Self, $crate::canonical::Misfit> {
                Ok(Self { $($field: fields.take(stringify!($field))?,)+ })
            }

            pub(crate) fn put_into(&self, fields: &mut std::collections::BTreeMap<String, $crate::canonical::Value>) {
                $(fields.insert(stringify!($field).to_owned(), self.$field.to_value());)+
            }
        }

        impl $crate::canonical::fields::FromValue for $name {
            fn from_value(value: &$crate::canonical::Value) -> Result<Self, $crate::canonical::Misfit> {
                let mut fields = $crate::canonical::fields::Fields::of(value)?;
                let record = Self::take_from(&mut fields)?;
                fields.end()?;
                Ok(record)
            }
        }

        impl $crate::canonical::fields::ToValue for $name {
            fn to_value(&self) -> $crate::canonical::Value {
                let mut fields = std::collections::BTreeMap::new();
                self.put_into(&mut fields);
                $crate::canonical::Value::Object(fields)
            }
        }
    };
}
pub(crate) use record;
