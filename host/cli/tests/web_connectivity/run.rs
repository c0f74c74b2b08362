//! Runs one row: the lab, the probe in it, and a look at what it measured.

use crate::expected::differences;
use crate::rows::Row;
use crate::support::{Probe, RUNX, nettest, scenario};
use crate::{android, helper, mmdb};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::PathBuf;
use tempfile::TempDir;

/// The row that is about Android.
const ON_ANDROID: &str = "dnsBlockingAndroidDNSCacheNoData";
/// The provider's resolver.
const RESOLVER: &str = "130.192.3.21";

/// Whose the addresses of this internet are.
const OWNERS: [mmdb::Entry<'static>; 9] = [
    ("130.192.0.0", 16, 137, "GARR", "IT"),
    ("93.184.216.0", 24, 15133, "Edgecast", "US"),
    ("67.199.248.0", 24, 396_982, "Google Cloud", "US"),
    ("104.154.89.0", 24, 396_982, "Google Cloud", "US"),
    ("5.255.255.0", 24, 208_398, "Yandex", "RU"),
    ("52.35.36.0", 24, 16509, "Amazon", "US"),
    ("104.16.132.0", 24, 13335, "Cloudflare", "US"),
    ("172.67.144.0", 24, 13335, "Cloudflare", "US"),
    ("83.224.65.0", 24, 30722, "Vodafone", "IT"),
];

/// What is run.
pub(crate) struct Programs {
    /// A `PATH` with the test helper.
    path: OsString,
    /// What makes the C library one of Android, where that can be had.
    android: Option<PathBuf>,
    /// Where that is.
    _folder: TempDir,
}

impl Programs {
    pub(crate) fn find() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            path: helper::path(),
            android: android::library(&folder),
            _folder: folder,
        }
    }
}

/// Measures, and says what is not as the row has it.
pub(crate) fn check(row: &Row, programs: &Programs) -> Result<(), String> {
    let is_android = row.name == ON_ANDROID;
    if is_android && programs.android.is_none() {
        return Ok(());
    }
    let probe = Probe::new();
    std::fs::write(probe.path("owners.mmdb"), mmdb::mmdb(&OWNERS)).unwrap();
    let script = probe.script(&json!([nettest(
        "web_connectivity",
        &json!({
            "suite_name": "websites",
            "targets": [{ "input": row.input }],
            "test_helpers": { "web-connectivity": test_helpers() },
        })
    )]));
    let path = scenario(&format!("web_connectivity/{}", row.scenario()));
    let mut command = probe.lab(&path);
    command
        .env("PATH", &programs.path)
        .env("NETSONDE_LOG", "warn")
        .env("NETSONDE_LAB_MMDB", probe.path("owners.mmdb"));
    if let Some(library) = programs.android.as_ref().filter(|_| is_android) {
        let mut preload = OsString::from("LD_PRELOAD=");
        preload.push(library);
        command.arg("env").arg(preload);
    }
    command.arg(env!("CARGO_BIN_EXE_netsonde")).args(RUNX).arg(script);
    command.args(["--mmdb", "owners.mmdb"]);
    let output = command.output().unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    if !output.status.success() {
        return Err(format!("    it ended with {}\n{said}", output.status));
    }
    let report = probe.report();
    let [measurement] = report.as_slice() else {
        return Err(format!("    there are {} measurements\n{said}", report.len()));
    };
    let mut wrong = differences(row, &measurement["test_keys"]);
    wrong.extend(further(row, measurement));
    let censors = std::fs::read_to_string(&path).unwrap().contains("[[rule]]");
    if censors != (probe.hits() > 0) {
        wrong.push(format!("    the censor acted on {} flows", probe.hits()));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("{}{}", wrong.join("\n"), kept(&measurement["test_keys"])))
}

/// The test helpers, in the order in which they are asked.
fn test_helpers() -> Value {
    let direct =
        (0..4).map(|number| json!({ "address": format!("https://{number}.th.ooni.org"), "type": "https" }));
    let fronted = json!({
        "address": "https://d33d1gs9kpq1c5.cloudfront.net",
        "type": "cloudfront",
        "front": "d33d1gs9kpq1c5.cloudfront.net",
    });
    direct.chain([fronted]).collect()
}

/// What is looked at beside the keys.
fn further(row: &Row, measurement: &Value) -> Vec<String> {
    let test_keys = &measurement["test_keys"];
    let mut wrong = Vec::new();
    if test_keys["client_resolver"] != RESOLVER || measurement["resolver_ip"] != RESOLVER {
        wrong.push(format!(
            "    client_resolver is {}, and resolver_ip {}",
            test_keys["client_resolver"], measurement["resolver_ip"]
        ));
    }
    if row.name.starts_with("success") {
        let events = test_keys["network_events"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        if !events
            .iter()
            .any(|event| event["operation"] == "read" || event["operation"] == "write")
        {
            wrong.push("    no network event is a read or a write".to_owned());
        }
        let owner = &test_keys["control"]["ip_info"]["93.184.216.34"]["asn"];
        if *owner != 15133 {
            wrong.push(format!("    to the test helper the site is of AS {owner}"));
        }
    }
    wrong
}

/// The test keys, in a file that outlives the test.
fn kept(test_keys: &Value) -> String {
    let text = serde_json::to_string_pretty(test_keys).unwrap();
    match tempfile::Builder::new()
        .suffix(".json")
        .tempfile()
        .and_then(|mut file| {
            std::io::Write::write_all(&mut file, text.as_bytes())?;
            Ok(file.keep()?.1)
        }) {
        Ok(path) => format!("\n    see {}", path.display()),
        Err(error) => format!("\n    which could not be kept: {error}"),
    }
}
