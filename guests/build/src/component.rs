//! From a core module to a component that keeps the contract.

use std::collections::BTreeSet;

use wasm_encoder::{CustomSection, Encode, Section};
use wasmparser::{ComponentTypeRef, Encoding, Parser, Payload, TypeBounds};
use wit_component::ComponentEncoder;

use crate::{BuildError, Manifest};

/// The custom section with the text of `nettest.toml`.
pub const MANIFEST_SECTION: &str = "netsonde:manifest";

/// The packages that guests may import from: the contract, and its plain twin.
const PACKAGES: [&str; 2] = ["netsonde:probe/", "netsonde:plain/"];

/// The version of both.
const VERSION: &str = "@0.1.0";

/// The interface that needs no asking: it can do nothing.
const TYPES: &str = "types";

/// A component's imports, exports and manifest, as its outermost level shows them.
#[derive(Debug, Default)]
pub struct Surface {
    /// The names of the imports.
    pub imports: BTreeSet<String>,
    /// The names of the exports.
    pub exports: BTreeSet<String>,
    /// The text of the manifest.
    pub manifest: Option<String>,
}

/// Turn a core module into a component, validated, without a manifest.
pub fn encode(name: &str, core: &[u8]) -> Result<Vec<u8>, BuildError> {
    // `{:#}` of an anyhow error is the whole chain.
    let error = |error| BuildError::Component {
        name: name.to_owned(),
        text: format!("{error:#}"),
    };
    ComponentEncoder::default()
        .validate(true)
        .module(core)
        .map_err(error)?
        .encode()
        .map_err(error)
}

/// Append a manifest to a component that has none, and check the result with [`check`].
pub fn embed_manifest(name: &str, component: &[u8], manifest: &str) -> Result<Vec<u8>, BuildError> {
    let wasm = append_manifest(component, manifest);
    check(name, &wasm)?;
    Ok(wasm)
}

/// Append a manifest to a component and check nothing. Tests need components that lie.
pub fn append_manifest(component: &[u8], manifest: impl AsRef<[u8]>) -> Vec<u8> {
    let section = CustomSection {
        name: MANIFEST_SECTION.into(),
        data: manifest.as_ref().into(),
    };
    let mut wasm = component.to_vec();
    wasm.push(section.id());
    section.encode(&mut wasm);
    wasm
}

/// Read the outermost level of a component.
pub fn surface(name: &str, wasm: &[u8]) -> Result<Surface, BuildError> {
    let malformed = |text: String| BuildError::Component {
        name: name.to_owned(),
        text,
    };
    let parsed = |error: wasmparser::BinaryReaderError| malformed(error.to_string());
    let mut surface = Surface::default();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(parsed)? {
            Payload::Version {
                encoding: Encoding::Module,
                ..
            } if depth == 0 => {
                return Err(malformed("it is a core module, not a component".to_owned()));
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import.map_err(parsed)?;
                    // The types that a world itself `use`s: another name for something, nothing that can be called.
                    if !matches!(import.ty, ComponentTypeRef::Type(TypeBounds::Eq(_))) {
                        surface.imports.insert(import.name.name.to_owned());
                    }
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    surface
                        .exports
                        .insert(export.map_err(parsed)?.name.name.to_owned());
                }
            }
            Payload::CustomSection(section) if depth == 0 && section.name() == MANIFEST_SECTION => {
                let text = std::str::from_utf8(section.data());
                surface.manifest = Some(text.map_err(|error| malformed(error.to_string()))?.to_owned());
            }
            _ => {}
        }
    }
    Ok(surface)
}

/// Check a component against its manifest and the contract: its imports, what it asked for, its exports.
pub fn check(name: &str, wasm: &[u8]) -> Result<Manifest, BuildError> {
    let surface = surface(name, wasm)?;
    let text = surface
        .manifest
        .ok_or_else(|| BuildError::NoManifest(name.to_owned()))?;
    let manifest = Manifest::parse(&format!("the manifest in {name}"), &text)?;
    for import in &surface.imports {
        let Some(interface) = PACKAGES
            .iter()
            .find_map(|package| import.strip_prefix(package))
            .and_then(|rest| rest.strip_suffix(VERSION))
        else {
            return Err(BuildError::ForeignImport {
                name: name.to_owned(),
                import: import.clone(),
            });
        };
        if interface != TYPES && !manifest.capabilities.contains_key(interface) {
            return Err(BuildError::Unasked {
                name: name.to_owned(),
                import: interface.to_owned(),
            });
        }
    }
    let expected = manifest.kind.exports();
    if !surface.exports.iter().eq(expected) {
        return Err(BuildError::Exports {
            name: name.to_owned(),
            kind: manifest.kind.as_str(),
            expected: expected.join(", "),
            found: surface.exports.into_iter().collect::<Vec<_>>().join(", "),
        });
    }
    Ok(manifest)
}
