//! `helper`: asking the script's test helpers.

use std::time::Duration;

use netsonde_data::failure::Operation;
use netsonde_net::helper::{Helper, Inquiry};
use serde::Deserialize;
use serde_json::Value;

use super::types::invalid;
use crate::bindings::{helper, types};
use crate::call::Caller;
use crate::reach::Reach;

/// The types of helpers that are asked by HTTP.
const ASKED: [&str; 2] = ["https", "cloudfront"];

/// A helper as the script names it.
#[derive(Deserialize)]
struct Named {
    address: String,
    #[serde(rename = "type")]
    kind: String,
    front: Option<String>,
}

/// The helpers that can be asked, and how the script names them.
fn usable(named: Option<&Value>) -> Vec<(Helper, Value)> {
    let named = named.and_then(Value::as_array).into_iter().flatten();
    let read = named.filter_map(|value| Some((Named::deserialize(value).ok()?, value.clone())));
    read.filter(|(named, _)| ASKED.contains(&named.kind.as_str()))
        .map(|(named, value)| {
            // Only a fronted helper has another name than the URL's.
            let front = named.front.filter(|_| named.kind == "cloudfront");
            let helper = Helper {
                url: named.address,
                front,
            };
            (helper, value)
        })
        .collect()
}

pub(crate) async fn ask(
    reach: &Reach<'_>,
    kind: String,
    request: String,
    timeout_ms: u32,
) -> wasmtime::Result<Result<helper::HelperReply, types::Failure>> {
    let caller = Caller::new(reach, kind.len() + request.len())?;
    let info = &caller.shared.info;
    let (helpers, named): (Vec<_>, Vec<_>) = usable(info.test_helpers.get(&kind)).into_iter().unzip();
    let inquiry = Inquiry {
        body: request.into(),
        user_agent: info.user_agent.clone(),
        timeout: Duration::from_millis(timeout_ms.into()),
    };
    let net = caller.shared.net.clone();
    let asked = caller.operation(async move {
        let request: Value = serde_json::from_slice(&inquiry.body).map_err(|error| {
            let why = format!("the request is not JSON: {error}");
            invalid(Operation::TopLevel, "ask the test helpers", &why)
        })?;
        let (index, reply) = net.ask_helpers(&helpers, &inquiry).await?;
        net.told(&request, &reply);
        Ok((index, reply.to_string()))
    });
    Ok(match asked.await? {
        Ok((index, reply)) => {
            let helper = named.get(index).cloned().unwrap_or_default();
            caller.shared.helped(helper.clone());
            let helper = helper.to_string();
            caller.answered(helper.len() + reply.len())?;
            Ok(helper::HelperReply { helper, reply })
        }
        Err(failure) => Err(failure.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn helpers_of_other_types_are_passed_over_and_keep_nobody_from_being_named() {
        let named = json!([
            {"address": "37.218.247.95:80", "type": "legacy"},
            {"address": "https://0.th.example", "type": "https", "front": "ignored.example"},
            {"address": "https://cdn.example", "type": "cloudfront", "front": "front.example"},
            "no helper",
        ]);
        let usable = usable(Some(&named));
        assert_eq!(usable.len(), 2);
        assert_eq!(usable[0].1["address"], "https://0.th.example");
        assert_eq!(usable[0].0.front, None);
        assert_eq!(usable[1].0.front.as_deref(), Some("front.example"));
        assert!(super::usable(None).is_empty());
    }
}
