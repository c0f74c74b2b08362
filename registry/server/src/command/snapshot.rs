//! `netsonde-registry snapshot`: what the log has come to, so that a probe that is new need not read all of it.

use super::{now, proposal::put_forward};
use crate::args::SnapshotPublish;
use anyhow::ensure;
use netsonde_log::{
    leaf::{Payload, Snapshot},
    ledger::DOCUMENT_LIMIT,
};
use netsonde_registry::{
    folder::{Object, Reader, Registry, Shelf},
    proposal::Proposal,
};

/// Put forward what the log has come to.
pub(crate) fn publish(args: &SnapshotPublish) -> anyhow::Result<()> {
    let dir = &args.registry.dir;
    let registry = Registry::open(dir, now()?)?;
    let (ledger, tree) = (registry.ledger()?, Reader::open(dir)?.checkpoint()?.1.tree);
    ensure!(
        ledger.size() == tree.size(),
        "somebody else has published meanwhile: take the snapshot again"
    );
    let document = Object {
        shelf: Shelf::Objects,
        bytes: ledger.to_document(),
    };
    ensure!(
        document.bytes.len() <= DOCUMENT_LIMIT,
        "what the log has come to has {} bytes, and probes read {DOCUMENT_LIMIT}",
        document.bytes.len()
    );
    let payload = Payload::Snapshot(Snapshot {
        size: tree.size(),
        root: tree.root(),
        digest: document.digest(),
    });
    let proposal = Proposal::new(registry.log().key().name(), &payload, vec![document])?;
    put_forward(registry, dir, proposal, &args.keys)
}
