//! The script of a task that names one nettest.

use netsonde_script::{Instruction, Parsed};
use serde_json::{Map, Value, json};

use crate::settings::Settings;

/// A script that runs the nettest of the settings on their inputs.
pub(crate) fn of_nettest(settings: &Settings) -> Result<String, String> {
    let (inputs, extras) = (&settings.inputs, &settings.inputs_extra);
    if !extras.is_empty() && extras.len() != inputs.len() {
        return Err(format!(
            "`inputs_extra` has {} members and `inputs` {}: give one for each input",
            extras.len(),
            inputs.len()
        ));
    }
    let mut with = Map::from_iter([("nettest_name".to_owned(), settings.name.clone().into())]);
    if !inputs.is_empty() {
        let nothing = Map::new();
        let extras = extras.iter().chain(std::iter::repeat(&nothing));
        let targets = inputs
            .iter()
            .zip(extras)
            .map(|(input, extra)| json!({"input": input, "attributes": extra}));
        with.insert("targets".to_owned(), targets.collect::<Vec<_>>().into());
    }
    if !settings.test_helpers.is_empty() {
        with.insert("test_helpers".to_owned(), settings.test_helpers.clone().into());
    }
    let run = json!({"run": "nettest:run@v1", "with": Value::Object(with)});
    Ok(json!({"instructions": [run], "v": 2}).to_string())
}

/// Why the nettest of such a script can not run here, if so.
pub(crate) fn unknown(parsed: &Parsed) -> Option<String> {
    parsed
        .script
        .instructions
        .iter()
        .find_map(|instruction| match instruction {
            Instruction::RunNettest(nettest) => nettest.known.clone().err(),
            _ => None,
        })
}
