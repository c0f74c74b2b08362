//! What serving a registry costs: check-ins, the checkpoint against nginx that serves the same file, single appends, and
//! installing a module from a log of a million entries.
//!
//! `cargo bench -p netsonde-registry --bench serve`, and `-- --seconds 1 --leaves 20000` for shorter turns
//! and a shorter log. Each question is asked over eight
//! connections, one after the other on each, in turns with nginx: the machine that the one has, the other has too. It prints
//! requests per second, and the processor time that the server took for one. Without nginx it says so, and measures the rest.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a bench: what is not as expected should end it"
)]

#[path = "serve/fresh.rs"]
mod fresh;
#[path = "serve/nginx.rs"]
mod nginx;
#[path = "../tests/serve/registry.rs"]
#[expect(dead_code, reason = "tests need more of it")]
mod registry;
#[path = "../tests/serve/server.rs"]
#[expect(dead_code, reason = "tests need more of it")]
mod server;

use netsonde_log::{leaf::Payload, role::Role};
use nginx::Nginx;
use registry::{Registry, publication};
use server::Server;
use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::ExitCode,
    time::{Duration, Instant},
};

/// Connections at once.
const CONNECTIONS: usize = 8;
/// Turns of each server.
const TURNS: usize = 7;
/// Rules in the table that check-ins are answered from; the last one matches.
const RULES: usize = 200;

/// What is asked, and what has to come.
struct Question {
    name: &'static str,
    request: String,
    status: u16,
}

/// What one turn came to.
#[derive(Clone, Copy)]
struct Turn {
    per_second: f64,
    /// Microseconds of processor time for one request; none where the system does not tell.
    processor: Option<f64>,
}

fn main() -> ExitCode {
    let seconds = argument("--seconds").unwrap_or(3);
    let turn = Duration::from_secs(seconds);
    let registry = Registry::new();
    prepare(&registry);
    let server = Server::start(&registry, &["--rate", "0", "--renew", "1h"]);
    let ours = (server.address, vec![server.id()]);
    let nginx = Nginx::start(&registry.path().join("public"));
    let theirs = nginx.as_ref().map(|nginx| (nginx.address, nginx.processes()));
    println!("{CONNECTIONS} connections, median of {TURNS} turns of {seconds} s each");
    let body = r#"{"probe_cc":"IT","probe_asn":"AS30722","platform":"linux","software_name":"netsonde","run_type":"timed"}"#;
    let check_in = format!(
        "POST /api/v2/check-in HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let query = "probe_cc=IT&probe_asn=AS30722&platform=linux&software_name=netsonde&run_type=timed";
    for question in [
        Question::new("check-in, POST", check_in, 200),
        Question::new(
            "check-in, GET",
            get(&format!("/api/v2/check-in?{query}"), ""),
            200,
        ),
    ] {
        let turns: Vec<Turn> = (0..TURNS).map(|_| question.ask(ours.0, &ours.1, turn)).collect();
        println!("{:<24} {}", question.name, told(&turns));
    }
    for (name, status) in [("checkpoint, whole", 200), ("checkpoint, not modified", 304)] {
        let of = |address: SocketAddr| {
            // The two make different tags of one file.
            let known = if status == 304 {
                format!("If-None-Match: {}\r\n", tag(address))
            } else {
                String::new()
            };
            Question::new(name, get("/log/checkpoint", &known), status)
        };
        let (question, their_question) = (of(ours.0), theirs.as_ref().map(|theirs| of(theirs.0)));
        let (mut turns, mut their_turns) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            turns.push(question.ask(ours.0, &ours.1, turn));
            if let (Some(question), Some(theirs)) = (&their_question, &theirs) {
                their_turns.push(question.ask(theirs.0, &theirs.1, turn));
            }
        }
        println!("{name:<24} {}", told(&turns));
        if !their_turns.is_empty() {
            let ratio = median(&turns, |turn| turn.per_second) / median(&their_turns, |turn| turn.per_second);
            println!(
                "{:<24} {}, ours is {ratio:.2} of it",
                "  nginx",
                told(&their_turns)
            );
        }
    }
    drop(server);
    fresh::run(argument("--leaves").unwrap_or(1_000_000));
    ExitCode::SUCCESS
}

/// A number on the command line.
fn argument(name: &str) -> Option<u64> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    arguments.next().and_then(|text| text.parse().ok())
}

/// Have something to answer with.
fn prepare(registry: &Registry) {
    registry.script("websites", b"{\"v\":2,\"instructions\":[]}");
    let mut table = String::from(r#"{"v":1,"rules":["#);
    for number in 1..RULES {
        let _ = write!(
            table,
            r#"{{"if":{{"probe_asn":["AS{number}"],"run_type":["timed"]}},"online":"websites"}},"#
        );
    }
    table.push_str(r#"{"online":"websites"}]}"#);
    registry.put("lists", table.as_bytes());
    registry.say(
        &Payload::ListPublish(publication("check-in", table.as_bytes())),
        Role::Lists,
    );
}

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n")
}

/// What a server calls the checkpoint that it has.
fn tag(address: SocketAddr) -> String {
    let request = "GET /log/checkpoint HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let reply = server::Reply::read(&server::exchange(address, request.as_bytes()));
    reply.header("etag").unwrap_or_default().to_owned()
}

impl Question {
    fn new(name: &'static str, request: String, status: u16) -> Self {
        Self {
            name,
            request,
            status,
        }
    }

    /// Ask on all connections for a while.
    fn ask(&self, address: SocketAddr, processes: &[u32], turn: Duration) -> Turn {
        let before = processor_time(processes);
        let began = Instant::now();
        let answered: u64 = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..CONNECTIONS)
                .map(|_| scope.spawn(|| self.ask_on_one(address, turn)))
                .collect();
            asking.into_iter().map(|asking| asking.join().unwrap()).sum()
        });
        let seconds = began.elapsed().as_secs_f64();
        let took = before
            .zip(processor_time(processes))
            .map(|(before, after)| after.saturating_sub(before));
        let answered = f64::from(u32::try_from(answered).unwrap_or(u32::MAX));
        Turn {
            per_second: answered / seconds,
            processor: took.map(|took| took.as_secs_f64() * 1e6 / answered),
        }
    }

    fn ask_on_one(&self, address: SocketAddr, turn: Duration) -> u64 {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut came = BufReader::new(stream.try_clone().unwrap());
        let (mut line, mut body) = (String::new(), Vec::new());
        let began = Instant::now();
        let mut answered = 0;
        while began.elapsed() < turn {
            stream.write_all(self.request.as_bytes()).unwrap();
            line.clear();
            came.read_line(&mut line).unwrap();
            assert_eq!(
                line.get(9..12),
                Some(self.status.to_string().as_str()),
                "{}: {line}",
                self.name
            );
            let mut len = 0;
            while line != "\r\n" {
                line.clear();
                came.read_line(&mut line).unwrap();
                let (name, value) = line.split_once(':').unwrap_or_default();
                if name.eq_ignore_ascii_case("content-length") && self.status == 200 {
                    len = value.trim().parse().unwrap();
                }
            }
            body.resize(len, 0);
            came.read_exact(&mut body).unwrap();
            answered += 1;
        }
        answered
    }
}

/// What processes have had so far, in hundredths of a second as Linux counts it; none where the system does not tell.
fn processor_time(processes: &[u32]) -> Option<Duration> {
    let mut ticks = 0;
    for process in processes {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // What is before may have spaces in it.
        let (_, fields) = stat.rsplit_once(')')?;
        let times = fields.split_whitespace().skip(11).take(2);
        ticks += times.map(|ticks| ticks.parse().unwrap_or(0)).sum::<u64>();
    }
    Some(Duration::from_millis(ticks * 10))
}

fn median(turns: &[Turn], of: impl Fn(&Turn) -> f64) -> f64 {
    let mut values: Vec<f64> = turns.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn told(turns: &[Turn]) -> String {
    let per_second = median(turns, |turn| turn.per_second);
    let processor = median(turns, |turn| turn.processor.unwrap_or(f64::NAN));
    format!("{per_second:>8.0} a second, {processor:.0} µs of processor time each")
}
