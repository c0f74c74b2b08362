//! A nettest over the plain twin of the contract, `netsonde:plain`: no call of it is asynchronous.
//!
//! It looks `domain` up, connects to `endpoint`, has `hello` sent back, and runs the target's mini nettests. The result
//! has `addresses`, `echo` and `minis`.

#![expect(unsafe_code, reason = "generated")]

#[expect(clippy::pedantic, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ world: "nettest", path: "../../../../wit/plain" });
}

use bindings::netsonde::plain::types::{DnsOptions, Failure, MiniRequest, MiniStatus, begin};
use bindings::netsonde::plain::{dns, mini, tcp};
use bindings::{Guest, export};
use serde_json::{Value, json};

struct Plain;

export!(Plain with_types_in bindings);

impl Guest for Plain {
    fn run(target: String) -> Result<String, Failure> {
        let target: Value = serde_json::from_str(&target).map_err(|error| nonsense(&error.to_string()))?;
        let option = |name: &str| {
            let text = target
                .pointer(&format!("/options/{name}"))
                .and_then(Value::as_str);
            text.ok_or_else(|| nonsense(name))
        };
        let (domain, endpoint) = (option("domain")?, option("endpoint")?);

        let transaction = begin(&["plain".to_owned()], None);
        let answer = dns::lookup(&transaction, domain, &DnsOptions::new())?;
        let connection = tcp::connect(&transaction, endpoint, None)?;
        tcp::write(&connection, b"hello", None)?;
        let echo = tcp::read(&connection, 5, None)?;

        let targets = target.pointer("/targets").and_then(Value::as_array);
        let requests: Vec<_> = targets
            .into_iter()
            .flatten()
            .map(|request| MiniRequest {
                run: text(request.get("run")),
                with: request.get("with").map(Value::to_string).unwrap_or_default(),
                tags: Vec::new(),
            })
            .collect();
        let statuses = mini::run(&requests, 8).into_iter().map(|status| match status {
            MiniStatus::Done(outcome) => json!({ "done": outcome.output }),
            MiniStatus::Skipped(why) => json!({ "skipped": why }),
            MiniStatus::Broken(failure) => json!({ "broken": failure.code }),
        });
        let result = json!({
            "addresses": answer.addresses(),
            "echo": String::from_utf8_lossy(&echo),
            "minis": statuses.collect::<Vec<_>>(),
        });
        Ok(result.to_string())
    }

    fn reduce(_: String) -> Result<String, Failure> {
        Ok(json!({ "reduced": true }).to_string())
    }
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn nonsense(what: &str) -> Failure {
    Failure {
        code: "unknown_failure: the target makes no sense".to_owned(),
        operation: "top_level".to_owned(),
        detail: what.to_owned(),
    }
}
