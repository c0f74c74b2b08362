//! What observing costs: `cargo bench --package netsonde-net`; of some of `dns`, `tls`, `http` and `quic` only, with their
//! names after `--`.
//!
//! Each operation is made twice, in turns in one process: through our primitive, with a trace and a meter, and with
//! the bare library that the primitive is built on, doing the same without observations. The figure is the ratio of
//! operations per second of processor time, ours over the bare library's; the aim is 0.95 or better. The servers are
//! in another process, so that processor time is the client's alone.

#![expect(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a benchmark")]

mod bare;
mod one_by_one;
mod ours;
mod servers;

use cpu_time::ProcessTime;
use futures::stream::{self, StreamExt as _};
use servers::Servers;
use std::time::{Duration, Instant};

/// Turns of each side.
const TURNS: usize = 15;
/// Operations at a time.
const PARALLELISM: usize = 8;
/// What a turn leaves behind (QUIC closes a connection for three round trips and some) ends within this time, and its
/// processor time is counted.
const AFTERMATH: Duration = Duration::from_millis(250);

fn main() {
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    // One thread: tasks that wake each other across threads make noise, and on the side that has more of them.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    if asked("--serve") {
        return runtime.block_on(servers::serve());
    }
    // `cargo test --benches` wants to know only whether this runs.
    let is_measured = asked("--bench");
    let count = |operations| if is_measured { (operations, TURNS) } else { (10, 1) };
    let names: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let servers = Servers::start();
    let bare = bare::Client::new(&servers);
    println!(
        "operations per second of processor time, ours against the bare library's; their ratio (aim 0.95): median, and \
         the middle half, of {} pairs of turns",
        count(0).1
    );
    runtime.block_on(async {
        if wanted("dns") {
            pair(
                "DNS over UDP",
                count(5_000),
                || ours::dns(&servers),
                || bare.dns(),
            )
            .await;
        }
        if wanted("tls") {
            pair("TLS handshake", count(500), || ours::tls(&servers), || bare.tls()).await;
        }
        if wanted("http") {
            pair(
                "HTTP/1.1 request",
                count(2_000),
                || ours::http(&servers),
                || bare.http(),
            )
            .await;
        }
        if wanted("quic") {
            pair(
                "QUIC handshake",
                count(500),
                || ours::quic(&servers),
                || bare.quic(),
            )
            .await;
        }
    });
}

/// Operations per second, of processor time and of the clock on the wall.
#[derive(Clone, Copy)]
struct Rate {
    cpu: f64,
    wall: f64,
}

/// Time both sides in turns, and print what they come to.
async fn pair<A, B>(
    what: &str,
    (operations, turns): (usize, usize),
    ours: impl Fn() -> A,
    bare: impl Fn() -> B,
) where
    A: Future<Output = ()>,
    B: Future<Output = ()>,
{
    let (mut by_us, mut by_library) = (Vec::new(), Vec::new());
    // The first turns warm up and are not counted. Who begins changes from turn to turn.
    for turn in 0..=turns {
        let (one, other) = if turn % 2 == 0 {
            let one = time(operations, &ours).await;
            (one, time(operations, &bare).await)
        } else {
            let other = time(operations, &bare).await;
            (time(operations, &ours).await, other)
        };
        if turn > 0 {
            by_us.push(one);
            by_library.push(other);
        }
    }
    let pairs = || by_us.iter().zip(&by_library);
    let cpu = |rates: &[Rate]| Quartiles::of(rates.iter().map(|rate| rate.cpu)).median;
    let ratio = Quartiles::of(pairs().map(|(us, library)| us.cpu / library.cpu));
    let wall = Quartiles::of(pairs().map(|(us, library)| us.wall / library.wall));
    println!(
        "  {what}: {:.0} against {:.0}; {:.3} ({:.3} to {:.3}); of wall time {:.2}",
        cpu(&by_us),
        cpu(&by_library),
        ratio.median,
        ratio.lower,
        ratio.upper,
        wall.median,
    );
}

async fn time<F: Future<Output = ()>>(operations: usize, operation: impl Fn() -> F) -> Rate {
    let (begun, cpu) = (Instant::now(), ProcessTime::now());
    stream::iter(0..operations)
        .map(|_| operation())
        .buffer_unordered(PARALLELISM)
        .collect::<()>()
        .await;
    let wall = begun.elapsed();
    tokio::time::sleep(AFTERMATH).await;
    let rate = |time: Duration| operations as f64 / time.as_secs_f64();
    Rate {
        cpu: rate(cpu.elapsed()),
        wall: rate(wall),
    }
}

/// The median, and the bounds of the middle half.
struct Quartiles {
    lower: f64,
    median: f64,
    upper: f64,
}

impl Quartiles {
    fn of(figures: impl Iterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.collect();
        figures.sort_by(f64::total_cmp);
        let at = |quarter: usize| figures.get((figures.len() - 1) * quarter / 4).copied().unwrap();
        Self {
            lower: at(1),
            median: at(2),
            upper: at(3),
        }
    }
}
