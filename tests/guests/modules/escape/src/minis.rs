//! Let mini nettests go where the script did not send them.

use netsonde_guest::{Failure, Json, MiniRequest, MiniStatus, mini};

use crate::{tried, ways};

pub(crate) async fn all() -> Vec<Json> {
    let errands = ways::errands();
    let requests = errands.iter().map(|(name, with)| MiniRequest {
        run: (*name).to_owned(),
        with: with.to_string(),
        tags: Vec::new(),
    });
    let ends = mini::run(requests.collect(), 16).await;
    let ends = ends.into_iter().map(|end| match end {
        MiniStatus::Done(outcome) => outcome.failure,
        MiniStatus::Broken(failure) => Some(failure),
        MiniStatus::Skipped(why) => Some(Failure::top_level("skipped", why)),
    });
    errands
        .iter()
        .zip(ends)
        .map(|((name, with), failure)| tried(&format!("a mini nettest: {name}"), &with.to_string(), failure))
        .collect()
}
