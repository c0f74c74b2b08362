//! Where the probe is: given in the settings, or found by asking whom they name.

use netsonde_data::location::{Location, Locations};
use netsonde_net::NetConfig;
use netsonde_probe::locating::{Changes, Locating, locate_once};
use netsonde_probe::location::{LocationError, primary};

use crate::home::plain;
use crate::settings::Settings;

/// Where the probe is, and what did not work while that was found out.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) provider: Locating,
    pub(crate) locations: Locations,
    pub(crate) problems: Vec<String>,
}

impl Place {
    /// The location that describes measurements.
    pub(crate) fn primary(&self) -> Location {
        self.locations.primary().cloned().unwrap_or_default()
    }
}

/// Find the place, or say why there is none. A place that is given is that of the network which there was after `given_at` changes.
pub(crate) async fn find(
    settings: &Settings,
    config: NetConfig,
    changes: &Changes,
    given_at: u64,
) -> Result<Place, String> {
    let sources = settings.sources()?;
    let (known, locations, problems) = match (given(settings)?, &sources) {
        (Some(locations), _) => (given_at, locations, Vec::new()),
        (None, Some(sources)) => {
            let known = changes.count();
            let found = locate_once(&config, sources)
                .await
                .map_err(|error| error.to_string())?;
            (known, found.locations, found.problems)
        }
        (None, None) => {
            return Err(
                "nobody can say where the probe is: give `location`, or `locate` with `stun` or `http`"
                    .into(),
            );
        }
    };
    match primary(&locations) {
        Err(LocationError::Missing) if !problems.is_empty() => return Err(problems.join("; ")),
        Err(error) => return Err(error.to_string()),
        Ok(_) => {}
    }
    Ok(Place {
        provider: Locating::new(config, sources, changes.clone(), known, locations.clone()),
        locations,
        problems,
    })
}

/// The location in the settings.
pub(crate) fn given(settings: &Settings) -> Result<Option<Locations>, String> {
    let Some(location) = &settings.location else {
        return Ok(None);
    };
    let text = serde_json::to_vec(location).unwrap_or_default();
    let locations = netsonde_script::parse_locations("`location`", &text);
    locations.map(Some).map_err(|errors| plain(&errors))
}
