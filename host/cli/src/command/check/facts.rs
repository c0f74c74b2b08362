//! What a module says about itself, held against the contract, this probe's maximum and the words of a registry.

use std::path::Path;
use std::str::FromStr as _;

use netsonde_log::words::{Name, Version};
use netsonde_probe::sandbox::{Budget, BudgetAsk, Engine, Inside, ModuleError};
use serde_json::{Map, Value};

use super::report::{About, Report};

/// The most bytes that a registry takes.
const LARGEST: usize = 4 << 20;
/// What a module that imports nothing is written against.
const CONTRACT: &str = "netsonde:probe@0.1.0";

/// Look at a module without compiling it; nothing where it can not be read.
pub(super) fn look(path: &Path, wasm: &[u8], report: &mut Report) -> Option<Inside> {
    if wasm.len() > LARGEST {
        report.find(
            "size",
            format!("it has {} bytes, and the most are {LARGEST}", wasm.len()),
        );
        return None;
    }
    let inside = match Engine::look_inside(&path.display().to_string(), wasm) {
        Ok(inside) => inside,
        Err(error) => {
            report.find(part(&error), error.to_string());
            return None;
        }
    };
    let manifest = &inside.manifest;
    if let Err(error) = Name::from_str(&manifest.name) {
        report.find("name", error.to_string());
    }
    if let Err(error) = Version::from_str(&manifest.version.to_string()) {
        report.find("version", error.to_string());
    }
    over_the_maximum(&manifest.budget, report);
    let contract = contract(&inside.imports);
    if let Some(other) = inside.imports.iter().find(|import| split(import).0 != contract) {
        report.find(
            "imports",
            format!("it imports {other} beside interfaces of {contract}: a guest is written against one of the two"),
        );
    }
    report.about = Some(About::of(&inside, contract));
    Some(inside)
}

/// What is wrong where a module is refused.
fn part(error: &ModuleError) -> &'static str {
    match error {
        ModuleError::NotAComponent { .. } => "component",
        ModuleError::WrongWorld { .. } => "exports",
        ModuleError::ForeignImport { .. } | ModuleError::NotAsked { .. } => "imports",
        ModuleError::Compile { .. } | ModuleError::Link { .. } => "load",
        _ => "manifest",
    }
}

/// A module that asks for more than any probe grants would do its work only in part.
fn over_the_maximum(ask: &BudgetAsk, report: &mut Report) {
    let maximum = in_words(&BudgetAsk::from(&Budget::maximum()));
    for (what, asked) in in_words(ask) {
        let most = maximum.get(&what);
        if asked.as_u64() > most.and_then(Value::as_u64) {
            let most = most.unwrap_or(&Value::Null);
            report.find(
                "budget",
                format!("it asks for {what} = {asked}, and the most is {most}"),
            );
        }
    }
}

/// A budget in the words of manifests.
pub(super) fn in_words(budget: &BudgetAsk) -> Map<String, Value> {
    match serde_json::to_value(budget) {
        Ok(Value::Object(words)) => words.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => Map::new(),
    }
}

/// `netsonde:probe@0.1.0` of `netsonde:probe/dns@0.1.0`.
fn contract(imports: &[String]) -> String {
    imports
        .first()
        .map_or_else(|| CONTRACT.to_owned(), |import| split(import).0)
}

/// The package with its version, and the interface.
pub(super) fn split(import: &str) -> (String, &str) {
    let (package, rest) = import.split_once('/').unwrap_or((import, ""));
    let (interface, version) = rest.split_once('@').unwrap_or((rest, ""));
    (format!("{package}@{version}"), interface)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_is_in_the_name_of_an_import() {
        let imports = ["netsonde:plain/dns@0.1.3".to_owned()];
        assert_eq!(contract(&imports), "netsonde:plain@0.1.3");
        assert_eq!(split(&imports[0]).1, "dns");
        assert_eq!(contract(&[]), CONTRACT);
    }
}
