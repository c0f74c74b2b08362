//! Making artifacts, and keeping what was made.

use super::artifact::Artifact;
use super::{Oci, Sources, releases};
use crate::folder::Shelf;
use crate::public::answer::Problem;
use crate::public::proofs;
use crate::public::route::Repository;
use bytes::Bytes;
use netsonde_log::{ledger::Release, words::Digest};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// How many proofs are kept after they were named: a client asks for the parts of one after the other, and the checkpoint may
/// be signed again meanwhile.
const RECENT: usize = 512;
/// The longest component that is read to say what it imports.
const LONGEST: usize = 64 << 20;

impl Oci {
    /// That a release is in the log, as an artifact.
    pub(super) async fn prove(
        &self,
        release: &Release,
        artifact: &Artifact,
        sources: Sources<'_>,
    ) -> Result<Arc<Artifact>, Problem> {
        let (checkpoint, opened) = {
            let read = sources.state.now().await?;
            (read.checkpoint.clone(), read.opened)
        };
        let proven = proofs::of_entry(sources.state, release.index, checkpoint, opened).await?;
        let proof = Artifact::of_proof(artifact, proven.leaf, proven.proof);
        let proof = Arc::new(proof.map_err(|why| Problem::broken("write a proof down", &why))?);
        let mut recent = self.proofs.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.iter().all(|other| other.digest != proof.digest) {
            recent.push_back(Arc::clone(&proof));
            if recent.len() > RECENT {
                recent.pop_front();
            }
        }
        Ok(proof)
    }

    /// The module of a repository whose manifest this is.
    pub(super) async fn by_manifest(
        &self,
        repository: &Repository,
        digest: &Digest,
        sources: Sources<'_>,
    ) -> Result<Option<(Release, Arc<Artifact>)>, Problem> {
        let all: Vec<Release> = releases(&*sources.state.now().await?, repository)?
            .cloned()
            .collect();
        for release in all {
            // Of one whose component is gone no manifest was ever given out by us, or nobody can use it.
            if let Ok(artifact) = self.module(&release, repository, sources).await
                && artifact.digest == *digest
            {
                return Ok(Some((release, artifact)));
            }
        }
        Ok(None)
    }

    /// A blob that was made for a module, or for a proof.
    pub(super) async fn made(
        &self,
        repository: &Repository,
        digest: &Digest,
        sources: Sources<'_>,
    ) -> Result<Option<Bytes>, Problem> {
        let all: Vec<Release> = {
            let read = sources.state.now().await?;
            let is_served = |release: &&Release| read.check_not_revoked(&release.module.digest).is_ok();
            releases(&read, repository)?.filter(is_served).cloned().collect()
        };
        for release in all {
            if let Ok(artifact) = self.module(&release, repository, sources).await
                && let Some(bytes) = artifact.blob(digest)
            {
                return Ok(Some(bytes.clone()));
            }
        }
        let proof = self.recent(|proof| proof.blob(digest).is_some());
        Ok(proof.and_then(|proof| proof.blob(digest).cloned()))
    }

    pub(super) fn recent(&self, is_wanted: impl Fn(&Artifact) -> bool) -> Option<Arc<Artifact>> {
        let recent = self.proofs.lock().unwrap_or_else(PoisonError::into_inner);
        recent.iter().find(|proof| is_wanted(proof)).cloned()
    }

    /// A module as an artifact.
    pub(super) async fn module(
        &self,
        release: &Release,
        repository: &Repository,
        sources: Sources<'_>,
    ) -> Result<Arc<Artifact>, Problem> {
        let digest = release.module.digest;
        let known = |modules: &Mutex<BTreeMap<Digest, Arc<Artifact>>>| {
            let modules = modules.lock().unwrap_or_else(PoisonError::into_inner);
            modules.get(&digest).cloned()
        };
        if let Some(artifact) = known(&self.modules) {
            return Ok(artifact);
        }
        let name = Shelf::Objects.path(&digest);
        let broken = |why: &dyn std::fmt::Display| Problem::broken(&format!("read {name}"), why);
        let component = sources
            .files
            .whole(&name, LONGEST)
            .await
            .map_err(|why| broken(&why))?;
        let absent = || Problem::unknown("BLOB_UNKNOWN", "the component is not here; ask a mirror");
        let component = component.ok_or_else(absent)?;
        let (module, file) = (release.module.clone(), repository.file());
        // Parsing takes as long as the component is.
        let making = tokio::task::spawn_blocking(move || Artifact::of_module(&module, &component, &file));
        let made = making
            .await
            .map_err(|why| broken(&why))?
            .map_err(|why| broken(&why))?;
        let made = Arc::new(made);
        let mut modules = self.modules.lock().unwrap_or_else(PoisonError::into_inner);
        modules.insert(digest, Arc::clone(&made));
        Ok(made)
    }
}
