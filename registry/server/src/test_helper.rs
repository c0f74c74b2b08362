//! The test helper of `web_connectivity`: measures what a probe measures, from where nobody interferes.
//!
//! `POST` asks a question (`question`), `GET` whether anybody is there. A question is read with bounded memory (`body`),
//! unless too many are under way (`load`), and answered (`measure`) by looking its name up (`resolver`, `names`),
//! connecting to all its addresses, and fetching its page (`fetch`, with `cookies`, `title`, `alt_svc`). The primitives are
//! `netsonde-net`'s, and so is the policy that decides where packets may go (`reach`). `answer` is the format, `failure` its words.
//!
//! Nothing here knows who asks, and nothing is kept or logged that tells it.

mod alt_svc;
mod answer;
mod body;
mod config;
mod cookies;
mod failure;
mod fetch;
mod load;
mod measure;
mod names;
mod question;
mod reach;
mod resolver;
mod title;

pub use alt_svc::h3_endpoint;
pub use answer::{Answer, DnsResult, HandshakeResult, HttpResult, IpInfo, TcpResult};
pub use config::{Config, Limits};
pub use question::{Address, NoQuestion, Question};
pub use title::Title;

use axum::{Router, body::Body, extract::State};
use body::{Memory, NoBody};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use load::Load;
use measure::Measuring;
use netsonde_net::{
    Budget, Class, Clock, Destinations, Meter, Net, NetConfig, Networks, Pace, RootsError, Rules, Trace,
};
use reach::Reach;
use resolver::Resolver;
use std::{collections::BTreeSet, io, sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// What says `Server` on every answer.
const SERVER: HeaderValue =
    HeaderValue::from_static(concat!("netsonde-registry/", env!("CARGO_PKG_VERSION")));
/// What a `GET` is answered.
const GREETING: &str =
    "{\"message\":\"This is a test helper of OONI's web_connectivity. Ask it with POST.\"}\n";
/// How long finding the resolver may take when the helper starts.
const FIND_WITHIN: Duration = Duration::from_secs(10);
/// Bodies from this length on are read where they hold nobody up.
const LONG_BODY: usize = 64 << 10;

/// A test helper. Clones share everything.
#[derive(Clone, Debug)]
pub struct TestHelper(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    resolver: Resolver,
    load: Arc<Load>,
    memory: Memory,
    sockets: Semaphore,
    pace: Pace,
}

/// Why a question can not be measured: something is wrong with this machine.
#[derive(Debug, thiserror::Error)]
enum NoNet {
    #[error("find out which networks this machine is in: {0}")]
    Networks(#[from] io::Error),
    #[error(transparent)]
    Roots(#[from] RootsError),
}

impl TestHelper {
    /// A test helper as the operator wants it. Roots that are no certificates are found out here.
    pub fn new(config: Config) -> Result<Self, RootsError> {
        let network = NetConfig {
            extra_roots_pem: config.roots_pem.clone(),
            ..NetConfig::default()
        };
        let meter = Arc::new(Meter::new(Budget::default()));
        Net::new(&network, Trace::forgetful(Clock::start()), meter)?;
        Ok(Self(Arc::new(Inner {
            resolver: Resolver::new(&config),
            load: Load::new(&config.limits),
            memory: Memory::new(config.limits.bodies),
            sockets: Semaphore::new(config.limits.sockets),
            pace: Pace::default(),
            config,
        })))
    }

    /// Find out where the resolver is. Where that fails, the log says so, and the next question tries again.
    pub async fn prepare(&self) {
        if let Err(why) = self.0.resolver.find(FIND_WITHIN).await {
            tracing::warn!(
                "look the resolver {} up: {why}; it is tried again with the next request",
                self.0.config.resolver
            );
        }
    }

    /// The helper as a service, on every path.
    pub fn router(self) -> Router {
        Router::new().fallback(answer).with_state(self)
    }

    /// The network for one question: everything public, and what the operator allows.
    fn net(&self) -> Result<Net, NoNet> {
        let inner = &self.0;
        let rules = Rules {
            classes: BTreeSet::from([Class::Any]),
            allowed: inner.config.allowed.clone(),
            networks: Networks::of_this_device()?,
            pace: inner.pace.clone(),
            ..Rules::default()
        };
        let config = NetConfig {
            extra_roots_pem: inner.config.roots_pem.clone(),
            destinations: Destinations::Ruled(Box::new(rules)),
            ..NetConfig::default()
        };
        // What a server sends is not kept, so that nothing but its amount has to be bounded.
        let budget = Budget {
            observations: u64::MAX,
            ..Budget::default()
        };
        let trace = Trace::forgetful(Clock::start());
        Ok(Net::new(&config, trace, Arc::new(Meter::new(budget)))?)
    }

    async fn ask(&self, request: Request<Body>) -> Response<Body> {
        let user_agent = request.headers().get(header::USER_AGENT);
        let user_agent = user_agent
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        // Whoever is turned away is told so before the body comes, which may be long. But nobody has a place while it comes,
        // or a few who send nothing would have them all.
        if self.0.load.admit(&user_agent).is_none() {
            return empty(StatusCode::SERVICE_UNAVAILABLE);
        }
        let body = match self.0.memory.read(request.into_body()).await {
            Ok(body) => body,
            Err(NoBody::NoMemory) => return empty(StatusCode::SERVICE_UNAVAILABLE),
            Err(why) => return refused(&why.to_string()),
        };
        let Some(_in_flight) = self.0.load.admit(&user_agent) else {
            return empty(StatusCode::SERVICE_UNAVAILABLE);
        };
        let most = self.0.config.limits.addresses;
        let read = if body.bytes.len() < LONG_BODY {
            Question::read(&body.bytes, most)
        } else {
            let reading = tokio::task::spawn_blocking(move || Question::read(&body.bytes, most));
            match reading.await {
                Ok(read) => read,
                Err(error) => return broken(&error),
            }
        };
        let question = match read {
            Ok(question) => question,
            Err(why) => return refused(&why.to_string()),
        };
        let net = match self.net() {
            Ok(net) => net,
            Err(error) => return broken(&error),
        };
        let measuring = Measuring {
            config: &self.0.config,
            reach: Reach {
                net: &net,
                bogons: self.0.config.measures_bogons(),
            },
            resolver: &self.0.resolver,
            sockets: &self.0.sockets,
        };
        let clock = Clock::start();
        // It is large.
        let answer = Box::pin(measuring.answer(&question)).await;
        tracing::debug!("answered after {:?}", clock.now());
        match serde_json::to_vec(&answer) {
            Ok(json) => of_json(json),
            Err(error) => broken(&error),
        }
    }
}

async fn answer(State(helper): State<TestHelper>, request: Request<Body>) -> Response<Body> {
    let mut response = match *request.method() {
        Method::GET => of_json(GREETING),
        Method::POST => helper.ask(request).await,
        _ => refused("ask with POST, or see with GET whether anybody is there"),
    };
    response.headers_mut().insert(header::SERVER, SERVER);
    response
}

fn of_json(json: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(json.into());
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// The request is at fault.
fn refused(why: &str) -> Response<Body> {
    let mut response = Response::new(format!("{why}\n").into());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

/// This machine is at fault.
fn broken(why: &dyn std::fmt::Display) -> Response<Body> {
    tracing::error!("answer a request: {why}");
    empty(StatusCode::INTERNAL_SERVER_ERROR)
}
