//! The fourteen keys that are compared, and what a row says of each.

use crate::rows::{Diff, Dns, Row, Verdict};
use serde_json::{Value, json};

/// How far a proportion may be off: it is a quotient of two lengths.
const TOLERANCE: f64 = 1e-9;

/// What differs between a row and test keys, a line each; empty when nothing does.
pub(crate) fn differences(row: &Row, test_keys: &Value) -> Vec<String> {
    keys(row)
        .into_iter()
        .filter(|(key, wanted)| !is_same(wanted, &test_keys[*key]))
        .map(|(key, wanted)| format!("    {key}: {} in place of {wanted}", test_keys[key]))
        .collect()
}

fn is_same(wanted: &Value, found: &Value) -> bool {
    match (wanted.as_f64(), found.as_f64()) {
        (Some(wanted), Some(found)) => (wanted - found).abs() <= TOLERANCE,
        _ => wanted == found,
    }
}

fn keys(row: &Row) -> [(&'static str, Value); 14] {
    let consistency = match row.dns {
        Dns::Consistent => json!("consistent"),
        Dns::Inconsistent => json!("inconsistent"),
        Dns::Unknown => Value::Null,
    };
    let (proportion, length, status, headers, title) = match row.diff {
        Diff::Nothing => (json!(0), Value::Null, Value::Null, Value::Null, Value::Null),
        Diff::Same => (json!(1), json!(true), json!(true), json!(true), json!(true)),
        Diff::Challenge => (
            json!(1533.0 / 8432.0),
            json!(false),
            json!(false),
            json!(true),
            json!(false),
        ),
        Diff::Forged => (
            json!(188.0 / 1533.0),
            json!(false),
            json!(true),
            json!(false),
            json!(false),
        ),
        Diff::Long => (json!(0), Value::Null, json!(true), json!(true), json!(true)),
    };
    let (blocking, accessible) = match row.verdict {
        Verdict::Open => (json!(false), json!(true)),
        Verdict::Down => (json!(false), json!(false)),
        Verdict::Blocked(how) => (json!(how), json!(false)),
        Verdict::Unknown => (Value::Null, Value::Null),
    };
    let [dns_flags, blocking_flags, null_null_flags] = row.flags;
    [
        ("dns_consistency", consistency),
        ("dns_experiment_failure", json!(row.dns_failure)),
        ("http_experiment_failure", json!(row.http_failure)),
        ("control_failure", json!(row.control_failure())),
        ("body_proportion", proportion),
        ("body_length_match", length),
        ("status_code_match", status),
        ("headers_match", headers),
        ("title_match", title),
        ("x_dns_flags", json!(dns_flags)),
        ("x_blocking_flags", json!(blocking_flags)),
        ("x_null_null_flags", json!(null_null_flags)),
        ("blocking", blocking),
        ("accessible", accessible),
    ]
}

#[cfg(test)]
mod tests {
    use super::differences;
    use crate::rows::ROWS;
    use serde_json::json;

    #[test]
    fn each_difference_is_named() {
        let success = &ROWS[39];
        let mut found = json!({
            "dns_consistency": "consistent",
            "dns_experiment_failure": null,
            "http_experiment_failure": null,
            "control_failure": null,
            "body_proportion": 1.0,
            "body_length_match": true,
            "status_code_match": true,
            "headers_match": true,
            "title_match": true,
            "x_dns_flags": 0,
            "x_blocking_flags": 32,
            "x_null_null_flags": 0,
            "blocking": false,
            "accessible": true,
        });
        assert_eq!(differences(success, &found), [""; 0]);
        found["body_proportion"] = json!(0.99);
        found["blocking"] = json!("dns");
        assert_eq!(
            differences(success, &found),
            [
                "    body_proportion: 0.99 in place of 1",
                "    blocking: \"dns\" in place of false"
            ]
        );
    }
}
