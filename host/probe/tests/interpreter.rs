//! The interpreter through its public API: location, settings, what guests learn, and what becomes of what they return.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use netsonde_data::location::{Location, Locations};
use netsonde_data::measurement::Measurement;
use netsonde_net::NetConfig;
use netsonde_probe::catalog::Catalog;
use netsonde_probe::interpreter::RunScriptError;
use netsonde_probe::locate::Sources;
use netsonde_probe::locating::{Changes, Locating};
use netsonde_probe::location::{GivenLocation, LocationError, LocationProvider as _};
use netsonde_probe::report::{SaveError, Saver};
use netsonde_probe::sandbox::{Engine, EngineConfig};
use netsonde_probe::settings::Policy;
use netsonde_probe::view::{Event, Summary, View};
use netsonde_probe::{Device, Probe, Software, UnknownDevice};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// A probe with the hostile guests, whose modes show what a guest gets and what becomes of what it says.
struct Bench {
    probe: Probe,
    events: Arc<Events>,
    location: GivenLocation,
}

#[derive(Default)]
struct Events {
    seen: Mutex<Vec<Event>>,
    on_measurement: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl View for Events {
    fn event(&self, event: Event) {
        if matches!(event, Event::Measurement(_))
            && let Some(act) = self.on_measurement.lock().unwrap().take()
        {
            act();
        }
        self.seen.lock().unwrap().push(event);
    }
}

#[derive(Default)]
struct Kept(Vec<Value>);

impl Saver for Kept {
    fn save(&mut self, measurement: &Measurement) -> Result<(), SaveError> {
        self.0.push(serde_json::to_value(measurement)?);
        Ok(())
    }
}

fn locations(ip: &str, asn: u32) -> Locations {
    let location = Location {
        probe_ip: ip.parse().ok(),
        probe_asn: asn,
        probe_cc: "IT".into(),
        ..Location::default()
    };
    Locations {
        ipv4: Some(location),
        ipv6: None,
    }
}

impl Bench {
    fn new() -> Self {
        // One cache for all tests: compiling takes longer than everything else here.
        let cache = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("module-cache");
        let engine = Engine::new(EngineConfig {
            cache_dir: Some(cache),
        })
        .unwrap();
        let mut catalog = Catalog::preinstalled(engine);
        for guest in ["hostile", "hostile-mini"] {
            let path = std::path::PathBuf::from(format!("{guest}.wasm"));
            catalog.add_file(&path, netsonde_test_guests::wasm(guest).to_vec());
        }
        Self {
            probe: Probe {
                catalog: Arc::new(catalog),
                policy: Policy::default(),
                net: NetConfig::unrestricted(),
                transcripts: None,
                state_dir: None,
                software: Software::default(),
                device: Arc::new(UnknownDevice),
            },
            events: Arc::default(),
            location: GivenLocation::new(locations("203.0.113.77", 137)),
        }
    }

    async fn run(&self, instructions: &Value) -> (Result<Summary, RunScriptError>, Vec<Value>) {
        let text = json!({"v": 2, "instructions": instructions}).to_string();
        let vocabulary = self.probe.catalog.vocabulary().unwrap();
        let script = netsonde_script::parse("test", text.as_bytes(), &vocabulary)
            .unwrap()
            .script;
        let mut kept = Kept::default();
        let stop = CancellationToken::new();
        let view = self.events.clone();
        let done = self
            .probe
            .run_script(&script, "5eed", &self.location, view, &mut kept, &stop)
            .await;
        for measurement in &kept.0 {
            assert_eq!(netsonde_data::check::check(measurement), [], "{measurement}");
        }
        (done, kept.0)
    }
}

fn hostile(targets: &Value) -> Value {
    json!({"run": "nettest:run@v1", "with": {
        "nettest_name": "hostile", "suite_name": "im", "annotations": {"who": "script", "of": "nettest"},
        "targets": targets,
    }})
}

/// A server that accepts and says nothing.
fn silent() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_that_moves_ends_the_run_and_keeps_what_it_has() {
    let bench = Arc::new(Bench::new());
    let moved = bench.clone();
    *bench.events.on_measurement.lock().unwrap() = Some(Box::new(move || {
        moved.location.invalidate(Some(locations("203.0.113.77", 3269)));
    }));
    let (done, kept) = bench
        .run(&json!([hostile(&json!([
            {"input": "one", "options": {"mode": "ok"}}, {"input": "two", "options": {"mode": "ok"}},
        ]))]))
        .await;
    let error = done.unwrap_err();
    assert!(
        matches!(
            error,
            RunScriptError::Location(LocationError::Changed {
                old_asn: 137,
                new_asn: 3269,
                ..
            })
        ),
        "{error}"
    );
    assert_eq!(kept.len(), 1);
    assert!(matches!(
        bench.events.seen.lock().unwrap().as_slice(),
        [.., Event::NettestEnded { .. }, Event::ScriptEnded(_)]
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_knows_whose_addresses_are_another_address_is_a_move() {
    let targets =
        json!([{"input": "one", "options": {"mode": "ok"}}, {"input": "two", "options": {"mode": "ok"}}]);
    for (again, kept) in [("203.0.113.77", 2), ("198.51.100.9", 1)] {
        let mut bench = Bench::new();
        bench.location = GivenLocation::new(locations("203.0.113.77", 0));
        let bench = Arc::new(bench);
        let moved = bench.clone();
        *bench.events.on_measurement.lock().unwrap() = Some(Box::new(move || {
            moved.location.invalidate(Some(locations(again, 0)));
        }));
        let (done, measurements) = bench.run(&json!([hostile(&targets)])).await;
        assert_eq!((done.is_ok(), measurements.len()), (kept == 2, kept), "{again}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_address_on_the_same_network_is_scrubbed_like_the_old_one() {
    let bench = Arc::new(Bench::new());
    let moved = bench.clone();
    *bench.events.on_measurement.lock().unwrap() = Some(Box::new(move || {
        moved.location.invalidate(Some(locations("203.0.113.78", 137)));
    }));
    let both = "I was 203.0.113.77 and am 203.0.113.78";
    let (done, kept) = bench
        .run(&json!([hostile(&json!([
            {"input": "one", "options": {"mode": "ok"}},
            {"input": "two", "annotations": {"said": both}, "options": {"mode": "ok"}},
        ]))]))
        .await;
    assert_eq!(done.unwrap().measurements, 2);
    assert_eq!(
        kept[1]["annotations"]["said"],
        "I was [scrubbed] and am [scrubbed]"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn families_that_disagree_make_no_measurement() {
    let mut bench = Bench::new();
    let mut both = locations("203.0.113.77", 137);
    both.ipv6 = locations("2001:db8::7", 6939).ipv4;
    bench.location = GivenLocation::new(both);
    let (done, kept) = bench
        .run(&json!([hostile(
            &json!([{"input": "one", "options": {"mode": "ok"}}])
        )]))
        .await;
    assert!(matches!(
        done.unwrap_err(),
        RunScriptError::Location(LocationError::Mismatch { .. })
    ));
    assert!(kept.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn measurements_of_a_run_share_its_id_and_targets_win_over_the_nettest() {
    let bench = Bench::new();
    let (done, kept) = bench
        .run(&json!([hostile(&json!([
            {"input": "one", "annotations": {"who": "target"}, "options": {"mode": "ok"}},
            {"input": "two", "options": {"mode": "ok"}},
        ]))]))
        .await;
    assert_eq!(done.unwrap().measurements, 2);
    assert_eq!(kept[0]["annotations"]["who"], "target");
    assert_eq!(kept[0]["annotations"]["of"], "nettest");
    assert_eq!(kept[1]["annotations"]["who"], "script");
    assert_eq!(
        kept[0]["annotations"]["netsonde_run_id"],
        kept[1]["annotations"]["netsonde_run_id"]
    );
    assert_eq!(kept[0]["annotations"]["netsonde_script_sha256"], "5eed");
    assert_eq!(kept[0]["report_id"], kept[1]["report_id"], "one report a nettest");
    let report_id = kept[0]["report_id"].as_str().unwrap();
    let parts: Vec<&str> = report_id.split('_').collect();
    assert_eq!(&parts[1..5], ["hostile", "IT", "137", "n1"], "{report_id}");
    assert_eq!(kept[0]["input"], "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_places_what_was_observed_and_reduce_adds_to_it() {
    let (_listener, address) = silent();
    let bench = Bench::new();
    let (done, kept) = bench.run(&json!([hostile(&json!([
        {"input": "one", "options": {"mode": "observe", "endpoint": address.to_string(), "reduce": "keys"}},
    ]))])).await;
    assert_eq!(done.unwrap().broken, 0);
    let keys = &kept[0]["test_keys"];
    assert_eq!(keys["reduced"], true);
    let placed = keys
        .pointer("/result/nested/here/0")
        .or_else(|| keys.pointer("/nested/here/0"))
        .unwrap();
    assert_eq!(placed["port"], address.port());
    assert_eq!(
        keys["tcp_connect"],
        json!([]),
        "an observation stands in one place"
    );
    assert!(!keys["network_events"].as_array().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reduce_that_is_not_pure_is_told_and_the_observations_stay() {
    let (_listener, address) = silent();
    let bench = Bench::new();
    let (done, kept) = bench.run(&json!([hostile(&json!([
        {"input": "one", "options": {"mode": "observe", "endpoint": address.to_string(), "reduce": "import"}},
    ]))])).await;
    assert_eq!(done.unwrap().broken, 1);
    assert_eq!(kept[0]["test_keys"]["x_netsonde_error"]["module"], "hostile");
    assert!(
        !kept[0]["test_keys"]["network_events"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_stopped_writes_nothing_for_what_was_under_way() {
    let (listener, address) = silent();
    let bench = Bench::new();
    let text = json!({"v": 2, "instructions": [hostile(&json!([
        {"input": "one", "options": {"mode": "hang", "endpoint": address.to_string()}},
    ]))]})
    .to_string();
    let script = netsonde_script::parse(
        "test",
        text.as_bytes(),
        &bench.probe.catalog.vocabulary().unwrap(),
    );
    let stop = CancellationToken::new();
    let stopper = stop.clone();
    // As soon as the guest is connected, and waits; then its side closes, because nothing of the run is left.
    let peer = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stopper.cancel();
        stream.read_to_end(&mut Vec::new()).is_ok()
    });
    let mut kept = Kept::default();
    let script = script.unwrap().script;
    let run = bench.probe.run_script(
        &script,
        "5eed",
        &bench.location,
        bench.events.clone(),
        &mut kept,
        &stop,
    );
    let summary = run.await.unwrap();
    assert!(summary.stopped);
    assert!(kept.0.is_empty());
    assert!(peer.join().unwrap(), "the connection is closed");
}

/// The targets that were started and what came of each, in order.
fn of_targets(events: &Events) -> Vec<Value> {
    let seen = events.seen.lock().unwrap();
    let told = seen.iter().filter_map(|event| match event {
        Event::TargetStarted {
            index,
            input,
            category_code,
            country_code,
            ..
        } => Some(json!(["started", index, input, category_code, country_code])),
        Event::Measurement(measured) => Some(json!(["measured", measured.index, measured.input])),
        Event::Broken { index, input, .. } => Some(json!(["broken", index, input])),
        _ => None,
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_have_an_index_that_counts_over_the_whole_run() {
    let bench = Bench::new();
    let news = json!({"category_code": "NEWS", "country_code": "IT"});
    let (done, _) = bench
        .run(&json!([
            hostile(&json!([
                {"input": "one", "attributes": news, "options": {"mode": "ok"}},
                {"input": "two", "attributes": {"category_code": 7}, "options": {"mode": "error"}},
            ])),
            hostile(&json!([{"input": "three", "options": {"mode": "ok"}}])),
        ]))
        .await;
    assert_eq!(done.unwrap().measurements, 2);
    assert_eq!(
        of_targets(&bench.events),
        [
            json!(["started", 0, "one", "NEWS", "IT"]),
            json!(["measured", 0, "one"]),
            json!(["started", 1, "two", null, null]),
            json!(["broken", 1, "two"]),
            json!(["started", 2, "three", null, null]),
            json!(["measured", 2, "three"]),
        ]
    );
}

/// A device whose network changes with every measurement, and which wants no more than some.
struct Phone {
    asked: Mutex<usize>,
    enough: usize,
}

impl Device for Phone {
    fn annotations(&self) -> BTreeMap<String, String> {
        let mut asked = self.asked.lock().unwrap();
        *asked += 1;
        let name = |name: &str| name.to_owned();
        BTreeMap::from([
            (name("network_type"), format!("network {asked}")),
            (name("engine_name"), name("made up")),
        ])
    }

    fn objection(&self) -> Option<String> {
        let enough = *self.asked.lock().unwrap() >= self.enough;
        enough.then(|| "the network is metered".to_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_annotates_measurements_and_ends_the_run_before_the_next_target() {
    let mut bench = Bench::new();
    bench.probe.device = Arc::new(Phone {
        asked: Mutex::new(0),
        enough: 2,
    });
    bench.probe.software = Software {
        name: "app".into(),
        version: "1.2.3".into(),
    };
    let of_script = json!({"network_type": "of the script"});
    let (done, kept) = bench
        .run(&json!([hostile(&json!([
            {"input": "one", "annotations": of_script, "options": {"mode": "ok"}},
            {"input": "two", "options": {"mode": "ok"}},
            {"input": "three", "options": {"mode": "ok"}},
        ]))]))
        .await;
    assert!(done.unwrap().stopped);
    assert_eq!(kept.len(), 2);
    for (measurement, network) in kept.iter().zip(["network 1", "network 2"]) {
        assert_eq!(measurement["annotations"]["network_type"], network);
        assert_eq!(measurement["annotations"]["engine_name"], "netsonde");
        assert_eq!(measurement["software_name"], "app");
        assert_eq!(measurement["software_version"], "1.2.3");
    }
    let seen = bench.events.seen.lock().unwrap();
    let stopped = Event::Stopped {
        why: "the network is metered".into(),
    };
    assert!(seen.contains(&stopped));
}

/// A STUN server that answers nobody.
fn silent_stun() -> (UdpSocket, Sources) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = socket.local_addr().unwrap().to_string();
    let sources = Sources {
        stun: vec![server.parse().unwrap()],
        http: Vec::new(),
        resolver_names: Vec::new(),
        within: Duration::from_secs(1),
    };
    (socket, sources)
}

/// A location that is found anew by asking.
fn located(sources: Sources, changes: &Changes) -> Locating {
    let locations = locations("203.0.113.77", 137);
    Locating::new(NetConfig::default(), Some(sources), changes.clone(), 0, locations)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_location_that_can_not_be_found_anew_says_who_was_asked() {
    let (_silent, sources) = silent_stun();
    let server = sources.stun.first().unwrap().to_string();
    let changes = Changes::default();
    let location = located(sources, &changes);
    assert!(!location.is_invalidated());
    changes.add();
    assert!(location.is_invalidated());
    let error = location.refresh().await.unwrap_err();
    let LocationError::Refresh(why) = &error else {
        panic!("{error}")
    };
    assert!(why.contains(&server), "{why}");
    assert!(location.is_invalidated());
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_a_run_gives_up_finding_the_location_anew() {
    let (_silent, mut sources) = silent_stun();
    sources.within = Duration::from_mins(10);
    let changes = Changes::default();
    let location = located(sources, &changes);
    changes.add();
    let bench = Bench::new();
    let text =
        json!({"v": 2, "instructions": [hostile(&json!([{"input": "one", "options": {"mode": "ok"}}]))]})
            .to_string();
    let vocabulary = bench.probe.catalog.vocabulary().unwrap();
    let script = netsonde_script::parse("test", text.as_bytes(), &vocabulary)
        .unwrap()
        .script;
    let (stop, mut kept) = (CancellationToken::new(), Kept::default());
    let stopper = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        stopper.cancel();
    });
    let view = bench.events.clone();
    let run = bench
        .probe
        .run_script(&script, "5eed", &location, view, &mut kept, &stop);
    let summary = tokio::time::timeout(Duration::from_mins(1), run)
        .await
        .unwrap()
        .unwrap();
    assert!(summary.stopped);
    assert_eq!(of_targets(&bench.events), Vec::<Value>::new());
}
