//! What the observations mean: the top-level keys.

use netsonde_guest::{Failure, Json, Map};

/// All keys that follow from the observations and from what the test helper said.
pub fn keys(_test_keys: &Map<String, Json>) -> Result<Map<String, Json>, Failure> {
    Ok(Map::new())
}
