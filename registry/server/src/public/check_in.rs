//! What a probe is to run, for clients that do not read the log: the same function of the same table that probes ask
//! themselves, and of nothing that would tell one probe from another.

use super::answer::{Answer, Keep, Problem};
use super::files::Files;
use super::renewal::now;
use super::state::State;
use crate::folder::Shelf;
use axum::body::Body;
use bytes::Bytes;
use http::{Method, StatusCode, header, request::Parts};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use netsonde_log::{
    check_in::{Attributes, Choice, LIMITS, TABLE, Table},
    leaf::Publication,
    words::{Digest, Name},
};
use serde::{Deserialize, Serialize};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How long a question may be, and how long it may take to come.
const LONGEST: usize = 16 << 10;
const WITHIN: Duration = Duration::from_secs(10);
/// For how many seconds others may keep an answer, unless what it names ends before.
const KEEP: u64 = 60;

/// Answers what probes are to run.
#[derive(Default)]
pub(super) struct CheckIn {
    /// The table that was read last.
    table: Mutex<Option<(Digest, Arc<Table>)>>,
}

/// What is asked. What is not said is not known, and what else is said plays no part.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Question {
    probe_cc: String,
    probe_asn: String,
    platform: String,
    software_name: String,
    software_version: String,
    run_type: String,
    network_type: String,
    charging: bool,
}

#[derive(Serialize)]
struct Reply<'a> {
    v: u8,
    online: Option<Script<'a>>,
    offline: Option<Script<'a>>,
    table: Option<Source>,
    rule: Option<usize>,
}

#[derive(Serialize)]
struct Script<'a> {
    name: &'a str,
    sha256: String,
    size: u64,
    url: String,
    issued: u64,
    expires: u64,
}

#[derive(Serialize)]
struct Source {
    name: &'static str,
    sha256: String,
}

impl CheckIn {
    /// Answer a question, in a body or in a query.
    pub(super) async fn answer(
        &self,
        state: &State,
        files: &Files,
        parts: &Parts,
        body: Body,
    ) -> Result<Answer, Problem> {
        let question = match parts.method {
            Method::GET | Method::HEAD => in_query(parts.uri.query().unwrap_or_default())?,
            Method::POST => in_body(&read(parts, body).await?)?,
            _ => return Err(Problem::method("GET, HEAD, POST")),
        };
        let attributes = question.into();
        let read = state.now().await?;
        let (seen, now) = (read.opened.time, now());
        let ledger = read.ledger.as_ref();
        let name = TABLE.parse::<Name>().ok();
        let holds = ledger
            .zip(name)
            .and_then(|(ledger, name)| ledger.list(&name, seen, now).ok());
        let choice = match holds {
            Some(list) => self.table(files, &list.digest).await?.choose(&attributes),
            None => Choice::without_table(),
        };
        let [online, offline] = [&choice.online, &choice.offline].map(|name| {
            let name = name.as_ref()?;
            ledger?.script(name, seen, now).ok()
        });
        let ends = [holds, online, offline]
            .into_iter()
            .flatten()
            .map(|said| said.expires);
        let keep = ends.map(|end| end.saturating_sub(now)).fold(KEEP, u64::min);
        let reply = Reply {
            v: 2,
            online: online.map(script),
            offline: offline.map(script),
            table: holds.map(|list| Source {
                name: TABLE,
                sha256: crate::folder::hex_of(&list.digest),
            }),
            rule: choice.rule,
        };
        let json = serde_json::to_vec(&reply).map_err(|why| Problem::broken("answer a check-in", &why))?;
        Ok(Answer::json(json, Keep::Seconds(keep)))
    }

    /// The table with this digest.
    async fn table(&self, files: &Files, digest: &Digest) -> Result<Arc<Table>, Problem> {
        let known = self.table.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, table)) = known.filter(|(known, _)| known == digest) {
            return Ok(table);
        }
        let broken =
            |why: &dyn std::fmt::Display| Problem::broken(&format!("read the check-in table {digest}"), why);
        let bytes = files.whole(&Shelf::Lists.path(digest), LIMITS.bytes).await;
        let bytes = bytes
            .map_err(|why| broken(&why))?
            .ok_or_else(|| broken(&"it is not there"))?;
        let table = Arc::new(Table::parse(&bytes).map_err(|why| broken(&why))?);
        *self.table.lock().unwrap_or_else(PoisonError::into_inner) = Some((*digest, Arc::clone(&table)));
        Ok(table)
    }
}

fn script(script: &Publication) -> Script<'_> {
    Script {
        name: script.name.as_str(),
        sha256: crate::folder::hex_of(&script.digest),
        size: script.size,
        url: format!("/{}", Shelf::Scripts.path(&script.digest)),
        issued: script.issued,
        expires: script.expires,
    }
}

/// The body of a request, if it is short and comes in time.
async fn read(parts: &Parts, body: Body) -> Result<Bytes, Problem> {
    let too_long = || {
        let why = format!("the question is longer than {LONGEST} bytes");
        Problem::wrong(StatusCode::PAYLOAD_TOO_LARGE, why)
    };
    let len = parts.headers.get(header::CONTENT_LENGTH);
    let len = len.and_then(|len| len.to_str().ok()?.parse::<u64>().ok());
    if len.is_some_and(|len| len > LONGEST as u64) {
        return Err(too_long());
    }
    let reading = tokio::time::timeout(WITHIN, Limited::new(body, LONGEST).collect()).await;
    let Ok(read) = reading else {
        let why = format!("the question did not come within {} seconds", WITHIN.as_secs());
        return Err(Problem::wrong(StatusCode::REQUEST_TIMEOUT, why));
    };
    match read {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_long()),
        Err(_) => Err(Problem::wrong(StatusCode::BAD_REQUEST, "the question is cut off")),
    }
}

fn in_body(body: &[u8]) -> Result<Question, Problem> {
    let wrong = |why| Problem::wrong(StatusCode::BAD_REQUEST, format!("read the question: {why}"));
    serde_json::from_slice(body).map_err(wrong)
}

fn in_query(query: &str) -> Result<Question, Problem> {
    let mut question = Question::default();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let place = match &*name {
            "probe_cc" => &mut question.probe_cc,
            "probe_asn" => &mut question.probe_asn,
            "platform" => &mut question.platform,
            "software_name" => &mut question.software_name,
            "software_version" => &mut question.software_version,
            "run_type" => &mut question.run_type,
            "network_type" => &mut question.network_type,
            "charging" => {
                let why = "read the question: charging is true or false";
                let charging = value.parse();
                question.charging = charging.map_err(|_| Problem::wrong(StatusCode::BAD_REQUEST, why))?;
                continue;
            }
            _ => continue,
        };
        *place = value.into_owned();
    }
    Ok(question)
}

impl From<Question> for Attributes {
    fn from(question: Question) -> Self {
        Self {
            probe_cc: question.probe_cc,
            probe_asn: question.probe_asn,
            platform: question.platform,
            software_name: question.software_name,
            software_version: question.software_version,
            run_type: question.run_type,
            network_type: question.network_type,
            charging: question.charging,
        }
    }
}
