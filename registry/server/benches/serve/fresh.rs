//! What it takes to install a module where nothing was installed before: reading a long log, with a snapshot and without, and
//! proving two entries of it. And how many entries a second get into a log and onto the disk.

use super::registry::{Registry, hex, now};
use super::server::Server;
use netsonde_feed::{
    Feed, Getter, Patience, Registries,
    file::{Kind, Object, Size},
    registries::Addition,
};
use netsonde_log::{
    client::Trust,
    leaf::{Flags, Leaf, Payload, Snapshot},
    role::{Role, SecretRoleKey},
    root::Root,
};
use netsonde_registry::folder::{Reader, Registry as Folder, Sequencer};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How long the module is.
const MODULE: usize = 150_000;
/// How many entries came after the snapshot.
const AFTER: u64 = 1000;
/// Entries that are appended at once when the long log is made.
const BATCH: u64 = 4096;
/// Turns of what is measured with a short time.
const TURNS: usize = 5;

/// Print what installing from a log of so many entries takes.
pub(crate) fn run(leaves: u64) {
    let registry = Registry::new();
    let wasm: Vec<u8> = (0..=250).cycle().take(MODULE).collect();
    let module = registry.module("telegram", "1.0.0", &wasm);
    append_some(&registry);
    let began = Instant::now();
    fill(&registry, leaves - AFTER);
    snapshot(&registry);
    fill(&registry, AFTER);
    let bytes = size_of(&registry.public("log"));
    println!(
        "a log of {leaves} entries: {} MB of files, made in {:.0} s",
        bytes / 1_000_000,
        began.elapsed().as_secs_f64()
    );
    let server = Server::start(&registry, &["--rate", "0", "--renew", "1h"]);
    let relay = Relay::to(server.address);
    let install = |what: &str, turns: usize| {
        let mut turns: Vec<(Duration, u64)> = (0..turns)
            .map(|_| {
                let before = relay.count();
                let began = Instant::now();
                let feed = follow(&registry, relay.address);
                let object = Object {
                    kind: Kind::Object,
                    digest: module.digest,
                    size: Size::Exactly(module.size),
                };
                feed.1.client().may_run(&module.digest, now()).unwrap();
                feed.1.object(&object, &mut Vec::new()).unwrap();
                let release = feed.1.client().ledger().released(&module.digest).unwrap();
                let attested = feed.1.client().ledger().attested(release).unwrap();
                feed.1.prove(release.index).unwrap();
                feed.1.prove(attested).unwrap();
                (began.elapsed(), relay.count() - before)
            })
            .collect();
        turns.sort_unstable();
        let (time, bytes) = turns[turns.len() / 2];
        println!(
            "install, {what:<20} {:>9.0} ms, {bytes:>11} bytes fetched, {MODULE} of them the module",
            time.as_secs_f64() * 1000.0
        );
        (time.as_secs_f64(), bytes)
    };
    let with = install("with a snapshot", TURNS);
    fs::remove_file(registry.public("snapshot")).unwrap();
    let without = install("without one", 1);
    println!(
        "with a snapshot: {:.4} of the time, {:.4} of the bytes",
        with.0 / without.0,
        with.1 as f64 / without.1 as f64
    );
}

/// How fast single entries become durable, beside files that are written and synced one by one.
fn append_some(registry: &Registry) {
    const COUNT: usize = 200;
    let mut log = Sequencer::open(&registry.path(), now()).unwrap();
    let entry = flags(1);
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    let file = tempfile::tempdir_in(registry.path()).unwrap();
    for _ in 0..TURNS {
        let began = Instant::now();
        for _ in 0..COUNT {
            log.append(&[&entry], now()).unwrap();
        }
        ours.push(COUNT as f64 / began.elapsed().as_secs_f64());
        let began = Instant::now();
        for number in 0..COUNT {
            let mut file = File::create(file.path().join(number.to_string())).unwrap();
            file.write_all(&entry).unwrap();
            file.sync_all().unwrap();
        }
        plain.push(COUNT as f64 / began.elapsed().as_secs_f64());
    }
    let batch: Vec<_> = (0..1000).map(|_| &entry).collect();
    let began = Instant::now();
    log.append(&batch, now()).unwrap();
    let batched = batch.len() as f64 / began.elapsed().as_secs_f64();
    let (ours, plain) = (middle(ours), middle(plain));
    println!(
        "durable appends: {ours:.0} a second one by one, {:.2} of files of that length written and synced one by one \
         ({plain:.0}); {batched:.0} a second when 1000 come at once",
        ours / plain
    );
}

fn middle(mut turns: Vec<f64>) -> f64 {
    turns.sort_unstable_by(f64::total_cmp);
    turns[turns.len() / 2]
}

/// An entry that counts when it is read.
fn flags(issued: u64) -> Vec<u8> {
    let flags = Flags {
        nettests: BTreeMap::from([("telegram".parse().unwrap(), issued.is_multiple_of(2))]),
        issued,
        expires: issued + 1,
    };
    let leaf = Leaf::new("registry.example/log", &Payload::Flags(flags)).unwrap();
    let ann = SecretRoleKey::from_seed(&[1; 32]);
    leaf.signed_by(Role::Scripts, &ann).unwrap().to_bytes()
}

fn fill(registry: &Registry, leaves: u64) {
    let mut log = Sequencer::open(&registry.path(), now()).unwrap();
    let mut size = Reader::open(&registry.path())
        .unwrap()
        .checkpoint()
        .unwrap()
        .1
        .tree
        .size();
    let end = size + leaves;
    while size < end {
        let entries: Vec<Vec<u8>> = (size..end.min(size + BATCH))
            .map(|number| flags(number + 10))
            .collect();
        log.append(&entries, now()).unwrap();
        size += entries.len() as u64;
    }
}

fn snapshot(registry: &Registry) {
    let folder = Folder::open(&registry.path(), now()).unwrap();
    let tree = Reader::open(&registry.path())
        .unwrap()
        .checkpoint()
        .unwrap()
        .1
        .tree;
    let document = folder.ledger().unwrap().to_document();
    let digest = registry.put("objects", &document);
    let snapshot = Snapshot {
        size: tree.size(),
        root: tree.root(),
        digest,
    };
    registry.say(&Payload::Snapshot(snapshot), Role::Snapshot);
    assert!(registry.public(&format!("objects/{}", hex(&digest))).is_file());
}

/// A probe that has never heard of the registry, in a folder of its own.
fn follow(registry: &Registry, address: SocketAddr) -> (tempfile::TempDir, Feed) {
    let folder = tempfile::tempdir().unwrap();
    let getter = Getter::new("bench", &[], Patience::default()).unwrap();
    let root = Root::parse(&fs::read(registry.public("roots/1.json")).unwrap()).unwrap();
    let addition = Addition {
        trust: Trust::Root(Box::new(root)),
        mirrors: vec![format!("http://{address}/").parse().unwrap()],
        name: None,
    };
    let registries = Registries::new(folder.path().to_owned(), getter);
    let (feed, refreshed) = registries.add(addition, now()).unwrap();
    assert!(refreshed.fresh.is_some(), "{:?}", refreshed.problems);
    (folder, feed)
}

fn size_of(folder: &std::path::Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            if entry.file_type().unwrap().is_dir() {
                size_of(&entry.path())
            } else {
                entry.metadata().unwrap().len()
            }
        })
        .sum()
}

/// Passes on what is asked and answered, and counts the bytes of the answers.
struct Relay {
    address: SocketAddr,
    count: Arc<AtomicU64>,
}

impl Relay {
    fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let count = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&count);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (mut client, mut server) = (client.unwrap(), TcpStream::connect(server).unwrap());
                let (mut asks, mut asked) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let counted = Arc::clone(&counted);
                thread::spawn(move || {
                    let _ = std::io::copy(&mut asks, &mut asked);
                    let _ = asked.shutdown(Shutdown::Write);
                });
                thread::spawn(move || {
                    let mut buffer = vec![0; 64 << 10];
                    while let Ok(read @ 1..) = server.read(&mut buffer) {
                        counted.fetch_add(read as u64, Ordering::Relaxed);
                        if client.write_all(&buffer[..read]).is_err() {
                            break;
                        }
                    }
                    let _ = client.shutdown(Shutdown::Both);
                });
            }
        });
        Self { address, count }
    }

    fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}
