//! What a nettest's `run` is given.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::MiniRequest;

/// A target: the `target` argument of the world `nettest`.
#[derive(Clone, Debug)]
pub struct Target<Options> {
    /// The input; none for nettests without.
    pub input: Option<String>,
    /// The options.
    pub options: Options,
    /// The mini nettests that the script names, in its order.
    pub targets: Vec<MiniTarget>,
}

/// The options of a nettest that has none.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct NoOptions {}

/// A mini nettest as a script writes it: `{"run": "http-address@v1", "with": {…}}`.
#[derive(Clone, Debug)]
pub struct MiniTarget {
    /// Name with version.
    pub run: String,
    /// Its arguments.
    pub with: Map<String, Value>,
    /// Tags for all of its observations.
    pub tags: Vec<String>,
}

impl<Options: DeserializeOwned> Target<Options> {
    /// Read the argument of `run`, by hand because that is smaller. The host has checked it.
    ///
    /// # Errors
    ///
    /// When it is not JSON, or its options are not `Options`.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        let mut target: Value = serde_json::from_str(text)?;
        let mut take = |name: &str| target.get_mut(name).map(Value::take).unwrap_or_default();
        let input = match take("input") {
            Value::String(input) => Some(input),
            _ => None,
        };
        let targets = match take("targets") {
            Value::Array(mut targets) => targets.iter_mut().map(MiniTarget::of).collect(),
            _ => Vec::new(),
        };
        Ok(Self {
            input,
            options: serde_json::from_value(take("options"))?,
            targets,
        })
    }
}

impl MiniTarget {
    fn of(target: &mut Value) -> Self {
        let with = match target.get_mut("with").map(Value::take) {
            Some(Value::Object(with)) => with,
            _ => Map::new(),
        };
        let run = target.get("run").and_then(Value::as_str);
        Self {
            run: run.unwrap_or_default().to_owned(),
            with,
            tags: crate::observations::tags(target),
        }
    }

    /// A mini nettest that a guest has built in. `with` is a JSON object.
    pub fn new(run: &str, tag: &str, with: Value) -> Self {
        let with = match with {
            Value::Object(with) => with,
            _ => Map::new(),
        };
        Self {
            run: run.to_owned(),
            with,
            tags: vec![tag.to_owned()],
        }
    }

    /// The request for [`mini::run`](crate::mini::run).
    pub fn request(&self) -> MiniRequest {
        let with = Value::Object(self.with.clone()).to_string();
        MiniRequest {
            run: self.run.clone(),
            with,
            tags: self.tags.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mini_nettest_keeps_its_tags_and_arguments() {
        let target = r#"{"run": "dns-lookup@v1", "with": {"domain": "example.com"}, "tags": ["a"]}"#;
        let request = MiniTarget::of(&mut serde_json::from_str(target).unwrap()).request();
        assert_eq!(request.run, "dns-lookup@v1");
        assert_eq!(request.with, r#"{"domain":"example.com"}"#);
        assert_eq!(request.tags, ["a"]);
    }

    #[test]
    fn a_target_without_mini_nettests_is_complete() {
        let target: Target<NoOptions> = Target::read(r#"{"input": null, "options": {}}"#).unwrap();
        assert_eq!(target.input, None);
        assert!(target.targets.is_empty());
    }
}
