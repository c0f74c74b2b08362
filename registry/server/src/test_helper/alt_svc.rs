//! Where a server says that it speaks HTTP/3.

/// The endpoint in the value of an `Alt-Svc` header, as `host:port`: of the first entry that offers `h3`. Its host, where it
/// has none, is `host` (an IPv6 address in brackets). Empty where there is no such entry.
pub fn h3_endpoint(alt_svc: &str, host: &str) -> String {
    let offered = alt_svc
        .split([',', ';'])
        .find_map(|entry| Some(entry.split_once("h3=")?.1));
    let Some(authority) = offered else {
        return String::new();
    };
    let authority = authority.trim().trim_matches('"');
    let Some((own, port)) = authority.rsplit_once(':') else {
        return String::new();
    };
    if port.parse::<u16>().is_err() {
        return String::new();
    }
    let host = if own.is_empty() { host } else { own };
    format!("{host}:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_entry_that_offers_h3_counts() {
        for (alt_svc, expected) in [
            (r#"h3=":443""#, "example.org:443"),
            (
                r#"h3-29=":443", h3=":8443"; ma=86400, h3=":1""#,
                "example.org:8443",
            ),
            (r#"h3="alt.example.org:443"; ma=2592000"#, "alt.example.org:443"),
            (r#"h2=":443"; ma=60; h3=":444""#, "example.org:444"),
            (r#"h3="[2001:db8::1]:443""#, "[2001:db8::1]:443"),
            ("clear", ""),
            ("h3=", ""),
            ("h3=\":\"", ""),
            ("h3=\":99999\"", ""),
            ("", ""),
        ] {
            assert_eq!(h3_endpoint(alt_svc, "example.org"), expected, "{alt_svc}");
        }
    }

    proptest! {
        #[test]
        fn whatever_it_says_there_is_a_port_or_nothing(alt_svc in "[h3=\":;, 0-9a-z\\[\\]]{0,40}") {
            let endpoint = h3_endpoint(&alt_svc, "example.org");
            let port = endpoint.rsplit_once(':').map(|(_, port)| port.parse::<u16>().is_ok());
            prop_assert!(endpoint.is_empty() || port == Some(true));
        }
    }
}
