//! `cargo xtask soak`: a registry is killed again and again, with `kill -9`, while it serves and is written to.
//!
//! One process appends entries and says of each that it is in the log; another is `netsonde-registry serve`, which signs the
//! checkpoint again all the time. Now one of them is killed and now the other. After each kill the checkpoint that is served
//! has to go on from the one before it, and in the end a probe that knows nothing but the first root reads the whole log and
//! finds in it everything that was acknowledged.

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use netsonde_log::{
    client::{Client, Trust},
    fetch::{Entries, Fetched, Progress, consistency},
    leaf::{Flags, Leaf, Payload},
    policy::Policy,
    role::{Role, RoleKey, SecretRoleKey},
    root::{LogIdentity, RoleKeys, Root, RootDraft},
    tiles,
    tree::Tree,
};
use netsonde_registry::folder::Registry;
use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Whose word the entries of the soak are.
const SEED: [u8; 32] = [7; 32];
/// Kill a registry again and again.
#[derive(Args)]
pub(crate) struct Soak {
    /// How often.
    #[arg(long, default_value_t = 200)]
    kills: u32,

    /// How many entries have to be acknowledged meanwhile, at least.
    #[arg(long, default_value_t = 500)]
    appends: usize,
}

/// What is killed: appends entries until then.
#[derive(Args)]
pub(crate) struct Victim {
    folder: PathBuf,
}

impl Soak {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        let place = tempfile::tempdir().context("make a folder")?;
        let folder = place.path().join("registry");
        let root = create(&folder)?;
        let server = server()?;
        let acknowledged = Arc::new(Mutex::new(Vec::new()));
        let mut writer = Running::writer(&folder, &acknowledged)?;
        let mut serving = Running::server(&server, &folder)?;
        let mut before = served(&folder, root.policy())?;
        let mut kills = 0;
        while kills < self.kills || count(&acknowledged) < self.appends {
            thread::sleep(moment(kills));
            // Now the one and now the other.
            let is_server = kills % 3 == 2;
            let killed = if is_server { &mut serving } else { &mut writer };
            killed.kill();
            kills += 1;
            // What is served at this moment, which is what clients see until somebody writes again.
            let now = served(&folder, root.policy())?;
            grown(&folder, before, now).with_context(|| format!("after kill {kills}"))?;
            before = now;
            if is_server {
                serving = Running::server(&server, &folder)?;
            } else {
                writer = Running::writer(&folder, &acknowledged)?;
            }
        }
        drop((writer, serving));
        let acknowledged = acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let entries = read_all(&folder, root)?;
        for (number, entry) in &acknowledged {
            ensure!(
                entries
                    .get(*number)
                    .is_some_and(|found| Leaf::parse(found).is_ok_and(|leaf| word(&leaf) == *entry)),
                "entry {number} was acknowledged as {entry:?}, and is not in the log"
            );
        }
        say(&format!(
            "{kills} kills, {} entries acknowledged and all of them in a log of {}, in {:.1} s",
            acknowledged.len(),
            entries.len(),
            began.elapsed().as_secs_f64()
        ))
    }
}

impl Victim {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let mut registry = Registry::open(&self.folder, now())?;
        let key = SecretRoleKey::from_seed(&SEED);
        let origin = registry.log().key().name().to_owned();
        say("ready")?;
        loop {
            // Flags count up, and no two of them are alike.
            let last = registry.ledger()?.flags().0.map_or(0, |flags| flags.issued);
            let flags = Flags {
                nettests: BTreeMap::new(),
                issued: last + 1,
                expires: last + 2,
            };
            let leaf = Leaf::new(&origin, &Payload::Flags(flags))?.signed_by(Role::Scripts, &key)?;
            let appended = registry.publish(&leaf, now())?;
            say(&format!("ack {} {}", appended.numbers.start, word(&leaf)))?;
        }
    }
}

/// A process that is killed when it is dropped.
struct Running {
    child: Child,
    listener: Option<JoinHandle<()>>,
}

impl Running {
    fn writer(folder: &Path, acknowledged: &Arc<Mutex<Vec<(usize, String)>>>) -> anyhow::Result<Self> {
        let this = env::current_exe().context("find this program")?;
        let acknowledged = Arc::clone(acknowledged);
        Self::start(Command::new(this).arg("soak-victim").arg(folder), move |line| {
            let acknowledgement = line.strip_prefix("ack ").and_then(|rest| rest.split_once(' '));
            if let Some((number, entry)) = acknowledgement
                && let Ok(number) = number.parse()
            {
                let mut all = acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
                all.push((number, entry.to_owned()));
            }
        })
    }

    fn server(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--renew", "20ms", "--dir"]);
        Self::start(command.arg(folder), |_| {})
    }

    /// Start it, and wait for its first line. The last line of one that is killed may be torn, and is not passed on.
    fn start(command: &mut Command, mut hear: impl FnMut(&str) + Send + 'static) -> anyhow::Result<Self> {
        let program = format!("{command:?}");
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {program}"))?;
        let mut out = BufReader::new(child.stdout.take().context("hear it")?);
        let mut first = String::new();
        out.read_line(&mut first)
            .with_context(|| format!("hear {program}"))?;
        if first.is_empty() {
            let status = child.wait().context("wait for it")?;
            bail!("{program} ended with {status} before it was ready");
        }
        let listener = thread::spawn(move || {
            let mut line = String::new();
            while out.read_line(&mut line).is_ok_and(|read| read > 0) {
                if let Some(whole) = line.strip_suffix('\n') {
                    hear(whole);
                }
                line.clear();
            }
        });
        Ok(Self {
            child,
            listener: Some(listener),
        })
    }
}

impl Running {
    fn kill(&mut self) {
        // It may have ended by itself, which is found out by what it has not written.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A registry in which one key may say everything.
fn create(folder: &Path) -> anyhow::Result<Root> {
    let mut log = [0; 32];
    getrandom::fill(&mut log).context("get random bytes from the system")?;
    let mut registry = Registry::create(folder, "soak.example/log", &log, now())?;
    let key = SecretRoleKey::from_seed(&SEED);
    let keys = |role: Role| -> anyhow::Result<RoleKeys> {
        let own: [RoleKey; 1] = [key.public()];
        Ok(RoleKeys::new(role, &own, 1)?)
    };
    let draft = RootDraft {
        version: 1,
        expires: now() + 24 * 60 * 60,
        root: keys(Role::Root)?,
        roles: [(Role::Scripts, keys(Role::Scripts)?)].into(),
        log: LogIdentity {
            origin: registry.log().key().name().to_owned(),
            log: registry.log().key(),
            witnesses: Vec::new(),
            quorum: 0,
        },
    };
    let root = draft.unsigned()?.signed_by(&key)?;
    registry.publish_root(root.clone(), now())?;
    Ok(root)
}

/// Build the program that serves, as cargo builds this one, and say where it is.
fn server() -> anyhow::Result<PathBuf> {
    let this = env::current_exe().context("find this program")?;
    let folder = this.parent().context("find the folder of this program")?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args([
        "build",
        "--locked",
        "--quiet",
        "--package",
        "netsonde-registry",
        "--bin",
        "netsonde-registry",
    ]);
    if folder.ends_with("release") {
        build.arg("--release");
    }
    let status = build.status().context("run cargo")?;
    ensure!(status.success(), "build netsonde-registry: {status}");
    Ok(folder.join(format!("netsonde-registry{}", env::consts::EXE_SUFFIX)))
}

/// The log as it is served.
fn served(folder: &Path, policy: &Policy) -> anyhow::Result<Tree> {
    let checkpoint = fs::read(folder.join("public/log/checkpoint")).context("read the checkpoint")?;
    Ok(policy
        .open(&checkpoint, u64::MAX)
        .context("open the checkpoint")?
        .tree)
}

/// The log has to go on from what it was.
fn grown(folder: &Path, before: Tree, now: Tree) -> anyhow::Result<()> {
    let mut fetched = Fetched::new();
    loop {
        match consistency(before, now, &fetched)? {
            Progress::Done(()) => return Ok(()),
            Progress::Need(paths) => supply(folder, paths, &mut fetched)?,
        }
    }
}

/// Read the log as a probe does that knows nothing but the first root, and all its entries.
fn read_all(folder: &Path, root: Root) -> anyhow::Result<Vec<Vec<u8>>> {
    // Who is killed may have left something to do.
    Registry::open(folder, now())?;
    let checkpoint = fs::read(folder.join("public/log/checkpoint")).context("read the checkpoint")?;
    let tree = root.policy().open(&checkpoint, u64::MAX)?.tree;
    let mut client = Client::new(Trust::Root(Box::new(root)), None)?;
    let mut advance = client.advance(&checkpoint, now())?;
    let step = loop {
        match advance.go_on()? {
            Progress::Done(step) => break step,
            Progress::Need(paths) => {
                for path in paths {
                    advance.supply(path, file(folder, path)?);
                }
            }
        }
    };
    client.accept(step)?;
    ensure!(
        client.ledger().refusals() == 0,
        "entries of the log have no effect"
    );
    let mut entries = Vec::new();
    let mut reading = Entries::new(tree, 0..tree.size())?;
    let mut fetched = Fetched::new();
    loop {
        match reading.next(&fetched)? {
            Progress::Done(Some(batch)) => entries.extend(batch.entries.iter().map(|entry| entry.to_vec())),
            Progress::Done(None) => return Ok(entries),
            Progress::Need(paths) => supply(folder, paths, &mut fetched)?,
        }
    }
}

fn supply(folder: &Path, paths: Vec<tiles::Path>, fetched: &mut Fetched) -> anyhow::Result<()> {
    for path in paths {
        fetched.insert(path, file(folder, path)?);
    }
    Ok(())
}

fn file(folder: &Path, path: tiles::Path) -> anyhow::Result<Vec<u8>> {
    let log = folder.join("public/log");
    let (part, whole) = (log.join(path.to_string()), log.join(path.whole().to_string()));
    fs::read(&part)
        .or_else(|_| fs::read(whole))
        .with_context(|| format!("read {}", part.display()))
}

/// What tells an entry of the soak from the others.
fn word(leaf: &Leaf) -> String {
    match leaf.payload() {
        Payload::Flags(flags) => flags.issued.to_string(),
        other => other.kind().to_owned(),
    }
}

/// Moments spread over what an entry takes, and over some of them.
fn moment(kill: u32) -> Duration {
    Duration::from_micros(u64::from(kill.wrapping_mul(2_654_435_761) % 60_000))
}

fn count(acknowledged: &Mutex<Vec<(usize, String)>>) -> usize {
    acknowledged.lock().unwrap_or_else(PoisonError::into_inner).len()
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

fn say(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .context("write to standard output")
}
