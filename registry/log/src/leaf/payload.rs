//! The types of leaves, in one table.

use super::{
    Check as _, EventCancel, EventClose, EventSchedule, EventWiden, Flags, Heartbeat, LeafError,
    ModuleRelease, ModuleRevoke, ModuleYank, Publication, RebuildAttest, RegistryPolicy, Root, ScriptRevoke,
    Snapshot,
};
use crate::canonical::fields::{Fields, ToValue as _};
use crate::canonical::{Misfit, Value};
use std::collections::BTreeMap;

/// The version of every type of leaf that there is. One of another version is another type.
const VERSION: u64 = 1;

macro_rules! payloads {
    ($($(#[$what:meta])* $name:ident($record:ident) = $kind:literal,)+) => {
        /// What a leaf says.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Payload {
            /// `root`: who has which role. It carries its own signatures.
            Root(Box<Root>),
            $($(#[$what])* $name($record),)+
            /// A type of leaf that this version does not know. It has no effect here.
            Unknown {
                /// The type that it says to be.
                kind: String,
            },
        }

        impl Payload {
            /// The `type` of the leaf.
            pub fn kind(&self) -> &str {
                match self {
                    Self::Root(_) => ROOT,
                    $(Self::$name(_) => $kind,)+
                    Self::Unknown { kind } => kind,
                }
            }

            fn take(kind: &str, fields: &mut Fields<'_>) -> Result<Option<Self>, Misfit> {
                match kind {
                    $($kind => {
                        let record = $record::take_from(fields)?;
                        record.check()?;
                        Ok(Some(Self::$name(record)))
                    })+
                    _ => Ok(None),
                }
            }

            fn put_into(&self, fields: &mut BTreeMap<String, Value>) {
                match self {
                    Self::Root(root) => {
                        fields.insert(ROOT.to_owned(), root.document().clone());
                    }
                    $(Self::$name(record) => record.put_into(fields),)+
                    Self::Unknown { .. } => {}
                }
            }
        }
    };
}

/// The type of leaf that carries a root document, and the field that has it.
const ROOT: &str = "root";

payloads! {
    /// `policy`: limits and caps.
    Policy(RegistryPolicy) = "policy",
    /// `module.release`: a module that may run.
    ModuleRelease(ModuleRelease) = "module.release",
    /// `module.yank`: a module that nobody should newly choose.
    ModuleYank(ModuleYank) = "module.yank",
    /// `module.revoke`: bytes that may never run again.
    ModuleRevoke(ModuleRevoke) = "module.revoke",
    /// `rebuild.attest`: that a module is what its source gives.
    RebuildAttest(RebuildAttest) = "rebuild.attest",
    /// `script.publish`: what to measure.
    ScriptPublish(Publication) = "script.publish",
    /// `script.revoke`: a script that may never run again.
    ScriptRevoke(ScriptRevoke) = "script.revoke",
    /// `list.publish`: a list of targets.
    ListPublish(Publication) = "list.publish",
    /// `flags`: which nettests are on and off.
    Flags(Flags) = "flags",
    /// `event.schedule`: that some probes run a script at a time.
    EventSchedule(EventSchedule) = "event.schedule",
    /// `event.widen`: that more of them do.
    EventWiden(EventWiden) = "event.widen",
    /// `event.cancel`: that none do any more.
    EventCancel(EventCancel) = "event.cancel",
    /// `event.close`: that it is over, and how many did.
    EventClose(EventClose) = "event.close",
    /// `snapshot`: what the log has come to, so that one can start late.
    Snapshot(Snapshot) = "snapshot",
    /// `heartbeat`: that the log is alive.
    Heartbeat(Heartbeat) = "heartbeat",
}

impl Payload {
    /// The origin of the log that a payload is for, and what it says. Of a type that is not known, nothing but the type is read.
    pub(super) fn read(value: &Value) -> Result<(String, Self), LeafError> {
        let within = |misfit: Misfit| misfit.within("payload");
        let mut fields = Fields::of(value).map_err(within)?;
        let kind: String = fields.take("type").map_err(within)?;
        let version: u64 = fields.take("v").map_err(within)?;
        if version != VERSION {
            return Ok((String::new(), Self::Unknown { kind }));
        }
        if kind == ROOT {
            let log = fields.take("log").map_err(within)?;
            let root = Root::from_document(fields.value(ROOT).map_err(within)?.clone())?;
            fields.end().map_err(within)?;
            return Ok((log, Self::Root(Box::new(root))));
        }
        match Self::take(&kind, &mut fields).map_err(within)? {
            Some(payload) => {
                let log = fields.take("log").map_err(within)?;
                fields.end().map_err(within)?;
                Ok((log, payload))
            }
            None => Ok((String::new(), Self::Unknown { kind })),
        }
    }

    pub(super) fn to_value(&self, log: &str) -> Value {
        let mut fields = BTreeMap::new();
        self.put_into(&mut fields);
        for (name, value) in [
            ("log", Value::String(log.to_owned())),
            ("type", Value::String(self.kind().to_owned())),
            ("v", VERSION.to_value()),
        ] {
            fields.insert(name.to_owned(), value);
        }
        Value::Object(fields)
    }
}
