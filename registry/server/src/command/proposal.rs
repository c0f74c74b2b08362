//! Proposals: found by their id, signed by one after another, published with the last signature that is wanted.

use super::{now, say, secret, write_new};
use crate::args::{Keys, Sign};
use anyhow::{Context as _, bail, ensure};
use netsonde_log::{
    leaf::{Leaf, Payload},
    ledger::{Refused, may_say},
    role::Role,
};
use netsonde_registry::{
    folder::{Registry, RegistryError},
    proposal::{Proposal, summary},
};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

/// Where they are in a registry's folder.
const FOLDER: &str = "proposals";
/// The largest that is read: a module and its manifest in base64.
const LARGEST: u64 = 32 << 20;

/// How far the signing of something is.
pub(super) enum Signed {
    /// Enough have.
    Enough,
    /// They have not.
    TooFew(Refused),
}

/// What a command is about. It signs nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Module,
    Script,
    List,
    Flags,
    Snapshot,
}

impl Group {
    fn of(payload: &Payload) -> Self {
        match payload {
            Payload::ListPublish(_) => Self::List,
            Payload::ScriptPublish(_) | Payload::ScriptRevoke(_) => Self::Script,
            Payload::Flags(_) => Self::Flags,
            Payload::Snapshot(_) => Self::Snapshot,
            _ => Self::Module,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Script => "script",
            Self::List => "list",
            Self::Flags => "flags",
            Self::Snapshot => "snapshot",
        }
    }
}

/// Sign a proposal, and publish it if that was the last signature that was wanted.
pub(crate) fn sign(args: &Sign, group: Group) -> anyhow::Result<()> {
    let file = find(args.dir.as_deref(), &args.id)?;
    // Two people may sign at once, and each adds to what the other has done.
    let _turn = turn(&file)?;
    let proposal = load(&file)?;
    let payload = proposal.leaf().payload();
    let (name, is_of) = (file.display(), Group::of(payload));
    ensure!(
        is_of == group,
        "sign {name}: it proposes {}: sign that with netsonde-registry {} sign",
        summary(payload),
        is_of.name()
    );
    let role = role(proposal.leaf(), args.emergency)?;
    let registry = args
        .dir
        .as_ref()
        .map(|dir| Registry::open(dir, now()?).map_err(anyhow::Error::from));
    let registry = registry.transpose()?;
    say(&format!(
        "{} as {role}: {}",
        proposal.leaf().log(),
        summary(payload)
    ))?;
    let proposal = signed(proposal, std::slice::from_ref(&args.key), args.emergency)?;
    let Some(registry) = registry else {
        store(&file, &proposal)?;
        return say(&format!("{name} is signed"));
    };
    let how_far = how_far(&registry, proposal.leaf()).with_context(|| format!("sign {name}"))?;
    store(&file, &proposal)?;
    match how_far {
        Signed::TooFew(why) => say(&format!("{name} is signed; not enough yet: {why}")),
        Signed::Enough if matches!(proposal.leaf().payload(), Payload::ModuleRelease(_)) => say(&format!(
            "{name} is signed by enough; somebody else has to rebuild it: netsonde-registry rebuild {}",
            proposal.id()?
        )),
        Signed::Enough => publish(registry, &proposal, &file),
    }
}

/// Wait until nobody else changes a proposal of this folder.
pub(super) fn turn(file: &Path) -> anyhow::Result<Option<File>> {
    // Elsewhere folders can not be locked, and a file that is replaced can not be either.
    if !cfg!(unix) {
        return Ok(None);
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let lock = || -> std::io::Result<File> {
        let folder = File::open(folder)?;
        folder.lock()?;
        Ok(folder)
    };
    let lock = lock().with_context(|| format!("lock the folder {}", folder.display()))?;
    Ok(Some(lock))
}

/// Put something forward: sign it with these keys, and publish it, or leave it to others to sign.
pub(super) fn put_forward(
    mut registry: Registry,
    dir: &Path,
    proposal: Proposal,
    keys: &Keys,
) -> anyhow::Result<()> {
    let proposal = signed(proposal, &keys.files, keys.emergency)?;
    let file = place(dir, &proposal)?;
    if !keys.files.is_empty() {
        match how_far(&registry, proposal.leaf())? {
            Signed::Enough => {
                let number = send(&mut registry, &proposal)?;
                return say(&format!(
                    "{}: entry {number} of the log",
                    summary(proposal.leaf().payload())
                ));
            }
            Signed::TooFew(why) => say(&format!("not enough yet: {why}"))?,
        }
    }
    create(&file, &proposal)?;
    let group = Group::of(proposal.leaf().payload()).name();
    say(&format!(
        "{}: {} is to be signed: netsonde-registry {group} sign {} --key FILE --dir {}",
        file.display(),
        summary(proposal.leaf().payload()),
        proposal.id()?,
        dir.display()
    ))
}

/// The file of a proposal.
pub(super) fn find(dir: Option<&Path>, id: &str) -> anyhow::Result<PathBuf> {
    let path = PathBuf::from(id);
    let is_json = path.extension().is_some_and(|ending| ending == "json");
    let is_path = dir.is_none() || id.contains(std::path::is_separator) || is_json;
    if is_path && path.is_file() {
        return Ok(path);
    }
    let Some(dir) = dir else {
        bail!(
            "there is no file {id}: give the proposal's file, or its id and the registry's folder with --dir"
        );
    };
    let mut found = Vec::new();
    for file in all(dir)? {
        let stem = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        // One that can not be read has no name, and may still be meant by its id.
        let is_named = || load(&file).is_ok_and(|proposal| releases(&proposal, id));
        if !id.is_empty() && (stem.starts_with(id) || id.contains('@') && is_named()) {
            found.push(file);
        }
    }
    let folder = dir.join(FOLDER);
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => bail!(
            "there is no proposal {id} in {}: `netsonde-registry status` lists them",
            folder.display()
        ),
        _ => bail!(
            "{} proposals in {} are {id}: give more of the id",
            found.len(),
            folder.display()
        ),
    }
}

/// Whether it is the proposal of this module: NAME@VERSION.
fn releases(proposal: &Proposal, module: &str) -> bool {
    match proposal.leaf().payload() {
        Payload::ModuleRelease(release) => format!("{}@{}", release.name, release.version) == module,
        _ => false,
    }
}

/// All proposals of a registry, by their files.
pub(super) fn all(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let folder = dir.join(FOLDER);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let context = || format!("read {}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).with_context(context)? {
        let path = entry.with_context(context)?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Read a proposal.
pub(super) fn load(file: &Path) -> anyhow::Result<Proposal> {
    let context = || format!("read {}", file.display());
    let size = fs::metadata(file).with_context(context)?.len();
    if size > LARGEST {
        bail!(
            "read {}: it has {size} bytes, and a proposal {LARGEST} at most",
            file.display()
        );
    }
    let bytes = fs::read(file).with_context(context)?;
    Proposal::parse(&bytes).with_context(context)
}

/// Where a proposal belongs in a registry's folder.
pub(super) fn place(dir: &Path, proposal: &Proposal) -> anyhow::Result<PathBuf> {
    Ok(dir.join(FOLDER).join(format!("{}.json", proposal.id()?)))
}

/// Write a proposal that is new.
pub(super) fn create(file: &Path, proposal: &Proposal) -> anyhow::Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).with_context(|| format!("make the folder {}", folder.display()))?;
    }
    if file.exists() {
        bail!("{} is there already: sign that, or remove it", file.display());
    }
    let text = String::from_utf8(proposal.to_bytes()?)?;
    write_new(file, &text, false)
}

/// Write a proposal in place of what it was before.
pub(super) fn store(file: &Path, proposal: &Proposal) -> anyhow::Result<()> {
    super::replace(file, &proposal.to_bytes()?)
}

/// The same proposal with the signatures of these keys too.
pub(super) fn signed(mut proposal: Proposal, keys: &[PathBuf], emergency: bool) -> anyhow::Result<Proposal> {
    for file in keys {
        let role = role(proposal.leaf(), emergency)?;
        proposal = proposal.signed_by(role, &secret(file)?)?;
    }
    Ok(proposal)
}

/// In which role somebody signs: never in one that whoever wrote the file has chosen.
fn role(leaf: &Leaf, emergency: bool) -> anyhow::Result<Role> {
    let usual = may_say(leaf.payload()).first().copied();
    let role = match (emergency, usual) {
        (true, _) => Role::Emergency,
        (false, Some(role)) => role,
        (false, None) => bail!("nobody signs this: it carries its own signatures"),
    };
    if let Some(other) = leaf.signatures().iter().find(|signature| signature.role != role) {
        bail!(
            "it is signed as {} by {}, and would be as {role} by you: all have to sign in one role{}",
            other.role,
            other.keyid,
            if other.role == Role::Emergency {
                " (--emergency)"
            } else {
                ""
            }
        );
    }
    Ok(role)
}

/// Whether enough have signed. An error: it would not be taken, however many did.
pub(super) fn how_far(registry: &Registry, leaf: &Leaf) -> anyhow::Result<Signed> {
    match registry.with(std::slice::from_ref(leaf)) {
        Ok(_) => Ok(Signed::Enough),
        Err(RegistryError::Refused(why @ Refused::TooFew { .. })) => Ok(Signed::TooFew(why)),
        Err(error) => Err(error.into()),
    }
}

/// Publish what a file proposes, and remove it.
fn publish(mut registry: Registry, proposal: &Proposal, file: &Path) -> anyhow::Result<()> {
    let number = send(&mut registry, proposal)?;
    fs::remove_file(file).with_context(|| format!("remove {}", file.display()))?;
    say(&format!(
        "{}: entry {number} of the log",
        summary(proposal.leaf().payload())
    ))
}

fn send(registry: &mut Registry, proposal: &Proposal) -> anyhow::Result<u64> {
    let leaves = std::slice::from_ref(proposal.leaf());
    let appended = registry.publish_all(leaves, proposal.objects(), now()?)?;
    Ok(appended.numbers.start)
}
