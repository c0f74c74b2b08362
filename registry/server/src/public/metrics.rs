//! What is counted, for the operator: how much of what kind is asked for, never who asks.

use super::answer::Problem;
use super::renewal::now;
use super::state::State;
use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use std::time::Duration;

const KIND: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// All that is counted.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    durations: Family<Asked, Histogram, fn() -> Histogram>,
    bytes: Family<Asked, Counter>,
    limited: Counter,
    entries: Gauge,
    age: Gauge,
}

/// What was asked for: as many as there are templates of routes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    route: &'static str,
}

/// And what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: &'static str,
    status: u16,
}

impl Metrics {
    /// Nothing is counted yet.
    pub(super) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("netsonde_registry"),
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.000_25, 4.0, 9))),
            bytes: Family::default(),
            limited: Counter::default(),
            entries: Gauge::default(),
            age: Gauge::default(),
        };
        let registry = &mut metrics.registry;
        registry.register(
            "requests",
            "Requests that were answered",
            metrics.requests.clone(),
        );
        registry.register_with_unit(
            "request_duration",
            "How long finding the answer took",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        registry.register_with_unit(
            "sent",
            "What answers have in them",
            Unit::Bytes,
            metrics.bytes.clone(),
        );
        registry.register(
            "rate_limited",
            "Requests of clients that had asked too often",
            metrics.limited.clone(),
        );
        registry.register("log_entries", "Entries of the log", metrics.entries.clone());
        registry.register_with_unit(
            "checkpoint_age",
            "How long ago the checkpoint was signed",
            Unit::Seconds,
            metrics.age.clone(),
        );
        metrics
    }

    /// Count an answer.
    pub(super) fn count(
        &self,
        route: &'static str,
        response: &Response<Body>,
        is_head: bool,
        took: Duration,
    ) {
        let asked = Asked { route };
        let status = response.status();
        let answered = Answered {
            route,
            status: status.as_u16(),
        };
        self.requests.get_or_create(&answered).inc();
        self.durations.get_or_create(&asked).observe(took.as_secs_f64());
        if status == StatusCode::TOO_MANY_REQUESTS {
            self.limited.inc();
        }
        let len = response.headers().get(header::CONTENT_LENGTH);
        let len = len.and_then(|len| len.to_str().ok()?.parse().ok());
        self.bytes
            .get_or_create(&asked)
            .inc_by(len.filter(|_| !is_head).unwrap_or(0));
    }

    /// All of it, as Prometheus reads it.
    pub(super) async fn show(&self, state: &State) -> Result<Response<Body>, Problem> {
        let opened = state.now().await?.opened;
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.entries.set(number(opened.tree.size()));
        self.age.set(number(now().saturating_sub(opened.time)));
        let mut text = String::new();
        encode(&mut text, &self.registry).map_err(|why| Problem::broken("write the metrics down", &why))?;
        let mut response = Response::new(Body::from(text));
        response.headers_mut().insert(header::CONTENT_TYPE, KIND);
        Ok(response)
    }
}
