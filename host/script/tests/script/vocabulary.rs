//! A vocabulary like a real probe's: telegram, urlgetter and the six mini nettests.

use std::sync::LazyLock;

use netsonde_script::{InputPolicy, Vocabulary};
use serde_json::{Value, json};

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(build);

/// The vocabulary of the tests.
pub(crate) fn vocabulary() -> Vocabulary {
    VOCABULARY.clone()
}

fn build() -> Vocabulary {
    let mut vocabulary = Vocabulary::new();
    vocabulary
        .add_nettest("telegram", 0, InputPolicy::None, None)
        .unwrap();
    vocabulary
        .add_nettest("urlgetter", 0, InputPolicy::Required, Some(&urlgetter()))
        .unwrap();
    vocabulary
        .add_nettest("stunreachability", 0, InputPolicy::Optional, None)
        .unwrap();
    let domain = json!({ "domain": { "type": "string", "minLength": 1 } });
    let port = json!({ "port": { "type": "integer", "minimum": 1, "maximum": 65535, "description": "The port to connect to." } });
    let ip =
        json!({ "ip_address": { "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }], "type": "string" } });
    let http = json!({
        "http_method": { "type": "string", "pattern": "^[A-Z]+$", "description": "In capitals: GET, HEAD, POST." },
        "url_path": { "type": "string" },
        "http_header_host": { "type": "string" },
        "http_header_accept": { "type": "string" },
        "http_header_accept_language": { "type": "string" },
        "http_header_user_agent": { "type": "string" },
    });
    let tls = json!({
        "tls_server_name": { "type": "string" },
        "x509_certs": { "type": "array", "items": { "type": "string", "minLength": 1 } },
    });
    for (name, parts, required) in [
        ("dns-lookup", vec![&domain], vec!["domain"]),
        (
            "tcp-connect-address",
            vec![&ip, &port],
            vec!["ip_address", "port"],
        ),
        ("tcp-connect-domain", vec![&domain, &port], vec!["domain", "port"]),
        (
            "http-address",
            vec![&ip, &port, &http],
            vec!["ip_address", "port"],
        ),
        ("http-domain", vec![&domain, &port, &http], vec!["domain", "port"]),
        (
            "https-domain",
            vec![&domain, &port, &http, &tls],
            vec!["domain", "port"],
        ),
    ] {
        vocabulary
            .add_mini_nettest(name, 1, Some(&object(&parts, &required)))
            .unwrap();
    }
    vocabulary
}

fn object(parts: &[&Value], required: &[&str]) -> Value {
    let mut properties = serde_json::Map::new();
    for part in parts {
        properties.extend(part.as_object().unwrap().clone());
    }
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn urlgetter() -> Value {
    json!({
        "type": "object",
        "properties": {
            "TLSServerName": { "type": "string", "json_name": "tls_server_name", "description": "The name to send in the SNI." },
            "HTTPHost": { "type": "string", "json_name": "http_host" },
            "NoTLSVerify": { "type": "boolean", "json_name": "no_tls_verify" },
            "NoFollowRedirects": { "type": "boolean", "json_name": "no_follow_redirects" },
            "Method": { "type": "string", "json_name": "method" },
            "UserAgent": { "type": "string", "json_name": "user_agent" },
            "ResolverURL": { "type": "string", "json_name": "resolver_url" },
        },
        "additionalProperties": false,
    })
}
