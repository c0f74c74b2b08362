//! What people are shown before something is installed: what it is, what it can do, and who vouches for it.

use netsonde_feed::Feed;
use netsonde_log::leaf::Change;
use netsonde_log::words::KeyId;
use netsonde_probe::install::{Installed, Offer, granted};
use netsonde_probe::sandbox::Kind;
use serde_json::{Map, Value, json};

use crate::view::{plain, tell};

/// Show all of an offer.
pub(super) fn show(feed: &Feed, offer: &Offer) {
    let (module, inside) = (&offer.module, &offer.inside);
    let manifest = &inside.manifest;
    let origin = feed
        .client()
        .root()
        .map(|root| root.log().origin.clone())
        .unwrap_or_default();
    line(&format!(
        "{} {}: {}",
        module.name, module.version, manifest.summary
    ));
    line(&format!("  {} bytes, {}", module.size, module.digest));
    line(&format!(
        "  written by {}; licence {}",
        manifest.authors.join(", "),
        manifest.licence
    ));
    line(&format!("  of the registry {} ({origin})", feed.name()));
    line(&format!(
        "  released by {} (leaf {})",
        keys(&offer.released.1),
        offer.released.0
    ));
    line(&format!(
        "  rebuilt by {} (leaf {})",
        keys(&offer.rebuilt.1),
        offer.rebuilt.0
    ));
    let source = &module.source;
    line(&format!(
        "  source {} commit {} folder {}, built by {}",
        source.repo, source.commit, source.path, source.toolchain
    ));
    line(&format!("  imports {}", inside.imports.join(" ")));
    line("  asks for");
    for (capability, reason) in &manifest.capabilities {
        line(&format!("    {capability}: {reason}"));
    }
    if manifest.kind == Kind::MiniNettest {
        line("  goes where the nettest goes that calls it");
    } else if manifest.destinations.is_empty() {
        line("  goes nowhere");
    } else {
        line("  goes to");
    }
    for (class, reason) in &manifest.destinations {
        line(&format!("    {class}: {reason}"));
    }
    for fixed in &module.capabilities.fixed {
        line(&format!("    {fixed}"));
    }
    let budget = granted(manifest);
    let budget: Vec<String> = budget
        .iter()
        .map(|(what, amount)| format!("{what} {amount}"))
        .collect();
    let budget = budget.join(", ");
    line(&format!("  budget {budget}"));
    line(&format!(
        "  runs for {} days without news from the registry",
        module.max_offline_days
    ));
}

/// Show what a new version asks for otherwise.
pub(super) fn show_changes(before: &Installed, offer: &Offer, changes: &[Change]) {
    line(&format!(
        "{}: {} -> {}",
        before.name, before.version, offer.module.version
    ));
    if changes.is_empty() {
        line("  asks for the same");
    }
    for change in changes {
        line(&format!("  {change}"));
    }
}

fn line(text: &str) {
    tell(&plain(text));
}

/// Ids of keys, as roots list them.
pub(super) fn keys(ids: &[KeyId]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    ids.join(" ")
}

/// The same as one object.
pub(super) fn object(feed: &Feed, offer: &Offer) -> Value {
    let (module, manifest) = (&offer.module, &offer.inside.manifest);
    let signed = |(index, ids): &(u64, Vec<KeyId>)| {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        json!({"index": index, "keyids": ids})
    };
    let reasons = |pairs: Vec<(String, &String)>| -> Map<String, Value> {
        pairs
            .into_iter()
            .map(|(name, reason)| (name, json!(reason)))
            .collect()
    };
    json!({
        "name": module.name.to_string(),
        "version": module.version.to_string(),
        "digest": module.digest.to_string(),
        "size": module.size,
        "registry": feed.name(),
        "released": signed(&offer.released),
        "rebuilt": signed(&offer.rebuilt),
        "imports": offer.inside.imports,
        "capabilities": reasons(manifest.capabilities.iter().map(|(name, why)| (name.to_string(), why)).collect()),
        "destinations": reasons(manifest.destinations.iter().map(|(name, why)| (name.to_string(), why)).collect()),
        "fixed": module.capabilities.fixed,
        "budget": granted(manifest),
        "source": {
            "repo": module.source.repo,
            "commit": module.source.commit.to_string(),
            "path": module.source.path,
            "toolchain": module.source.toolchain,
        },
        "max_offline_days": module.max_offline_days,
    })
}
