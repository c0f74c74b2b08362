//! A test helper's reply, read strictly: what is none is a helper that failed, never what it saw.
//!
//! As upstream's decoder does, null is taken for an empty list or object, and members that nobody knows are left alone. But
//! what verdicts rest on must be there: without a lookup, connections and a page, a reply would say that the website has no
//! address and that its page came all the same.

use netsonde_guest::Json;

/// Whether a member is what it should be.
type Is = fn(&Json) -> bool;

/// Read a reply. The error says why it is none.
pub(crate) fn read(text: &str) -> Result<Json, String> {
    let reply: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
    match odd(&reply) {
        None => Ok(reply),
        Some(member) => Err(format!(
            "the test helper's reply: `{member}` is not what it should be"
        )),
    }
}

/// The member that is not what it should be.
fn odd(reply: &Json) -> Option<&'static str> {
    let members: [(&'static str, Is); 7] = [
        ("dns", is_lookup),
        ("tcp_connect", |seen| is_each(seen, is_step)),
        ("http_request", is_page),
        ("tls_handshake", |seen| is_each(seen, is_handshake)),
        ("quic_handshake", |seen| is_each(seen, is_handshake)),
        ("http3_request", |seen| seen.is_null() || is_page(seen)),
        ("ip_info", |seen| {
            is_each(seen, |info| info.is_null() || info.is_object())
        }),
    ];
    let mut members = members.into_iter().enumerate();
    let wrong = members.find(|(place, (name, is_right))| match reply.get(name) {
        Some(member) => !is_right(member),
        // Only the first three have to be there.
        None => *place < 3,
    });
    wrong.map(|(_, (name, _))| name)
}

fn is_lookup(dns: &Json) -> bool {
    is_step(dns)
        && match dns.get("addrs") {
            Some(Json::Array(addresses)) => addresses.iter().all(is_address),
            None | Some(Json::Null) => dns.get("failure").is_some_and(Json::is_string),
            Some(_) => false,
        }
}

fn is_address(text: &Json) -> bool {
    text.as_str()
        .is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok())
}

fn is_page(page: &Json) -> bool {
    let is_number = |name| {
        page.get(name)
            .is_none_or(|number| number.is_null() || number.is_i64())
    };
    let has_failed = page.get("failure").is_some_and(Json::is_string);
    let has_status = page
        .get("status_code")
        .and_then(Json::as_u64)
        .is_some_and(|status| status > 0);
    is_step(page)
        && is_number("status_code")
        && is_number("body_length")
        && is_text_or_missing(page, "title")
        && page
            .get("headers")
            .is_none_or(|headers| is_each(headers, Json::is_string))
        && (has_failed || has_status)
}

fn is_handshake(seen: &Json) -> bool {
    is_step(seen) && is_text_or_missing(seen, "server_name")
}

/// Whether this says of something how it went.
fn is_step(seen: &Json) -> bool {
    seen.is_object() && is_text_or_missing(seen, "failure")
}

fn is_each(seen: &Json, is_right: Is) -> bool {
    seen.is_null() || seen.as_object().is_some_and(|seen| seen.values().all(is_right))
}

fn is_text_or_missing(seen: &Json, name: &str) -> bool {
    seen.get(name)
        .is_none_or(|text| text.is_null() || text.is_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use netsonde_guest::json;

    /// What a helper says of a website that works.
    fn whole() -> Json {
        json!({
            "dns": {"failure": null, "addrs": ["192.0.2.1", "2001:db8::1"]},
            "tcp_connect": {"192.0.2.1:443": {"status": true, "failure": null}},
            "tls_handshake": {"192.0.2.1:443": {"server_name": "example.com", "status": true, "failure": null}},
            "quic_handshake": {},
            "http_request": {"body_length": 5, "discovered_h3_endpoint": "", "failure": null, "title": "",
                             "headers": {"Server": "a"}, "status_code": 200},
            "http3_request": null,
            "ip_info": {"192.0.2.1": {"asn": 1, "flags": 2}},
        })
    }

    fn with(pointer: &str, value: Json) -> Json {
        let mut reply = whole();
        *reply.pointer_mut(pointer).unwrap() = value;
        reply
    }

    fn without(name: &str) -> Json {
        let mut reply = whole();
        reply.as_object_mut().unwrap().remove(name).unwrap();
        reply
    }

    #[test]
    fn a_whole_reply_is_kept_as_it_came() {
        for reply in [
            whole(),
            without("tls_handshake"),
            without("quic_handshake"),
            without("http3_request"),
            without("ip_info"),
            with("/tcp_connect", Json::Null),
            with("/tls_handshake", Json::Null),
            with("/ip_info", json!({"192.0.2.1": null, "more": {}})),
            with("/dns", json!({"failure": "dns_name_error", "addrs": null})),
            with("/dns", json!({"failure": "dns_name_error"})),
            with("/dns/addrs", json!([])),
            with("/http_request", json!({"status_code": 301})),
            with(
                "/http_request",
                json!({"failure": "unknown_error", "status_code": -1, "body_length": -1}),
            ),
            with("/http3_request", json!({"status_code": 200, "unknown": [1]})),
        ] {
            assert_eq!(read(&reply.to_string()).as_ref(), Ok(&reply));
        }
    }

    #[test]
    fn what_is_no_reply_is_refused_by_the_member_that_is_wrong() {
        for (reply, member) in [
            (json!([]), "dns"),
            (json!(7), "dns"),
            (json!(true), "dns"),
            (json!(null), "dns"),
            (json!("dns"), "dns"),
            (json!({}), "dns"),
            (json!({"dns": {"addrs": 7}}), "dns"),
            (without("dns"), "dns"),
            (with("/dns", json!(null)), "dns"),
            (with("/dns", json!({})), "dns"),
            (with("/dns/addrs", json!(null)), "dns"),
            (with("/dns/addrs", json!("192.0.2.1")), "dns"),
            (with("/dns/addrs/0", json!(7)), "dns"),
            (with("/dns/addrs/0", json!("example.com")), "dns"),
            (with("/dns/failure", json!(false)), "dns"),
            (without("tcp_connect"), "tcp_connect"),
            (with("/tcp_connect", json!([])), "tcp_connect"),
            (with("/tcp_connect/192.0.2.1:443", json!(true)), "tcp_connect"),
            (
                with("/tcp_connect/192.0.2.1:443/failure", json!(1)),
                "tcp_connect",
            ),
            (without("http_request"), "http_request"),
            (with("/http_request", json!(null)), "http_request"),
            (with("/http_request", json!({})), "http_request"),
            (with("/http_request/status_code", json!(-1)), "http_request"),
            (with("/http_request/status_code", json!("200")), "http_request"),
            (with("/http_request/body_length", json!("5")), "http_request"),
            (with("/http_request/title", json!(["a"])), "http_request"),
            (
                with("/http_request/headers", json!({"Server": ["a"]})),
                "http_request",
            ),
            (with("/http_request/failure", json!({})), "http_request"),
            (with("/tls_handshake", json!(7)), "tls_handshake"),
            (
                with("/tls_handshake/192.0.2.1:443/server_name", json!(7)),
                "tls_handshake",
            ),
            (with("/quic_handshake", json!(7)), "quic_handshake"),
            (with("/http3_request", json!(7)), "http3_request"),
            (with("/ip_info", json!([7])), "ip_info"),
        ] {
            let why = read(&reply.to_string()).unwrap_err();
            assert!(why.contains(&format!("`{member}`")), "{reply}: {why}");
        }
        assert!(read("").is_err() && read("<html>").is_err());
        assert!(read(&"[".repeat(1_000_000)).is_err(), "deep ones, too");
    }
}
