//! The settings of a task: OONI's, under their names, and what we add to them. `docs/apps.md` says what each means.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use netsonde_probe::Software;
use netsonde_probe::locate::{RESOLVER_NAMES, Server, Sources};
use netsonde_probe::settings::{RunMode, Settings as UserSettings};
use netsonde_probe::view::Level;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

/// Why the text is no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// It is no JSON.
    #[error("read the settings: they are no JSON: {0}")]
    Json(serde_json::Error),
    /// It is no object.
    #[error(
        "read the settings: they are no object; the smallest ones are {{\"name\": \"telegram\", \"version\": 1}}"
    )]
    NoObject,
    /// A member is of the wrong type, or is missing in something that needs it.
    #[error("read the settings: `{place}`: {why}")]
    Member {
        /// Where it is: `options.max_runtime`, `inputs[2]`.
        place: String,
        /// What is wrong with it.
        why: String,
    },
}

/// One text, or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a path, or a list of paths")]
enum OneOrMore {
    One(PathBuf),
    More(Vec<PathBuf>),
}

/// OONI's `options`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Options {
    pub(crate) max_runtime: f64,
    pub(crate) no_collector: bool,
    software_name: String,
    software_version: String,
}

/// Members that are objects. Without being asked, serde takes lists for them, too.
const OBJECTS: [&str; 6] = [
    "options",
    "locate",
    "settings",
    "settings.manual",
    "settings.timed",
    "settings.registry",
];

/// How long to wait for an answer to where the probe is, at most.
const LONGEST: Duration = Duration::from_mins(1);

/// Whom to ask where the probe is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Locate {
    stun: Vec<String>,
    http: Vec<String>,
    resolver_names: Vec<String>,
    timeout_s: Option<f64>,
}

/// The settings of a task. Members that are not known are ignored, as OONI's engine does.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    // OONI's.
    pub(crate) name: String,
    pub(crate) version: i64,
    pub(crate) state_dir: PathBuf,
    geoip_db: Option<OneOrMore>,
    pub(crate) inputs: Vec<String>,
    pub(crate) inputs_extra: Vec<Map<String, Value>>,
    pub(crate) annotations: BTreeMap<String, String>,
    log_level: String,
    #[serde(rename = "Proxy", alias = "proxy")]
    pub(crate) proxy: String,
    pub(crate) options: Options,

    // Ours: what runs.
    pub(crate) script: String,
    pub(crate) check_in: bool,
    pub(crate) test_helpers: Map<String, Value>,
    pub(crate) run_type: RunMode,
    pub(crate) require_unmetered: bool,
    pub(crate) require_charging: bool,
    #[serde(rename = "settings")]
    of_user: UserSettings,
    // Ours: where the probe is, whom it trusts, and where measurements are kept.
    pub(crate) location: Option<Map<String, Value>>,
    locate: Locate,
    pub(crate) ca_file: PathBuf,
    pub(crate) extra_roots_pem: String,
    pub(crate) report_file: PathBuf,
}

/// What a task runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Nettest,
    Script,
    CheckIn,
}

impl Settings {
    /// Read settings. What can be wrong besides their form is found out, and told as an event, when the task runs.
    pub(crate) fn parse(text: &str) -> Result<Self, SettingsError> {
        let mut value: Value = serde_json::from_str(text).map_err(SettingsError::Json)?;
        if !value.is_object() {
            return Err(SettingsError::NoObject);
        }
        without_nulls(&mut value);
        for place in OBJECTS {
            let pointer = format!("/{}", place.replace('.', "/"));
            if value.pointer(&pointer).is_some_and(|member| !member.is_object()) {
                return Err(SettingsError::Member {
                    place: place.to_owned(),
                    why: "it has to be an object".to_owned(),
                });
            }
        }
        serde_path_to_error::deserialize(value).map_err(|error| SettingsError::Member {
            place: error.path().to_string(),
            why: error.inner().to_string(),
        })
    }

    /// What runs: exactly one thing.
    pub(crate) fn what(&self) -> Result<What, String> {
        match (!self.name.is_empty(), !self.script.is_empty(), self.check_in) {
            (true, false, false) => Ok(What::Nettest),
            (false, true, false) => Ok(What::Script),
            (false, false, true) => Ok(What::CheckIn),
            _ => Err("the settings name several things to run, or none: give one of `name`, `script` and `check_in`".into()),
        }
    }

    /// The user's settings, checked.
    pub(crate) fn of_user(&self) -> Result<UserSettings, String> {
        let checked = self.of_user.check();
        checked.map_err(|error| format!("`settings`: {error}"))?;
        Ok(self.of_user.clone())
    }

    /// The files that know whose addresses are.
    pub(crate) fn geoip_files(&self) -> Vec<PathBuf> {
        let files = match &self.geoip_db {
            None => Vec::new(),
            Some(OneOrMore::One(file)) => vec![file.clone()],
            Some(OneOrMore::More(files)) => files.clone(),
        };
        files
            .into_iter()
            .filter(|file| !file.as_os_str().is_empty())
            .collect()
    }

    /// The same for events, which have room for one text.
    pub(crate) fn geoip_db(&self) -> String {
        let files = self.geoip_files();
        let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
        files.join(", ")
    }

    /// Whom to ask where the probe is; nobody if the settings name nobody who can see its address.
    pub(crate) fn sources(&self) -> Result<Option<Sources>, String> {
        let locate = &self.locate;
        let stun = locate.stun.iter().map(|text| {
            let server = text.parse::<Server>();
            server.map_err(|error| format!("`locate.stun`: \"{text}\": {error}"))
        });
        let http = locate.http.iter().map(|text| {
            let url = Url::parse(text).ok();
            url.filter(|url| ["http", "https"].contains(&url.scheme()))
                .ok_or_else(|| {
                    format!("`locate.http`: \"{text}\" is no URL that begins with http:// or https://")
                })
        });
        let within = Duration::try_from_secs_f64(locate.timeout_s.unwrap_or(5.0)).unwrap_or_default();
        if within.is_zero() || within > LONGEST {
            let longest = LONGEST.as_secs();
            return Err(format!(
                "`locate.timeout_s`: give more than 0 seconds and at most {longest}"
            ));
        }
        if locate.stun.is_empty() && locate.http.is_empty() {
            return Ok(None);
        }
        Ok(Some(Sources {
            stun: stun.collect::<Result<_, _>>()?,
            http: http.collect::<Result<_, _>>()?,
            resolver_names: if locate.resolver_names.is_empty() {
                RESOLVER_NAMES.map(str::to_owned).to_vec()
            } else {
                locate.resolver_names.clone()
            },
            within,
        }))
    }

    /// What measurements say that made them.
    pub(crate) fn software(&self) -> Result<Software, String> {
        let (name, version) = (&self.options.software_name, &self.options.software_version);
        for (member, text) in [("software_name", name), ("software_version", version)] {
            // Test helpers are told it, in a header.
            if !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
                return Err(format!(
                    "`options.{member}`: use letters, digits and signs of ASCII only"
                ));
            }
        }
        let mut software = Software::default();
        if !self.options.software_name.is_empty() {
            software.name.clone_from(&self.options.software_name);
        }
        if !self.options.software_version.is_empty() {
            software.version.clone_from(&self.options.software_version);
        }
        Ok(software)
    }

    /// When to start no target any more. As OONI's engine has it, one target alone is not limited.
    pub(crate) fn max_runtime(&self) -> Option<Duration> {
        let is_one = !self.name.is_empty() && self.inputs.len() <= 1;
        let limit = Duration::try_from_secs_f64(self.options.max_runtime).ok()?;
        (!is_one && !limit.is_zero()).then_some(limit)
    }

    /// Whether lines of this level are wanted.
    pub(crate) fn wants(&self, level: Level) -> bool {
        match self.log_level.as_str() {
            "DEBUG2" | "DEBUG" => true,
            "INFO" => level != Level::Debug,
            _ => level == Level::Warning,
        }
    }
}

/// Leave out what is null: as Go reads JSON, it is as if it were not there.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(without_nulls);
        }
        Value::Array(members) => members.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(text: &str) -> String {
        Settings::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        assert!(why("{").contains("line 1 column 1"), "{}", why("{"));
        assert!(why("[]").contains("no object"));
        for (text, place) in [
            (r#"{"version": "1"}"#, "`version`"),
            (r#"{"inputs": ["a", 7]}"#, "`inputs[1]`"),
            (r#"{"options": {"max_runtime": "1m"}}"#, "`options.max_runtime`"),
            (
                r#"{"settings": {"timed": {"disabled_suits": []}}}"#,
                "disabled_suits",
            ),
            (r#"{"geoip_db": 1}"#, "`geoip_db`: a path, or a list of paths"),
            (r#"{"run_type": "daily"}"#, "`run_type`"),
            (r#"{"options": [0, true]}"#, "`options`: it has to be an object"),
            (
                r#"{"settings": {"timed": [["im"]]}}"#,
                "`settings.timed`: it has to be",
            ),
        ] {
            assert!(why(text).contains(place), "{}", why(text));
        }
    }

    #[test]
    fn what_is_null_or_unknown_is_as_if_it_were_not_there() {
        let text =
            r#"{"name": null, "later": [], "inputs": null, "options": {"max_runtime": null, "later": 1}}"#;
        let settings = Settings::parse(text).unwrap();
        assert!(settings.name.is_empty());
        assert!(settings.what().is_err());
    }

    #[test]
    fn the_user_s_settings_are_checked() {
        let settings = Settings::parse(r#"{"settings": {"denied_capabilities": ["sockets"]}}"#).unwrap();
        let why = settings.of_user().unwrap_err();
        assert!(why.contains("sockets") && why.contains("tcp"), "{why}");
    }

    #[test]
    fn a_runtime_limits_more_than_one_target() {
        let limit = |text: &str| Settings::parse(text).unwrap().max_runtime();
        assert_eq!(
            limit(r#"{"name": "x", "inputs": ["a"], "options": {"max_runtime": 1}}"#),
            None
        );
        assert_eq!(
            limit(r#"{"name": "x", "inputs": ["a", "b"], "options": {"max_runtime": -1}}"#),
            None
        );
        let second = Some(Duration::from_secs(1));
        assert_eq!(
            limit(r#"{"name": "x", "inputs": ["a", "b"], "options": {"max_runtime": 1}}"#),
            second
        );
        assert_eq!(
            limit(r#"{"script": "{}", "options": {"max_runtime": 1.0}}"#),
            second
        );
    }
}
