//! Options of a nettest, as the envelope's `options` holds them: `Name=value`.

use serde_json::Value;

/// `options` as `Name=value`, in the order given.
///
/// Left out: `null`, `false`, `0`, `""` and empty lists, which are the values of an option that was not set, and
/// names that begin with `Safe`, which by convention hold secrets. Lists and objects are written as JSON.
pub fn serialise<'a>(options: impl IntoIterator<Item = (&'a str, &'a Value)>) -> Vec<String> {
    options
        .into_iter()
        .filter(|(name, value)| !name.starts_with("Safe") && !is_zero(value))
        .map(|(name, value)| match value {
            Value::String(text) => format!("{name}={text}"),
            other => format!("{name}={other}"),
        })
        .collect()
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn zero_values_and_secrets_are_left_out() {
        let values = json!({
            "DefaultAddrs": "8.8.8.8 8.8.4.4", "HTTP3Enabled": true, "HTTPHost": "", "Delay": 100, "Repetitions": 0,
            "Verbose": false, "SafeKey": "secret",
        });
        let options = values
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.as_str(), value));
        assert_eq!(
            serialise(options),
            ["DefaultAddrs=8.8.8.8 8.8.4.4", "HTTP3Enabled=true", "Delay=100"]
        );
    }
}
