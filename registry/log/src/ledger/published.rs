//! What leaves publish for a time: scripts, lists, flags. What is said in an emergency stands beside what was said before, so
//! that it is over when it expires, and the other is there again.

use super::{Ledger, Refused, is_emergency, newer};
use crate::leaf::{Flags, Publication};
use crate::role::Role;
use crate::words::Name;
use std::collections::BTreeMap;

/// The newest of what was said in the ordinary way, and in an emergency, each with its leaf.
#[derive(Clone, Debug)]
pub(super) struct Slots<T> {
    pub(super) ordinary: Option<(u64, T)>,
    pub(super) emergency: Option<(u64, T)>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            ordinary: None,
            emergency: None,
        }
    }
}

impl<T: Clone> Slots<T> {
    /// Put something into the place that it has by its role. Returns the leaf that said what was there.
    fn put(
        &mut self,
        index: u64,
        said: &T,
        role: Role,
        issued: fn(&T) -> u64,
    ) -> Result<Option<u64>, Refused> {
        let slot = if is_emergency(role) {
            &mut self.emergency
        } else {
            &mut self.ordinary
        };
        let before = slot.as_ref().map(|(index, before)| (*index, issued(before)));
        let replaced = newer(before, issued(said))?;
        *slot = Some((index, said.clone()));
        Ok(replaced)
    }
}

impl Ledger {
    pub(super) fn publish_script(&mut self, script: &Publication, role: Role) -> Result<(), Refused> {
        self.check_not_revoked(script.digest)?;
        let replaced = put(&mut self.scripts, self.size, script, role)?;
        self.replace(replaced);
        Ok(())
    }

    pub(super) fn publish_list(&mut self, list: &Publication, role: Role) -> Result<(), Refused> {
        let replaced = put(&mut self.lists, self.size, list, role)?;
        self.replace(replaced);
        Ok(())
    }

    pub(super) fn set_flags(&mut self, flags: &Flags, role: Role) -> Result<(), Refused> {
        if is_emergency(role)
            && let Some((name, _)) = flags.nettests.iter().find(|(_, is_on)| **is_on)
        {
            return Err(Refused::EmergencySwitchesOn(name.clone()));
        }
        let replaced = self.flags.put(self.size, flags, role, |flags| flags.issued)?;
        self.replace(replaced);
        Ok(())
    }
}

fn put(
    all: &mut BTreeMap<Name, Slots<Publication>>,
    index: u64,
    said: &Publication,
    role: Role,
) -> Result<Option<u64>, Refused> {
    let slots = all.entry(said.name.clone()).or_default();
    slots.put(index, said, role, |publication| publication.issued)
}
