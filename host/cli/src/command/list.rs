//! `netsonde list`: what this probe can run, and what each module asks for.

use comfy_table::{Cell, Table, presets};
use netsonde_probe::catalog::{Entry, Origin};
use netsonde_probe::sandbox::Kind;
use serde_json::json;

use crate::args::List;
use crate::command::catalog;
use crate::exit::Exit;
use crate::log;
use crate::view::{Stderr, plain, print};

/// List the modules on standard output: a table, or with `--json` one object a line.
pub(crate) fn run(args: &List, json: bool, verbose: u8) -> anyhow::Result<Exit> {
    log::start(verbose, None, &Stderr::new())?;
    let catalog = catalog(&args.modules)?;
    // A module that can not be used is listed with the reason.
    let broken = catalog.entries().any(|entry| entry.manifest.is_err());
    let exit = if broken { Exit::Failed } else { Exit::Done };
    if json {
        for entry in catalog.entries() {
            print(&object(entry).to_string())?;
        }
        return Ok(exit);
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header([
        "NAME", "KIND", "VERSION", "SHA-256", "ASKS FOR", "GOES TO", "SUMMARY",
    ]);
    for entry in catalog.entries() {
        table.add_row(row(entry));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    print(&table.trim_fmt())?;
    Ok(exit)
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Nettest => "nettest",
        Kind::MiniNettest => "mini nettest",
    }
}

fn row(entry: &Entry) -> Vec<Cell> {
    let cells = match &entry.manifest {
        Ok((manifest, digest)) => vec![
            manifest.name.clone(),
            kind(manifest.kind).to_owned(),
            manifest.version.to_string(),
            digest.to_string().chars().take(12).collect(),
            words(manifest.capabilities.keys()),
            match manifest.kind {
                Kind::Nettest => words(manifest.destinations.keys()),
                Kind::MiniNettest => "its caller's".to_owned(),
            },
            manifest.summary.clone(),
        ],
        Err(error) => {
            vec![
                entry.name.clone(),
                "broken".into(),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
                error.clone(),
            ]
        }
    };
    cells.iter().map(|cell| Cell::new(plain(cell))).collect()
}

fn words(names: impl Iterator<Item = impl ToString>) -> String {
    names.map(|name| name.to_string()).collect::<Vec<_>>().join(" ")
}

fn object(entry: &Entry) -> serde_json::Value {
    let origin = match &entry.origin {
        Origin::Preinstalled => json!("preinstalled"),
        Origin::File(path) => json!(path),
        Origin::Installed { registry } => json!({ "registry": registry }),
    };
    match &entry.manifest {
        Ok((manifest, digest)) => json!({
            "name": manifest.name,
            "kind": kind(manifest.kind),
            "version": manifest.version.to_string(),
            "sha256": digest.to_string(),
            "capabilities": manifest
                .capabilities
                .iter()
                .map(|(capability, reason)| (capability.as_str().to_owned(), json!(reason)))
                .collect::<serde_json::Map<_, _>>(),
            "destinations": manifest
                .destinations
                .iter()
                .map(|(class, reason)| (class.to_string(), json!(reason)))
                .collect::<serde_json::Map<_, _>>(),
            "fixed": manifest
                .fixed
                .addresses
                .iter()
                .map(ToString::to_string)
                .chain(manifest.fixed.names.iter().cloned())
                .collect::<Vec<_>>(),
            "summary": manifest.summary,
            "origin": origin,
        }),
        Err(error) => json!({"name": entry.name, "error": error, "origin": origin}),
    }
}
