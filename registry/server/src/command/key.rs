//! `netsonde-registry key`.

use super::{
    DAY, now,
    root::{public, write_draft},
    say, seed, write_new,
};
use crate::args::{KeyNew, KeyRotate};
use anyhow::{Context as _, bail, ensure};
use netsonde_log::{
    keys::LogSecret,
    role::{Role, RoleKey},
    root::{RoleKeys, Root, RootDraft},
};
use netsonde_registry::{folder::Registry, people};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Make keys, each as two files.
pub(crate) fn new(args: &KeyNew) -> anyhow::Result<()> {
    for name in &args.names {
        let (secret, public) = people::to_pem(&seed()?)?;
        let key = people::public(&public)?;
        // The secret first: whoever has a public key that nobody holds would wait for its signatures.
        write_new(&with_ending(name, "key"), &secret, true)?;
        let file = with_ending(name, "pub");
        write_new(&file, &public, false)?;
        writeln!(io::stdout(), "{} {}", key.id(), file.display()).context("write to standard output")?;
    }
    Ok(())
}

/// Write the next root down, with other keys.
pub(crate) fn rotate(args: &KeyRotate) -> anyhow::Result<()> {
    let now = now()?;
    let registry = Registry::open(&args.dir, now)?;
    let root = registry
        .ledger()?
        .root()
        .context("find the root in force")?
        .clone();
    let mut replacements = BTreeMap::new();
    for (old, new) in &args.replace {
        replacements.insert(public(old)?, public(new)?);
    }
    for ((old, _), (file, _)) in replacements.iter().zip(&args.replace) {
        let has_a_role = Role::ALL
            .into_iter()
            .filter_map(|role| root.role(role))
            .any(|keys| keys.keys().any(|key| key == old));
        ensure!(
            has_a_role,
            "replace {}: it has no role in this registry",
            file.display()
        );
    }
    let mut draft = next(&root, &replacements, now + u64::from(args.days) * DAY)?;
    let drafted = args.dir.join("roots").join(format!("{}.json", draft.version));
    if drafted.exists() {
        bail!(
            "{} waits for signatures already: sign that, or remove it",
            drafted.display()
        );
    }
    if args.log {
        let secret = LogSecret::new(&draft.log.origin, &seed()?)?;
        draft.log.log = secret.public();
        registry.log().keep_next_key(&secret)?;
    }
    let root = draft.unsigned().context("write the next root down")?;
    let file = write_draft(&args.dir, &root)?;
    say(&format!(
        "{}: owners of before and of now have to sign it: netsonde-registry root sign {0} --key FILE --dir {}",
        file.display(),
        args.dir.display()
    ))
}

/// The root that follows, with other keys in the places of some.
fn next(root: &Root, replacements: &BTreeMap<RoleKey, RoleKey>, expires: u64) -> anyhow::Result<RootDraft> {
    let keys = |role: Role| -> anyhow::Result<Option<RoleKeys>> {
        let Some(before) = root.role(role) else {
            return Ok(None);
        };
        let keys: Vec<RoleKey> = before
            .keys()
            .map(|key| *replacements.get(key).unwrap_or(key))
            .collect();
        let keys = RoleKeys::new(role, &keys, before.threshold());
        Ok(Some(keys.with_context(|| format!("give out the role {role}"))?))
    };
    let mut roles = BTreeMap::new();
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Root) {
        if let Some(keys) = keys(role)? {
            roles.insert(role, keys);
        }
    }
    Ok(RootDraft {
        version: root.version() + 1,
        expires,
        root: keys(Role::Root)?.context("find the owners")?,
        roles,
        log: root.log().clone(),
    })
}

fn with_ending(name: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(name);
    name.push(".");
    name.push(ending);
    name.into()
}
