//! Reading a component without compiling it: its manifest, its imports, its exports.
//!
//! Everything that can be refused by name is refused here, so that code of a module which must not run is never
//! handed to the compiler.

use wasmparser::{ComponentExternalKind, ComponentTypeRef, Parser, Payload, TypeBounds};

use crate::capability::Capability;
use crate::digest::Digest;
use crate::error::ModuleError;
use crate::manifest::{Draft, Kind, MANIFEST_SECTION, Manifest};

/// What a module says about itself.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Inside {
    /// Its manifest.
    pub manifest: Manifest,
    /// The text of that.
    pub text: String,
    /// The interfaces that it imports, with their package and version: `netsonde:probe/dns@0.1.0`.
    pub imports: Vec<String>,
    /// The digest of all of it.
    pub digest: Digest,
}

/// What is imported.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Import {
    /// An interface.
    Interface,
    /// A name for a type of an imported interface, which gives nothing of the host's away.
    TypeName,
    /// A function, a resource, a module: nothing that this contract has.
    Other,
}

/// The top level of a component, as far as it matters before compiling.
#[derive(Default)]
struct Surface {
    manifests: Vec<Vec<u8>>,
    imports: Vec<(String, Import)>,
    functions: Vec<String>,
}

/// Read and check what `wasm` says about itself; `module` is what errors call it.
pub(crate) fn inspect(module: &str, wasm: &[u8]) -> Result<Inside, ModuleError> {
    let surface = Surface::read(wasm).map_err(|what| ModuleError::NotAComponent {
        module: module.to_owned(),
        what,
    })?;
    let malformed = |message: String| ModuleError::Manifest {
        module: module.to_owned(),
        line: 1,
        column: 1,
        message,
    };
    let text = match surface.manifests.as_slice() {
        [] => {
            return Err(ModuleError::NoManifest {
                module: module.to_owned(),
            });
        }
        [bytes] => std::str::from_utf8(bytes).map_err(|error| malformed(error.to_string()))?,
        [_, _, ..] => return Err(malformed("the component has two manifests".to_owned())),
    };
    let draft = Draft::parse(module, text)?;
    let interfaces = surface.interfaces(module)?;
    surface.check_exports(module, draft.kind())?;
    let manifest = draft.finish(module)?;
    match interfaces
        .into_iter()
        .find(|interface| !manifest.capabilities.contains_key(interface))
    {
        Some(interface) => Err(ModuleError::NotAsked {
            module: module.to_owned(),
            interface,
        }),
        None => Ok(Inside {
            manifest,
            text: text.to_owned(),
            imports: surface.imported().map(str::to_owned).collect(),
            digest: Digest::of(wasm),
        }),
    }
}

impl Surface {
    /// The error says what the bytes are instead of a component.
    fn read(wasm: &[u8]) -> Result<Self, String> {
        if Parser::is_core_wasm(wasm) {
            return Err("it is a core module, without the component around it".to_owned());
        }
        if !Parser::is_component(wasm) {
            return Err("it does not begin like WebAssembly".to_owned());
        }
        let mut surface = Self::default();
        // Nested modules and components come inline, each ended by an `End`.
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.map_err(|error| error.to_string())? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::CustomSection(section) if depth == 0 && section.name() == MANIFEST_SECTION => {
                    surface.manifests.push(section.data().to_owned());
                }
                Payload::ComponentImportSection(imports) if depth == 0 => {
                    for import in imports {
                        let import = import.map_err(|error| error.to_string())?;
                        let what = match import.ty {
                            ComponentTypeRef::Instance(_) => Import::Interface,
                            ComponentTypeRef::Type(TypeBounds::Eq(_)) => Import::TypeName,
                            _ => Import::Other,
                        };
                        surface.imports.push((import.name.name.to_owned(), what));
                    }
                }
                Payload::ComponentExportSection(exports) if depth == 0 => {
                    for export in exports {
                        let export = export.map_err(|error| error.to_string())?;
                        if export.kind == ComponentExternalKind::Func {
                            surface.functions.push(export.name.name.to_owned());
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(surface)
    }

    /// Every interface that is imported.
    fn imported(&self) -> impl Iterator<Item = &str> {
        let interfaces = self.imports.iter().filter(|(_, what)| *what == Import::Interface);
        interfaces.map(|(import, _)| import.as_str())
    }

    /// The interfaces that can be granted and are imported.
    fn interfaces(&self, module: &str) -> Result<Vec<Capability>, ModuleError> {
        let mut interfaces = Vec::new();
        for (import, what) in &self.imports {
            let foreign = || ModuleError::ForeignImport {
                module: module.to_owned(),
                import: import.clone(),
            };
            match what {
                Import::TypeName => {}
                Import::Other => return Err(foreign()),
                Import::Interface => match own_interface(import).ok_or_else(foreign)? {
                    "types" => {}
                    name => interfaces.push(Capability::from_name(name).ok_or_else(foreign)?),
                },
            }
        }
        Ok(interfaces)
    }

    fn check_exports(&self, module: &str, kind: Kind) -> Result<(), ModuleError> {
        let exports = |name: &str| self.functions.iter().any(|function| function == name);
        let detail = match (kind, exports("run"), exports("reduce")) {
            (Kind::Nettest, true, true) | (Kind::MiniNettest, true, false) => return Ok(()),
            (_, false, _) => "it does not export `run`",
            (Kind::Nettest, true, false) => "it does not export `reduce`, as a mini nettest does not",
            (Kind::MiniNettest, true, true) => "it exports `reduce`, as a nettest does",
        };
        Err(ModuleError::WrongWorld {
            module: module.to_owned(),
            kind,
            detail: detail.to_owned(),
        })
    }
}

/// The interface's name, where the import is one of `netsonde:probe@0.1.x` or of its plain twin.
fn own_interface(import: &str) -> Option<&str> {
    let name = import
        .strip_prefix("netsonde:probe/")
        .or_else(|| import.strip_prefix("netsonde:plain/"))?;
    let (interface, version) = name.split_once('@')?;
    let patch = version.strip_prefix("0.1.")?;
    patch
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(interface)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_package_is_ours() {
        assert_eq!(own_interface("netsonde:probe/dns@0.1.0"), Some("dns"));
        assert_eq!(own_interface("netsonde:probe/dns@0.1.12"), Some("dns"));
        assert_eq!(own_interface("netsonde:plain/dns@0.1.0"), Some("dns"));
        for foreign in [
            "wasi:sockets/tcp@0.2.0",
            "netsonde:probe/dns@0.2.0",
            "netsonde:probe/dns@0.1.0-rc.1",
            "netsonde:probe/dns",
            "netsonde:probes/dns@0.1.0",
        ] {
            assert_eq!(own_interface(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn what_is_no_component_says_what_it_is() {
        let what = |wasm: &[u8]| inspect("bad", wasm).unwrap_err().to_string();
        assert!(what(b"").contains("does not begin like WebAssembly"));
        assert!(what(b"<html>").contains("load bad: not a WebAssembly component"));
        assert!(what(b"\0asm\x01\0\0\0").contains("core module"));
        let truncated = what(b"\0asm\x0d\0\x01\0\x07\xff");
        assert!(
            truncated.contains("load bad: not a WebAssembly component"),
            "{truncated}"
        );
        assert!(what(b"\0asm\x0d\0\x01\0").contains("no manifest"));
    }
}
