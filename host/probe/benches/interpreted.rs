//! Guests as machine code and as bytecode, side by side: `cargo bench --package netsonde-probe --features pulley --bench interpreted`
//! (Linux, with namespaces).
//!
//! Every preinstalled nettest runs in the lab, in a world where nobody interferes with it, in one process, once as the one and once
//! as the other, again and again. Printed are the medians: how long a run took, and what the process computed meanwhile, the
//! lab excluded. Modules are loaded before.
//!
//! `-- --soak RUNS` measures one name lookup after the other instead, so many of each kind, each kind in a process of its own, and
//! prints how much memory the process holds as it goes.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a benchmark"
)]

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("SKIPPED interpreted: the lab needs Linux");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use netsonde_data::Measurement;
    use netsonde_lab::{Lab, Scenario};
    use netsonde_net::NetConfig;
    use netsonde_probe::Probe;
    use netsonde_probe::catalog::Catalog;
    use netsonde_probe::location::GivenLocation;
    use netsonde_probe::report::{SaveError, Saver};
    use netsonde_probe::sandbox::{Engine, EngineConfig};
    use netsonde_probe::settings::Policy;
    use netsonde_probe::view::{Event, View};
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeValLike as _;
    use serde_json::{Value, json};
    use tokio::runtime::Runtime;
    use tokio_util::sync::CancellationToken;

    /// The re-execution in namespaces; the one that measures, in the lab; the one that goes on and on.
    const INSIDE: &str = "--inside";
    const MEASURE: &str = "--measure";
    const LAST: &str = "--last";
    const SOAK: &str = "--soak";

    /// The program with the test helper.
    const HELPER: &str = "netsonde-registry";
    const ROUNDS: usize = 15;
    /// Of a soak, runs of a process before the first look at it, which fill what is filled once.
    const WARM: usize = 200;
    /// How often a soak looks.
    const LOOKS: usize = 10;

    /// Each nettest, its world, its input.
    const CASES: [(&str, &str, &str); 6] = [
        ("telegram", "clean", ""),
        ("whatsapp", "whatsapp-clean", ""),
        ("signal", "signal-clean", ""),
        ("facebook_messenger", "facebook-messenger-clean", ""),
        ("urlgetter", "clean-everything", "https://example.org/"),
        (
            "web_connectivity",
            "web_connectivity/41-successWithHTTPS",
            "https://www.example.com/",
        ),
    ];

    pub(super) fn main() {
        let arguments: Vec<String> = std::env::args()
            .skip(1)
            .filter(|word| word != "--bench")
            .collect();
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match words.as_slice() {
            [INSIDE, rest @ ..] => inside(rest),
            [MEASURE, nettest, input] => measure(nettest, input),
            [LAST, kind, runs] => last(kind, runs.parse().unwrap()),
            rest => {
                if let Err(why) = netsonde_lab::available() {
                    println!("SKIPPED interpreted: {why}");
                    return;
                }
                let mut again = Command::new(std::env::current_exe().unwrap());
                again.arg(INSIDE).args(rest);
                let status = netsonde_lab::command_in_namespaces(&mut again).status().unwrap();
                assert!(status.success(), "{status}");
            }
        }
    }

    /// In namespaces: a lab for each case, with a process in it.
    fn inside(arguments: &[&str]) {
        if let [SOAK, runs] = arguments {
            let lab = Lab::start(&scenario("clean-everything")).unwrap();
            for kind in ["native", "pulley"] {
                in_lab(&lab, &[LAST, kind, runs]);
            }
            return;
        }
        println!("medians of {ROUNDS} runs            wall            processor");
        println!("                       native  pulley  ratio  native  pulley  ratio");
        for (nettest, world, input) in CASES {
            let lab = Lab::start(&scenario(world)).unwrap();
            in_lab(&lab, &[MEASURE, nettest, input]);
        }
    }

    fn in_lab(lab: &Lab, arguments: &[&str]) {
        let mut command = lab.command(std::env::current_exe().unwrap());
        command.args(arguments).env("NETSONDE_BENCH_CA", lab.ca_file());
        let status = command.status().unwrap();
        assert!(status.success(), "{status}");
    }

    fn scenario(name: &str) -> Scenario {
        let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/scenarios");
        let mut scenario = Scenario::load(&scenarios.join(format!("{name}.toml"))).unwrap();
        for run in scenario.hosts.iter_mut().filter_map(|host| host.run.as_mut()) {
            for word in &mut run.command {
                if word.contains(HELPER) {
                    *word = word.replace(HELPER, helper().to_str().unwrap());
                }
            }
        }
        scenario
    }

    /// The test helper, which is built beforehand.
    fn helper() -> PathBuf {
        let this = std::env::current_exe().unwrap();
        let helper = this.ancestors().nth(2).unwrap().join(HELPER);
        assert!(
            helper.is_file(),
            "build the test helper first: cargo build --release --package {HELPER}"
        );
        helper
    }

    /// A probe whose guests are of one kind, with every module loaded.
    fn probe(kind: &str) -> Probe {
        let engine = match kind {
            "pulley" => Engine::interpreter(),
            _ => Engine::new(EngineConfig::default()),
        };
        let catalog = Catalog::preinstalled(engine.unwrap());
        let mut net = NetConfig::default();
        let authority = std::env::var("NETSONDE_BENCH_CA").unwrap();
        net.extra_roots_pem
            .push(std::fs::read_to_string(authority).unwrap());
        Probe {
            catalog: Arc::new(catalog),
            policy: Policy::default(),
            net,
            transcripts: None,
            state_dir: None,
            software: netsonde_probe::Software::default(),
            device: Arc::new(netsonde_probe::UnknownDevice),
        }
    }

    /// What is measured: one nettest, one input.
    fn script(nettest: &str, input: &str) -> Value {
        let mut with = json!({"nettest_name": nettest});
        if !input.is_empty() {
            with["targets"] = json!([{"input": input}]);
        }
        if nettest == "web_connectivity" {
            let helper = json!({"address": "https://0.th.ooni.org", "type": "https"});
            with["test_helpers"] = json!({"web-connectivity": [helper]});
        }
        json!({"v": 2, "instructions": [{"run": "nettest:run@v1", "with": with}]})
    }

    struct Silent;

    impl View for Silent {
        fn event(&self, event: Event) {
            if let Event::Broken { why, .. } = event {
                println!("{why}");
            }
        }
    }

    #[derive(Default)]
    struct Counted(usize);

    impl Saver for Counted {
        fn save(&mut self, measurement: &Measurement) -> Result<(), SaveError> {
            assert!(
                measurement
                    .test_keys
                    .get("x_netsonde_error")
                    .is_none_or(Value::is_null)
            );
            self.0 += 1;
            Ok(())
        }
    }

    /// Run a script and see that it measured once.
    fn run(runtime: &Runtime, probe: &Probe, script: &str) {
        let parsed =
            netsonde_script::parse("script", script.as_bytes(), &probe.catalog.vocabulary().unwrap());
        let parsed = parsed.unwrap_or_else(|errors| panic!("{}", errors.render(false)));
        let location = json!({"ipv4": {"probe_ip": "130.192.91.211", "probe_asn": 137, "probe_cc": "IT"}});
        let location = GivenLocation::new(serde_json::from_value(location).unwrap());
        let mut saver = Counted::default();
        let stop = CancellationToken::new();
        let ran = probe.run_script(&parsed.script, "", &location, Arc::new(Silent), &mut saver, &stop);
        runtime.block_on(ran).unwrap();
        assert_eq!(saver.0, 1);
    }

    fn runtime() -> Runtime {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().build().unwrap()
    }

    fn processor() -> Duration {
        let used = getrusage(UsageWho::RUSAGE_SELF).unwrap();
        let micros = used.user_time().num_microseconds() + used.system_time().num_microseconds();
        Duration::from_micros(micros.unsigned_abs())
    }

    fn median(mut times: Vec<Duration>) -> f64 {
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1e3
    }

    /// In the lab: a nettest, as machine code and as bytecode in turn.
    fn measure(nettest: &str, input: &str) {
        let runtime = runtime();
        let script = script(nettest, input).to_string();
        let probes = ["native", "pulley"].map(probe);
        let mut walls = [const { Vec::new() }; 2];
        let mut processors = [const { Vec::new() }; 2];
        for round in 0..=ROUNDS {
            for (kind, probe) in probes.iter().enumerate() {
                let (began, computed) = (Instant::now(), processor());
                run(&runtime, probe, &script);
                // The first one loads.
                if round > 0 {
                    walls[kind].push(began.elapsed());
                    processors[kind].push(processor().saturating_sub(computed));
                }
            }
        }
        let [native, pulley] = walls.map(median);
        let [native_cpu, pulley_cpu] = processors.map(median);
        println!(
            "{nettest:<20} {native:>6.1}ms {pulley:>6.1}ms {:>5.2} {native_cpu:>6.1}ms {pulley_cpu:>6.1}ms {:>5.2}",
            pulley / native,
            pulley_cpu / native_cpu
        );
    }

    /// In the lab: the same again and again, and the memory that the process holds.
    fn last(kind: &str, runs: usize) {
        let runtime = runtime();
        let script = script("urlgetter", "dnslookup://example.org").to_string();
        let probe = probe(kind);
        for _ in 0..WARM {
            run(&runtime, &probe, &script);
        }
        println!("{kind}: {WARM} runs: {} kB resident", resident());
        let began = Instant::now();
        for look in 1..=LOOKS {
            for _ in 0..runs / LOOKS {
                run(&runtime, &probe, &script);
            }
            println!(
                "{kind}: {} runs: {} kB resident, {:.1} ms a run",
                WARM + look * (runs / LOOKS),
                resident(),
                began.elapsed().as_secs_f64() * 1e3
                    / f64::from(u32::try_from(look * (runs / LOOKS)).unwrap())
            );
        }
    }

    /// Kilobytes.
    fn resident() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.unwrap().trim().trim_end_matches(" kB").parse().unwrap()
    }
}
