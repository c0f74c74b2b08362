//! Which module somebody means.

use anyhow::bail;
use netsonde_feed::Feed;
use netsonde_log::ledger::Release;
use netsonde_log::words::{Digest, Name, Version};
use netsonde_probe::now;

use super::Fresh;

/// A module, as people name it.
pub(super) struct Wanted {
    pub(super) name: Name,
    which: Which,
}

enum Which {
    Newest,
    Version(Version),
    Bytes(Digest),
}

impl Wanted {
    /// Read `MODULE`, `MODULE@VERSION` or `MODULE@sha256:…`.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let (name, which) = match text.split_once('@') {
            None => (text, Which::Newest),
            Some((name, digest)) if digest.starts_with("sha256:") => (name, Which::Bytes(digest.parse()?)),
            Some((name, version)) => (name, Which::Version(version.parse()?)),
        };
        let name = name.parse()?;
        Ok(Self { name, which })
    }

    /// The release that is meant, and its registry. What two registries have under one name is not chosen between.
    pub(super) fn find<'a>(&self, feeds: &'a [Fresh]) -> anyhow::Result<(&'a Fresh, &'a Release)> {
        let mut found: Vec<(&Fresh, &Release)> = Vec::new();
        let mut whys = Vec::new();
        for fresh in feeds {
            match self.of(&fresh.feed) {
                Ok(release) => found.push((fresh, release)),
                Err(why) => whys.push(format!("{}: {why}", fresh.feed.name())),
            }
        }
        match found.as_slice() {
            [] => bail!("{}", whys.join("\n")),
            [one] => Ok(*one),
            [first, ..]
                if found
                    .iter()
                    .all(|(_, release)| release.module.digest == first.1.module.digest) =>
            {
                Ok(*first)
            }
            several => {
                let lines: Vec<String> = several
                    .iter()
                    .map(|(fresh, release)| {
                        let (module, registry) = (&release.module, fresh.feed.name());
                        format!(
                            "    {}@{}  ({} of {registry})",
                            self.name, module.digest, module.version
                        )
                    })
                    .collect();
                bail!(
                    "several registries have a module of this name: say which one you mean\n{}",
                    lines.join("\n")
                )
            }
        }
    }

    fn of<'a>(&self, feed: &'a Feed) -> anyhow::Result<&'a Release> {
        let (client, ledger) = (feed.client(), feed.client().ledger());
        let digest = match &self.which {
            Which::Newest => return Ok(client.newest(&self.name, now())?),
            Which::Bytes(digest) => *digest,
            Which::Version(version) => {
                let is_meant = |release: &&Release| {
                    release.module.name == self.name && release.module.version == *version
                };
                match ledger.releases().find(is_meant) {
                    Some(release) => release.module.digest,
                    None => bail!("it has no version {version} of {}", self.name),
                }
            }
        };
        let release = client.may_run(&digest, now())?;
        if release.module.name != self.name {
            bail!("{digest} is {}, and not {}", release.module.name, self.name);
        }
        Ok(release)
    }
}
