//! `netsonde-registry root`.

use super::{now, read, replace, seed, write_new};
use crate::args::{RoleArg, RootInit, RootSign};
use anyhow::{Context as _, bail};
use netsonde_log::{
    role::{Role, RoleKey},
    root::{LogIdentity, RoleKeys, Root, RootDraft},
};
use netsonde_registry::{folder::Registry, people};
use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

const DAY: u64 = 24 * 60 * 60;

/// Make a registry, and write down its first root for its owners to sign.
pub(crate) fn init(args: &RootInit) -> anyhow::Result<()> {
    let now = now()?;
    let everybody = keys(&args.keys)?;
    // All is looked at before anything is made.
    let root = role_keys(Role::Root, args, &everybody)?;
    let mut roles = BTreeMap::new();
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Root) {
        roles.insert(role, role_keys(role, args, &everybody)?);
    }
    let registry = Registry::create(&args.dir, &args.origin, &seed()?, now)?;
    let draft = RootDraft {
        version: 1,
        expires: now + u64::from(args.days) * DAY,
        root,
        roles,
        log: LogIdentity {
            origin: args.origin.clone(),
            log: registry.log().key(),
            witnesses: Vec::new(),
            quorum: 0,
        },
    };
    let root = draft.unsigned().context("write the first root down")?;
    let folder = args.dir.join("roots");
    fs::create_dir_all(&folder).with_context(|| format!("make the folder {}", folder.display()))?;
    let file = folder.join("1.json");
    write_new(&file, &text(&root), false)?;
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
    let secret = people::secret(&read(&args.key)?);
    let secret = secret.with_context(|| format!("read {}", args.key.display()))?;
    let owners = root.role(Role::Root).into_iter().flat_map(RoleKeys::keys);
    if root.version() == 1 && !owners.into_iter().any(|key| *key == secret.public()) {
        bail!(
            "sign {file} with {}: its key {} is not of an owner",
            args.key.display(),
            secret.public().id()
        );
    }
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
    let root = root.signed_by(&secret).with_context(|| format!("sign {file}"))?;
    replace(&args.file, text(&root).as_bytes())?;
    if root.version() == 1
        && let Err(error) = root.check_first()
    {
        return say(&format!("{file} is signed; not enough yet: {error}"));
    }
    let Some(mut registry) = registry else {
        return say(&format!(
            "{file} is signed; publish it with --dir, where its registry is"
        ));
    };
    let (digest, is_first) = (root.digest(), root.version() == 1);
    let published = registry.publish_root(root, now);
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
    let key = |file: &PathBuf| -> anyhow::Result<RoleKey> {
        let key = people::public(&read(file)?);
        key.with_context(|| format!("read {}", Path::new(file).display()))
    };
    files.iter().map(key).collect()
}

fn text(root: &Root) -> String {
    format!("{}\n", root.document())
}

fn say(text: &str) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{text}").context("write to standard output")
}
