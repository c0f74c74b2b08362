//! What one measurement leaves for the next: when an HTTPS resolver was asked last, and who the resolvers are.

use netsonde_guest::{Json, cache, info, json};

/// Where the state of the HTTPS resolvers is kept.
const DOH: &str = "doh";
/// How long it is known who a resolver is, in seconds.
const WHOAMI_LIFETIME: u64 = 45;

/// Whether to ask an HTTPS resolver this time: the first time, and then when some time has passed that differs from one
/// time to the next, so that a list of URLs does not ask for all of them.
pub(crate) async fn is_time_for_doh() -> bool {
    let now = info::unix_time();
    if !is_due(&get(DOH).await, now) {
        return false;
    }
    let random = info::random_bytes(1).first().copied().unwrap_or_default();
    let pause = 20 + u64::from(random % 20);
    set(DOH, &json!({ "asked": now, "pause": pause })).await;
    true
}

/// A clock that was set back must not keep us from asking.
fn is_due(kept: &Json, now: u64) -> bool {
    let (asked, pause) = (number(kept, "asked"), number(kept, "pause"));
    match (asked, pause) {
        (Some(asked), Some(pause)) => now < asked || now - asked > pause,
        _ => true,
    }
}

/// The address from which a resolver asks, if it was found out lately.
pub(crate) async fn whoami(resolver: &str) -> Option<String> {
    address(&get(&whoami_key(resolver)).await, info::unix_time())
}

/// Keep it.
pub(crate) async fn set_whoami(resolver: &str, address: &str) {
    let kept = json!({ "address": address, "at": info::unix_time() });
    set(&whoami_key(resolver), &kept).await;
}

fn address(kept: &Json, now: u64) -> Option<String> {
    let at = number(kept, "at").filter(|at| (*at..*at + WHOAMI_LIFETIME).contains(&now));
    at.and(kept.get("address")?.as_str().map(str::to_owned))
}

/// A resolver is `system`, or an endpoint.
fn whoami_key(resolver: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '.' {
            c
        } else {
            '-'
        }
    };
    format!(
        "whoami-{}",
        resolver
            .to_ascii_lowercase()
            .chars()
            .map(plain)
            .collect::<String>()
    )
}

fn number(kept: &Json, name: &str) -> Option<u64> {
    kept.get(name)?.as_u64()
}

/// What is kept under a key; null where nothing is, or nothing can be kept.
async fn get(key: &str) -> Json {
    let kept = cache::get(key.to_owned()).await.ok().flatten();
    // As a text: reading JSON from bytes too would take ten kilobytes of this guest.
    let text = kept.and_then(|kept| String::from_utf8(kept).ok());
    text.and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}

/// Without a place to keep things, each measurement is the first.
async fn set(key: &str, kept: &Json) {
    _ = cache::set(key.to_owned(), kept.to_string().into_bytes()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_resolvers_are_asked_again_after_a_pause() {
        let kept = json!({ "asked": 1000, "pause": 20 });
        assert!(is_due(&Json::Null, 1000));
        assert!(!is_due(&kept, 1020));
        assert!(is_due(&kept, 1021));
        assert!(is_due(&kept, 999));
        assert!(is_due(&json!({ "asked": "x" }), 1000));
    }

    #[test]
    fn who_a_resolver_is_holds_for_some_time() {
        let kept = json!({ "address": "192.0.2.1", "at": 1000 });
        assert_eq!(address(&kept, 1044).as_deref(), Some("192.0.2.1"));
        assert_eq!(address(&kept, 1045), None);
        assert_eq!(address(&kept, 999), None);
        assert_eq!(address(&Json::Null, 1000), None);
        assert_eq!(whoami_key("[2001:DB8::1]:53"), "whoami--2001-db8--1--53");
    }
}
