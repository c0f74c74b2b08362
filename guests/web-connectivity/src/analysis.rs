//! What the observations mean: the keys that are derived from them.
//!
//! Pure, and the same for whoever made the measurement. The way from observations to keys:
//!
//! 1. `build` makes of each chain lookup → connection → handshake → HTTP one [`observation`], and crosses it with what
//!    the test helper saw ([`control`]). `elder` does that for measurements that came before transaction ids.
//! 2. Two passes look at them: the *extended* one at all of them, for the flag words ([`flags`]); the *classic* one at
//!    those that the system resolver led to ([`classic`]), for everything else. Both count lookups ([`dns`]) and
//!    endpoints ([`endpoint`]).
//! 3. `diff` compares the page with the test helper's, `cascade` says from the classic observations what is wrong.
//!
//! An absent failure ("was never tried") is not the same as an empty one ("succeeded"), which is how they are written
//! here.

use netsonde_guest::{Failure, Json, Map, gather, json};

mod address;
mod body;
mod build;
mod cascade;
mod classic;
mod control;
mod diff;
mod dns;
mod elder;
mod endpoint;
mod flags;
mod observation;
mod read;
mod title;

use crate::analysis::control::Control;
use crate::analysis::dns::Lookups;
use crate::analysis::endpoint::Endpoints;

/// All keys that follow from the observations and from what the test helper said. The error says which of the test keys
/// is not what its name promises.
pub(crate) fn keys(test_keys: &Map<String, Json>) -> Result<Map<String, Json>, Failure> {
    read::check(test_keys).map_err(|what| Failure::top_level("json_parse_error", what))?;
    let is_elder = elder::is_elder(test_keys);
    let control = Control::of(test_keys, is_elder);
    let all = if is_elder {
        elder::observations(test_keys, control.as_ref())
    } else {
        build::observations(test_keys, control.as_ref())
    };
    let asns = dns::Asns::of(test_keys);
    let flags = flags::Flags::of(&Lookups::of(&all, &asns), &Endpoints::of(&all), control.as_ref());
    let classic = classic::filter(&all);
    let lookups = Lookups::of(&classic, &asns);
    let diff = Endpoints::of(&classic).diff(control.as_ref());
    let consistency = lookups.consistency(control.as_ref());
    let verdict = cascade::verdict(&classic, consistency, &diff);
    Ok(gather(
        [
            ("x_dns_flags", json!(flags.dns)),
            ("dns_experiment_failure", json!(lookups.failure)),
            (
                "dns_consistency",
                json!(consistency.map(dns::Consistency::as_str)),
            ),
            ("http_experiment_failure", json!(verdict.failure)),
            ("x_blocking_flags", json!(flags.blocking)),
            ("x_null_null_flags", json!(flags.null_null)),
            ("body_proportion", number(diff.body_proportion)),
            ("body_length_match", json!(diff.body_length_match)),
            ("headers_match", json!(diff.headers_match)),
            ("status_code_match", json!(diff.status_code_match)),
            ("title_match", json!(diff.title_match)),
            ("blocking", verdict.blocking()),
            ("accessible", json!(verdict.accessible())),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    ))
}

/// A proportion as others write it: whole numbers without a fraction.
fn number(proportion: f64) -> Json {
    if proportion <= 0.0 {
        json!(0)
    } else if proportion >= 1.0 {
        json!(1)
    } else {
        json!(proportion)
    }
}

#[cfg(test)]
mod tests;
