//! What a nettest's `run` is given.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::MiniRequest;

/// A target: the `target` argument of the world `nettest`.
#[derive(Clone, Debug, Deserialize)]
pub struct Target<Options> {
    /// The input; none for nettests without.
    #[serde(default)]
    pub input: Option<String>,
    /// The options.
    pub options: Options,
    /// The mini nettests that the script names, in its order.
    #[serde(default)]
    pub targets: Vec<MiniTarget>,
}

/// The options of a nettest that has none.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct NoOptions {}

/// A mini nettest as a script writes it: `{"run": "http-address@v1", "with": {…}}`.
#[derive(Clone, Debug, Deserialize)]
pub struct MiniTarget {
    /// Name with version.
    pub run: String,
    /// Its arguments.
    #[serde(default)]
    pub with: Map<String, Value>,
    /// Tags for all of its observations.
    #[serde(default)]
    pub tags: Vec<String>,
}

impl MiniTarget {
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
        let request = serde_json::from_str::<MiniTarget>(target).unwrap().request();
        assert_eq!(request.run, "dns-lookup@v1");
        assert_eq!(request.with, r#"{"domain":"example.com"}"#);
        assert_eq!(request.tags, ["a"]);
    }

    #[test]
    fn a_target_without_mini_nettests_is_complete() {
        let target: Target<NoOptions> = serde_json::from_str(r#"{"input": null, "options": {}}"#).unwrap();
        assert_eq!(target.input, None);
        assert!(target.targets.is_empty());
    }
}
