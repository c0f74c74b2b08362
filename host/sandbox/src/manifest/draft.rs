//! From a file to a manifest: what is wrong with it, and where.

use std::collections::BTreeMap;

use netsonde_net::{Class, Named};
use toml::Spanned;

use super::file::{Destination, File};
use super::reading::ReadingEntry;
use super::{Kind, Manifest, Reading, SummaryKeys};
use crate::capability::Capability;
use crate::error::ModuleError;

/// A manifest that is well-formed, before anybody looked at whether it makes sense.
pub(crate) struct Draft {
    file: File,
    text: String,
}

impl Draft {
    #[cfg(feature = "compiler")]
    pub(crate) fn kind(&self) -> Kind {
        self.file.kind
    }

    /// Read a manifest; `module` is what errors call the guest.
    pub(crate) fn parse(module: &str, text: &str) -> Result<Self, ModuleError> {
        match toml::from_str(text) {
            Ok(file) => Ok(Self {
                file,
                text: text.to_owned(),
            }),
            Err(error) => {
                let offset = error.span().map_or(0, |span| span.start);
                Err(wrong(module, text, offset, error.message().to_owned()))
            }
        }
    }

    /// Check what no single value can tell.
    pub(crate) fn finish(self, module: &str) -> Result<Manifest, ModuleError> {
        let Self { file, text } = self;
        let at_top = |message: String| wrong(module, &text, 0, message);
        file.check().map_err(|message| at_top(message.to_owned()))?;
        let (destinations, fixed) = destinations(file.destinations).map_err(at_top)?;
        let readings = readings(file.readings, &file.summary_keys)
            .map_err(|(offset, message)| wrong(module, &text, offset, message))?;
        let capabilities = file
            .capabilities
            .into_iter()
            .map(|(interface, reason)| match Capability::from_name(&interface) {
                Some(capability) => Ok((capability, reason)),
                None => Err(ModuleError::UnknownCapability {
                    module: module.to_owned(),
                    interface,
                }),
            })
            .collect::<Result<_, _>>()?;
        Ok(Manifest {
            name: file.name.0,
            version: file.version,
            kind: file.kind,
            summary: file.summary,
            authors: file.authors,
            licence: file.licence,
            source: file.source,
            input: file.input.unwrap_or_default(),
            capabilities,
            destinations,
            fixed,
            budget: file.budget,
            options: file.options,
            target: file.with,
            summary_keys: file.summary_keys,
            readings,
            extensions: file.extensions,
        })
    }
}

impl File {
    /// What no single value can tell: whether a guest of this kind may say this at all.
    fn check(&self) -> Result<(), &'static str> {
        match self.kind {
            Kind::Nettest if self.name.0.contains('-') => Err(
                "a nettest's name is the `test_name` of its measurements, where OONI has no `-`: write `_` in its place",
            ),
            Kind::Nettest if self.with.is_some() => {
                Err("`with` is for mini nettests; a nettest has `options`")
            }
            Kind::MiniNettest if self.options.is_some() => {
                Err("`options` is for nettests; a mini nettest has `with`")
            }
            Kind::MiniNettest if self.input.is_some() => {
                Err("`input` is for nettests; a mini nettest has `with`")
            }
            Kind::MiniNettest if self.capabilities.contains_key(Capability::Mini.as_str()) => {
                Err("a mini nettest can not run mini nettests: take `mini` out of `capabilities`")
            }
            Kind::MiniNettest if self.budget.asks_for_traffic() => Err(
                "what a mini nettest uses of the network is its caller's: of `budget`, leave what a mini nettest has of its own",
            ),
            Kind::MiniNettest if !self.readings.is_empty() => {
                Err("a mini nettest has no verdict of its own: take `reading` out")
            }
            Kind::MiniNettest if !self.destinations.is_empty() => {
                Err("a mini nettest goes where its caller may go: take `destinations` out")
            }
            Kind::Nettest | Kind::MiniNettest => Ok(()),
        }
    }
}

/// The classes asked for and what `fixed` is. The error says what is wrong.
fn destinations(table: BTreeMap<String, Destination>) -> Result<(BTreeMap<Class, String>, Named), String> {
    let mut fixed = Named::default();
    let mut classes = BTreeMap::new();
    for (name, asked) in table {
        let class = Class::from_name(&name).ok_or_else(|| {
            let known = Class::ALL.map(Class::as_str).join(", ");
            format!("there is no class of destinations named `{name}`; there are {known}")
        })?;
        let reason = match (class, asked) {
            (Class::Fixed, Destination::Listed { reason, endpoints }) => {
                for endpoint in endpoints {
                    if !fixed.add(&endpoint) {
                        return Err(format!(
                            "destinations.fixed: `{endpoint}` is neither an address nor a name"
                        ));
                    }
                }
                reason
            }
            (Class::Fixed, Destination::Reason(_)) => {
                return Err("destinations.fixed needs `reason` and `endpoints`".to_owned());
            }
            (_, Destination::Reason(reason)) => reason,
            (_, Destination::Listed { .. }) => {
                return Err(format!("destinations.{name} takes a reason and nothing else"));
            }
        };
        classes.insert(class, reason);
    }
    Ok((classes, fixed))
}

/// The readings. The error says where in the file something is wrong, and what.
fn readings(
    entries: Vec<Spanned<ReadingEntry>>,
    summary_keys: &SummaryKeys,
) -> Result<Vec<Reading>, (usize, String)> {
    let mut readings = Vec::with_capacity(entries.len());
    for entry in entries {
        let offset = entry.span().start;
        let reading = Reading::try_from(entry.into_inner()).map_err(|message| (offset, message))?;
        if let Some(key) = reading.keys().find(|key| !summary_keys.texts.contains_key(*key)) {
            let message = format!(
                "a reading uses `{key}`, which is none of `summary_keys`: correct the name, or say there what it is"
            );
            return Err((offset, message));
        }
        readings.push(reading);
    }
    Ok(readings)
}

fn wrong(module: &str, text: &str, offset: usize, message: String) -> ModuleError {
    let (line, column) = position(text, offset);
    ModuleError::Manifest {
        module: module.to_owned(),
        line,
        column,
        message,
    }
}

/// Line and column, from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests;
