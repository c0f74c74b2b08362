//! What leaves do to events. Nothing runs them yet; what is kept here is what there would be to run.

use super::{Ledger, Refused, newer};
use crate::leaf::{EventCancel, EventClose, EventSchedule, EventWiden};
use crate::role::Role;
use crate::words::Name;

/// An event, as far as leaves have told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// The leaf that scheduled it, and what that says. An event can be cancelled before it is scheduled, and then never is.
    pub scheduled: Option<(u64, EventSchedule)>,
    /// How many distinct keys signed that.
    pub signers: u64,
    /// The leaf that widened it last, what that says, and in which role.
    pub widened: Option<(u64, EventWiden, Role)>,
    /// The leaf that cancelled or closed it.
    pub ended: Option<u64>,
}

impl Ledger {
    /// The event of this name.
    pub fn event(&self, id: &Name) -> Option<&Event> {
        self.events.get(id)
    }

    pub(super) fn schedule(&mut self, event: &EventSchedule, signers: usize) -> Result<(), Refused> {
        self.check_not_revoked(event.script)?;
        let known = self.events.get(&event.id);
        if let Some(index) =
            known.and_then(|known| known.ended.or(known.scheduled.as_ref().map(|(at, _)| *at)))
        {
            return Err(Refused::Already(index));
        }
        let scheduled = Event {
            scheduled: Some((self.size, event.clone())),
            signers: signers.try_into().unwrap_or(u64::MAX),
            ..Event::default()
        };
        self.events.insert(event.id.clone(), scheduled);
        Ok(())
    }

    pub(super) fn widen(&mut self, widen: &EventWiden, role: Role) -> Result<(), Refused> {
        let index = self.size;
        let event = running(self.events.get_mut(&widen.id), &widen.id)?;
        let before = event.widened.as_ref().map(|(_, before, _)| before.share);
        let before = before.or(event.scheduled.as_ref().map(|(_, scheduled)| scheduled.share));
        if let Some(before) = before.filter(|before| widen.share <= *before) {
            return Err(Refused::NotWider {
                id: widen.id.clone(),
                before,
                after: widen.share,
            });
        }
        let before = event
            .widened
            .as_ref()
            .map(|(index, before, _)| (*index, before.issued));
        let replaced = newer(before, widen.issued)?;
        event.widened = Some((index, widen.clone(), role));
        self.replace(replaced);
        Ok(())
    }

    /// Also before it is scheduled: who stops need not wait for what is to be stopped.
    pub(super) fn cancel(&mut self, cancel: &EventCancel) -> Result<(), Refused> {
        let event = self.events.entry(cancel.id.clone()).or_default();
        if let Some(index) = event.ended {
            return Err(Refused::Already(index));
        }
        event.ended = Some(self.size);
        Ok(())
    }

    pub(super) fn close(&mut self, close: &EventClose) -> Result<(), Refused> {
        let index = self.size;
        let event = running(self.events.get_mut(&close.id), &close.id)?;
        event.ended = Some(index);
        Ok(())
    }
}

fn running<'a>(event: Option<&'a mut Event>, id: &Name) -> Result<&'a mut Event, Refused> {
    let event = event.ok_or_else(|| Refused::NoEvent(id.clone()))?;
    if event.ended.is_some() {
        return Err(Refused::EventIsOver(id.clone()));
    }
    Ok(event)
}
