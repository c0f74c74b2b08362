//! What an app says of the device, and what a task makes of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use netsonde_log::check_in::Attributes;
use netsonde_probe::Device;
use netsonde_probe::locating::Changes;
use netsonde_probe::settings::RunMode;

use crate::settings::Settings;

const NETWORK_TYPE: &str = "network_type";

#[derive(Clone, Debug, Default)]
struct Said {
    network_type: Option<String>,
    metered: Option<bool>,
    charging: Option<bool>,
}

/// What is known of the device. Clones know the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Phone {
    said: Arc<Mutex<Said>>,
    changes: Changes,
}

impl Phone {
    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The device is in another network, or in none.
    pub(crate) fn network_changed(&self, network_type: Option<&str>, metered: Option<bool>) {
        let mut said = self.said();
        said.network_type = network_type.map(str::to_owned);
        said.metered = metered;
        drop(said);
        self.changes.add();
    }

    pub(crate) fn charging_changed(&self, charging: Option<bool>) {
        self.said().charging = charging;
    }

    /// How often the network changed.
    pub(crate) fn changes(&self) -> &Changes {
        &self.changes
    }

    /// What tables of registries ask for.
    pub(crate) fn describe(&self, attributes: &mut Attributes) {
        let said = self.said();
        attributes.network_type = said.network_type.clone().unwrap_or_default();
        attributes.charging = said.charging.unwrap_or_default();
    }
}

/// The device as one task sees it.
#[derive(Debug)]
pub(crate) struct TaskDevice {
    phone: Phone,
    annotations: BTreeMap<String, String>,
    require_unmetered: bool,
    require_charging: bool,
    objected: Mutex<Option<String>>,
}

impl TaskDevice {
    pub(crate) fn new(phone: Phone, settings: &Settings) -> Self {
        // Who starts a run by hand knows the network and the battery.
        let timed = settings.run_type == RunMode::Timed;
        Self {
            phone,
            annotations: settings.annotations.clone(),
            require_unmetered: timed && settings.require_unmetered,
            require_charging: timed && settings.require_charging,
            objected: Mutex::default(),
        }
    }

    /// Why the device ended the run, if it did.
    pub(crate) fn objected(&self) -> Option<String> {
        self.objected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Device for TaskDevice {
    fn annotations(&self) -> BTreeMap<String, String> {
        let mut annotations = self.annotations.clone();
        if let Some(network_type) = self.phone.said().network_type.clone() {
            annotations.entry(NETWORK_TYPE.to_owned()).or_insert(network_type);
        }
        annotations
    }

    fn objection(&self) -> Option<String> {
        let said = self.phone.said();
        let objection = if self.require_unmetered && said.metered == Some(true) {
            "the network is metered, and `require_unmetered` says that timed runs wait for one that is not"
        } else if self.require_charging && said.charging == Some(false) {
            "the device runs on battery, and `require_charging` says that timed runs wait until it is charged"
        } else {
            return None;
        };
        let objection = Some(objection.to_owned());
        self.objected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(&objection);
        objection
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(phone: &Phone, text: &str) -> TaskDevice {
        TaskDevice::new(phone.clone(), &Settings::parse(text).unwrap())
    }

    #[test]
    fn only_timed_runs_mind_what_the_network_costs() {
        let phone = Phone::default();
        let timed = device(&phone, r#"{"run_type": "timed", "require_unmetered": true}"#);
        let manual = device(&phone, r#"{"require_unmetered": true}"#);
        assert_eq!(timed.objection(), None, "what is not known is no objection");
        phone.network_changed(Some("mobile"), Some(true));
        assert!(timed.objection().unwrap().contains("metered"));
        assert!(timed.objected().is_some());
        assert_eq!(manual.objection(), None);
        phone.network_changed(Some("wifi"), Some(false));
        assert_eq!(timed.objection(), None);
    }

    #[test]
    fn only_timed_runs_mind_the_battery() {
        let phone = Phone::default();
        let timed = device(&phone, r#"{"run_type": "timed", "require_charging": true}"#);
        phone.charging_changed(Some(false));
        assert!(timed.objection().unwrap().contains("battery"));
        phone.charging_changed(Some(true));
        assert_eq!(timed.objection(), None);
        let careless = device(&phone, r#"{"run_type": "timed"}"#);
        phone.charging_changed(Some(false));
        assert_eq!(careless.objection(), None);
    }

    #[test]
    fn the_kind_of_network_is_annotated_unless_the_app_says_another() {
        let phone = Phone::default();
        phone.network_changed(Some("wifi"), None);
        let annotations = |text: &str| device(&phone, text).annotations();
        assert_eq!(annotations("{}")[NETWORK_TYPE], "wifi");
        let own = annotations(r#"{"annotations": {"network_type": "vpn", "origin": "app"}}"#);
        assert_eq!((&*own[NETWORK_TYPE], &*own["origin"]), ("vpn", "app"));
    }
}
