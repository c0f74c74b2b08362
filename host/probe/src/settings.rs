//! What the user allows, whatever a script asks: suites and nettests per run mode, capabilities, and how long.
//!
//! Settings are orthogonal to the script. A script that names a disabled nettest is a good script; the nettest is
//! skipped and the view hears why.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::Duration;

use netsonde_net::Scope;
use serde::{Deserialize, Serialize};

/// Why the probe is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunMode {
    /// Somebody asked for this run and is likely looking at it.
    #[default]
    Manual,
    /// A timer started this run.
    Timed,
}

impl RunMode {
    /// The name used in settings and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Timed => "timed",
        }
    }
}

/// What is switched off in one run mode.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModeSettings {
    /// Suites that do not run: `experimental`.
    pub disabled_suites: BTreeSet<String>,
    /// Nettests that do not run, whatever their suite: `ndt`.
    pub disabled_nettests: BTreeSet<String>,
}

/// The user's settings, as kept in a TOML file.
///
/// ```
/// let settings = netsonde_probe::settings::Settings::from_toml(
///     r#"
///     denied_capabilities = ["tcp"]
///     [timed]
///     disabled_suites = ["performance"]
///     "#,
/// )?;
/// assert!(settings.timed.disabled_suites.contains("performance"));
/// assert!(settings.manual.disabled_suites.is_empty());
/// # Ok::<(), netsonde_probe::settings::SettingsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Interfaces that no module gets, whatever its manifest asks for: `tcp`, `http`, …
    pub denied_capabilities: BTreeSet<String>,
    /// Kinds of addresses that modules may go to although they are not on the public internet: `lan`, `loopback`, …
    pub allowed_destinations: BTreeSet<String>,
    /// What is switched off when somebody starts a run.
    pub manual: ModeSettings,
    /// What is switched off when a timer starts a run.
    pub timed: ModeSettings,
    /// What registries may do here.
    pub registry: RegistrySettings,
}

/// What registries may do on this device.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegistrySettings {
    /// Ring 0: whether a module that a script names, and that is not installed, is fetched, verified and run without asking.
    pub ring0: bool,
}

/// A settings file that can not be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The text is no TOML, or has a key or a type that settings do not have. The message has the line.
    #[error(transparent)]
    Malformed(#[from] toml::de::Error),
    /// `denied_capabilities` names something that is no interface.
    #[error("denied_capabilities: there is no interface named `{0}`; there are {1}")]
    UnknownCapability(String, String),
    /// `allowed_destinations` names something that is no kind of address.
    #[error("allowed_destinations: there is no kind of address named `{0}`; there are {1}")]
    UnknownDestination(String, String),
}

impl Settings {
    /// Read settings from the text of a TOML file.
    pub fn from_toml(text: &str) -> Result<Self, SettingsError> {
        let settings: Self = toml::from_str(text)?;
        settings.check()?;
        Ok(settings)
    }

    /// Whether every name in them is one. For settings that come in another format.
    pub fn check(&self) -> Result<(), SettingsError> {
        for name in &self.denied_capabilities {
            if netsonde_sandbox::Capability::from_name(name).is_none() {
                let known: Vec<_> = netsonde_sandbox::Capability::ALL
                    .iter()
                    .map(|c| c.as_str())
                    .collect();
                return Err(SettingsError::UnknownCapability(name.clone(), known.join(", ")));
            }
        }
        for name in &self.allowed_destinations {
            if Scope::from_name(name).is_none() {
                let known = Scope::ALL.map(Scope::as_str).join(", ");
                return Err(SettingsError::UnknownDestination(name.clone(), known));
            }
        }
        Ok(())
    }

    fn mode(&self, mode: RunMode) -> &ModeSettings {
        match mode {
            RunMode::Manual => &self.manual,
            RunMode::Timed => &self.timed,
        }
    }
}

/// What this one run was asked to do, on top of the settings.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Who started it.
    pub mode: RunMode,
    /// Run only these suites; all where it is empty.
    pub only_suites: Vec<String>,
    /// Run only these nettests; all where it is empty.
    pub only_nettests: Vec<String>,
    /// Start no target once this much time has passed. What is running then ends in its own time.
    pub max_runtime: Option<Duration>,
    /// How many targets of a nettest are measured at a time; one if nothing is said.
    pub parallelism: Option<NonZeroUsize>,
    /// Kinds of addresses that are allowed in this run, beside those of the settings.
    pub allowed_destinations: BTreeSet<Scope>,
}

/// Settings and options of a run together: the answer to "may this run?".
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// The user's settings.
    pub settings: Settings,
    /// This run's options.
    pub options: RunOptions,
}

impl Policy {
    /// The kinds of addresses that modules may go to although they are not on the public internet.
    pub fn allowed_destinations(&self) -> BTreeSet<Scope> {
        let settings = self.settings.allowed_destinations.iter();
        let settings = settings.filter_map(|name| Scope::from_name(name));
        settings
            .chain(self.options.allowed_destinations.iter().copied())
            .collect()
    }

    /// Whether a suite may run, and why not.
    pub fn suite(&self, suite: &str) -> Result<(), String> {
        let mode = self.options.mode;
        if self.settings.mode(mode).disabled_suites.contains(suite) {
            return Err(format!(
                "the settings switch off suite `{suite}` in {} runs",
                mode.as_str()
            ));
        }
        if !self.options.only_suites.is_empty() && !self.options.only_suites.iter().any(|s| s == suite) {
            return Err(format!(
                "this run is limited to suite {}",
                quoted(&self.options.only_suites)
            ));
        }
        Ok(())
    }

    /// Whether a nettest of a suite may run, and why not.
    pub fn nettest(&self, suite: &str, nettest: &str) -> Result<(), String> {
        self.suite(suite)?;
        let mode = self.options.mode;
        if self.settings.mode(mode).disabled_nettests.contains(nettest) {
            return Err(format!(
                "the settings switch off nettest `{nettest}` in {} runs",
                mode.as_str()
            ));
        }
        if !self.options.only_nettests.is_empty() && !self.options.only_nettests.iter().any(|n| n == nettest)
        {
            return Err(format!(
                "this run is limited to nettest {}",
                quoted(&self.options.only_nettests)
            ));
        }
        Ok(())
    }
}

fn quoted(names: &[String]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(toml: &str, mode: RunMode) -> Policy {
        Policy {
            settings: Settings::from_toml(toml).unwrap(),
            options: RunOptions {
                mode,
                ..RunOptions::default()
            },
        }
    }

    #[test]
    fn a_nettest_switched_off_for_timed_runs_still_runs_by_hand() {
        let toml = "[timed]\ndisabled_nettests = [\"ndt\"]";
        assert!(
            policy(toml, RunMode::Timed)
                .nettest("performance", "ndt")
                .is_err()
        );
        assert!(
            policy(toml, RunMode::Timed)
                .nettest("performance", "dash")
                .is_ok()
        );
        assert!(
            policy(toml, RunMode::Manual)
                .nettest("performance", "ndt")
                .is_ok()
        );
    }

    #[test]
    fn a_disabled_suite_disables_its_nettests() {
        let policy = policy("[manual]\ndisabled_suites = [\"experimental\"]", RunMode::Manual);
        assert!(
            policy
                .nettest("experimental", "urlgetter")
                .unwrap_err()
                .contains("manual")
        );
        assert!(policy.nettest("im", "urlgetter").is_ok());
    }

    #[test]
    fn destinations_are_allowed_by_settings_and_by_the_run() {
        let mut policy = policy("allowed_destinations = [\"lan\"]", RunMode::Manual);
        policy.options.allowed_destinations.insert(Scope::Loopback);
        let allowed = policy.allowed_destinations();
        assert_eq!(allowed, [Scope::Lan, Scope::Loopback].into());
        assert!(Policy::default().allowed_destinations().is_empty());
    }

    #[test]
    fn only_lists_narrow_a_run() {
        let mut policy = Policy::default();
        policy.options.only_suites = vec!["im".into()];
        policy.options.only_nettests = vec!["telegram".into(), "signal".into()];
        assert!(policy.nettest("im", "telegram").is_ok());
        assert!(policy.nettest("im", "whatsapp").is_err());
        assert!(policy.nettest("websites", "telegram").is_err());
        assert!(policy.nettest("", "telegram").is_err());
    }

    #[test]
    fn a_misspelt_setting_is_refused_with_its_line() {
        let error = Settings::from_toml("[timed]\ndisabled_suits = []")
            .unwrap_err()
            .to_string();
        assert!(error.contains("disabled_suits") && error.contains('2'), "{error}");
        let error = Settings::from_toml("denied_capabilities = [\"sockets\"]")
            .unwrap_err()
            .to_string();
        assert!(error.contains("sockets") && error.contains("tcp"), "{error}");
        let error = Settings::from_toml("allowed_destinations = [\"office\"]")
            .unwrap_err()
            .to_string();
        assert!(error.contains("office") && error.contains("lan"), "{error}");
    }
}
