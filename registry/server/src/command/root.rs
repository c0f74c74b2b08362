//! `netsonde-registry root`.

use super::{DAY, now, read, replace, say, secret, seed, witness::known, write_new};
use crate::args::{RoleArg, RootInit, RootSign};
use anyhow::{Context as _, bail, ensure};
use netsonde_log::{
    role::{Role, RoleKey, SecretRoleKey},
    root::{LogIdentity, RoleKeys, Root, RootDraft},
};
use netsonde_registry::{folder::Registry, people};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Make a registry, and write down its first root for its owners to sign.
pub(crate) fn init(args: &RootInit) -> anyhow::Result<()> {
    let now = now()?;
    let everybody = keys(&args.keys)?;
    // All is looked at before anything is made.
    let owners = role_keys(Role::Root, args, &everybody)?;
    let mut roles = BTreeMap::new();
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Root) {
        roles.insert(role, role_keys(role, args, &everybody)?);
    }
    let (witness_keys, witnesses) = known(&args.witnesses, args.quorum)?;
    let signers = secrets(&args.sign)?;
    for (signer, file) in signers.iter().zip(&args.sign) {
        check_owner(&owners, signer, file, "the first root")?;
    }
    let mut registry = Registry::create(&args.dir, &args.origin, &seed()?, now)?;
    let draft = RootDraft {
        version: 1,
        expires: now + u64::from(args.days) * DAY,
        root: owners,
        roles,
        log: LogIdentity {
            origin: args.origin.clone(),
            log: registry.log().key(),
            witnesses: witness_keys,
            quorum: witnesses.quorum as u64,
        },
    };
    let root = draft.unsigned().context("write the first root down")?;
    if !witnesses.witnesses.is_empty() {
        registry.log().set_witnesses(&witnesses)?;
    }
    let root = signed(root, &signers)?;
    let file = write_draft(&args.dir, &root)?;
    if root.check_first().is_ok() {
        return publish(&mut registry, root, &file);
    }
    say(&format!(
        "{}: {} of its {} owners have to sign it: netsonde-registry root sign {0} --key FILE --dir {}",
        file.display(),
        draft.root.threshold(),
        draft.root.keys().count(),
        args.dir.display()
    ))
}

/// Sign a root, and publish it if enough have.
pub(crate) fn sign(args: &RootSign) -> anyhow::Result<()> {
    let file = args.file.display();
    let root = Root::parse(read(&args.file)?.as_bytes()).with_context(|| format!("read {file}"))?;
    let signers = secrets(&args.keys)?;
    let now = now()?;
    let dir = args.dir.as_ref();
    let registry = dir.map(|dir| Registry::open(dir, now)).transpose()?;
    if let Some(published) = registry
        .as_ref()
        .and_then(|registry| registry.root(root.version()))
    {
        bail!(
            "sign {file}: version {} is published already ({}), and nothing that is published changes",
            root.version(),
            published.digest()
        );
    }
    let before = registry
        .as_ref()
        .and_then(|registry| registry.root(root.version().saturating_sub(1)));
    for (signer, key) in signers.iter().zip(&args.keys) {
        let is_before = before.is_some_and(|before| is_owner(before, signer));
        // Of a later root that is carried alone, nobody here knows who owned the one before it.
        let is_unknown = root.version() > 1 && before.is_none();
        if !is_owner(&root, signer) && !is_before && !is_unknown {
            bail!(
                "sign {file} with {}: its key {} is not of an owner",
                key.display(),
                signer.public().id()
            );
        }
    }
    let root = signed(root, &signers).with_context(|| format!("sign {file}"))?;
    replace(&args.file, text(&root).as_bytes())?;
    let enough = match before {
        Some(before) => before.check_next(&root),
        None if root.version() == 1 => root.check_first(),
        None => Ok(()),
    };
    if let Err(error) = enough {
        return say(&format!("{file} is signed; not enough yet: {error}"));
    }
    let Some(mut registry) = registry else {
        return say(&format!(
            "{file} is signed; publish it with --dir, where its registry is"
        ));
    };
    publish(&mut registry, root, &args.file)
}

/// Write the next root down, for its owners to sign.
pub(super) fn write_draft(dir: &Path, root: &Root) -> anyhow::Result<PathBuf> {
    let folder = dir.join("roots");
    fs::create_dir_all(&folder).with_context(|| format!("make the folder {}", folder.display()))?;
    let file = folder.join(format!("{}.json", root.version()));
    write_new(&file, &text(root), false)?;
    Ok(file)
}

/// Read a public key.
pub(super) fn public(file: &Path) -> anyhow::Result<RoleKey> {
    let key = people::public(&read(file)?);
    key.with_context(|| format!("read {}", file.display()))
}

fn publish(registry: &mut Registry, root: Root, file: &Path) -> anyhow::Result<()> {
    let file = file.display();
    let (digest, is_first) = (root.digest(), root.version() == 1);
    let published = registry.publish_root(root, now()?);
    let published = published.with_context(|| format!("publish {file}"))?;
    say(&format!(
        "{file} is signed, and is entry {} of the log",
        published.numbers.start
    ))?;
    if is_first {
        say(&format!("whoever trusts this registry trusts {digest}"))?;
    }
    Ok(())
}

fn is_owner(root: &Root, key: &SecretRoleKey) -> bool {
    let owners = root.role(Role::Root).into_iter().flat_map(RoleKeys::keys);
    owners.into_iter().any(|owner| *owner == key.public())
}

fn check_owner(owners: &RoleKeys, key: &SecretRoleKey, file: &Path, what: &str) -> anyhow::Result<()> {
    ensure!(
        owners.keys().any(|owner| *owner == key.public()),
        "sign {what} with {}: its key {} is not of an owner",
        file.display(),
        key.public().id()
    );
    Ok(())
}

fn signed(mut root: Root, signers: &[SecretRoleKey]) -> anyhow::Result<Root> {
    for signer in signers {
        root = root.signed_by(signer)?;
    }
    Ok(root)
}

fn secrets(files: &[PathBuf]) -> anyhow::Result<Vec<SecretRoleKey>> {
    files.iter().map(|file| secret(file)).collect()
}

/// The keys of a role: those that were given for it, or else everybody's with the usual threshold.
fn role_keys(role: Role, args: &RootInit, everybody: &[RoleKey]) -> anyhow::Result<RoleKeys> {
    let mut given = args.roles.iter().filter(|given| given.role == role);
    let (keys, threshold) = match (given.next(), given.next()) {
        (None, _) => (everybody.to_vec(), None),
        (
            Some(RoleArg {
                keys: files,
                threshold,
                ..
            }),
            None,
        ) => (keys(files)?, *threshold),
        (Some(_), Some(_)) => bail!("--role {role}: given twice"),
    };
    let count = keys.len() as u64;
    let threshold = threshold.unwrap_or_else(|| usual(role, count).min(count));
    RoleKeys::new(role, &keys, threshold).with_context(|| format!("give out the role {role}"))
}

/// How many of so many people have to sign: for roots more than half of them and three at the most, so that a lost key is no
/// lost registry.
fn usual(role: Role, people: u64) -> u64 {
    match role {
        Role::Root => (people / 2 + 1).min(3),
        Role::Modules | Role::Scripts | Role::Lists | Role::Snapshot => 2,
        Role::Rebuild | Role::Schedule | Role::Adjust | Role::Emergency => 1,
    }
}

fn keys(files: &[PathBuf]) -> anyhow::Result<Vec<RoleKey>> {
    files.iter().map(|file| public(file)).collect()
}

fn text(root: &Root) -> String {
    format!("{}\n", root.document())
}
