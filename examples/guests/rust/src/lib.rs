//! `expected_page`: fetch a page, and say whether it is the one that the script expects.
//!
//! An example of a nettest whose author is in no workspace but his own. `run` takes the steps, and says where it had to stop;
//! the host observes them. `reduce` finds out from the observations which page came, so that a measurement can be read again.

use netsonde_guest::steps::{HttpArguments, ServerArguments};
use netsonde_guest::{Failure, Json, Map, Nettest, Steps, Target, Url, export_nettest, json};
use serde::Deserialize;

/// The nettest.
pub struct ExpectedPage;

/// Its options.
#[derive(Deserialize)]
pub struct Options {
    #[serde(rename = "Expected")]
    expected: String,
}

impl Nettest for ExpectedPage {
    type Options = Options;

    async fn run(target: Target<Options>) -> Result<Map<String, Json>, Failure> {
        let url = page(&target.input.unwrap_or_default())?;
        let failure = fetch(&url).await.err();
        let mut keys = Map::new();
        keys.insert("expected".to_owned(), target.options.expected.into());
        keys.insert(
            "failure".to_owned(),
            json!(failure.as_ref().map(|failure| &failure.code)),
        );
        keys.insert(
            "failed_operation".to_owned(),
            json!(failure.as_ref().map(|failure| &failure.operation)),
        );
        Ok(keys)
    }

    fn reduce(test_keys: &Map<String, Json>) -> Result<Map<String, Json>, Failure> {
        let mut keys = Map::new();
        let expected = test_keys
            .get("expected")
            .and_then(Json::as_str)
            .unwrap_or_default();
        let response =
            responses(test_keys).find(|response| response.get("code").is_some_and(|code| *code != 0));
        if let Some(response) = response {
            let page = match response.get("body") {
                Some(Json::String(body)) if body.contains(expected) => json!("expected"),
                Some(Json::String(_)) => json!("another"),
                _ => Json::Null,
            };
            keys.insert("page".to_owned(), page);
            keys.insert(
                "status".to_owned(),
                response.get("code").cloned().unwrap_or_default(),
            );
        }
        Ok(keys)
    }
}

/// The input, which has to be a page.
fn page(input: &str) -> Result<Url, Failure> {
    match Url::parse(input) {
        Ok(url) if matches!(url.scheme.as_str(), "http" | "https") => Ok(url),
        _ => Err(Failure::top_level(
            "invalid_argument",
            format!("{input:?} is no page: the input has to be an http or https URL"),
        )),
    }
}

/// Look the host up, and fetch the page from each of its addresses until one has it.
async fn fetch(url: &Url) -> Result<(), Failure> {
    let steps = Steps::default();
    let port = url.port_or_default().unwrap_or(443);
    let server = ServerArguments::deserialize(json!({"domain": url.host, "port": port}))
        .map_err(|error| Failure::top_level("invalid_argument", error.to_string()))?;
    let http = HttpArguments {
        url_path: url.path.clone(),
        ..HttpArguments::default()
    };
    let addresses = steps.public_addresses(&url.host).await?;
    let one_address = async |endpoint, address: &str| {
        let mut connection = steps.connect(&endpoint, address, port).await?;
        if url.scheme == "https" {
            connection = steps.handshake(&endpoint, connection, &server).await?;
        }
        let request = http.request(&url.scheme, &url.host, port);
        steps.fetch(&endpoint, &connection, &request).await
    };
    steps.each(&addresses, one_address).await.map(drop)
}

/// What servers answered.
fn responses(test_keys: &Map<String, Json>) -> impl Iterator<Item = &Json> {
    let requests = test_keys.get("requests").and_then(Json::as_array);
    requests
        .into_iter()
        .flatten()
        .filter_map(|request| request.get("response"))
}

export_nettest!(ExpectedPage);

#[cfg(test)]
mod tests {
    use super::*;

    fn reduced(body: Json) -> Map<String, Json> {
        let test_keys = json!({
            "expected": "<title>Home",
            "requests": [{"response": {"code": 200, "body": body}}],
        });
        ExpectedPage::reduce(test_keys.as_object().unwrap()).unwrap()
    }

    #[test]
    fn a_page_is_known_by_the_expected_text() {
        assert_eq!(reduced(json!("<title>Home</title>"))["page"], "expected");
        assert_eq!(reduced(json!("<title>Access denied"))["page"], "another");
        assert_eq!(
            reduced(json!({"format": "base64", "data": "/w=="}))["page"],
            Json::Null
        );
        assert!(ExpectedPage::reduce(&Map::new()).unwrap().is_empty());
    }

    #[test]
    fn only_pages_are_taken() {
        assert!(page("https://example.com/").is_ok());
        for input in ["", "example.com", "ftp://example.com/"] {
            assert!(page(input).is_err(), "{input}");
        }
    }
}
