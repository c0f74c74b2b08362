//! Bodies as archives hold them: a text, or `{"data": …, "format": "base64"}` where the bytes are no text.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use netsonde_guest::Json;

use crate::analysis::read;

/// The bytes; none where there is no body, or where its base64 is broken.
pub(super) fn bytes(body: &Json) -> Cow<'_, [u8]> {
    match body {
        Json::String(text) => Cow::Borrowed(text.as_bytes()),
        Json::Object(_) if read::text(body, "format") == "base64" => {
            Cow::Owned(STANDARD.decode(read::text(body, "data")).unwrap_or_default())
        }
        _ => Cow::Borrowed(&[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use netsonde_guest::json;

    #[test]
    fn bodies_are_counted_in_bytes() {
        assert_eq!(bytes(&json!("é")).len(), 2);
        assert_eq!(
            bytes(&json!({"data": "/wA=", "format": "base64"})).as_ref(),
            [0xff, 0]
        );
    }

    #[test]
    fn what_is_no_body_is_empty() {
        for body in [
            json!(null),
            json!(3),
            json!({"data": "!", "format": "base64"}),
            json!({"data": "/wA="}),
        ] {
            assert!(bytes(&body).is_empty(), "{body}");
        }
    }
}
