//! Many questions at once, of probes and of others who mean harm, about servers of both kinds.

mod servers;

use super::{
    World,
    helper::{Helper, talk},
};
use serde_json::{Value, json};
use servers::Servers;
use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    time::{sleep, timeout},
};

/// A kind of question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// A page with a title, as there are many.
    Page,
    /// The same over TLS, after a redirect.
    SecurePage,
    /// A name that does not exist.
    NoName,
    /// A body without end.
    EndlessBody,
    /// A head that is as long as heads may be.
    LongHead,
    /// Redirects without end, each with cookies.
    EndlessRedirects,
    /// A byte at a time.
    Dribble,
    /// Chunks of one byte.
    TinyChunks,
    /// More addresses than anybody has.
    ManyAddresses,
    /// A question of many megabytes that are passed over.
    LongQuestion,
    /// A question that is too long.
    TooLongQuestion,
    /// A question that is no JSON, or too deep.
    NoQuestion,
    /// A question that is never finished.
    HalfQuestion,
    /// A client that does not wait for its answer.
    Leaving,
}

/// What clients do in turn: two thirds is what probes do.
const MIX: [Kind; 36] = {
    use Kind::{
        Dribble, EndlessBody, EndlessRedirects, HalfQuestion, Leaving, LongHead, LongQuestion, ManyAddresses,
        NoName, NoQuestion, Page, SecurePage, TinyChunks, TooLongQuestion,
    };
    [
        Page,
        Page,
        SecurePage,
        EndlessBody,
        Page,
        NoName,
        Page,
        SecurePage,
        LongHead,
        Page,
        Page,
        NoQuestion,
        Page,
        SecurePage,
        EndlessRedirects,
        Page,
        Page,
        ManyAddresses,
        Page,
        SecurePage,
        LongQuestion,
        Page,
        Page,
        Dribble,
        Page,
        SecurePage,
        TinyChunks,
        Page,
        Page,
        TooLongQuestion,
        Page,
        SecurePage,
        HalfQuestion,
        Page,
        NoName,
        Leaving,
    ]
};

/// What came of it.
pub struct Report {
    statuses: BTreeMap<String, u64>,
    latencies: BTreeMap<Kind, Vec<Duration>>,
    /// Answers that do not say what is true.
    pub wrong: Vec<String>,
    /// Answers that say that something took too long which does not: machines that are busy are slow.
    pub late: usize,
    /// The most memory that the helper had, in bytes; none where the system does not tell.
    pub peak_memory: Option<u64>,
    /// How much processor time the helper had; none where the system does not tell.
    pub processor_time: Option<Duration>,
    /// Whether it still answers.
    pub is_alive: bool,
}

impl Report {
    /// How many answers there were with a status.
    pub fn with_status(&self, status: u16) -> u64 {
        self.statuses
            .get(&status.to_string())
            .copied()
            .unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (status, count) in &self.statuses {
            writeln!(f, "{status:>16} {count:>7}")?;
        }
        writeln!(
            f,
            "{:>16} {:>7} {:>9} {:>9} {:>9} {:>9}",
            "ms", "count", "p50", "p90", "p99", "max"
        )?;
        let mut all: Vec<Duration> = self.latencies.values().flatten().copied().collect();
        for (kind, latencies) in &self.latencies {
            row(f, &format!("{kind:?}"), &mut latencies.clone())?;
        }
        row(f, "all", &mut all)?;
        writeln!(f, "late {}", self.late)?;
        if let Some(time) = self.processor_time {
            writeln!(f, "processor time {time:.1?}")?;
        }
        match self.peak_memory {
            Some(bytes) => writeln!(f, "peak memory {} MiB", bytes >> 20),
            None => writeln!(f, "peak memory unknown"),
        }
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, latencies: &mut [Duration]) -> fmt::Result {
    latencies.sort_unstable();
    let at = |percent: usize| {
        let index = (latencies.len() * percent / 100).min(latencies.len() - 1);
        latencies[index].as_secs_f64() * 1e3
    };
    let (count, p50, p90, p99, max) = (latencies.len(), at(50), at(90), at(99), at(100));
    writeln!(
        f,
        "{name:>16} {count:>7} {p50:>9.1} {p90:>9.1} {p99:>9.1} {max:>9.1}"
    )
}

/// What all clients share.
struct Clients {
    helper: SocketAddr,
    servers: Servers,
    next: AtomicU32,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    statuses: BTreeMap<String, u64>,
    latencies: BTreeMap<Kind, Vec<Duration>>,
    wrong: Vec<String>,
    late: usize,
}

/// What an answer is.
enum Verdict {
    Right,
    Late,
    Wrong(String),
}

/// Keep so many questions under way for a time.
pub async fn run(world: &World, helper: &mut Helper, concurrent: usize, time: Duration) -> Report {
    let clients = Arc::new(Clients {
        helper: helper.address,
        servers: Servers::start(world).await,
        next: AtomicU32::new(0),
        seen: Mutex::default(),
    });
    let until = Instant::now() + time;
    let all = (0..concurrent).map(|_| {
        let clients = Arc::clone(&clients);
        tokio::spawn(async move {
            while Instant::now() < until {
                clients.ask().await;
            }
        })
    });
    for client in all.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    let (peak_memory, processor_time) = (helper.peak_memory(), helper.processor_time());
    let question = json!({"http_request": "http://nowhere.example/"});
    let is_alive = helper.is_alive() && helper.ask(&question).await["dns"]["failure"] == "dns_name_error";
    let seen = std::mem::take(&mut *clients.seen.lock().unwrap());
    Report {
        statuses: seen.statuses,
        latencies: seen.latencies,
        wrong: seen.wrong,
        late: seen.late,
        peak_memory,
        processor_time,
        is_alive,
    }
}

impl Clients {
    /// One question, and what came of it.
    async fn ask(&self) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let kind = MIX[number as usize % MIX.len()];
        let asked = Instant::now();
        let body = self.question(kind, number);
        // Whoever asks too much is stopped by the helper, not by us; a helper that forgets somebody is found out here.
        let came = timeout(Duration::from_secs(90), self.send(kind, &body)).await;
        let took = asked.elapsed();
        let status = match &came {
            Err(_) => "forgotten".to_owned(),
            Ok(None) => "left".to_owned(),
            Ok(Some(came)) => came.get(9..12).map_or("closed".to_owned(), |status| {
                String::from_utf8_lossy(status).into_owned()
            }),
        };
        let mut seen = self.seen.lock().unwrap();
        if let (Ok(Some(came)), "200") = (&came, status.as_str()) {
            match verdict(kind, came) {
                Verdict::Right => {}
                Verdict::Late => seen.late += 1,
                Verdict::Wrong(what) => seen.wrong.push(what),
            }
        }
        if status == "forgotten" {
            seen.wrong.push(format!("{kind:?}: no answer"));
        }
        *seen.statuses.entry(status).or_default() += 1;
        seen.latencies.entry(kind).or_default().push(took);
    }

    fn question(&self, kind: Kind, number: u32) -> Vec<u8> {
        // Each about another server: connections to one are paced.
        let [_, a, b, c] = number.wrapping_mul(2_654_435_761).to_be_bytes();
        let address = Ipv4Addr::new(127, a | 0x80, b, c | 1);
        let host = format!("127-{}-{b}-{}.address.example", a | 0x80, c | 1);
        let (scheme, port) = match kind {
            Kind::SecurePage => ("https", self.servers.secure.port()),
            _ => ("http", self.servers.clear.port()),
        };
        let url = match kind {
            Kind::NoName => "http://nowhere.example/".to_owned(),
            _ => format!("{scheme}://{host}:{port}/{kind:?}"),
        };
        let mut question = json!({
            "http_request": url,
            "http_request_headers": {"User-Agent": ["Mozilla/5.0"], "Accept": ["*/*"]},
            "tcp_connect": [format!("{address}:{port}"), "10.0.0.1:443"],
            "x_quic_enabled": false,
        });
        match kind {
            Kind::ManyAddresses => {
                let many =
                    (0..20_000_u32).map(|n| format!("127.{}.{}.{}:443", a | 0x80, n >> 8 & 255, n & 255));
                question["tcp_connect"] = many.collect();
            }
            Kind::LongQuestion => question["x"] = Value::String("x".repeat(4 << 20)),
            Kind::TooLongQuestion => question["x"] = Value::String("x".repeat(17 << 20)),
            Kind::NoQuestion => return "[".repeat(100_000).into_bytes(),
            _ => {}
        }
        question.to_string().into_bytes()
    }

    /// What came back; none where the client left.
    async fn send(&self, kind: Kind, body: &[u8]) -> Option<Vec<u8>> {
        let mut head = String::new();
        let agent = if kind == Kind::NoQuestion {
            "curl/8"
        } else {
            "ooniprobe-load/1.0"
        };
        let _ = write!(
            head,
            "POST / HTTP/1.1\r\nHost: x\r\nUser-Agent: {agent}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let bytes = [head.as_bytes(), body].concat();
        match kind {
            Kind::HalfQuestion => Some(talk(self.helper, &bytes[..bytes.len() / 2]).await),
            Kind::Leaving => {
                let mut stream = TcpStream::connect(self.helper).await.unwrap();
                let _ = stream.write_all(&bytes).await;
                sleep(Duration::from_millis(20)).await;
                None
            }
            _ => Some(talk(self.helper, &bytes).await),
        }
    }
}

fn verdict(kind: Kind, came: &[u8]) -> Verdict {
    let end = came.windows(4).position(|window| window == b"\r\n\r\n");
    let body = end.map_or(&b""[..], |end| &came[end + 4..]);
    let Ok(answer) = serde_json::from_slice::<Value>(body) else {
        return Verdict::Wrong(format!("{kind:?}: the answer is no JSON"));
    };
    let page = &answer["http_request"];
    let is_right = match kind {
        Kind::Page | Kind::SecurePage => page["title"] == "Load" && page["status_code"] == 200,
        Kind::NoName => answer["dns"]["failure"] == "dns_name_error",
        Kind::EndlessBody => page["body_length"] == 1 << 24,
        Kind::EndlessRedirects => page["failure"] == "unknown_error",
        Kind::Dribble => page["failure"] == "generic_timeout_error",
        Kind::ManyAddresses => answer["tcp_connect"]
            .as_object()
            .is_some_and(|all| all.len() <= 64),
        _ => true,
    };
    let is_late = page["failure"] == "generic_timeout_error" || page["failure"] == "dns_lookup_error";
    match (is_right, is_late) {
        (true, _) => Verdict::Right,
        (false, true) => Verdict::Late,
        (false, false) => Verdict::Wrong(format!("{kind:?}: {answer}")),
    }
}
