//! Whether the bytes of a module are what the log says of it: what was reviewed is what runs.

use std::collections::BTreeMap;

use netsonde_log::leaf::{Capabilities, ModuleRelease};
use netsonde_log::words::Digest;
use netsonde_sandbox::{Budget, BudgetAsk, Engine, Inside, Manifest};
use serde_json::Value;

use super::InstallError;

/// Hold the bytes of a module against what the log says of it.
pub(super) fn inspect(module: &ModuleRelease, wasm: &[u8]) -> Result<Inside, InstallError> {
    let called = format!("{} {}", module.name, module.version);
    let inside = Engine::look_inside(module.name.as_str(), wasm);
    let inside = inside.map_err(|error| InstallError::NotAModule(error.to_string()))?;
    let manifest = &inside.manifest;
    let other = |what, found: &dyn ToString, said: &dyn ToString| {
        let (found, said) = (found.to_string(), said.to_string());
        let module = called.clone();
        Err(InstallError::OtherModule {
            module,
            what,
            found,
            said,
        })
    };
    if Digest::of(wasm) != module.digest {
        return other("the SHA-256", &Digest::of(wasm), &module.digest);
    }
    if manifest.name != module.name.as_str() {
        return other("the name", &manifest.name, &module.name);
    }
    if manifest.version.to_string() != module.version.to_string() {
        return other("the version", &manifest.version, &module.version);
    }
    let text = Digest::of(inside.text.as_bytes());
    if text != module.manifest {
        return other("the SHA-256 of the manifest", &text, &module.manifest);
    }
    let found = capabilities(manifest);
    let said = &module.capabilities;
    for (what, found, said) in [
        ("the list of interfaces", &found.interfaces, &said.interfaces),
        (
            "the list of destinations",
            &found.destinations,
            &said.destinations,
        ),
        ("the list of fixed destinations", &found.fixed, &said.fixed),
    ] {
        if found != said {
            return other(what, &found.join(" "), &said.join(" "));
        }
    }
    // The log may say less, as much as those who released it could grant; never may the bytes ask for more in silence.
    for (what, amount) in &found.budget {
        let granted = granted(manifest).get(what).copied();
        if said
            .budget
            .get(what)
            .is_none_or(|said| said != amount && Some(*said) != granted)
        {
            let said = said
                .budget
                .get(what)
                .map_or("not".to_owned(), ToString::to_string);
            return other(
                "the budget",
                &format!("{what} {amount}"),
                &format!("{what} {said}"),
            );
        }
    }
    Ok(inside)
}

/// What a module asks for in its manifest, as the log says it.
fn capabilities(manifest: &Manifest) -> Capabilities {
    let fixed = manifest.fixed.addresses.iter().map(ToString::to_string);
    Capabilities::new(
        manifest.capabilities.keys().map(ToString::to_string).collect(),
        manifest.destinations.keys().map(ToString::to_string).collect(),
        fixed.chain(manifest.fixed.names.iter().cloned()).collect(),
        amounts(&manifest.budget),
    )
}

/// What this probe grants of what a module asks for, all of it said.
pub fn granted(manifest: &Manifest) -> BTreeMap<String, u64> {
    let budget = Budget::granted(&manifest.budget, &Budget::maximum());
    amounts(&BudgetAsk::from(&budget))
}

/// A budget in the words of manifests.
fn amounts(budget: &BudgetAsk) -> BTreeMap<String, u64> {
    let Ok(Value::Object(fields)) = serde_json::to_value(budget) else {
        return BTreeMap::new();
    };
    let amount = |(name, amount): (String, Value)| Some((name, amount.as_u64()?));
    fields.into_iter().filter_map(amount).collect()
}
