//! `netsonde-registry rebuild`: whether a module is what its source gives.

use super::{module, now, proposal, say, secret};
use crate::args::{Builder, Rebuild};
use anyhow::{Context as _, bail, ensure};
use netsonde_log::{
    leaf::{Leaf, ModuleRelease, Payload, RebuildAttest},
    role::Role,
    words::Digest,
};
use netsonde_registry::{
    check,
    folder::Registry,
    proposal::Proposal,
    rebuild::{self, RebuildOptions},
};
use std::{env, path::Path};

/// Build it again, and say so if it came out the same.
pub(crate) fn rebuild(args: &Rebuild) -> anyhow::Result<()> {
    let registry = args
        .dir
        .as_ref()
        .map(|dir| Registry::open(dir, now()?).map_err(anyhow::Error::from));
    let registry = registry.transpose()?;
    match (proposal::find(args.dir.as_deref(), &args.id), registry) {
        (Ok(file), _) => {
            let proposal = proposal::load(&file)?;
            let Payload::ModuleRelease(module) = proposal.leaf().payload() else {
                bail!("{} proposes no module", file.display());
            };
            build(module, args)?;
            if let Some(attestation) = attestation(args, proposal.leaf().log(), module)? {
                attest(&file, &proposal, attestation)?;
            }
            Ok(())
        }
        (Err(_), Some(mut registry)) => {
            let origin = registry.log().key().name().to_owned();
            let module = module::released(registry.ledger()?, &origin, &args.id)?.clone();
            build(&module, args)?;
            if let Some(attestation) = attestation(args, &origin, &module)? {
                let appended = registry.publish(&attestation, now()?)?;
                say(&format!(
                    "entry {} of the log says that it was rebuilt",
                    appended.numbers.start
                ))?;
            }
            Ok(())
        }
        (Err(error), None) => Err(error),
    }
}

/// Write down that a proposal was rebuilt. It may have been signed while that took its time.
fn attest(file: &Path, built: &Proposal, attestation: Leaf) -> anyhow::Result<()> {
    let _turn = proposal::turn(file)?;
    let proposal = proposal::load(file)?;
    ensure!(
        proposal.leaf().payload() == built.leaf().payload() && proposal.leaf().log() == built.leaf().log(),
        "{} is another proposal than the one that was rebuilt: rebuild that one",
        file.display()
    );
    let is_own = |keyid| attestation.signatures().iter().any(|own| own.keyid == keyid);
    if proposal
        .leaf()
        .signatures()
        .iter()
        .any(|signature| is_own(signature.keyid))
    {
        bail!(
            "who signed {} does not attest it too: somebody else has to rebuild it",
            file.display()
        );
    }
    proposal::store(file, &proposal.attested(attestation))?;
    say(&format!("{} says that it was rebuilt", file.display()))
}

/// With what modules are built.
pub(super) fn options(builder: &Builder) -> anyhow::Result<RebuildOptions> {
    let sandbox = if builder.unsandboxed {
        None
    } else {
        Some(env::current_exe().context("find this program")?)
    };
    Ok(RebuildOptions {
        guest_tool: check::find_builder(builder.netsonde_guest.as_deref())?,
        sandbox,
    })
}

/// Build a module, and hold it against what it is to be.
fn build(module: &ModuleRelease, args: &Rebuild) -> anyhow::Result<()> {
    let what = || format!("rebuild {}@{}", module.name, module.version);
    let work = tempfile::tempdir().context("make a folder to build in")?;
    let wasm = rebuild::rebuild(&module.source, work.path(), &options(&args.builder)?).with_context(what)?;
    let found = Digest::of(&wasm);
    if found != module.digest {
        bail!(
            "{}: its source gives {found}, and it is to be {}: do not attest it, and tell those who signed it",
            what(),
            module.digest
        );
    }
    say(&format!(
        "{}@{} is what its source gives: {found}",
        module.name, module.version
    ))
}

fn attestation(args: &Rebuild, origin: &str, module: &ModuleRelease) -> anyhow::Result<Option<Leaf>> {
    let Some(key) = &args.key else {
        return Ok(None);
    };
    let payload = Payload::RebuildAttest(RebuildAttest {
        name: module.name.clone(),
        version: module.version.clone(),
        digest: module.digest,
        source: module.source.clone(),
    });
    let leaf = Leaf::new(origin, &payload)?;
    Ok(Some(leaf.signed_by(Role::Rebuild, &secret(key)?)?))
}
