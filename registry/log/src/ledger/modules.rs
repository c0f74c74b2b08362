//! What leaves do to modules. A version is one sequence of bytes, versions go up, and what is revoked stays so.

use super::{Ledger, Refused, Signers};
use crate::leaf::{ModuleRelease, ModuleYank, RebuildAttest};
use crate::words::Digest;

/// A module that was released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// What was said of it.
    pub module: ModuleRelease,
    /// The leaf that said so.
    pub index: u64,
    /// The leaf that yanked it.
    pub yanked: Option<u64>,
    pub(super) signers: Signers,
}

/// That somebody rebuilt a module, which may have been before it was released.
#[derive(Clone, Debug)]
pub(super) struct Attestation {
    attest: RebuildAttest,
    signers: Signers,
    index: u64,
}

impl Attestation {
    /// Whether it is about this release, source and all, and by nobody who signed that.
    fn is_for(&self, release: &Release) -> bool {
        is_of(&self.attest, &release.module) && self.signers.is_disjoint(&release.signers)
    }
}

fn is_of(attest: &RebuildAttest, module: &ModuleRelease) -> bool {
    attest.digest == module.digest
        && attest.name == module.name
        && attest.version == module.version
        && attest.source == module.source
}

impl Ledger {
    /// The leaf by which somebody else says that this release is what its source gives.
    pub fn attested(&self, release: &Release) -> Option<u64> {
        let attestations = self.attestations.get(&release.module.digest)?;
        let found = attestations
            .iter()
            .find(|attestation| attestation.is_for(release));
        found.map(|attestation| attestation.index)
    }

    pub(super) fn release(&mut self, module: &ModuleRelease, signers: Signers) -> Result<(), Refused> {
        let (name, version, digest) = (module.name.clone(), module.version.clone(), module.digest);
        self.check_not_revoked(digest)?;
        if let Some(release) = self.releases.get(&digest) {
            let known = &release.module;
            if known.name == name && known.version == version {
                return Err(Refused::Already(release.index));
            }
            return Err(Refused::OtherName {
                digest,
                name: known.name.clone(),
                version: known.version.clone(),
            });
        }
        if let Some(versions) = self.versions.get(&name) {
            if let Some(digest) = versions.get(&version).copied() {
                return Err(Refused::OtherBytes {
                    name,
                    version,
                    digest,
                });
            }
            if let Some((newest, _)) = versions.last_key_value().filter(|(newest, _)| **newest > version) {
                let newest = newest.clone();
                return Err(Refused::Downgrade {
                    name,
                    newest,
                    version,
                });
            }
        }
        self.versions.entry(name).or_default().insert(version, digest);
        let release = Release {
            module: module.clone(),
            index: self.size,
            yanked: None,
            signers,
        };
        self.releases.insert(digest, release);
        Ok(())
    }

    pub(super) fn attest(&mut self, attest: &RebuildAttest, signers: Signers) -> Result<(), Refused> {
        let digest = attest.digest;
        self.check_not_revoked(digest)?;
        if let Some(release) = self.releases.get(&digest) {
            if !is_of(attest, &release.module) {
                return Err(other_release(&attest.name, &attest.version, digest));
            }
            if !release.signers.is_disjoint(&signers) {
                return Err(Refused::OwnAttestation { digest });
            }
        }
        let attestations = self.attestations.entry(digest).or_default();
        let same = |before: &&Attestation| before.attest == *attest && before.signers == signers;
        if let Some(before) = attestations.iter().find(same) {
            return Err(Refused::Already(before.index));
        }
        attestations.push(Attestation {
            attest: attest.clone(),
            signers,
            index: self.size,
        });
        Ok(())
    }

    pub(super) fn yank(&mut self, yank: &ModuleYank) -> Result<(), Refused> {
        let release = self.releases.get_mut(&yank.digest);
        let named = release
            .filter(|release| release.module.name == yank.name && release.module.version == yank.version);
        let release = named.ok_or_else(|| other_release(&yank.name, &yank.version, yank.digest))?;
        if let Some(index) = release.yanked {
            return Err(Refused::Already(index));
        }
        release.yanked = Some(self.size);
        Ok(())
    }

    /// For good, and for bytes that nobody has released too.
    pub(super) fn revoke(&mut self, digest: Digest) -> Result<(), Refused> {
        if let Some(index) = self.revoked.get(&digest) {
            return Err(Refused::Already(*index));
        }
        self.revoked.insert(digest, self.size);
        Ok(())
    }

    pub(super) fn check_not_revoked(&self, digest: Digest) -> Result<(), Refused> {
        match self.revoked.get(&digest) {
            None => Ok(()),
            Some(index) => {
                let index = *index;
                Err(Refused::Revoked { digest, index })
            }
        }
    }
}

fn other_release(name: &crate::words::Name, version: &crate::words::Version, digest: Digest) -> Refused {
    Refused::OtherRelease {
        name: name.clone(),
        version: version.clone(),
        digest,
    }
}
