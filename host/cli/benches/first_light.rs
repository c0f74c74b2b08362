//! What the sandbox costs: `cargo bench`. Every figure is a ratio against something named, or stands beside its aim.
//!
//! The same 200 measuring steps (connect, one HTTP transaction, close) are made twice, in turns in one process: by the
//! nettest `telegram`, which runs 200 `http-address@v1` mini nettests each in an instance of its own, and natively
//! with the same primitives and the same parallelism, down to the same JSON. The servers are in another process, so
//! that processor time is the client's alone.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark"
)]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use futures::stream::{self, StreamExt as _};
use netsonde_data::location::{Location, Locations};
use netsonde_data::measurement::Measurement;
use netsonde_net::{Clock, Meter, Net, NetConfig, Trace};
use netsonde_probe::catalog::Catalog;
use netsonde_probe::location::GivenLocation;
use netsonde_probe::report::{SaveError, Saver};
use netsonde_probe::sandbox::{Budget, Engine, EngineConfig, GuestView, Kind, Level, Run, RunInfo};
use netsonde_probe::settings::Policy;
use netsonde_probe::view::{Event, View};
use netsonde_probe::{Probe, Software, UnknownDevice};
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use tokio_util::sync::CancellationToken;

const STEPS: usize = 200;
const ROUNDS: usize = 11;
/// The parallelism of the nettest `telegram`.
const PARALLELISM: usize = 6;

fn main() {
    if std::env::args().any(|argument| argument == "--serve") {
        return serve();
    }
    // `cargo test --benches` wants to know only whether this runs.
    let rounds = if std::env::args().any(|argument| argument == "--bench") {
        ROUNDS
    } else {
        1
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    // The engine makes the folder itself, private to this user.
    let cache = folder.path().join("modules");
    start(&cache);
    let engine = Engine::new(EngineConfig {
        cache_dir: Some(cache),
    })
    .unwrap();
    for delay in [0, 20] {
        let servers = Servers::start(delay);
        runtime.block_on(steps(&engine, &servers, rounds));
    }
    runtime.block_on(endpoints(&engine, &Servers::start(20)));
    runtime.block_on(calls(&engine));
    runtime.block_on(instantiation(&engine));
}

/// Cold start of the whole preinstalled set, without and with what an earlier start left in the cache.
fn start(cache: &Path) {
    let load = || {
        let begun = Instant::now();
        let engine = Engine::new(EngineConfig {
            cache_dir: Some(cache.to_owned()),
        })
        .unwrap();
        for guest in netsonde_preinstalled::GUESTS {
            engine.load(guest.name, guest.wasm).unwrap();
        }
        (begun.elapsed(), engine.stats())
    };
    let (without, stats) = load();
    assert_eq!(stats.loaded_from_cache, 0);
    let mut with = Vec::new();
    for _ in 0..5 {
        let (time, stats) = load();
        assert_eq!(stats.compiled, 0, "the second start compiles nothing");
        with.push(time);
    }
    let with = median(with);
    println!(
        "start, {} guests: {} from the cache (aim 30 ms), {} without; {:.1}x",
        netsonde_preinstalled::GUESTS.len(),
        milliseconds(with),
        milliseconds(without),
        without.as_secs_f64() / with.as_secs_f64(),
    );
}

/// The same steps by Wasm guests and natively, in turns.
async fn steps(engine: &Engine, servers: &Servers, rounds: usize) {
    let probe = Probe {
        catalog: Arc::new(Catalog::preinstalled(engine.clone())),
        policy: Policy::default(),
        net: NetConfig::unrestricted(),
        transcripts: None,
        state_dir: None,
        software: Software::default(),
        device: Arc::new(UnknownDevice),
    };
    let script = script(servers.address);
    let script = netsonde_script::parse("bench", script.as_bytes(), &probe.catalog.vocabulary().unwrap())
        .unwrap_or_else(|errors| panic!("{}", errors.render(false)))
        .script;
    let location = GivenLocation::new(Locations {
        ipv4: Some(Location::default()),
        ipv6: None,
    });
    let (mut guests, mut native) = (Vec::new(), Vec::new());
    let mut usage = Value::Null;
    // The first round warms up and is not counted.
    for round in 0..=rounds {
        let view = Arc::new(Usage::default());
        let mut kept = Kept::default();
        let before = Costs::start();
        let stop = CancellationToken::new();
        probe
            .run_script(&script, "", &location, view.clone(), &mut kept, &stop)
            .await
            .unwrap();
        let by_guests = before.end();
        let before = Costs::start();
        let bytes = natively(servers.address).await;
        let natively = before.end();
        assert_eq!(count(&kept.0, "requests"), STEPS, "every guest made its request");
        assert_eq!(count(&bytes, "requests"), STEPS);
        if round > 0 {
            guests.push(by_guests);
            native.push(natively);
        }
        usage = view.0.lock().unwrap().clone();
    }
    let wall = |costs: &[Costs]| median(costs.iter().map(|costs| costs.wall).collect());
    let cpu = |costs: &[Costs]| median(costs.iter().map(|costs| costs.cpu).collect());
    println!(
        "{STEPS} mini nettests against the same natively, servers answering after {} ms, median of {}:",
        servers.delay,
        guests.len()
    );
    for (what, aim, of) in [
        ("wall", 1.05, &wall as &dyn Fn(&[Costs]) -> Duration),
        ("CPU", 1.25, &cpu),
    ] {
        println!(
            "  {what}: {} against {}, {:.2}x (aim {aim}x); {:.0} µs a mini nettest",
            milliseconds(of(&guests)),
            milliseconds(of(&native)),
            of(&guests).as_secs_f64() / of(&native).as_secs_f64(),
            (of(&guests).as_secs_f64() - of(&native).as_secs_f64()) * 1e6 / STEPS as f64,
        );
    }
    println!(
        "  spent by the guests: CPU {} s of a budget of {} s, {} host calls carrying {} bytes (which have no budget)",
        usage["cpu_s"][0], usage["cpu_s"][1], usage["host_calls"], usage["host_call_bytes"],
    );
}

/// The steps of `http-address@v1`, by hand.
async fn natively(address: SocketAddr) -> Vec<u8> {
    let trace = Trace::new(Clock::start());
    let net = Net::new(
        &NetConfig::unrestricted(),
        trace.clone(),
        Arc::new(Meter::new(Budget::maximum().net)),
    )
    .unwrap();
    let step = |_| {
        let net = net.clone();
        async move {
            let transaction = net.trace().begin(vec!["mini_nettest:dc".into()], None);
            let connection = net.connect(&transaction, address, None).await.unwrap();
            let request = netsonde_net::http::Request {
                method: "POST".into(),
                url: format!("http://{address}/"),
                headers: vec![
                    ("Accept".into(), "*/*".into()),
                    ("Accept-Language".into(), "en-US,en;q=0.9".into()),
                    ("User-Agent".into(), "Mozilla/5.0".into()),
                ],
                ..netsonde_net::http::Request::default()
            };
            net.round_trip(&transaction, &connection, request)
                .await
                .unwrap()
                .status
        }
    };
    let done: Vec<u16> = stream::iter(0..STEPS)
        .map(step)
        .buffer_unordered(PARALLELISM)
        .collect()
        .await;
    assert!(done.iter().all(|status| *status == 200));
    let test_keys = serde_json::to_value(trace.observations()).unwrap();
    serde_json::to_vec(
        &Measurement::builder("native", "0.0.0")
            .test_keys(test_keys)
            .build(),
    )
    .unwrap()
}

/// Many endpoints measured by one guest, all at once against one at a time: a connection and an HTTP transaction each.
async fn endpoints(engine: &Engine, servers: &Servers) {
    const ENDPOINTS: usize = 500;
    let module = engine.load("steps", netsonde_test_guests::wasm("steps")).unwrap();
    let measure = async |parallelism: usize| {
        let list = json!([
            {"do": "connect", "to": servers.address.to_string()},
            {"do": "request", "url": "http://example.org/"},
        ]);
        let options = json!({"steps": vec![list; ENDPOINTS], "parallelism": parallelism});
        let before = Costs::start();
        let report = engine
            .run(&module, json!({"input": null, "options": options}), run())
            .await;
        let costs = before.end();
        let result = report.result.unwrap();
        let answers = result["answers"].as_array().unwrap();
        assert!(
            answers.iter().all(|answer| answer[1]["status"] == 200),
            "every request was answered"
        );
        assert_eq!(answers.len(), ENDPOINTS);
        costs
    };
    let (at_once, one_by_one) = (measure(ENDPOINTS).await, measure(1).await);
    println!(
        "{ENDPOINTS} endpoints by one guest, servers answering after {} ms: at once {}, one at a time {}, {:.1}x; CPU {} and {}",
        servers.delay,
        milliseconds(at_once.wall),
        milliseconds(one_by_one.wall),
        one_by_one.wall.as_secs_f64() / at_once.wall.as_secs_f64(),
        milliseconds(at_once.cpu),
        milliseconds(one_by_one.cpu),
    );
}

/// What a call of the host costs.
async fn calls(engine: &Engine) {
    const CALLS: u64 = 100_000;
    let module = engine.load("hostile", netsonde_test_guests::hostile()).unwrap();
    let mut times = Vec::new();
    for _ in 0..5 {
        let target = json!({"input": null, "options": {"mode": "calls", "count": CALLS}});
        let report = engine.run(&module, target, run()).await;
        let result = report.result.unwrap();
        times.push(Duration::from_nanos(result["nanoseconds"].as_u64().unwrap()));
    }
    println!(
        "host call: {:.2} µs (aim 2 µs)",
        median(times).as_secs_f64() * 1e6 / CALLS as f64
    );
}

/// What an instance of each guest costs, from start to end: store, memory, instance, one call, and all of it gone again.
/// Nettests reduce nothing; mini nettests refuse arguments without anything in them.
async fn instantiation(engine: &Engine) {
    const TIMES: u32 = 100;
    let minis = Arc::new(Catalog::preinstalled(engine.clone()));
    let hostile = engine.load("hostile", netsonde_test_guests::hostile()).unwrap();
    println!("instance, from start to end (aim 100 µs):");
    for guest in netsonde_preinstalled::GUESTS {
        let module = engine.load(guest.name, guest.wasm).unwrap();
        let mut times = Vec::new();
        for _ in 0..5 {
            let begun = Instant::now();
            if module.kind() == Kind::Nettest {
                for _ in 0..TIMES {
                    engine.reduce(&module, &json!({})).await.unwrap();
                }
            } else {
                let one = json!({"run": format!("{}@v1", guest.name), "with": {}, "tags": []});
                let targets = vec![one; TIMES as usize];
                let target =
                    json!({"input": null, "options": {"mode": "mini", "parallelism": 1}, "targets": targets});
                let run = Run {
                    minis: minis.clone(),
                    ..run()
                };
                let report = engine.run(&hostile, target, run).await;
                assert_eq!(report.usage.instances, u64::from(TIMES) + 1);
            }
            times.push(begun.elapsed() / TIMES);
        }
        println!("  {}: {:.0} µs", guest.name, median(times).as_secs_f64() * 1e6);
    }
}

fn run() -> Run {
    let budget = Budget::maximum();
    let trace = Trace::new(Clock::start());
    Run {
        net: Net::new(
            &NetConfig::unrestricted(),
            trace,
            Arc::new(Meter::new(budget.net.clone())),
        )
        .unwrap(),
        grants: netsonde_probe::sandbox::Grants::all(),
        budget,
        info: RunInfo::default(),
        minis: Arc::new(Nothing),
        view: Arc::new(Nothing),
        transcripts: None,
        state_dir: None,
    }
}

struct Nothing;

impl netsonde_probe::sandbox::MiniSource for Nothing {
    fn mini(&self, _: &str) -> Result<Arc<netsonde_probe::sandbox::Module>, String> {
        Err("there is none".into())
    }
}

impl GuestView for Nothing {
    fn progress(&self, _: f64, _: &str) {}
    fn log(&self, _: &str, _: Level, _: &str) {}
}

/// A script of so many mini nettests.
fn script(address: SocketAddr) -> String {
    let target = json!({"run": "http-address@v1", "with": {
        "ip_address": address.ip(), "port": address.port(), "http_method": "POST",
        "http_header_accept": "*/*", "http_header_accept_language": "en-US,en;q=0.9",
        "http_header_user_agent": "Mozilla/5.0", "tags": ["mini_nettest:dc"],
    }});
    let targets = vec![target; STEPS];
    json!({"v": 2, "instructions": [
        {"run": "nettest:run@v1", "with": {"nettest_name": "telegram", "suite_name": "im", "targets": targets}},
    ]})
    .to_string()
}

fn count(measurement: &[u8], kind: &str) -> usize {
    let measurement: Value = serde_json::from_slice(measurement).unwrap();
    measurement["test_keys"][kind].as_array().unwrap().len()
}

/// Keeps the usage of the last measurement.
#[derive(Default)]
struct Usage(Mutex<Value>);

impl View for Usage {
    fn event(&self, event: Event) {
        match event {
            Event::Measurement(measured) => {
                assert_eq!(measured.error, None);
                *self.0.lock().unwrap() = measured.usage;
            }
            Event::Broken { why, .. } => panic!("{why}"),
            _ => {}
        }
    }
}

/// Keeps the last measurement, as a report would write it.
#[derive(Default)]
struct Kept(Vec<u8>);

impl Saver for Kept {
    fn save(&mut self, measurement: &Measurement) -> Result<(), SaveError> {
        self.0 = serde_json::to_vec(measurement)?;
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Costs {
    wall: Duration,
    cpu: Duration,
}

struct Started(Instant, ProcessTime);

impl Costs {
    fn start() -> Started {
        Started(Instant::now(), ProcessTime::now())
    }
}

impl Started {
    fn end(self) -> Costs {
        Costs {
            wall: self.0.elapsed(),
            cpu: self.1.elapsed(),
        }
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// HTTP servers in a process of their own.
struct Servers {
    address: SocketAddr,
    delay: u64,
    child: Child,
}

impl Servers {
    fn start(delay: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--serve", &delay.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            address: line.trim().parse().expect("the server says where it is"),
            delay,
            child,
        }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        // The server ends with its input.
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

/// Serve the same answer to every request, after a while, until standard input ends.
fn serve() {
    let delay = std::env::args()
        .next_back()
        .and_then(|delay| delay.parse().ok())
        .map(Duration::from_millis);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket
        .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
        .unwrap();
    // The standard library's queue is shorter than what is measured: who finds no room in it tries again after a second.
    socket.listen(1024).unwrap();
    let listener = TcpListener::from(socket);
    println!("{}", listener.local_addr().unwrap());
    std::io::stdout().flush().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut stream = stream;
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                std::thread::sleep(delay.unwrap_or_default());
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                // Until the client closes.
                let _ = stream.read(&mut request);
            });
        }
    });
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
