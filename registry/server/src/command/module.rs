//! `netsonde-registry module`: proposed, reviewed, released, withdrawn.

use super::{now, plain, proposal, rebuild::options, say, script::reason};
use crate::args::{Builder, ModulePropose, ModuleRelease as Release, ModuleReview, ModuleStop};
use anyhow::{Context as _, bail, ensure};
use netsonde_log::{
    leaf::{
        Capabilities, Change, Leaf, LeafSignature, ModuleRelease, ModuleRevoke, ModuleYank, Payload, Source,
    },
    ledger::Ledger,
    root::Root,
    words::Digest,
};
use netsonde_registry::{
    check::{self, About, CheckReport},
    folder::{Object, Registry, Shelf},
    proposal::{Proposal, id_of, summary},
    rebuild,
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Check a module, and write a proposal to publish it.
pub(crate) fn propose(args: &ModulePropose) -> anyhow::Result<()> {
    let now = now()?;
    let mut source = rebuild::describe(&args.source)?;
    if let Some(repo) = &args.repo {
        source.repo.clone_from(repo);
    }
    let work = tempfile::tempdir().context("make a folder for the module")?;
    let path = match &args.file {
        Some(file) => file.clone(),
        None => built(&source, work.path(), &args.builder)?,
    };
    let wasm = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
    let registry = args
        .dir
        .as_ref()
        .map(|dir| Registry::open(dir, now))
        .transpose()?;
    let netsonde = check::find(args.checker.netsonde.as_deref())?;
    let report = check::check(&netsonde, &path, args.suite.as_deref())?;
    show_report(&report)?;
    let about = passed(&report, &path)?;
    ensure!(
        report.digest == Digest::of(&wasm),
        "{} changed while it was checked: propose it again",
        path.display()
    );
    let manifest = Object {
        shelf: Shelf::Objects,
        bytes: about.manifest.clone().into_bytes(),
    };
    let module = ModuleRelease {
        name: about.name.clone(),
        version: about.version.clone(),
        digest: report.digest,
        size: report.size,
        manifest: manifest.digest(),
        contract: about.contract.clone(),
        capabilities: capabilities(about),
        source,
        max_offline_days: args.max_offline_days,
    };
    let ledger = registry.as_ref().map(Registry::ledger).transpose()?;
    show_differences(&module, ledger)?;
    let origin = match (&registry, &args.origin) {
        (Some(registry), _) => registry.log().key().name().to_owned(),
        (None, Some(origin)) => origin.clone(),
        (None, None) => bail!("give the registry's folder with --dir, or the name of its log with --origin"),
    };
    let wasm = Object {
        shelf: Shelf::Objects,
        bytes: wasm,
    };
    let payload = Payload::ModuleRelease(module);
    let proposal = Proposal::new(&origin, &payload, vec![wasm, manifest])?;
    if let Some(ledger) = ledger {
        check_not_taken(&proposal, ledger)?;
    }
    let file = match (&args.output, &args.dir) {
        (Some(file), _) => file.clone(),
        (None, Some(dir)) => proposal::place(dir, &proposal)?,
        (None, None) => bail!("name the file for the proposal with --output"),
    };
    proposal::create(&file, &proposal)?;
    say(&format!(
        "{}: proposal {} is to be reviewed (netsonde-registry module review), signed (module sign) and rebuilt (rebuild)",
        file.display(),
        proposal.id()?
    ))
}

/// What a source gives, in a file.
fn built(source: &Source, work: &Path, builder: &Builder) -> anyhow::Result<PathBuf> {
    let wasm = rebuild::rebuild(source, &work.join("build"), &options(builder)?)?;
    let file = work.join("module.wasm");
    fs::write(&file, wasm).with_context(|| format!("write {}", file.display()))?;
    Ok(file)
}

/// Show what a proposal publishes, from its bytes.
pub(crate) fn review(args: &ModuleReview) -> anyhow::Result<()> {
    let file = proposal::find(args.dir.as_deref(), &args.id)?;
    let proposal = proposal::load(&file)?;
    let Payload::ModuleRelease(module) = proposal.leaf().payload() else {
        say(&summary(proposal.leaf().payload()))?;
        return say(&String::from_utf8_lossy(&proposal.leaf().to_bytes()));
    };
    let registry = args
        .dir
        .as_ref()
        .map(|dir| Registry::open(dir, now()?).map_err(anyhow::Error::from));
    let registry = registry.transpose()?;
    let wasm = proposal
        .object(&module.digest)
        .context("find the module in the proposal")?;
    let folder = tempfile::tempdir().context("make a folder for the module")?;
    let copy = folder
        .path()
        .join(format!("{}.wasm", module.name).replace('/', "-"));
    fs::write(&copy, wasm).with_context(|| format!("write {}", copy.display()))?;
    let netsonde = check::find(args.checker.netsonde.as_deref())?;
    let report = check::check(&netsonde, &copy, args.suite.as_deref())?;
    show_report(&report)?;
    let about = passed(&report, &file)?;
    if let Some(difference) = contradiction(module, &report, about, &proposal) {
        bail!("{}: {difference}: do not sign it", file.display());
    }
    let source = &module.source;
    say(&format!(
        "source: {} at {}, folder {}, with {}",
        source.repo, source.commit, source.path, source.toolchain
    ))?;
    say(&format!(
        "runs for {} days without news from the log",
        module.max_offline_days
    ))?;
    let ledger = registry.as_ref().map(Registry::ledger).transpose()?;
    show_differences(module, ledger)?;
    let root = ledger.and_then(Ledger::root);
    for (leaf, what) in [(proposal.leaf(), "signed")]
        .into_iter()
        .chain(proposal.attestations().iter().map(|leaf| (leaf, "rebuilt")))
    {
        for signature in leaf.signatures() {
            let (keyid, role) = (signature.keyid, signature.role);
            say(&match root.map(|root| is_valid(root, leaf, signature)) {
                Some(true) => format!("{what}: {keyid} as {role}"),
                Some(false) => format!("NOT VALID: {what} by {keyid} as {role}"),
                None => {
                    format!("claims to be {what} by {keyid} as {role}: --dir names the registry's folder")
                }
            })?;
        }
    }
    say(&format!(
        "proposal {} of {}",
        proposal.id()?,
        proposal.leaf().log()
    ))
}

/// Whether a signature is of somebody who has the role that it is in, and of what is said.
pub(super) fn is_valid(root: &Root, leaf: &Leaf, signature: &LeafSignature) -> bool {
    let keys = root.role(signature.role);
    let key = keys.and_then(|keys| keys.key(&signature.keyid));
    key.is_some_and(|key| signature.is_of(key, leaf))
}

/// Publish a module that enough have signed and somebody else has rebuilt.
pub(crate) fn release(args: &Release) -> anyhow::Result<()> {
    let (dir, now) = (&args.registry.dir, now()?);
    let mut registry = Registry::open(dir, now)?;
    let file = proposal::find(Some(dir), &args.id)?;
    let proposal = proposal::load(&file)?;
    let Payload::ModuleRelease(module) = proposal.leaf().payload() else {
        bail!(
            "{} proposes no module: sign it, and it is published",
            file.display()
        );
    };
    let refused = || format!("release {}@{}", module.name, module.version);
    let ledger = registry.ledger()?;
    check_not_taken(&proposal, ledger)?;
    let signed = registry
        .with(std::slice::from_ref(proposal.leaf()))
        .with_context(refused)?;
    // Whoever signed it can not attest it too, and what was signed for something else attests nothing.
    let leaves = leaves(&proposal, &signed);
    let with = registry.with(&leaves).with_context(refused)?;
    with.may_run(&module.digest, now, now).with_context(refused)?;
    let appended = registry.publish_all(&leaves, proposal.objects(), now)?;
    fs::remove_file(&file).with_context(|| format!("remove {}", file.display()))?;
    say(&format!(
        "{}@{} is released: entry {} of the log; whoever takes it checks {}",
        module.name, module.version, appended.numbers.start, module.digest
    ))
}

/// Have nobody choose a module newly.
pub(crate) fn yank(args: &ModuleStop) -> anyhow::Result<()> {
    stop(args, |module, reason| {
        Payload::ModuleYank(ModuleYank {
            name: module.name.clone(),
            version: module.version.clone(),
            digest: module.digest,
            reason,
        })
    })
}

/// Have no probe run a module ever again.
pub(crate) fn revoke(args: &ModuleStop) -> anyhow::Result<()> {
    stop(args, |module, reason| {
        Payload::ModuleRevoke(ModuleRevoke {
            name: module.name.clone(),
            version: module.version.clone(),
            digest: module.digest,
            reason,
        })
    })
}

/// The module that somebody means: by the proposal that released it, its name and version, or its digest.
pub(super) fn released<'a>(
    ledger: &'a Ledger,
    origin: &str,
    text: &str,
) -> anyhow::Result<&'a ModuleRelease> {
    let mut found = Vec::new();
    for release in ledger.releases() {
        let module = &release.module;
        let is_meant = format!("{}@{}", module.name, module.version) == text
            || module.digest.to_string() == text
            || id_of(origin, &Payload::ModuleRelease(module.clone()))? == text;
        if is_meant {
            found.push(module);
        }
    }
    match found.as_slice() {
        [one] => Ok(*one),
        _ => bail!(
            "no module {text} is released: give the id of its proposal, NAME@VERSION or sha256:… as `netsonde-registry \
             status` lists them"
        ),
    }
}

fn stop(args: &ModuleStop, say: impl Fn(&ModuleRelease, Digest) -> Payload) -> anyhow::Result<()> {
    let registry = Registry::open(&args.registry.dir, now()?)?;
    let origin = registry.log().key().name().to_owned();
    let reason = reason(&args.reason);
    let module = released(registry.ledger()?, &origin, &args.module)?;
    let proposal = Proposal::new(&origin, &say(module, reason.digest()), vec![reason])?;
    proposal::put_forward(registry, &args.registry.dir, proposal, &args.keys)
}

/// The entries of a release: what is said, and those attestations that count.
fn leaves(proposal: &Proposal, signed: &Ledger) -> Vec<Leaf> {
    let mut leaves = vec![proposal.leaf().clone()];
    for attestation in proposal.attestations() {
        if signed.clone().apply(&attestation.to_bytes()).is_ok() {
            leaves.push(attestation.clone());
        }
    }
    leaves
}

/// Clients of OCI registries know modules by names in which `_` and `/` are `-`: two modules can not have one of those.
fn check_not_taken(proposal: &Proposal, ledger: &Ledger) -> anyhow::Result<()> {
    let Payload::ModuleRelease(module) = proposal.leaf().payload() else {
        return Ok(());
    };
    let label = |name: &str| name.replace(['_', '/'], "-");
    let mut releases = ledger.releases().map(|release| &release.module.name);
    let taken =
        releases.find(|name| **name != module.name && label(name.as_str()) == label(module.name.as_str()));
    if let Some(taken) = taken {
        bail!(
            "{} is too much like {taken}, which is released: choose another name",
            module.name
        );
    }
    Ok(())
}

fn capabilities(about: &About) -> Capabilities {
    Capabilities::new(
        about.capabilities.keys().cloned().collect(),
        about.destinations.keys().cloned().collect(),
        about.fixed.iter().cloned().collect(),
        about.budget.clone(),
    )
}

fn passed<'a>(report: &'a CheckReport, file: &Path) -> anyhow::Result<&'a About> {
    match (&report.about, report.passed) {
        (Some(about), true) => Ok(about),
        _ => bail!("{} does not pass the checks; nothing was written", file.display()),
    }
}

/// Where a proposal says something else than the module in it.
fn contradiction(
    module: &ModuleRelease,
    report: &CheckReport,
    about: &About,
    proposal: &Proposal,
) -> Option<String> {
    let manifest = proposal.object(&module.manifest);
    let says = [
        ("name", module.name == about.name),
        ("version", module.version == about.version),
        ("digest", module.digest == report.digest),
        ("size", module.size == report.size),
        ("contract", module.contract == about.contract),
        ("capabilities", module.capabilities == capabilities(about)),
        ("manifest", manifest == Some(about.manifest.as_bytes())),
    ];
    let mut wrong = says.into_iter().filter(|(_, is_right)| !is_right);
    wrong
        .next()
        .map(|(what, _)| format!("its {what} is not that of the module in it"))
}

/// What was found out about a module.
fn show_report(report: &CheckReport) -> anyhow::Result<()> {
    if let Some(about) = &report.about {
        say(&format!(
            "{} {}@{}: {} bytes, {}",
            about.kind, about.name, about.version, report.size, report.digest
        ))?;
        say(&format!("imports {} ({})", words(&about.imports), about.contract))?;
        for (interface, why) in &about.capabilities {
            say(&format!("asks for {}: {}", plain(interface), plain(why)))?;
        }
        for (class, why) in &about.destinations {
            say(&format!("goes to {}: {}", plain(class), plain(why)))?;
        }
        if !about.fixed.is_empty() {
            say(&format!("fixed destinations: {}", plain(&words(&about.fixed))))?;
        }
        for (what, amount) in &about.budget {
            say(&format!("budget {}: {amount}", plain(what)))?;
        }
    }
    for run in &report.suite {
        let verdict = run.verdict.as_deref().unwrap_or("no verdict");
        let says = run.says.as_deref().filter(|says| !says.is_empty());
        let says = says.map(|says| format!(": {}", plain(says))).unwrap_or_default();
        say(&format!(
            "suite {}: {verdict}{says} ({:.2} s, {:.2} s CPU)",
            run.scenario, run.wall_s, run.cpu_s
        ))?;
    }
    if let Some(why) = &report.suite_skipped {
        say(&format!("THE CENSOR SUITE WAS NOT RUN: {why}"))?;
    }
    for finding in &report.findings {
        say(&format!("finding: {}", plain(&finding.to_string())))?;
    }
    Ok(())
}

/// What a module asks for otherwise than the release before it.
fn show_differences(module: &ModuleRelease, ledger: Option<&Ledger>) -> anyhow::Result<()> {
    let Some(ledger) = ledger else {
        return say("the release before is not here to compare with: --dir names the registry's folder");
    };
    let before = ledger.releases().map(|release| &release.module);
    let before = before
        .filter(|before| before.name == module.name && before.digest != module.digest)
        .max_by_key(|before| &before.version);
    let Some(before) = before else {
        return say(&format!("there is no release of {} before", module.name));
    };
    let changes = module.capabilities.changes_since(&before.capabilities);
    if changes.is_empty() {
        return say(&format!(
            "asks for the same as {}@{}",
            before.name, before.version
        ));
    }
    say(&format!("since {}@{}:", before.name, before.version))?;
    for change in &changes {
        say(&format!("  {change}"))?;
    }
    if changes.iter().any(Change::is_more) {
        say("it asks for more than before")?;
    }
    Ok(())
}

fn words(words: &[String]) -> String {
    words.join(", ")
}
