//! The handle that an app has: it starts tasks, asks where the probe is and what to run, and says what becomes of the device.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use netsonde_data::location::Locations;
use netsonde_feed::registries::Addition;
use netsonde_feed::{Feed, Mirror};
use netsonde_log::client::Trust;
use netsonde_log::root::Root;
use netsonde_probe::now;
use netsonde_probe::sandbox::Engine;
use netsonde_probe::settings::{Policy, RunOptions};
use netsonde_probe::watch::Watch;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::checkin::{self, CheckedIn};
use crate::device::Phone;
use crate::events::{probe_ip, resolver_ip};
use crate::home::{self, Home};
use crate::place::{self, Place};
use crate::run::{PATIENCE, Work};
use crate::settings::{Settings, SettingsError};
use crate::task::Task;

/// Why a question of an app has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The settings are none.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Something that it needs does not work.
    #[error("{0}")]
    Failed(String),
}

/// What all tasks of an app share.
#[derive(Clone, Default)]
pub(crate) struct Shared {
    /// By state directory.
    engines: Arc<Mutex<BTreeMap<PathBuf, Engine>>>,
    pub(crate) phone: Phone,
}

impl Shared {
    /// The engine of a state directory: one, with its thread, for all tasks there.
    pub(crate) fn engine(&self, home: &Home) -> Result<Engine, String> {
        let mut engines = self.engines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = engines.get(home.path()) {
            return Ok(engine.clone());
        }
        let engine = home.engine()?;
        engines.insert(home.path().to_owned(), engine.clone());
        Ok(engine)
    }
}

/// An app's probe. One is enough for a process; clones are the same one.
#[derive(Clone, Default)]
pub struct App(Shared);

impl App {
    /// An app of whose device nothing is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Start a task, by settings in JSON. Only settings that are none fail here; whatever else is wrong is an event.
    pub fn start_task(&self, settings: &str) -> Result<Task, SettingsError> {
        let settings = Arc::new(Settings::parse(settings)?);
        let shared = self.0.clone();
        let changes_at_start = shared.phone.changes().count();
        Ok(Task::start(|queue, stop| Work {
            settings,
            shared,
            changes_at_start,
            queue,
            stop,
        }))
    }

    /// Find out where the probe is, by the same settings. Waits for the answers.
    pub fn geolocate(&self, settings: &str) -> Result<String, AppError> {
        let settings = Settings::parse(settings)?;
        let place = self.place(&settings).map_err(AppError::Failed)?;
        let location = place.primary();
        let answer = json!({
            "probe_ip": probe_ip(&location),
            "probe_asn": format!("AS{}", location.probe_asn),
            "probe_cc": location.country(),
            "probe_network_name": location.probe_network_name,
            "resolver_ip": resolver_ip(&location),
            "resolver_asn": format!("AS{}", location.resolver_asn),
            "resolver_network_name": location.resolver_network_name,
            "geoip_db": settings.geoip_db(),
            "problems": place.problems,
        });
        Ok(answer.to_string())
    }

    /// Ask the registries that are followed what to run here, and say what that is. Nothing is run or fetched. Waits for the
    /// answers.
    pub fn check_in(&self, settings: &str) -> Result<String, AppError> {
        let settings = Settings::parse(settings)?;
        self.checked_in(&settings)
            .map(|answer| answer.to_string())
            .map_err(AppError::Failed)
    }

    /// Follow a registry: `{"url": …, "mirrors": […], "name": …, "root": {…}}`, or with `"root_sha256": "sha256:…"` in place of the
    /// root. Answers what is known of it then. Waits for the answers.
    pub fn follow_registry(&self, settings: &str, registry: &str) -> Result<String, AppError> {
        let settings = Settings::parse(settings)?;
        follow(&settings, registry)
            .map(|answer| answer.to_string())
            .map_err(AppError::Failed)
    }

    /// The registries that are followed: a list. One that can not be read is an object with `error`.
    pub fn registries(&self, settings: &str) -> Result<String, AppError> {
        let settings = Settings::parse(settings)?;
        list(&settings)
            .map(|answer| answer.to_string())
            .map_err(AppError::Failed)
    }

    /// Follow a registry no longer, by its name or one of its addresses. Answers its name. All that was kept of it is removed.
    pub fn unfollow_registry(&self, settings: &str, which: &str) -> Result<String, AppError> {
        let settings = Settings::parse(settings)?;
        let registries = Home::of(&settings).and_then(|home| home.registries(&settings));
        let removed = registries.and_then(|all| all.remove(which).map_err(|error| error.to_string()));
        removed
            .map(|name| json!({"name": name}).to_string())
            .map_err(AppError::Failed)
    }

    /// The device is in another network, or in none. Tasks under way find out where they are before their next target: they go on in
    /// the same network and end in another. What is not known is `None`.
    pub fn network_changed(&self, network_type: Option<&str>, metered: Option<bool>) {
        self.0.phone.network_changed(network_type, metered);
    }

    /// The device is being charged now, or it is not. `None` where that is not known.
    pub fn charging_changed(&self, charging: Option<bool>) {
        self.0.phone.charging_changed(charging);
    }

    fn place(&self, settings: &Settings) -> Result<Place, String> {
        let config = home::net_config(settings)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("start a runtime: {error}"))?;
        let changes = self.0.phone.changes();
        let place = runtime.block_on(place::find(settings, config, changes, changes.count()));
        // A name lookup by the system can not be given up.
        runtime.shutdown_timeout(PATIENCE);
        place
    }

    fn checked_in(&self, settings: &Settings) -> Result<Value, String> {
        let mut problems = Vec::new();
        let home = Home::of(settings)?;
        let of_user = settings.of_user()?;
        // A table that does not ask where the probe is has an answer all the same.
        let locations = match self.place(settings) {
            Ok(place) => {
                problems.extend(place.problems);
                place.locations
            }
            Err(why) => {
                problems.push(why);
                Locations::default()
            }
        };
        let mut feeds = home.feeds(settings)?;
        home::recall(&mut feeds, &mut |line| problems.push(line))?;
        let catalog = home::catalog(self.0.engine(&home)?, &feeds);
        let catalogued = (catalog, feeds);
        let checked_in = checkin::check_in(
            settings,
            &self.0.phone,
            &locations,
            catalogued,
            false,
            &mut |_| {},
        );
        let CheckedIn {
            chosen,
            parsed,
            mut catalog,
            feeds,
        } = checked_in?;
        catalog.watched_by(Watch::new(feeds).map_err(|error| error.to_string())?);
        let options = RunOptions {
            mode: settings.run_type,
            ..RunOptions::default()
        };
        let policy = Policy {
            settings: of_user,
            options,
        };
        Ok(checkin::answer(&chosen, &parsed, &catalog, &policy, &problems))
    }
}

/// What says which registry to follow.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    url: String,
    #[serde(default)]
    mirrors: Vec<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    root: Option<Value>,
    #[serde(default)]
    root_sha256: Option<String>,
}

fn follow(settings: &Settings, registry: &str) -> Result<Value, String> {
    let unreadable = |error: serde_json::Error| format!("read which registry to follow: {error}");
    // As an object first: serde takes a list for a struct, too.
    let members: Map<String, Value> = serde_json::from_str(registry).map_err(unreadable)?;
    let wanted = Wanted::deserialize(Value::from(members)).map_err(unreadable)?;
    let trust = match (&wanted.root, &wanted.root_sha256) {
        (Some(root), None) => {
            // As text, it may be the document itself, byte for byte.
            let document = root.as_str().map_or_else(|| root.to_string(), str::to_owned);
            let root = Root::parse(document.as_bytes()).map_err(|error| format!("`root`: {error}"))?;
            Trust::Root(Box::new(root))
        }
        (None, Some(digest)) => Trust::Digest(
            digest
                .parse()
                .map_err(|error| format!("`root_sha256`: {error}"))?,
        ),
        _ => {
            return Err(
                "nobody is followed because a server says so: give `root` or `root_sha256`, from where those publish it who \
                 run the registry"
                    .into(),
            );
        }
    };
    let mut mirrors: Vec<Mirror> = Vec::new();
    for text in std::iter::once(&wanted.url).chain(&wanted.mirrors) {
        let mirror = text.parse().map_err(|error| format!("\"{text}\": {error}"))?;
        if !mirrors.contains(&mirror) {
            mirrors.push(mirror);
        }
    }
    let name = wanted.name;
    let registries = Home::of(settings)?.registries(settings)?;
    let added = registries.add(Addition { trust, mirrors, name }, now());
    let (feed, refreshed) = added.map_err(|error| error.to_string())?;
    let mut answer = described(&feed);
    let problems: Vec<String> = refreshed.problems.iter().map(ToString::to_string).collect();
    if let Some(members) = answer.as_object_mut() {
        members.insert("problems".to_owned(), problems.into());
    }
    Ok(answer)
}

fn list(settings: &Settings) -> Result<Value, String> {
    let registries = Home::of(settings)?.registries(settings)?;
    let all = registries.all().map_err(|error| error.to_string())?;
    let all = all.into_iter().map(|feed| match feed {
        Ok(feed) => described(&feed),
        Err(error) => json!({"error": error.to_string()}),
    });
    Ok(all.collect())
}

/// What is known of a registry.
fn described(feed: &Feed) -> Value {
    let client = feed.client();
    json!({
        "name": feed.name(),
        "log": client.root().map(|root| root.log().origin.clone()).ok(),
        "root": feed.trusted().to_string(),
        "root_version": client.root().map(Root::version).ok(),
        "leaves": client.ledger().size(),
        "seen": client.floor().map(|floor| floor.time),
        "urls": feed.mirrors().iter().map(Mirror::to_string).collect::<Vec<_>>(),
    })
}
