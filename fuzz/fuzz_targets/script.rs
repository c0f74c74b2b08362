//! A script comes from a registry or a stranger: parsing it must not panic, and what it says must be printable.
#![no_main]

use std::sync::LazyLock;

use netsonde_script::{InputPolicy, Vocabulary};
use serde_json::json;

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| {
    let options = json!({"type": "object", "properties": {
        "HTTPHost": {"type": "string", "json_name": "http_host"},
        "NoTLSVerify": {"type": "boolean", "json_name": "no_tls_verify"},
    }});
    let with = json!({"type": "object", "required": ["ip_address"], "properties": {
        "ip_address": {"type": "string"},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535},
    }});
    let mut vocabulary = Vocabulary::new();
    vocabulary
        .add_nettest("telegram", 0, InputPolicy::None, None)
        .expect("a name of its own");
    vocabulary
        .add_nettest("urlgetter", 0, InputPolicy::Required, Some(&options))
        .expect("a sound schema");
    vocabulary
        .add_mini_nettest("http-address", 1, Some(&with))
        .expect("a sound schema");
    vocabulary
});

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    let diagnostics = match netsonde_script::parse("fuzz.jsonc", text, &VOCABULARY) {
        Ok(parsed) => parsed.warnings,
        Err(errors) => errors,
    };
    drop(diagnostics.render(false));
    if let Err(errors) = netsonde_script::parse_locations("fuzz.jsonc", text) {
        drop(errors.render(false));
    }
});
