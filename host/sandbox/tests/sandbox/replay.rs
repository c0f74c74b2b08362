//! Transcripts: what was recorded replays, whatever the guest did and however it ended.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use netsonde_sandbox::{Divergence, Replayed, Transcript, TranscriptError, TranscriptSink};
use serde_json::json;

use crate::servers::echo;
use crate::support::{Attempt, ENGINE, HOSTILE, HOSTILE_MINI, PLAIN, Seen, hostile, plain, with_minis};

/// Transcripts by instance, in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

struct File(Memory, String);

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut files = self.0.0.lock().unwrap();
        files.entry(self.1.clone()).or_default().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TranscriptSink for Memory {
    fn open(&self, instance: &str) -> io::Result<Box<dyn Write + Send>> {
        Ok(Box::new(File(self.clone(), instance.to_owned())))
    }

    fn failed(&self, instance: &str, error: io::Error) {
        panic!("{instance}: {error}");
    }
}

/// Run, recorded.
async fn record(mut attempt: Attempt) -> (Seen, BTreeMap<String, Vec<u8>>) {
    let memory = Memory::default();
    attempt.transcripts = Some(Arc::new(memory.clone()));
    let seen = attempt.run().await;
    let files = memory.0.lock().unwrap().clone();
    (seen, files)
}

async fn replay(text: &[u8]) -> Replayed {
    let transcript = Transcript::parse(text).unwrap();
    let module = match transcript.head().module.as_str() {
        "hostile" => &*HOSTILE,
        "plain" => &*PLAIN,
        _ => &*HOSTILE_MINI,
    };
    ENGINE.replay(module, transcript).await.unwrap()
}

/// Record, and replay every instance several times.
async fn same(attempt: Attempt) {
    let (seen, files) = record(attempt).await;
    for (instance, text) in &files {
        for _ in 0..3 {
            let replayed = replay(text).await;
            assert!(
                replayed.divergence.is_none(),
                "{instance}: {}\n{}",
                replayed.divergence.unwrap(),
                String::from_utf8_lossy(text)
            );
            if instance == "nettest" {
                assert_eq!(replayed.result.as_ref(), seen.report.result.as_ref().ok());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_at_once_replays() {
    let server = echo();
    let endpoint = server.text();
    same(hostile(
        &json!({ "mode": "connect_many", "endpoint": endpoint, "count": 200 }),
    ))
    .await;
    same(hostile(&json!({ "mode": "cancel", "endpoint": endpoint }))).await;
    same(hostile(
        &json!({ "mode": "cancel_lookup", "domain": "localhost" }),
    ))
    .await;
    same(hostile(
        &json!({ "mode": "lookup_many", "domain": "localhost", "count": 20 }),
    ))
    .await;
    same(hostile(
        &json!({ "mode": "busy", "endpoint": endpoint, "count": 50 }),
    ))
    .await;
    same(hostile(&json!({ "mode": "calls", "count": 50 }))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_end_replays() {
    for mode in ["ok", "error", "invalid_json", "trap", "log", "handles", "pending"] {
        let attempt = hostile(&json!({ "mode": mode })).budget(|budget| {
            budget.wall_clock = Duration::from_secs(2);
            budget.handles = 100;
            budget.log_lines = 20;
        });
        same(attempt).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mini_nettests_replay_each_by_itself() {
    let minis = [
        ("hostile-mini@v1", json!({ "mode": "ok" })),
        ("hostile-mini@v1", json!({ "mode": "error" })),
        ("unheard-of@v1", json!({})),
        ("hostile-mini@v1", json!({ "mode": "trap" })),
    ];
    let (_, files) = record(with_minis(2, &minis)).await;
    let names: Vec<_> = files.keys().collect();
    assert_eq!(names.len(), 4, "{names:?}");
    same(with_minis(2, &minis)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_difference_is_told() {
    let (_, files) = record(hostile(&json!({ "mode": "calls", "count": 3 }))).await;
    let text = String::from_utf8(files["nettest"].clone()).unwrap();
    let change = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} in {text}");
        text.replacen(from, to, 1).into_bytes()
    };
    let more = replay(&change("\\\"count\\\":3", "\\\"count\\\":4")).await;
    assert!(
        matches!(more.divergence, Some(Divergence::OneMore { .. })),
        "{more:?}"
    );
    let fewer = replay(&change("\\\"count\\\":3", "\\\"count\\\":2")).await;
    assert!(
        matches!(fewer.divergence, Some(Divergence::Early { .. })),
        "{fewer:?}"
    );
    let other = replay(&change("info.now", "info.then")).await;
    let Some(Divergence::Call { expected, got, .. }) = &other.divergence else {
        panic!("{other:?}")
    };
    assert_eq!(
        (expected.name.as_str(), got.name.as_str()),
        ("info.then", "info.now")
    );
    let trap = replay(&change("\\\"mode\\\":\\\"calls\\\"", "\\\"mode\\\":\\\"trap\\\"")).await;
    assert!(
        matches!(trap.divergence, Some(Divergence::Ended { .. })),
        "{trap:?}"
    );
}

#[test]
fn a_damaged_transcript_says_where() {
    let head = r#"{"transcript":1,"module":"m","sha256":"00","argument":"{}"}"#;
    let call = r#"{"call":0,"name":"info.now","args":{}}"#;
    let answer = r#"{"answer":0,"value":1}"#;
    let end = r#"{"end":{"stopped":"x"}}"#;
    let parse = |lines: &[&str]| Transcript::parse(format!("{}\n", lines.join("\n")).as_bytes());
    assert!(parse(&[head, call, answer, end]).is_ok());
    assert_eq!(parse(&[head, call, answer]), Err(TranscriptError::CutOff));
    let whole = format!("{head}\n{call}\n{answer}\n{end}\n");
    for length in 0..whole.len() {
        assert!(
            Transcript::parse(&whole.as_bytes()[..length]).is_err(),
            "{length} bytes"
        );
    }
    let wrong = |lines: &[&str]| parse(lines).unwrap_err().to_string();
    assert!(wrong(&[head, answer, end]).contains("line 2: there was no call 0"));
    assert!(
        wrong(&[head, call, answer, answer, end]).contains("line 4: call 0 was answered or dropped before")
    );
    assert!(wrong(&[head, call, call, end]).contains("line 3: it is call 0, and call 1 is next"));
    assert!(wrong(&[head, "{}", end]).contains("line 2: it is neither a call"));
    assert!(wrong(&[head, end, call]).contains("line 3: something follows"));
    assert!(wrong(&[&head.replace(":1,", ":9,"), end]).contains("format 9"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_of_the_plain_twin_replays() {
    let server = echo();
    same(plain(&server.text())).await;
}
