//! What the public sees of a registry: its log as static files, what the log names, and what probes are to run.
//!
//! A request is let in (`limits`), its path is read into what it asks for (`route`), and that is a file (`files`) or something
//! that follows from the log (`state`). Everything can be asked for again without harm, from anywhere: who asks plays no part
//! in what is answered, and is neither kept nor logged. What belongs here: answering. What does not: publishing, which other
//! processes do in the same folder meanwhile.

mod answer;
mod check_in;
mod files;
mod limits;
mod metrics;
mod oci;
mod proofs;
mod renewal;
mod route;
mod state;

pub use renewal::{renew, sign};
pub use route::{Reference, Repository, Route};

use crate::{
    folder::{Reader, SequencerError},
    serve::Peer,
};
use answer::{Answer, BYTES, JSON, Keep, Problem, TEXT};
use axum::{Router, body::Body, extract::State as AxumState, routing::get};
use check_in::CheckIn;
use files::Files;
use http::{HeaderMap, Method, Request, Response, request::Parts};
use limits::Limits;
use metrics::Metrics;
use netsonde_log::words::Digest;
use oci::{Oci, Sources};
use state::State;
use std::{
    num::NonZeroU32,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

/// How long finding an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// How often those who have not asked for long are forgotten.
const FORGET_EVERY: Duration = Duration::from_mins(1);
/// For how many seconds a checkpoint, and what is proven against it, may be kept by others.
const CHECKPOINT_FOR: u64 = 5;

/// How a registry is served.
#[derive(Clone, Debug)]
pub struct Config {
    /// The registry's folder.
    pub folder: PathBuf,
    /// Requests a minute of one client.
    pub rate: Option<NonZeroU32>,
    /// Whether a proxy in front says who the client is.
    pub is_behind_proxy: bool,
}

/// A registry as the public sees it. Clones share everything.
#[derive(Clone)]
pub struct Public(Arc<Inner>);

struct Inner {
    files: Files,
    state: State,
    limits: Limits,
    check_in: CheckIn,
    oci: Oci,
    metrics: Metrics,
}

impl Public {
    /// Read all of the log that is there, which may take a while.
    pub fn open(config: &Config) -> Result<Self, SequencerError> {
        let state = State::new(Reader::open(&config.folder)?);
        state.catch_up()?;
        Ok(Self(Arc::new(Inner {
            files: Files::new(&config.folder),
            state,
            limits: Limits::new(config.rate, config.is_behind_proxy),
            check_in: CheckIn::default(),
            oci: Oci::default(),
            metrics: Metrics::new(),
        })))
    }

    /// The registry as a service, on every path.
    pub fn router(self) -> Router {
        Router::new().fallback(respond).with_state(self)
    }

    /// What the operator may see, at `/metrics`.
    pub fn metrics(self) -> Router {
        Router::new().route("/metrics", get(show)).with_state(self)
    }

    /// Forget, for as long as this runs, those who have not asked for long.
    pub async fn tidy(self) {
        let mut times = tokio::time::interval(FORGET_EVERY);
        loop {
            times.tick().await;
            self.0.limits.forget();
        }
    }

    async fn answer(&self, route: Option<&Route>, parts: &Parts, body: Body) -> Result<Answer, Problem> {
        let peer = parts.extensions.get::<Peer>().copied();
        self.0.limits.admit(peer, &parts.headers)?;
        let route = route.ok_or_else(|| Problem::unknown("NAME_UNKNOWN", "there is nothing at this path"))?;
        if *route == Route::CheckIn {
            let Inner {
                check_in,
                state,
                files,
                ..
            } = &*self.0;
            return check_in.answer(state, files, parts, body).await;
        }
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            return Err(Problem::method("GET, HEAD"));
        }
        match route {
            Route::Checkpoint | Route::Snapshot => {
                self.file(route, TEXT, Keep::Seconds(CHECKPOINT_FOR), None).await
            }
            Route::Tile(_) => self.file(route, BYTES, Keep::ForEver, None).await,
            Route::Root(_) => self.file(route, JSON, Keep::ForEver, None).await,
            Route::Object(_, digest) => {
                self.0.state.now().await?.check_not_revoked(digest)?;
                self.file(route, BYTES, Keep::ForEver, Some(*digest)).await
            }
            Route::Proofs(digest) => proofs::of(&self.0.state, *digest, Keep::Seconds(CHECKPOINT_FOR)).await,
            Route::Health => self.health().await,
            _ => {
                let Inner { files, state, .. } = &*self.0;
                self.0.oci.answer(route, parts, Sources { state, files }).await
            }
        }
    }

    /// A file as it is.
    async fn file(
        &self,
        route: &Route,
        kind: &'static str,
        keep: Keep,
        named: Option<Digest>,
    ) -> Result<Answer, Problem> {
        let absent = || Problem::unknown("BLOB_UNKNOWN", "there is no such file here");
        let name = route.file().ok_or_else(absent)?;
        let found = match route {
            Route::Checkpoint => self.0.files.checkpoint(&name).await,
            _ => self.0.files.get(&name, named).await,
        };
        let found = found.map_err(|why| Problem::broken(&format!("read {name}"), &why))?;
        let (content, tag) = found.ok_or_else(absent)?;
        Ok(Answer {
            content,
            kind,
            keep,
            tag,
            is_oci: false,
            more: None,
        })
    }

    async fn health(&self) -> Result<Answer, Problem> {
        let opened = self.0.state.now().await?.opened;
        let json = serde_json::json!({"size": opened.tree.size(), "time": opened.time});
        Ok(Answer::json(json.to_string().into_bytes(), Keep::Seconds(0)))
    }
}

async fn respond(AxumState(public): AxumState<Public>, request: Request<Body>) -> Response<Body> {
    let began = Instant::now();
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let route = Route::parse(path);
    let (is_oci, is_head) = (route::is_oci(path), parts.method == Method::HEAD);
    let answering = tokio::time::timeout(ANSWER_WITHIN, public.answer(route.as_ref(), &parts, body)).await;
    let mut response = match answering.unwrap_or_else(|_| Err(Problem::late())) {
        // Who posts has nothing that could be the same.
        Ok(answer) if parts.method == Method::POST => answer.respond(&HeaderMap::new(), is_head),
        Ok(answer) => answer.respond(&parts.headers, is_head),
        Err(problem) => problem.respond(is_oci, is_head),
    };
    answer::sign(&mut response, is_oci);
    let (template, took) = (route.as_ref().map_or("other", Route::template), began.elapsed());
    public.0.metrics.count(template, &response, is_head, took);
    tracing::debug!("{template} {} after {took:?}", response.status().as_u16());
    response
}

async fn show(AxumState(public): AxumState<Public>) -> Response<Body> {
    let shown = public.0.metrics.show(&public.0.state).await;
    shown.unwrap_or_else(|problem| problem.respond(false, false))
}
