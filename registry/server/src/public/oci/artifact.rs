//! A module as OCI has it: a manifest and a config, which follow from the release in the log and from the component, so that
//! everybody who has those makes the same bytes.

use bytes::Bytes;
use netsonde_log::{leaf::ModuleRelease, words::Digest};
use serde::Serialize;
use std::collections::BTreeMap;
use wasmparser::{Parser, Payload};

/// The media type of a manifest.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// What a proof is.
pub(super) const PROOF: &str = "application/vnd.c2sp.tlog-proof";

const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const COMPONENT: &str = "application/wasm";
const LEAF: &str = "application/vnd.netsonde.leaf+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// When everything was made: a release says no time, and two who make a manifest make the same.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// Something with a manifest, and the blobs that are made for it.
#[derive(Debug)]
pub(super) struct Artifact {
    pub(super) manifest: Bytes,
    /// The digest of the manifest.
    pub(super) digest: Digest,
    pub(super) blobs: Vec<(Digest, Bytes)>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    schema_version: u8,
    media_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'static str>,
    config: Descriptor<'a>,
    layers: Vec<Descriptor<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Descriptor<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<&'static str, &'a str>,
}

/// What bytes are, and how many.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor<'a> {
    pub(super) media_type: &'static str,
    pub(super) digest: String,
    pub(super) size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) artifact_type: Option<&'static str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<&'static str, &'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    created: &'static str,
    architecture: &'static str,
    os: &'static str,
    layer_digests: [String; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<Component>,
}

/// What a component exports and imports, in its own order.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Component {
    exports: Vec<String>,
    imports: Vec<String>,
}

impl Artifact {
    /// A module. `file` is what its layer is called where it is written down.
    pub(super) fn of_module(
        release: &ModuleRelease,
        component: &[u8],
        file: &str,
    ) -> serde_json::Result<Self> {
        let config = Config {
            created: CREATED,
            architecture: "wasm",
            os: "wasip2",
            layer_digests: [release.digest.to_string()],
            component: read(component),
        };
        let config = blob(serde_json::to_vec(&config)?);
        let version = release.version.to_string();
        let commit = release.source.commit.to_string();
        let layer = Descriptor {
            media_type: COMPONENT,
            digest: release.digest.to_string(),
            size: release.size,
            artifact_type: None,
            annotations: BTreeMap::from([("org.opencontainers.image.title", file)]),
        };
        let manifest = Manifest {
            schema_version: 2,
            media_type: MANIFEST,
            artifact_type: None,
            config: Descriptor::of(CONFIG, &config),
            layers: vec![layer],
            subject: None,
            annotations: BTreeMap::from([
                ("org.opencontainers.image.created", CREATED),
                ("org.opencontainers.image.revision", commit.as_str()),
                ("org.opencontainers.image.source", release.source.repo.as_str()),
                ("org.opencontainers.image.title", release.name.as_str()),
                ("org.opencontainers.image.version", version.as_str()),
            ]),
        };
        Self::new(&manifest, vec![config])
    }

    /// That a module was released: the entry of the log and its proof.
    pub(super) fn of_proof(subject: &Self, leaf: Vec<u8>, proof: Vec<u8>) -> serde_json::Result<Self> {
        let (config, leaf, proof) = (blob(b"{}".to_vec()), blob(leaf), blob(proof));
        let manifest = Manifest {
            schema_version: 2,
            media_type: MANIFEST,
            artifact_type: Some(PROOF),
            config: Descriptor::of(EMPTY, &config),
            layers: vec![Descriptor::of(PROOF, &proof), Descriptor::of(LEAF, &leaf)],
            subject: Some(subject.descriptor(None)),
            annotations: BTreeMap::new(),
        };
        Self::new(&manifest, vec![config, leaf, proof])
    }

    fn new(manifest: &Manifest<'_>, blobs: Vec<(Digest, Bytes)>) -> serde_json::Result<Self> {
        let (digest, manifest) = blob(serde_json::to_vec(manifest)?);
        Ok(Self {
            manifest,
            digest,
            blobs,
        })
    }

    /// The manifest, as others name it.
    pub(super) fn descriptor(&self, artifact_type: Option<&'static str>) -> Descriptor<'static> {
        Descriptor {
            media_type: MANIFEST,
            digest: self.digest.to_string(),
            size: self.manifest.len() as u64,
            artifact_type,
            annotations: BTreeMap::new(),
        }
    }

    /// One of the blobs that were made for it.
    pub(super) fn blob(&self, digest: &Digest) -> Option<&Bytes> {
        let mut blobs = self.blobs.iter();
        blobs.find(|(found, _)| found == digest).map(|(_, bytes)| bytes)
    }
}

impl Descriptor<'_> {
    fn of(media_type: &'static str, (digest, bytes): &(Digest, Bytes)) -> Self {
        Self {
            media_type,
            digest: digest.to_string(),
            size: bytes.len() as u64,
            artifact_type: None,
            annotations: BTreeMap::new(),
        }
    }
}

fn blob(bytes: Vec<u8>) -> (Digest, Bytes) {
    (Digest::of(&bytes), bytes.into())
}

/// What a component says of itself; of what is none, nothing.
fn read(bytes: &[u8]) -> Option<Component> {
    let (mut exports, mut imports) = (Vec::new(), Vec::new());
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.ok()? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    imports.push(import.ok()?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exports.push(export.ok()?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Some(Component { exports, imports })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{
        ComponentExportKind, ComponentExportSection, ComponentImportSection, ComponentTypeRef,
        ComponentTypeSection, InstanceType, NestedComponentSection,
    };

    /// A component that imports and exports an instance, with another one inside.
    fn component(name: &str, inside: Option<&wasm_encoder::Component>) -> wasm_encoder::Component {
        let mut component = wasm_encoder::Component::new();
        let mut types = ComponentTypeSection::new();
        types.instance(&InstanceType::new());
        let mut imports = ComponentImportSection::new();
        imports.import(
            format!("netsonde:{name}/dns@0.1.0"),
            ComponentTypeRef::Instance(0),
        );
        component.section(&types).section(&imports);
        if let Some(inside) = inside {
            component.section(&NestedComponentSection(inside));
        }
        let mut exports = ComponentExportSection::new();
        exports.export(
            format!("netsonde:{name}/run@0.1.0"),
            ComponentExportKind::Instance,
            0,
            None,
        );
        component.section(&exports);
        component
    }

    #[test]
    fn a_component_says_what_it_imports_and_exports_and_nothing_of_what_is_inside() {
        let bytes = component("probe", Some(&component("inside", None))).finish();
        let read = read(&bytes).unwrap();
        assert_eq!(read.imports, ["netsonde:probe/dns@0.1.0"]);
        assert_eq!(read.exports, ["netsonde:probe/run@0.1.0"]);
        assert_eq!(super::read(&bytes[..bytes.len() - 1]), None);
        assert_eq!(super::read(b"no component"), None);
    }
}
