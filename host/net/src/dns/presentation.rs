//! Data of records as text, as zone files have it (RFC 1035, section 5.1), where the library's text is another or loses
//! something: character strings, and services.

use hickory_proto::rr::{
    RData,
    rdata::{SVCB, svcb::SvcParamValue},
};

/// The text of a record's data, which is `rdata` on the wire.
pub(super) fn of(data: &RData, rdata: &[u8]) -> String {
    match data {
        RData::Unknown { .. } | RData::NULL(_) => generic(rdata),
        RData::TXT(text) => {
            let strings = text.txt_data.iter().map(|string| quoted(string));
            strings.collect::<Vec<_>>().join(" ")
        }
        RData::HTTPS(service) => service_text(&service.0),
        RData::SVCB(service) => service_text(service),
        known => known.to_string(),
    }
}

/// A character string: what is not printable ASCII as `\DDD`.
fn quoted(string: &[u8]) -> String {
    let mut text = String::from("\"");
    for &byte in string {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.extend(format!("\\{byte:03}").chars()),
        }
    }
    text.push('"');
    text
}

/// A service (RFC 9460, section 2.1).
fn service_text(service: &SVCB) -> String {
    let params = service.svc_params.iter().map(|(key, value)| {
        let value = match value {
            SvcParamValue::NoDefaultAlpn => String::new(),
            SvcParamValue::Unknown(value) => format!("={}", quoted(&value.0)),
            // The library has a comma after each of a list.
            known => format!("={}", known.to_string().trim_end_matches(',')),
        };
        format!("{key}{value}")
    });
    let head = [service.svc_priority.to_string(), service.target_name.to_string()];
    head.into_iter().chain(params).collect::<Vec<_>>().join(" ")
}

/// Data of a type without a presentation format of its own (RFC 3597, section 5).
fn generic(rdata: &[u8]) -> String {
    let length = rdata.len();
    if length == 0 {
        return "\\# 0".to_owned();
    }
    let data: Vec<_> = rdata.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\\# {length} {}", data.concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::rr::rdata::{TXT, svcb};
    use hickory_proto::rr::{Name, rdata::HTTPS};

    #[test]
    fn strings_keep_their_bounds_and_their_bytes() {
        let text = TXT::from_bytes(vec![b"v=1 \"a\\".as_slice(), b"", b"\xff\n~"]);
        assert_eq!(of(&RData::TXT(text), b""), r#""v=1 \"a\\" "" "\255\010~""#);
    }

    #[test]
    fn services_are_as_in_zone_files() {
        let parameters = vec![
            (
                svcb::SvcParamKey::Alpn,
                SvcParamValue::Alpn(svcb::Alpn(vec!["h3".to_owned(), "h2".to_owned()])),
            ),
            (svcb::SvcParamKey::NoDefaultAlpn, SvcParamValue::NoDefaultAlpn),
            (svcb::SvcParamKey::Port, SvcParamValue::Port(8443)),
            (
                svcb::SvcParamKey::Key(667),
                SvcParamValue::Unknown(svcb::Unknown(b"a\0".to_vec())),
            ),
        ];
        let service = HTTPS(SVCB::new(1, Name::root(), parameters));
        assert_eq!(
            of(&RData::HTTPS(service), b""),
            r#"1 . alpn=h3,h2 no-default-alpn port=8443 key667="a\000""#
        );
    }

    #[test]
    fn unknown_data_is_in_hexadecimal() {
        assert_eq!(generic(b"\x0a\xbc"), "\\# 2 0abc");
        assert_eq!(generic(b""), "\\# 0");
    }
}
