//! What measuring websites costs: `cargo bench --package netsonde --bench websites` (Linux, with namespaces).
//!
//! The binary measures one URL, and then a hundred URLs at a parallelism of 1, 4 and 16, in the lab: in the internet of
//! `examples/scenarios/web_connectivity` with a hundred sites more, each packet under way for 10 ms, and a real test
//! helper. First it prints how large the preinstalled guests are. Each run is a process of its own; processor time and memory are what the system counts of it, the lab and the
//! helper excluded. A run before the others fills the cache of compiled modules.

#![expect(clippy::unwrap_used, reason = "a benchmark")]

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("SKIPPED websites: the lab needs Linux");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fmt::Write as _;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use nix::sys::resource::{UsageWho, getrusage};
    use serde_json::{Value, json};

    const PROBE: &str = env!("CARGO_BIN_EXE_netsonde");
    /// The re-execution that is inside the lab, with the folder of the run.
    const INSIDE: &str = "--inside";
    /// The re-execution that starts the probe once, so that what the system counts of its child is of that one.
    const ONCE: &str = "--once";

    /// How many URLs, and how many of them at a time.
    const RUNS: [(usize, usize); 4] = [(1, 1), (100, 1), (100, 4), (100, 16)];
    const ROUNDS: usize = 3;

    /// What a run took.
    #[derive(Clone, Copy)]
    struct Costs {
        wall: Duration,
        cpu: Duration,
        /// Kilobytes.
        peak: i64,
    }

    pub(super) fn main() {
        let arguments: Vec<String> = std::env::args().collect();
        match arguments.get(1..).unwrap_or_default() {
            [what, folder] if what == INSIDE => inside(Path::new(folder)),
            [what, rest @ ..] if what == ONCE => once(rest),
            rest => {
                sizes();
                in_the_lab(rest.iter().any(|argument| argument == "--bench"));
            }
        }
    }

    /// What every probe carries.
    fn sizes() {
        println!("preinstalled guests, bytes");
        for guest in netsonde_preinstalled::GUESTS {
            println!("  {:>8} {}", guest.wasm.len(), guest.name);
        }
    }

    /// Make a world and enter it.
    fn in_the_lab(is_bench: bool) {
        let helper = Path::new(PROBE).with_file_name("netsonde-registry");
        if !helper.is_file() {
            println!(
                "SKIPPED websites: build the test helper first: cargo build --release --package netsonde-registry"
            );
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let sites = if is_bench { 100 } else { 2 };
        std::fs::write(folder.path().join("world.toml"), world(sites)).unwrap();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders =
            std::iter::once(helper.parent().unwrap().to_owned()).chain(std::env::split_paths(&path));
        let status = Command::new(PROBE)
            .args(["lab", "--scenario"])
            .arg(folder.path().join("world.toml"))
            .arg("--")
            .arg(std::env::current_exe().unwrap())
            .arg(INSIDE)
            .arg(folder.path())
            .env("PATH", std::env::join_paths(folders).unwrap())
            .env("NETSONDE_LAB_MMDB", "")
            .env("NETSONDE_BENCH_SITES", sites.to_string())
            .status()
            .unwrap();
        assert!(status.success(), "the lab ended with {status}");
    }

    /// The internet of the fifty scenarios, and so many sites.
    fn world(sites: usize) -> String {
        let base = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../../examples/scenarios/web_connectivity/internet.toml")
            .canonicalize()
            .unwrap();
        let mut text = format!(
            "base = {base:?}\ndescription = \"Many sites.\"\ndelay_ms = 10\n",
            base = base.to_str().unwrap()
        );
        for site in 0..sites {
            write!(
                text,
                "[[host]]\nname = \"site{site}.example.net\"\naddresses = [\"151.101.{}.{}\"]\nhttp = [80]\nhttps = [443]\n",
                site / 250,
                site % 250 + 1,
            )
            .unwrap();
        }
        text
    }

    /// All runs, in turns.
    fn inside(folder: &Path) {
        let sites: usize = std::env::var("NETSONDE_BENCH_SITES").unwrap().parse().unwrap();
        let location =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/scripts/location.jsonc");
        std::fs::copy(location, folder.join("location.jsonc")).unwrap();
        measure(folder, 1, 1);
        let rounds = if sites < 100 { 1 } else { ROUNDS };
        let mut costs = vec![Vec::new(); RUNS.len()];
        for _ in 0..rounds {
            for (&(urls, parallelism), costs) in RUNS.iter().zip(&mut costs) {
                costs.push(measure(folder, urls.min(sites), parallelism));
            }
        }
        let median = |costs: &[Costs]| {
            let mut costs = costs.to_vec();
            costs.sort_by_key(|cost| cost.wall);
            *costs.get(costs.len() / 2).unwrap()
        };
        let one = median(costs.first().unwrap());
        println!(
            "web_connectivity in the lab, packets 10 ms under way, median of {rounds}; ratios to as many times one URL"
        );
        for (&(urls, parallelism), costs) in RUNS.iter().zip(&costs) {
            let cost = median(costs);
            let urls = urls.min(sites);
            let times = f64::from(u32::try_from(urls).unwrap());
            println!(
                "  {urls:>3} URLs, {parallelism:>2} at a time: wall {:>8.0} ms ({:.3}), CPU {:>6.0} ms ({:.3}), peak memory {} MiB",
                cost.wall.as_secs_f64() * 1e3,
                cost.wall.as_secs_f64() / (one.wall.as_secs_f64() * times),
                cost.cpu.as_secs_f64() * 1e3,
                cost.cpu.as_secs_f64() / (one.cpu.as_secs_f64() * times),
                cost.peak / 1024,
            );
        }
    }

    /// One run of the probe, and a look at whether it measured what it should.
    fn measure(folder: &Path, urls: usize, parallelism: usize) -> Costs {
        let targets: Vec<Value> = (0..urls)
            .map(|site| json!({ "input": format!("https://site{site}.example.net/") }))
            .collect();
        let helpers = json!([{ "address": "https://0.th.ooni.org", "type": "https" }]);
        let script = json!({ "v": 2, "instructions": [{ "run": "nettest:run@v1", "with": {
            "nettest_name": "web_connectivity",
            "targets": targets,
            "test_helpers": { "web-connectivity": helpers },
        }}]});
        std::fs::write(folder.join("script.json"), script.to_string()).unwrap();
        drop(std::fs::remove_file(folder.join("report.jsonl")));
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                ONCE,
                PROBE,
                "runx",
                "--location-file",
                "location.jsonc",
                "--script-file",
                "script.json",
            ])
            .args(["--parallelism", &parallelism.to_string()])
            .current_dir(folder)
            .env("HOME", folder)
            .env("XDG_CACHE_HOME", folder.join("cache"))
            .env("XDG_DATA_HOME", folder.join("data"))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success(),
            "{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let report = std::fs::read_to_string(folder.join("report.jsonl")).unwrap();
        let accessible = report
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|measurement| measurement.pointer("/test_keys/accessible") == Some(&json!(true)))
            .count();
        assert_eq!(accessible, urls, "each site can be reached");
        let figures: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        let figure = |name: &str| figures.get(name).and_then(Value::as_f64).unwrap();
        Costs {
            wall: Duration::from_secs_f64(figure("wall")),
            cpu: Duration::from_secs_f64(figure("cpu")),
            peak: figures.get("peak").and_then(Value::as_i64).unwrap(),
        }
    }

    /// Run a command; what it took is the last line.
    fn once(command: &[String]) {
        let (program, arguments) = command.split_first().unwrap();
        let begun = Instant::now();
        let status = Command::new(program)
            .args(arguments)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        let wall = begun.elapsed().as_secs_f64();
        assert!(status.success(), "{program} ended with {status}");
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
        let seconds = |time: nix::sys::time::TimeVal| {
            Duration::from_secs(u64::try_from(time.tv_sec()).unwrap()).as_secs_f64()
                + Duration::from_micros(u64::try_from(time.tv_usec()).unwrap()).as_secs_f64()
        };
        let cpu = seconds(usage.user_time()) + seconds(usage.system_time());
        println!("{}", json!({ "wall": wall, "cpu": cpu, "peak": usage.max_rss() }));
    }
}
