//! `netsonde-registry status`: what a registry has published, and what waits.

use super::{module::is_valid, now, proposal, say};
use crate::args::Status;
use comfy_table::{Table, presets};
use netsonde_log::{
    leaf::{Leaf, Publication, RegistryPolicy},
    ledger::{Ledger, Release, WhyNot},
};
use netsonde_registry::{
    folder::Registry,
    proposal::{Proposal, id_of, summary},
};
use std::path::Path;

/// Print it.
pub(crate) fn status(args: &Status) -> anyhow::Result<()> {
    let now = now()?;
    let registry = Registry::open(&args.dir, now)?;
    let key = registry.log().key();
    say(&format!("log {}", key.name()))?;
    say(&format!("key {key}"))?;
    match registry.ledger() {
        Err(error) => say(&error.to_string())?,
        Ok(ledger) => published(ledger, key.name(), now)?,
    }
    waiting(&registry, &args.dir)
}

fn published(ledger: &Ledger, origin: &str, now: u64) -> anyhow::Result<()> {
    say(&format!("entries {}", ledger.size()))?;
    if let (Some(first), Some(root)) = (ledger.roots().first(), ledger.root()) {
        say(&format!("trusted as {}", first.digest()))?;
        let expires =
            humantime::format_duration(std::time::Duration::from_secs(root.expires().saturating_sub(now)));
        match ledger.valid_root(now) {
            Ok(root) => say(&format!("root {}, expires in {expires}", root.version()))?,
            Err(why) => say(&why.to_string())?,
        }
    }
    let mut table = table(["MODULE", "STATE", "PROPOSAL", "DIGEST"]);
    let mut releases: Vec<&Release> = ledger.releases().collect();
    releases.sort_by_key(|release| release.index);
    for release in &releases {
        let module = &release.module;
        table.add_row([
            format!("{}@{}", module.name, module.version),
            state(ledger, release, now),
            id_of(
                origin,
                &netsonde_log::leaf::Payload::ModuleRelease(module.clone()),
            )?,
            module.digest.to_string(),
        ]);
    }
    print(&table)?;
    let RegistryPolicy { life, .. } = ledger.policy();
    publications("SCRIPT", ledger.scripts(), life.scripts, ledger, now)?;
    publications("LIST", ledger.lists(), life.lists, ledger, now)?;
    let (ordinary, emergency) = ledger.flags();
    for (how, flags) in [("", ordinary), (" in an emergency", emergency)] {
        for (name, is_on) in flags.iter().flat_map(|flags| &flags.nettests) {
            let is_on = if *is_on { "on" } else { "off" };
            let expires = flags.map_or(0, |flags| flags.expires);
            say(&format!("{name} is switched {is_on}{how}{}", until(expires, now)))?;
        }
    }
    for (index, why) in ledger.refused() {
        say(&format!("entry {index} has no effect: {why}"))?;
    }
    Ok(())
}

fn state(ledger: &Ledger, release: &Release, now: u64) -> String {
    match ledger.may_run(&release.module.digest, now, now) {
        Err(WhyNot::Revoked { index, .. }) => format!("revoked by entry {index}"),
        Err(WhyNot::NotRebuilt(_)) => "not rebuilt".to_owned(),
        Err(why) => why.to_string(),
        Ok(_) => match release.yanked {
            Some(index) => format!("yanked by entry {index}"),
            None => "released".to_owned(),
        },
    }
}

fn publications<'a>(
    what: &str,
    all: impl Iterator<Item = &'a Publication>,
    life: u64,
    ledger: &Ledger,
    now: u64,
) -> anyhow::Result<()> {
    let mut table = table([what, "STATE", "DIGEST", ""]);
    for publication in all {
        let state = match ledger.revoked(&publication.digest) {
            Some(index) => format!("revoked by entry {index}"),
            None if publication.expires.saturating_sub(publication.issued) > life => {
                format!("is to hold for longer than {life} s, and holds never")
            }
            None => format!("published{}", until(publication.expires, now)),
        };
        table.add_row([
            publication.name.to_string(),
            state,
            publication.digest.to_string(),
            String::new(),
        ]);
    }
    print(&table)
}

fn waiting(registry: &Registry, dir: &Path) -> anyhow::Result<()> {
    for file in proposal::all(dir)? {
        let line = match proposal::load(&file) {
            Err(error) => format!("{error:#}"),
            Ok(proposal) => format!(
                "waits: {} {}: {}",
                proposal.id()?,
                summary(proposal.leaf().payload()),
                signatures(registry, &proposal)
            ),
        };
        say(&line)?;
    }
    Ok(())
}

fn signatures(registry: &Registry, proposal: &Proposal) -> String {
    let signed = match proposal::how_far(registry, proposal.leaf()) {
        Ok(proposal::Signed::Enough) => "signed by enough".to_owned(),
        Ok(proposal::Signed::TooFew(why)) => why.to_string(),
        Err(error) => error.to_string(),
    };
    let root = registry.ledger().ok().and_then(Ledger::root);
    let is_valid = |leaf: &&Leaf| {
        let mut signatures = leaf.signatures().iter();
        root.is_some_and(|root| signatures.any(|signature| is_valid(root, leaf, signature)))
    };
    match proposal.attestations().iter().filter(is_valid).count() {
        0 => signed,
        rebuilt => format!("{signed}, rebuilt by {rebuilt}"),
    }
}

fn until(expires: u64, now: u64) -> String {
    match expires.checked_sub(now) {
        Some(left) if left > 0 => format!(
            ", holds for {}",
            humantime::format_duration(std::time::Duration::from_secs(left))
        ),
        _ => ", expired".to_owned(),
    }
}

fn table(head: [&str; 4]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(head);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

fn print(table: &Table) -> anyhow::Result<()> {
    if table.row_count() == 0 {
        return Ok(());
    }
    say(&table.trim_fmt())
}
