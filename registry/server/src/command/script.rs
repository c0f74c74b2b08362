//! `netsonde-registry script`, `list` and `flags`: what probes measure.

use super::{DAY, now, plain, proposal::put_forward, say};
use crate::args::{FlagsSet, Publish, ScriptRevoke};
use anyhow::{Context as _, bail, ensure};
use netsonde_log::{
    check_in::{TABLE, Table},
    leaf::{Flags, Payload, Publication, ScriptRevoke as Revocation},
    ledger::Ledger,
    words::{Digest, Name},
};
use netsonde_registry::{
    check,
    folder::{Object, Registry, Shelf, hex_of},
    proposal::Proposal,
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The largest script or list that is published.
const LARGEST: usize = 16 << 20;

/// Publish a script that passes the checks.
pub(crate) fn publish(args: &Publish) -> anyhow::Result<()> {
    let registry = Registry::open(&args.registry.dir, now()?)?;
    let bytes = file(&args.file)?;
    check_script(args, &registry)?;
    let ledger = registry.ledger()?;
    let publication = publication(args, &bytes, ledger.scripts())?;
    check_life(
        publication.expires - publication.issued,
        ledger.policy().life.scripts,
    )?;
    let payload = Payload::ScriptPublish(publication);
    forward(registry, args, &payload, Shelf::Scripts, bytes)
}

/// Publish a list.
pub(crate) fn publish_list(args: &Publish) -> anyhow::Result<()> {
    let registry = Registry::open(&args.registry.dir, now()?)?;
    let bytes = file(&args.file)?;
    if args.name.as_str() == TABLE {
        let table = Table::parse(&bytes).with_context(|| format!("check {}", args.file.display()))?;
        for name in unknown_scripts(&table, registry.ledger()?) {
            say(&format!(
                "warning: {} names the script {name}, which is not published: who is told to run it runs nothing until it is",
                args.file.display()
            ))?;
        }
    } else {
        check_list(args, &registry, &bytes)?;
    }
    let ledger = registry.ledger()?;
    let publication = publication(args, &bytes, ledger.lists())?;
    check_life(
        publication.expires - publication.issued,
        ledger.policy().life.lists,
    )?;
    let payload = Payload::ListPublish(publication);
    forward(registry, args, &payload, Shelf::Lists, bytes)
}

/// Have no probe run a script ever again.
pub(crate) fn revoke(args: &ScriptRevoke) -> anyhow::Result<()> {
    let registry = Registry::open(&args.registry.dir, now()?)?;
    let (name, digest) = script(registry.ledger()?, &args.script)?;
    let reason = reason(&args.reason);
    let payload = Payload::ScriptRevoke(Revocation {
        name,
        digest,
        reason: reason.digest(),
    });
    let proposal = Proposal::new(registry.log().key().name(), &payload, vec![reason])?;
    put_forward(registry, &args.registry.dir, proposal, &args.keys)
}

/// Switch nettests on and off.
pub(crate) fn set_flags(args: &FlagsSet) -> anyhow::Result<()> {
    let now = now()?;
    let registry = Registry::open(&args.registry.dir, now)?;
    let (ordinary, emergency) = registry.ledger()?.flags();
    // What was said in an emergency is of another kind, and is gone on with in its kind.
    let before = if args.keys.emergency { emergency } else { ordinary };
    let last = before.map_or(0, |flags| flags.issued);
    // What is over does not begin again.
    let before = before.filter(|flags| flags.expires > now);
    let mut nettests = before.map(|flags| flags.nettests.clone()).unwrap_or_default();
    for (name, flag) in &args.flags {
        match flag {
            Some(is_on) => drop(nettests.insert(name.clone(), *is_on)),
            None => drop(nettests.remove(name)),
        }
    }
    let issued = now.max(last + 1);
    let expires = issued + life(args.days, args.keys.emergency);
    check_life(expires - issued, registry.ledger()?.policy().life.scripts)?;
    let payload = Payload::Flags(Flags {
        nettests,
        issued,
        expires,
    });
    let proposal = Proposal::new(registry.log().key().name(), &payload, Vec::new())?;
    put_forward(registry, &args.registry.dir, proposal, &args.keys)
}

/// Why something is withdrawn, as everybody can read it.
pub(super) fn reason(text: &str) -> Object {
    Object {
        shelf: Shelf::Objects,
        bytes: format!("{}\n", text.trim_end()).into_bytes(),
    }
}

fn forward(
    registry: Registry,
    args: &Publish,
    payload: &Payload,
    shelf: Shelf,
    bytes: Vec<u8>,
) -> anyhow::Result<()> {
    let proposal = Proposal::new(
        registry.log().key().name(),
        payload,
        vec![Object { shelf, bytes }],
    )?;
    put_forward(registry, &args.registry.dir, proposal, &args.keys)
}

fn publication<'a>(
    args: &Publish,
    bytes: &[u8],
    mut before: impl Iterator<Item = &'a Publication>,
) -> anyhow::Result<Publication> {
    let now = now()?;
    // Two of one second are told apart by their order.
    let last = before.find(|before| before.name == args.name && before.issued <= now + DAY);
    let issued = now.max(last.map_or(0, |last| last.issued + 1));
    Ok(Publication {
        name: args.name.clone(),
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
        issued,
        expires: issued + life(args.days, args.keys.emergency),
    })
}

/// What is to hold for longer than may be said holds never.
fn check_life(life: u64, limit: u64) -> anyhow::Result<()> {
    ensure!(
        life <= limit,
        "--days {}: by the registry's policy it may hold for {} at most",
        life / DAY,
        limit / DAY
    );
    Ok(())
}

/// What is said in an emergency holds for a day.
fn life(days: u64, emergency: bool) -> u64 {
    if emergency { DAY } else { days * DAY }
}

/// Before and after a list, to make a script of it. The list begins in a line of its own.
const BEFORE: &[u8] = b"{\"v\": 2, \"instructions\": [{\"run\": \"nettest:run@v1\", \"with\":\n";
const AFTER: &[u8] = b"\n}]}\n";

/// Check a list as `netsonde check-script` does: it is what a script says of one nettest, its name and its targets.
fn check_list(args: &Publish, registry: &Registry, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("make a folder for the list")?;
    let script = folder.path().join("list.jsonc");
    let text = [BEFORE, bytes, AFTER].concat();
    fs::write(&script, text).with_context(|| format!("write {}", script.display()))?;
    check_as(args, &script, registry, 1)
}

/// Check a script as `netsonde check-script` does, with the modules that this registry has released.
fn check_script(args: &Publish, registry: &Registry) -> anyhow::Result<()> {
    check_as(args, &args.file, registry, 0)
}

/// Check a script that the file is in, from after so many lines.
fn check_as(args: &Publish, script: &Path, registry: &Registry, lines: usize) -> anyhow::Result<()> {
    let netsonde = check::find(args.checker.netsonde.as_deref())?;
    let folder = tempfile::tempdir().context("make a folder for the modules that a script may name")?;
    let modules = modules(registry, folder.path())?;
    let mut report = check::check_script(&netsonde, script, &modules)?;
    for diagnostic in &mut report.diagnostics {
        diagnostic.file = args.file.display().to_string();
        diagnostic.line = diagnostic.line.saturating_sub(lines).max(1);
        say(&plain(&diagnostic.to_string()))?;
    }
    if !report.passed {
        bail!(
            "{} does not pass the checks; nothing was published",
            args.file.display()
        );
    }
    Ok(())
}

/// The modules that may run, in files.
fn modules(registry: &Registry, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let ledger = registry.ledger()?;
    let now = now()?;
    let mut files = Vec::new();
    for release in ledger.releases() {
        let digest = release.module.digest;
        if ledger
            .newest(&release.module.name, now, now)
            .is_ok_and(|newest| newest.module.digest == digest)
            && let Some(bytes) = registry.log().object(Shelf::Objects, &digest)?
        {
            let file = folder.join(format!("{}.wasm", hex_of(&digest)));
            fs::write(&file, bytes).with_context(|| format!("write {}", file.display()))?;
            files.push(file);
        }
    }
    Ok(files)
}

fn script(ledger: &Ledger, text: &str) -> anyhow::Result<(Name, Digest)> {
    let mut scripts = ledger.scripts();
    let found = scripts.find(|script| script.name.as_str() == text || script.digest.to_string() == text);
    match found {
        Some(script) => Ok((script.name.clone(), script.digest)),
        None => bail!(
            "{text} is no script that is published now: give its name or sha256:… as `netsonde-registry status` lists them"
        ),
    }
}

fn unknown_scripts(table: &Table, ledger: &Ledger) -> Vec<Name> {
    let known: Vec<&Name> = ledger.scripts().map(|script| &script.name).collect();
    let mut unknown: Vec<Name> = table
        .scripts()
        .filter(|name| !known.contains(name))
        .cloned()
        .collect();
    unknown.sort_unstable();
    unknown.dedup();
    unknown
}

fn file(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    if bytes.len() > LARGEST {
        bail!(
            "read {}: it has {} bytes, and {LARGEST} are the most",
            path.display(),
            bytes.len()
        );
    }
    Ok(bytes)
}
