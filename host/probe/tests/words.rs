//! What the preinstalled nettests say in words, key by key.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeSet;

use netsonde_probe::sandbox::{Engine, Manifest, Told, Verdict};
use serde_json::{Value, json};

/// What the probe says of a place to which it does not go.
const DENIED: &str = "unknown_failure: denied by destination policy";

fn manifest(name: &str) -> Manifest {
    let guest = netsonde_preinstalled::GUESTS
        .iter()
        .find(|guest| guest.name == name)
        .unwrap();
    Engine::inspect(name, guest.wasm).unwrap().0
}

/// Read each row, and see that no reading is left that none of them comes to.
fn check(name: &str, rows: &[(Value, Verdict, &str)]) {
    let manifest = manifest(name);
    for (keys, verdict, says) in rows {
        let told = Told::of(&manifest.readings, keys.as_object().unwrap()).unwrap();
        assert_eq!(
            (told.verdict, told.says.as_str()),
            (*verdict, *says),
            "{name}: {keys}"
        );
    }
    // A reading counts as told if the rows come to something else without it.
    let tell = |readings: &[_]| -> Vec<_> {
        rows.iter()
            .map(|(keys, ..)| Told::of(readings, keys.as_object().unwrap()))
            .collect()
    };
    let all = tell(&manifest.readings);
    let idle: BTreeSet<_> = (0..manifest.readings.len())
        .filter(|place| {
            let mut others = manifest.readings.clone();
            others.remove(*place);
            tell(&others) == all
        })
        .collect();
    assert!(
        idle.is_empty(),
        "{name}: no row comes to the readings {idle:?}, from 0"
    );
}

/// Keys of `web_connectivity`: verdict, consistency, failures, and the flags DNS/blocking/null-null.
fn website(
    blocking: impl Into<Value>,
    accessible: impl Into<Value>,
    consistency: &str,
    failures: [Value; 2],
    flags: [u64; 3],
) -> Value {
    let [dns_failure, http_failure] = failures;
    let [dns, blocked, null_null] = flags;
    json!({
        "blocking": blocking.into(),
        "accessible": accessible.into(),
        "dns_consistency": if consistency.is_empty() { Value::Null } else { json!(consistency) },
        "dns_experiment_failure": dns_failure,
        "http_experiment_failure": http_failure,
        "x_dns_flags": dns,
        "x_blocking_flags": blocked,
        "x_null_null_flags": null_null,
        "control_failure": null,
        "status_code_match": null,
    })
}

fn with(mut keys: Value, key: &str, value: Value) -> Value {
    *keys.get_mut(key).unwrap() = value;
    keys
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn web_connectivity_tells_every_verdict_apart() {
    const GOOD: &str = "consistent";
    const BAD: &str = "inconsistent";
    let none = || [Value::Null, Value::Null];
    let both = |failure: &str| [json!(failure), json!(failure)];
    let http = |failure: &str| [Value::Null, json!(failure)];
    let dns = |failures, flags| website("dns", false, BAD, failures, flags);
    let blocked = |how: &str, failure: &str, bits| website(how, false, GOOD, http(failure), [0, bits, 0]);
    let other_page = |status: Value| {
        with(
            website("http-diff", false, GOOD, none(), [0, 16, 0]),
            "status_code_match",
            status,
        )
    };
    let works = |consistency, flags| website(false, true, consistency, none(), flags);
    let down = |failures, flags| website(false, false, GOOD, failures, flags);
    let alone = |keys| with(keys, "control_failure", json!("connection_reset"));
    let unknown = |failures| website(Value::Null, Value::Null, "", failures, [0, 0, 0]);
    let (anomaly, fine, unmeasured) = (Verdict::Anomaly, Verdict::Fine, Verdict::Unmeasured);
    check(
        "web_connectivity",
        &[
            (
                dns(http("generic_timeout_error"), [5, 33, 0]),
                anomaly,
                "the system resolver's answer is not a public address, but one of a private network or of this machine \
              itself; the true address works",
            ),
            (
                dns(none(), [5, 1, 0]),
                anomaly,
                "the system resolver's answer is not a public address, but one of a private network or of this machine itself",
            ),
            (
                dns(http(DENIED), [5, 33, 0]),
                anomaly,
                "the system resolver's answer is not a public address, but one of a private network or of this machine \
              itself; the true address works",
            ),
            (
                dns(both(DENIED), [2, 1, 0]),
                unmeasured,
                "this probe does not look that name up (denied by destination policy)",
            ),
            (
                blocked("tcp_ip", DENIED, 2),
                unmeasured,
                "this probe does not go where the website is, or where it redirects to (denied by destination policy)",
            ),
            (
                dns(both("dns_nxdomain_error"), [2, 33, 0]),
                anomaly,
                "the system resolver says that the name does not exist, which the test helper's does not; the true \
              address works",
            ),
            (
                dns(both("dns_nxdomain_error"), [2, 1, 0]),
                anomaly,
                "the system resolver says that the name does not exist, which the test helper's does not",
            ),
            (
                dns(both("android_dns_cache_no_data"), [2, 33, 0]),
                anomaly,
                "the system resolver does not answer (android_dns_cache_no_data), while the test helper's does; the true \
              address works",
            ),
            (
                dns(both("dns_refused_error"), [2, 1, 0]),
                anomaly,
                "the system resolver does not answer (dns_refused_error), while the test helper's does",
            ),
            (
                dns(none(), [0, 16, 18]),
                anomaly,
                "the system resolver has an address for a name that has none elsewhere",
            ),
            (
                dns(http("ssl_unknown_authority"), [4, 33, 4]),
                anomaly,
                "the system resolver's answer is not what the test helper's says; the true address works",
            ),
            (
                dns(http("connection_reset"), [4, 5, 0]),
                anomaly,
                "the system resolver's answer is not what the test helper's says",
            ),
            (
                blocked("dns", "dns_nxdomain_error", 1),
                anomaly,
                "what the website redirects to can not be looked up (dns_nxdomain_error); the test helper gets the page",
            ),
            (
                blocked("dns", "dns_nxdomain_error", 0),
                unmeasured,
                "what the website redirects to can not be looked up (dns_nxdomain_error), and the test helper got no page \
              that would tell whether others can",
            ),
            (
                blocked("tcp_ip", "generic_timeout_error", 2),
                anomaly,
                "the address can not be connected to (generic_timeout_error); the test helper can",
            ),
            (
                blocked("http-failure", "ssl_unknown_authority", 4),
                anomaly,
                "the certificate is not the website's (ssl_unknown_authority); the test helper sees the right one",
            ),
            (
                blocked("http-failure", "connection_reset", 12),
                anomaly,
                "the page can not be fetched (connection_reset); the test helper gets it",
            ),
            (
                blocked("http-failure", "connection_reset", 4),
                anomaly,
                "the TLS handshake fails (connection_reset); the test helper's does not",
            ),
            (
                blocked("http-failure", "connection_refused", 2),
                anomaly,
                "what the website redirects to can not be connected to (connection_refused); the test helper gets the page",
            ),
            (
                blocked("http-failure", "connection_refused", 0),
                unmeasured,
                "the website can not be reached (connection_refused), and what the test helper saw does not tell whether \
              others can",
            ),
            (
                blocked("http-failure", "ssl_unknown_authority", 0),
                unmeasured,
                "the website can not be reached (ssl_unknown_authority), and what the test helper saw does not tell \
              whether others can",
            ),
            (
                other_page(Value::Null),
                anomaly,
                "there is a page, and the test helper gets none that it can be compared with",
            ),
            (
                other_page(json!(false)),
                anomaly,
                "the page is another one than the test helper's: its status is an error",
            ),
            (
                other_page(json!(true)),
                anomaly,
                "the page is another one than the test helper's",
            ),
            (works(GOOD, [0, 32, 0]), fine, ""),
            (
                with(works(GOOD, [0, 32, 0]), "status_code_match", json!(false)),
                fine,
                "the website answers, with another status than to the test helper",
            ),
            (
                works(BAD, [5, 33, 0]),
                fine,
                "the website works, although an answer for its name is one of a private network or of this machine itself",
            ),
            (
                works(BAD, [4, 33, 0]),
                fine,
                "the website works, although the system resolver's answer is not what the test helper's says",
            ),
            (
                alone(works("", [0, 32, 8])),
                fine,
                "the website works; no test helper answered (connection_reset)",
            ),
            (
                down(both("dns_nxdomain_error"), [0, 0, 1]),
                fine,
                "not blocked, but gone: the name has no address, for the test helper neither",
            ),
            (
                down(http("connection_refused"), [0, 0, 2]),
                fine,
                "not blocked, but down: the website can not be connected to (connection_refused), by the test helper neither",
            ),
            (
                down(http("eof_error"), [0, 0, 6]),
                fine,
                "not blocked, but out of order: the website does not work (eof_error), for the test helper neither",
            ),
            (
                down(http("ssl_invalid_hostname"), [0, 0, 4]),
                fine,
                "not blocked, but out of order: the TLS handshake fails (ssl_invalid_hostname), for the test helper too",
            ),
            (
                down(none(), [1, 0, 0]),
                fine,
                "not blocked, but out of order: the name leads back to whoever asks, for the test helper too",
            ),
            (
                down(http("unknown_failure: too many"), [0, 0, 0]),
                fine,
                "not blocked, but out of order: the website does not work (unknown_failure: too many), for the test helper \
              neither",
            ),
            (
                alone(website(
                    json!(false),
                    json!(true),
                    "",
                    both("dns_nxdomain_error"),
                    [0, 0, 0],
                )),
                unmeasured,
                "the name can not be looked up (dns_nxdomain_error), and no test helper answered (connection_reset) to say \
              whether it exists",
            ),
            (
                alone(unknown(none())),
                unmeasured,
                "no test helper answered (connection_reset), so there is nothing to compare with",
            ),
            (
                unknown(none()),
                unmeasured,
                "no page came that can be compared with the test helper's: the website may have answered with a status \
              that is neither a page nor an error, such as 300, 303 or 304",
            ),
        ],
    );
}

/// The keys of a messaging nettest that could reach nothing.
fn unreached(mut keys: Value, why: &str) -> Value {
    keys.as_object_mut()
        .unwrap()
        .insert("x_unreached".to_owned(), json!(why));
    keys
}

#[test]
fn telegram_tells_of_data_centres_and_of_the_web_client() {
    let keys = |tcp: Value, http: Value, web: Value| {
        let status = if web.is_null() { "ok" } else { "blocked" };
        json!({"telegram_tcp_blocking": tcp, "telegram_http_blocking": http, "telegram_web_failure": web,
               "telegram_web_status": status})
    };
    let (yes, no) = (json!(true), json!(false));
    check(
        "telegram",
        &[
            (keys(no.clone(), no.clone(), Value::Null), Verdict::Fine, ""),
            (
                keys(yes.clone(), yes.clone(), json!("generic_timeout_error")),
                Verdict::Anomaly,
                "no data centre can be connected to, so the app does not work; the web client can not be reached \
              (generic_timeout_error)",
            ),
            (
                keys(no.clone(), yes.clone(), Value::Null),
                Verdict::Anomaly,
                "data centres can be connected to, but none answers",
            ),
            (
                keys(no.clone(), no.clone(), json!("dns_bogon_error")),
                Verdict::Anomaly,
                "the name of the web client leads to no public address",
            ),
            (
                keys(no.clone(), no.clone(), json!("ssl_invalid_hostname")),
                Verdict::Anomaly,
                "the web client's certificate is not its own (ssl_invalid_hostname)",
            ),
            (
                unreached(
                    keys(yes.clone(), yes.clone(), json!("dns_server_misbehaving")),
                    "network_unreachable",
                ),
                Verdict::Unmeasured,
                "nothing at all could be reached (network_unreachable): is this device online?",
            ),
            (
                json!({"x_unreached": DENIED}),
                Verdict::Unmeasured,
                "this probe does not go there (denied by destination policy)",
            ),
            (
                json!({"telegram_http_blocking": no}),
                Verdict::Unmeasured,
                "the web client was not measured",
            ),
            (
                json!({"telegram_web_status": "ok"}),
                Verdict::Unmeasured,
                "no data centre was measured",
            ),
        ],
    );
}

#[test]
fn urlgetter_has_nothing_to_compare_a_failure_with() {
    check(
        "urlgetter",
        &[
            (
                json!({"failure": null, "failed_operation": null}),
                Verdict::Fine,
                "",
            ),
            (
                json!({"failure": "unknown_failure: x is no URL", "failed_operation": "top_level"}),
                Verdict::Unmeasured,
                "unknown_failure: x is no URL",
            ),
            (
                json!({"failure": "connection_reset", "failed_operation": "tls_handshake"}),
                Verdict::Unmeasured,
                "tls_handshake failed (connection_reset); urlgetter has nothing to compare that with",
            ),
        ],
    );
}
