//! Modules as OCI artifacts, read only (OCI distribution specification 1.1), so that other people's tools can fetch them.
//! Publishing goes through the log. To a manifest belongs one referrer: the proof that the log has the release.

mod artifact;
mod making;

use super::answer::{Answer, Content, JSON, Keep, Problem};
use super::files::Files;
use super::renewal::now;
use super::route::{Reference, Repository, Route};
use super::state::{Read, State};
use crate::folder::Shelf;
use artifact::{Artifact, Descriptor, MANIFEST, PROOF};
use http::{HeaderName, StatusCode, header, request::Parts, uri::Authority};
use netsonde_log::{
    ledger::{Ledger, Release},
    words::Digest,
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

/// For how many seconds others may keep what follows from the log.
const NEWS_FOR: u64 = 60;
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

/// Answers those who speak OCI.
#[derive(Default)]
pub(super) struct Oci {
    /// What was made of modules, by their digest. A release never changes.
    modules: Mutex<BTreeMap<Digest, Arc<Artifact>>>,
    /// What was made last to prove releases.
    proofs: Mutex<VecDeque<Arc<Artifact>>>,
}

/// What a question is answered from.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub(super) state: &'a State,
    pub(super) files: &'a Files,
}

#[derive(Serialize)]
struct Tags {
    name: String,
    tags: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u8,
    media_type: &'static str,
    manifests: Vec<Descriptor<'static>>,
}

impl Oci {
    /// Answer what asks for something of OCI.
    pub(super) async fn answer(
        &self,
        route: &Route,
        parts: &Parts,
        sources: Sources<'_>,
    ) -> Result<Answer, Problem> {
        match route {
            Route::Oci => Ok(Answer::json(b"{}".to_vec(), Keep::Seconds(NEWS_FOR))),
            Route::WellKnown => well_known(parts),
            Route::Tags(repository) => tags(repository, parts, sources).await,
            Route::Manifest(repository, reference) => self.manifest(repository, reference, sources).await,
            Route::Blob(repository, digest) => self.blob(repository, digest, sources).await,
            Route::Referrers(repository, digest) => self.referrers(repository, digest, parts, sources).await,
            _ => Err(Problem::unknown("NAME_UNKNOWN", "there is nothing at this path")),
        }
    }

    async fn manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
        sources: Sources<'_>,
    ) -> Result<Answer, Problem> {
        let unknown = || Problem::unknown("MANIFEST_UNKNOWN", "the module has no such version");
        let (artifact, keep) = match reference {
            Reference::Tag(version) => {
                let release = {
                    let read = sources.state.now().await?;
                    let mut releases = releases(&read, repository)?;
                    let release = releases.find(|release| release.module.version == *version);
                    let release = release.ok_or_else(unknown)?;
                    read.check_not_revoked(&release.module.digest)?;
                    check_attested(&read, release)?;
                    release.clone()
                };
                let artifact = self.module(&release, repository, sources).await?;
                (artifact, Keep::Seconds(NEWS_FOR))
            }
            Reference::Digest(digest) => {
                let of_module = self.by_manifest(repository, digest, sources).await?;
                let artifact = match of_module {
                    Some((release, artifact)) => {
                        let read = sources.state.now().await?;
                        read.check_not_revoked(&release.module.digest)?;
                        check_attested(&read, &release)?;
                        Some(artifact)
                    }
                    None => self.recent(|proof| proof.digest == *digest),
                };
                (artifact.ok_or_else(unknown)?, Keep::ForEver)
            }
        };
        Ok(Answer {
            is_oci: true,
            ..Answer::here(artifact.manifest.clone(), MANIFEST, keep)
        })
    }

    async fn blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        sources: Sources<'_>,
    ) -> Result<Answer, Problem> {
        let is_module = {
            let read = sources.state.now().await?;
            read.check_not_revoked(digest)?;
            let mut releases = releases(&read, repository)?;
            releases.any(|release| release.module.digest == *digest)
        };
        let content = if is_module {
            let name = Shelf::Objects.path(digest);
            let found = sources.files.get(&name, Some(*digest)).await;
            let found = found.map_err(|why| Problem::broken(&format!("read {name}"), &why))?;
            found.map(|(content, _)| content)
        } else {
            let here = self.made(repository, digest, sources).await?;
            here.map(Content::Here)
        };
        let unknown = || Problem::unknown("BLOB_UNKNOWN", "the module has no such blob");
        Ok(Answer {
            content: content.ok_or_else(unknown)?,
            kind: super::answer::BYTES,
            keep: Keep::ForEver,
            tag: *digest,
            is_oci: true,
            more: None,
        })
    }

    async fn referrers(
        &self,
        repository: &Repository,
        digest: &Digest,
        parts: &Parts,
        sources: Sources<'_>,
    ) -> Result<Answer, Problem> {
        let filter = query(parts, "artifactType");
        let mut manifests = Vec::new();
        if let Some((release, artifact)) = self.by_manifest(repository, digest, sources).await?
            && filter.as_deref().is_none_or(|wanted| wanted == PROOF)
        {
            let proof = self.prove(&release, &artifact, sources).await?;
            manifests.push(proof.descriptor(Some(PROOF)));
        }
        let index = Index {
            schema_version: 2,
            media_type: INDEX,
            manifests,
        };
        let json = serde_json::to_vec(&index).map_err(|why| Problem::broken("list referrers", &why))?;
        Ok(Answer {
            more: filter.map(|_| (OCI_FILTERS_APPLIED, "artifactType".to_owned())),
            ..Answer::here(json, INDEX, Keep::Seconds(NEWS_FOR))
        })
    }
}

/// Where `wkg` finds the repositories: here, by whatever name the client has for this place.
fn well_known(parts: &Parts) -> Result<Answer, Problem> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct WellKnown<'a> {
        preferred_protocol: &'static str,
        oci: Registry<'a>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Registry<'a> {
        registry: &'a str,
        namespace_prefix: &'static str,
    }
    let host = parts
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = parts.uri.authority().map(Authority::as_str).or(host);
    let host = host.filter(|host| host.parse::<Authority>().is_ok() && !host.contains('@'));
    let wrong = || Problem::wrong(StatusCode::BAD_REQUEST, "say in the header Host whom you ask");
    let json = serde_json::to_vec(&WellKnown {
        preferred_protocol: "oci",
        oci: Registry {
            registry: host.ok_or_else(wrong)?,
            namespace_prefix: "modules/",
        },
    });
    let json = json.map_err(|why| Problem::broken("say where packages are", &why))?;
    Ok(Answer::json(json, Keep::Seconds(NEWS_FOR)))
}

/// The versions to choose from: those that may run, were not yanked, and are no pre-releases, which clients would take for
/// the newest.
async fn tags(repository: &Repository, parts: &Parts, sources: Sources<'_>) -> Result<Answer, Problem> {
    let mut tags: Vec<String> = {
        let read = sources.state.now().await?;
        let (seen, now) = (read.opened.time, now());
        let may_run = |release: &&Release| {
            let ledger = read.ledger.as_ref();
            ledger.is_some_and(|ledger| ledger.may_run(&release.module.digest, seen, now).is_ok())
        };
        releases(&read, repository)?
            .filter(|release| release.yanked.is_none() && !release.module.version.is_pre_release())
            .filter(may_run)
            .map(|release| release.module.version.to_string())
            .collect()
    };
    tags.sort_unstable();
    if let Some(last) = query(parts, "last") {
        tags.retain(|tag| *tag > last);
    }
    let most = query(parts, "n").map(|most| most.parse::<usize>());
    let wrong = |_| Problem::wrong(StatusCode::BAD_REQUEST, "n is a number");
    let most = most.transpose().map_err(wrong)?;
    let mut more = None;
    if let Some(most) = most.filter(|most| *most < tags.len()) {
        tags.truncate(most);
        more = tags.last().map(|last| {
            let next = format!("</v2/{repository}/tags/list?n={most}&last={last}>; rel=\"next\"");
            (header::LINK, next)
        });
    }
    let name = repository.to_string();
    let json = serde_json::to_vec(&Tags { name, tags }).map_err(|why| Problem::broken("list tags", &why))?;
    Ok(Answer {
        more,
        ..Answer::here(json, JSON, Keep::Seconds(NEWS_FOR))
    })
}

/// All releases of the module of a repository.
fn releases<'a>(
    read: &'a Read,
    repository: &Repository,
) -> Result<impl Iterator<Item = &'a Release>, Problem> {
    let unknown = || Problem::unknown("NAME_UNKNOWN", "the log has released no module of this name");
    let name = read.module(repository).ok_or_else(unknown)?;
    let releases = read.ledger.iter().flat_map(Ledger::releases);
    Ok(releases.filter(move |release| release.module.name == *name))
}

/// Nobody is given as a module what only its authors have built.
fn check_attested(read: &Read, release: &Release) -> Result<(), Problem> {
    let attested = read.ledger.as_ref().and_then(|ledger| ledger.attested(release));
    let unknown = || Problem::unknown("MANIFEST_UNKNOWN", "nobody has rebuilt this version yet");
    attested.map(|_| ()).ok_or_else(unknown)
}

/// The value of a name in the query.
fn query(parts: &Parts, name: &str) -> Option<String> {
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let mut found = url::form_urlencoded::parse(query).filter(|(found, _)| found == name);
    found.next().map(|(_, value)| value.into_owned())
}
