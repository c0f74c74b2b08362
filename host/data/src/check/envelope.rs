//! df-000: the measurement around the test keys.

use super::{
    report::{Path, Report},
    shape::{Ask as _, Check, Others, Record, Shape, custom, may, must, newer, older, rule},
    words::{ASN, COUNTRY, IP, NETTEST, OPTION, REPORT_ID, SOMETHING, TIME},
};
use crate::measurement::DATA_FORMAT_VERSION;
use serde_json::Value;

/// The page.
const SOURCE: &str = "df-000";

const ENVELOPE: Shape = Shape::Record(&Record {
    source: SOURCE,
    fields: &[&[
        may("annotations", Shape::OrNull(&Shape::Map(&Shape::Text))),
        must(
            "data_format_version",
            Shape::Formerly(
                &Shape::Word(&[DATA_FORMAT_VERSION]),
                &Shape::Word(&["0.3.4"]),
                "probes of January 2020 wrote another",
            ),
        ),
        may("extensions", Shape::Map(&Shape::Integer(0, i64::MAX))),
        newer("input", Shape::OrNull(&SOMETHING)),
        newer("measurement_start_time", TIME),
        may("measurement_uid", SOMETHING),
        may(
            "options",
            Shape::List(&Shape::Formerly(
                &OPTION,
                &Shape::Text,
                "ooniprobe 1 and 2 wrote their command lines",
            )),
        ),
        must("probe_asn", ASN),
        must("probe_cc", COUNTRY),
        may("probe_id", SOMETHING),
        newer(
            "probe_ip",
            Shape::Formerly(
                &Shape::Word(&["127.0.0.1"]),
                &IP,
                "some old probes told their address",
            ),
        ),
        newer("probe_network_name", Shape::Text),
        may(
            "report_id",
            Shape::Formerly(
                &REPORT_ID,
                &Shape::OrNull(&Shape::Like("one word", |id| {
                    id.bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                })),
                "collectors had other ids until 2020",
            ),
        ),
        newer("resolver_asn", ASN),
        newer("resolver_ip", IP),
        newer("resolver_network_name", Shape::Text),
        must("software_name", SOMETHING),
        must("software_version", SOMETHING),
        may(
            "test_helpers",
            Shape::Map(&Shape::Either(&Shape::Record(&TEST_HELPER), &Shape::Text)),
        ),
        must("test_keys", Shape::Map(&Shape::Any)),
        must("test_name", NETTEST),
        must("test_runtime", Shape::Number(0.0, f64::MAX)),
        must("test_start_time", TIME),
        must("test_version", SOMETHING),
        // Whoever received it wrote these.
        older("backend_version", Shape::OrNull(&Shape::Text)),
        older("bucket_date", Shape::Text),
        older("report_filename", Shape::Text),
        // Before 2020.
        older("id", Shape::Text),
        older("input_hashes", Shape::List(&Shape::Text)),
        older("probe_city", Shape::OrNull(&Shape::Text)),
    ]],
    others: Others::Strange,
    rules: &[
        rule(
            "measurement_start_time",
            "a time that is not before test_start_time",
            |it| match (it.text("test_start_time"), it.text("measurement_start_time")) {
                (Some(test), Some(measurement)) => test <= measurement,
                _ => true,
            },
        ),
        custom("test_keys", "the nettest's keys", |it| {
            it.object("test_keys").is_none_or(|keys| !keys.is_empty())
        }),
    ],
});

const TEST_HELPER: Record = Record {
    source: SOURCE,
    fields: &[&[
        must("address", SOMETHING),
        must("type", SOMETHING),
        may("front", Shape::Text),
    ]],
    others: Others::Strange,
    rules: &[],
};

/// Check all but what the test keys say.
pub(super) fn check(measurement: &Value, report: &mut Report) {
    ENVELOPE.check(
        measurement,
        &mut Check {
            report,
            at: Path::ROOT,
            source: SOURCE,
        },
    );
}
