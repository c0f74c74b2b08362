//! What a probe knows: which nettests and mini nettests, in which version, with which arguments.

use std::collections::BTreeMap;
use std::sync::Arc;

use jsonschema::Validator;
use serde_json::Value;

use crate::names::{Versioned, join};
use crate::words::{did_you_mean, quoted};

/// The nettests and mini nettests of a probe, each in the one version that the probe has.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    nettests: BTreeMap<String, Nettest>,
    minis: BTreeMap<String, Mini>,
}

/// What a nettest takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InputPolicy {
    /// No input: it runs once, and its targets are mini nettests.
    None,
    /// It runs once for each target, and each target has an input.
    Required,
    /// It runs once for each target, whose input may be missing; without targets it runs once.
    Optional,
}

/// Why something can not be added to a vocabulary.
#[derive(Debug, thiserror::Error)]
pub enum VocabularyError {
    /// Two modules have one name.
    #[error("{name} is in the vocabulary already; a probe knows one version of it only")]
    Twice {
        /// The name without a version.
        name: String,
    },
    /// The JSON Schema of the arguments is none.
    #[error("the JSON Schema in the manifest of {name} is not valid: {message}")]
    Schema {
        /// The name without a version.
        name: String,
        /// What is wrong with the schema.
        message: String,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Nettest {
    major: u64,
    pub(crate) input: InputPolicy,
    pub(crate) options: Schema,
}

#[derive(Clone, Debug)]
pub(crate) struct Mini {
    major: u64,
    pub(crate) with: Schema,
}

/// A JSON Schema of an object, ready to check with.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    pub(crate) validator: Option<Arc<Validator>>,
    /// The members that it describes, in its order.
    pub(crate) properties: Vec<Property>,
}

/// One member that a schema describes.
#[derive(Clone, Debug)]
pub(crate) struct Property {
    /// Its name; for options, OONI's.
    pub(crate) name: String,
    /// The other name that it may have in a script.
    pub(crate) json_name: Option<String>,
    /// The schema's own words about it.
    pub(crate) description: Option<String>,
}

impl Vocabulary {
    /// A vocabulary without any word in it. Every nettest is unknown.
    pub fn new() -> Self {
        Self::default()
    }

    /// Add a nettest. `name` is bare; `options` is the JSON Schema of its options (an object schema in which each property
    /// may have a `json_name`, a second spelling); without one it has no options.
    pub fn add_nettest(
        &mut self,
        name: &str,
        major: u64,
        input: InputPolicy,
        options: Option<&Value>,
    ) -> Result<(), VocabularyError> {
        let nettest = Nettest {
            major,
            input,
            options: Schema::compile(name, options)?,
        };
        match self.nettests.insert(name.to_owned(), nettest) {
            None => Ok(()),
            Some(_) => Err(VocabularyError::Twice {
                name: name.to_owned(),
            }),
        }
    }

    /// Add a mini nettest. `name` is bare; `with` is the JSON Schema of its arguments; without one it has none.
    pub fn add_mini_nettest(
        &mut self,
        name: &str,
        major: u64,
        with: Option<&Value>,
    ) -> Result<(), VocabularyError> {
        let mini = Mini {
            major,
            with: Schema::compile(name, with)?,
        };
        match self.minis.insert(name.to_owned(), mini) {
            None => Ok(()),
            Some(_) => Err(VocabularyError::Twice {
                name: name.to_owned(),
            }),
        }
    }

    /// The nettest, or why it is unknown.
    pub(crate) fn nettest(&self, name: Versioned<'_>) -> Result<&Nettest, Unknown> {
        let major = name.major.unwrap_or(0);
        match self.nettests.get(name.bare) {
            Some(nettest) if nettest.major == major => Ok(nettest),
            Some(nettest) => Err(Unknown::version("nettest", name, nettest.major)),
            None => {
                let full = join(name.bare, major);
                let names = self
                    .nettests
                    .iter()
                    .map(|(bare, nettest)| join(bare, nettest.major));
                Err(Unknown::name("nettest", &full, names))
            }
        }
    }

    /// The mini nettest, or why it is unknown.
    pub(crate) fn mini(&self, name: Versioned<'_>) -> Result<&Mini, Unknown> {
        let major = name.major.unwrap_or(0);
        match self.minis.get(name.bare) {
            Some(mini) if mini.major == major => Ok(mini),
            Some(mini) => Err(Unknown::version("mini nettest", name, mini.major)),
            None => {
                let full = join(name.bare, major);
                let names = self.minis.iter().map(|(bare, mini)| join(bare, mini.major));
                Err(Unknown::name("mini nettest", &full, names))
            }
        }
    }
}

/// Why a name is unknown.
#[derive(Debug)]
pub(crate) struct Unknown {
    pub(crate) why: String,
    pub(crate) hint: Option<String>,
}

impl Unknown {
    /// The name is known, in another version.
    fn version(kind: &str, given: Versioned<'_>, known: u64) -> Self {
        let known = quoted(&join(given.bare, known));
        Self {
            why: format!(
                "this probe knows the {kind} {known} and not version {} of it",
                given.major.unwrap_or(0)
            ),
            hint: given.major.is_none().then(|| format!("did you mean {known}?")),
        }
    }

    /// No thing of that kind has the name.
    pub(crate) fn name(kind: &str, name: &str, known: impl IntoIterator<Item = String>) -> Self {
        let known: Vec<String> = known.into_iter().collect();
        Self {
            why: format!("this probe knows no {kind} {}", quoted(name)),
            hint: did_you_mean(name, known.iter().map(String::as_str)),
        }
    }
}

impl Schema {
    fn compile(name: &str, schema: Option<&Value>) -> Result<Self, VocabularyError> {
        let Some(schema) = schema else {
            return Ok(Self {
                validator: None,
                properties: Vec::new(),
            });
        };
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(schema)
            .map_err(|error| VocabularyError::Schema {
                name: name.to_owned(),
                message: error.to_string(),
            })?;
        let text = |property: &Value, key| property.get(key).and_then(Value::as_str).map(str::to_owned);
        let properties = schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(name, property)| Property {
                name: name.clone(),
                json_name: text(property, "json_name"),
                description: text(property, "description"),
            })
            .collect();
        Ok(Self {
            validator: Some(Arc::new(validator)),
            properties,
        })
    }
}
