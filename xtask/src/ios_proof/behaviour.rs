//! Parts 4 and 5: the library at work on Linux, with the features of iOS, in the lab. What it does there is what
//! `netsonde-ios-proof` (`tests/ios`) prints: events of tasks, and whether the process has the executable memory that it had.

use std::fs;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use super::prover::{Prover, nettest, root, script, settings};
use super::report::Report;

/// A nettest in the lab, and a test key that says what came of it: each with nobody interfering, and two of them censored.
struct Case {
    scenario: &'static str,
    nettest: &'static str,
    input: Option<&'static str>,
    key: &'static str,
    value: Value,
}

fn cases() -> Vec<Case> {
    let case = |scenario, nettest, input, key, value| Case {
        scenario,
        nettest,
        input,
        key,
        value,
    };
    let (page, site) = (Some("https://example.org/"), Some("https://www.example.com/"));
    vec![
        case("clean", "telegram", None, "telegram_web_status", json!("ok")),
        case(
            "telegram-dc-reset",
            "telegram",
            None,
            "telegram_http_blocking",
            json!(true),
        ),
        case(
            "whatsapp-clean",
            "whatsapp",
            None,
            "registration_server_status",
            json!("ok"),
        ),
        case(
            "signal-clean",
            "signal",
            None,
            "signal_backend_status",
            json!("ok"),
        ),
        case(
            "facebook-messenger-clean",
            "facebook_messenger",
            None,
            "facebook_tcp_blocking",
            json!(false),
        ),
        case("clean-everything", "urlgetter", page, "failure", Value::Null),
        case(
            "web_connectivity/41-successWithHTTPS",
            "web_connectivity",
            site,
            "blocking",
            json!(false),
        ),
        case(
            "web_connectivity/10-dnsBlockingBOGON",
            "web_connectivity",
            site,
            "blocking",
            json!("dns"),
        ),
    ]
}

/// Each mini nettest once, as targets of telegram.
fn minis() -> Value {
    let domain = "example.org";
    let mini = |run: &str, with: Value| json!({"run": run, "with": with});
    json!([
        mini("dns-lookup@v1", json!({"domain": domain})),
        mini(
            "tcp-connect-address@v1",
            json!({"ip_address": "23.215.0.132", "port": 443})
        ),
        mini("tcp-connect-domain@v1", json!({"domain": domain, "port": 443})),
        mini(
            "http-address@v1",
            json!({"ip_address": "23.215.0.132", "port": 80, "http_method": "GET"})
        ),
        mini(
            "http-domain@v1",
            json!({"domain": domain, "port": 80, "http_method": "GET"})
        ),
        mini(
            "https-domain@v1",
            json!({"domain": domain, "port": 443, "http_method": "GET"})
        ),
        mini(
            "http3-domain@v1",
            json!({"domain": domain, "port": 443, "http_method": "GET"})
        ),
    ])
}

/// Part 4.
pub(super) fn modules(report: &mut Report, profile: &str) {
    let prover = match Prover::build(profile, &[]) {
        Ok(prover) => prover,
        Err(error) => return report.check("what runs it builds", Err(error)),
    };
    for offence in ["mmap", "mprotect", "execve"] {
        report.check(
            &format!("the filter kills for {offence}"),
            prover.offends(offence),
        );
    }
    report.check("executable memory that came is noticed", prover.notices());
    let mut ran = Vec::new();
    for case in cases() {
        let result = prover.measures(&case);
        ran.push(case.nettest);
        report.check(&format!("{} in {}", case.nettest, case.scenario), result);
    }
    report.check("every mini nettest, as targets of telegram", prover.minis());
    report.check("that was every module", every_module(&ran));
    misfits(report, profile);
}

/// Part 5.
pub(super) fn uninstalled(report: &mut Report, profile: &str) {
    let result = Prover::build(profile, &[]).and_then(|prover| {
        let script = script(&json!([
            nettest("made_up", json!({})),
            nettest(
                "urlgetter",
                json!({"targets": [{"input": "https://example.org/"}]})
            ),
        ]));
        let seen = prover.run("clean-everything", &[script])?;
        let skipped = seen.event("x_status.skipped")?;
        ensure!(
            skipped["name"] == "made_up" && skipped["why"].as_str().is_some_and(|why| !why.is_empty()),
            "what was skipped is {skipped}"
        );
        ensure!(
            seen.measurements()?.len() == 1,
            "the rest of the script was not run"
        );
        Ok(format!("{}", skipped["why"]))
    });
    report.check("it is skipped, said so, and the rest is run", result);
    let result = Prover::build(profile, &[]).and_then(|prover| {
        let mut task = settings();
        task["name"] = "made_up".into();
        let failure = prover
            .run("clean-everything", &[task])?
            .event("failure.startup")?;
        Ok(format!("{}", failure["failure"]))
    });
    report.check("a task of that name fails to start", result);
}

/// Bytecode that is not what the program was built for is refused, and what is beside it runs.
fn misfits(report: &mut Report, profile: &str) {
    let misfits = [(
        "NETSONDE_MISFITS",
        "telegram=native,whatsapp=foreign,signal=tampered",
    )];
    let prover = match Prover::build(profile, &misfits) {
        Ok(prover) => prover,
        Err(error) => return report.check("a library with artefacts that do not fit builds", Err(error)),
    };
    for (nettest, what, why) in [
        ("telegram", "machine code", "architecture"),
        ("whatsapp", "bytecode of another engine", "compiled with"),
        ("signal", "bytecode that was changed", "digest"),
    ] {
        let refused = || -> anyhow::Result<String> {
            let mut task = settings();
            task["name"] = nettest.into();
            let failure = prover
                .run("clean-everything", &[task])?
                .event("failure.startup")?;
            let failure = failure["failure"].as_str().unwrap_or_default().to_owned();
            ensure!(
                failure.contains("refused") && failure.contains(why),
                "it says: {failure}"
            );
            Ok(failure)
        };
        report.check(&format!("{what} is refused"), refused());
    }
    let case = cases().into_iter().find(|case| case.nettest == "urlgetter");
    let beside = case
        .context("there is none")
        .and_then(|case| prover.measures(&case));
    report.check("what is beside them runs", beside);
    // What comes next is to find the library as it should be.
    if let Err(error) = Prover::build(profile, &[]) {
        report.check("the library builds again", Err(error));
    }
}

/// Whether the nettests that ran, and the mini nettests, are all that is preinstalled.
fn every_module(ran: &[&str]) -> anyhow::Result<String> {
    let mut known: Vec<String> = ran.iter().map(ToString::to_string).collect();
    let minis = minis();
    let minis = minis.as_array().into_iter().flatten();
    known.extend(minis.filter_map(|mini| Some(mini["run"].as_str()?.split_once('@')?.0.to_owned())));
    known.sort();
    known.dedup();
    let list = fs::read_to_string(root()?.join("guests/preinstalled/guests.rs"))
        .context("read the list of guests")?;
    let folders = list.lines().filter_map(|line| {
        let folder = line.trim().strip_prefix("\"guests/")?;
        Some(folder.split('"').next()?.to_owned())
    });
    let mut missing = Vec::new();
    let mut count = 0;
    for folder in folders {
        count += 1;
        if !known.iter().any(|name| name.replace('_', "-") == folder) {
            missing.push(folder);
        }
    }
    ensure!(count > 0, "the list of guests can not be read");
    ensure!(missing.is_empty(), "not run: {}", missing.join(", "));
    Ok(format!("{count} of {count}"))
}

impl Prover {
    fn measures(&self, case: &Case) -> anyhow::Result<String> {
        let mut with = json!({});
        if let Some(input) = case.input {
            with["targets"] = json!([{"input": input}]);
        }
        if case.nettest == "web_connectivity" {
            with["test_helpers"] =
                json!({"web-connectivity": [{"address": "https://0.th.ooni.org", "type": "https"}]});
        }
        let seen = self.run(case.scenario, &[script(&json!([nettest(case.nettest, with)]))])?;
        let measurements = seen.measurements()?;
        let [measurement] = measurements.as_slice() else {
            bail!("there are {} measurements", measurements.len());
        };
        let found = &measurement["test_keys"][case.key];
        ensure!(
            *found == case.value,
            "{} is {found}, and not {}",
            case.key,
            case.value
        );
        Ok(format!(
            "{} is {found}; {} stretches of executable memory before and after",
            case.key,
            seen.stretches()?
        ))
    }

    fn minis(&self) -> anyhow::Result<String> {
        let seen = self.run(
            "clean-everything",
            &[script(&json!([nettest("telegram", json!({"targets": minis()}))]))],
        )?;
        let measurements = seen.measurements()?;
        let keys = &measurements.first().context("there is no measurement")?["test_keys"];
        let of = |key: &str| keys[key].as_array().map_or(0, Vec::len);
        let (requests, quic) = (of("requests"), of("quic_handshakes"));
        ensure!(
            requests >= 4 && quic >= 1,
            "{requests} requests and {quic} QUIC handshakes"
        );
        Ok(format!("{requests} requests, {quic} QUIC handshakes"))
    }
}
