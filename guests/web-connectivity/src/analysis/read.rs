//! Reading JSON that anybody may have written: what is missing, null or of another type is not there.

use netsonde_guest::{Json, Map};

/// The test keys that must be lists, and those that must be objects, if they are there.
const LISTS: [&str; 4] = ["queries", "tcp_connect", "tls_handshakes", "requests"];
const OBJECTS: [&str; 2] = ["x_control_request", "control"];

/// Whether the test keys can be those of a measurement. The error says what is wrong.
pub(super) fn check(test_keys: &Map<String, Json>) -> Result<(), String> {
    let wrong = |key: &&str, right: fn(&Json) -> bool| {
        test_keys
            .get(*key)
            .is_some_and(|value| !value.is_null() && !right(value))
    };
    if let Some(key) = LISTS.iter().find(|key| wrong(key, Json::is_array)) {
        return Err(format!("read the observations: `{key}` is no list"));
    }
    if let Some(key) = OBJECTS.iter().find(|key| wrong(key, Json::is_object)) {
        return Err(format!("read the control: `{key}` is no object"));
    }
    Ok(())
}

/// A list among the test keys; empty where there is none.
pub(super) fn records<'a>(test_keys: &'a Map<String, Json>, key: &str) -> &'a [Json] {
    test_keys
        .get(key)
        .and_then(Json::as_array)
        .map_or(&[], Vec::as_slice)
}

/// A list in an object; empty where there is none.
pub(super) fn list<'a>(object: &'a Json, key: &str) -> &'a [Json] {
    object
        .get(key)
        .and_then(Json::as_array)
        .map_or(&[], Vec::as_slice)
}

/// A text in an object; empty where there is none.
pub(super) fn text<'a>(object: &'a Json, key: &str) -> &'a str {
    object.get(key).and_then(Json::as_str).unwrap_or_default()
}

/// A number in an object; 0 where there is none, or where it is negative.
pub(super) fn count(object: &Json, key: &str) -> u64 {
    object.get(key).and_then(Json::as_u64).unwrap_or_default()
}

/// The `failure` of an object; empty where it succeeded.
pub(super) fn failure(object: &Json) -> &str {
    text(object, "failure")
}

/// What the tag `name=` of a record says.
pub(super) fn tag<'a>(record: &'a Json, name: &str) -> Option<&'a str> {
    list(record, "tags")
        .iter()
        .filter_map(Json::as_str)
        .find_map(|tag| tag.strip_prefix(name)?.strip_prefix('='))
}

/// An endpoint as `ip:port`, an IPv6 address in brackets.
pub(super) fn endpoint(ip: &str, port: u64) -> String {
    if ip.contains(':') {
        format!("[{ip}]:{port}")
    } else {
        format!("{ip}:{port}")
    }
}

/// The host of a URL; empty when there is none.
pub(super) fn host(url: &str) -> String {
    netsonde_guest::Url::parse(url)
        .map(|url| url.host)
        .unwrap_or_default()
}
