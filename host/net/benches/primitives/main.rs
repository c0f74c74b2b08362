//! What observing costs: `cargo bench --package netsonde-net`.
//!
//! Each operation is made twice, in turns in one process: through our primitive, with a trace and a meter, and with
//! the bare library that the primitive is built on, doing the same without observations. The figure is the ratio of
//! operations per second of processor time, ours over the bare library's; the aim is 0.95 or better. The servers are
//! in another process, so that processor time is the client's alone.

#![expect(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a benchmark")]

mod bare;
mod ours;
mod servers;

use cpu_time::ProcessTime;
use futures::stream::{self, StreamExt as _};
use servers::Servers;
use std::time::{Duration, Instant};

/// Operations in a turn.
const OPERATIONS: usize = 500;
/// Turns of each side; the figure is their median.
const TURNS: usize = 11;
/// Operations at a time.
const PARALLELISM: usize = 8;

fn main() {
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    if asked("--serve") {
        return runtime.block_on(servers::serve());
    }
    // `cargo test --benches` wants to know only whether this runs.
    let (operations, turns) = if asked("--bench") {
        (OPERATIONS, TURNS)
    } else {
        (10, 1)
    };
    let servers = Servers::start();
    let bare = bare::Client::new(&servers);
    println!(
        "operations per second of processor time, ours over the bare library's (aim 0.95), median of {turns}:"
    );
    runtime.block_on(async {
        pair(
            "DNS over UDP",
            operations,
            turns,
            || ours::dns(&servers),
            || bare.dns(),
        )
        .await;
        pair(
            "TLS handshake",
            operations,
            turns,
            || ours::tls(&servers),
            || bare.tls(),
        )
        .await;
        pair(
            "HTTP/1.1 request",
            operations,
            turns,
            || ours::http(&servers),
            || bare.http(),
        )
        .await;
        pair(
            "QUIC handshake",
            operations,
            turns,
            || ours::quic(&servers),
            || bare.quic(),
        )
        .await;
    });
}

/// Operations per second, of processor time and of the clock on the wall.
#[derive(Clone, Copy)]
struct Rate {
    cpu: f64,
    wall: f64,
}

/// Time both sides in turns, and print their ratio.
async fn pair<A, B>(what: &str, operations: usize, turns: usize, ours: impl Fn() -> A, bare: impl Fn() -> B)
where
    A: Future<Output = ()>,
    B: Future<Output = ()>,
{
    let (mut by_us, mut by_library) = (Vec::new(), Vec::new());
    // The first turn warms up and is not counted.
    for turn in 0..=turns {
        let (one, other) = (time(operations, &ours).await, time(operations, &bare).await);
        if turn > 0 {
            by_us.push(one);
            by_library.push(other);
        }
    }
    let of = |rates: &[Rate], figure: fn(&Rate) -> f64| median(rates.iter().map(figure).collect());
    let (us, library) = (of(&by_us, |rate| rate.cpu), of(&by_library, |rate| rate.cpu));
    let wall = of(&by_us, |rate| rate.wall) / of(&by_library, |rate| rate.wall);
    println!(
        "  {what}: {us:.0} against {library:.0}, {:.2}; wall {wall:.2}",
        us / library
    );
}

async fn time<F: Future<Output = ()>>(operations: usize, operation: impl Fn() -> F) -> Rate {
    let (wall, cpu) = (Instant::now(), ProcessTime::now());
    stream::iter(0..operations)
        .map(|_| operation())
        .buffer_unordered(PARALLELISM)
        .collect::<()>()
        .await;
    let rate = |time: Duration| operations as f64 / time.as_secs_f64();
    Rate {
        cpu: rate(cpu.elapsed()),
        wall: rate(wall.elapsed()),
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
