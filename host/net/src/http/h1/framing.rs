//! Where a response's body ends (RFC 9112, section 6.3), and whether the connection goes on after it (section 9.3).

use super::decoder::{Header, Method};

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    None,
    /// After so many bytes.
    Length(u64),
    /// After the chunk of size zero.
    Chunked,
    /// With the connection.
    UntilClose,
    /// The length makes no sense.
    Malformed,
}

/// Where the body ends, and whether another request may follow after it.
pub(super) fn of(method: Method, version: u8, status: u16, headers: &[Header]) -> (Framing, bool) {
    let tunnels = status == 101 || (method == Method::Connect && (200..300).contains(&status));
    let framing = if tunnels || method == Method::Head || matches!(status, 204 | 304) {
        Framing::None
    } else {
        of_body(version, headers)
    };
    let goes_on = if version == 0 {
        has_token(headers, "connection", "keep-alive")
    } else {
        !has_token(headers, "connection", "close")
    };
    let ends_with_body = matches!(framing, Framing::UntilClose | Framing::Malformed);
    (framing, goes_on && !ends_with_body && !tunnels)
}

fn of_body(version: u8, headers: &[Header]) -> Framing {
    // HTTP/1.0 has no transfer encodings; whoever sends one there means the length.
    let last_coding = tokens(headers, "transfer-encoding").last();
    if let Some(coding) = last_coding.filter(|_| version > 0) {
        return if coding.eq_ignore_ascii_case(b"chunked") {
            Framing::Chunked
        } else {
            Framing::UntilClose
        };
    }
    let mut lengths = values(headers, "content-length").flat_map(|value| value.split(|&byte| byte == b','));
    let Some(first) = lengths.next().map(<[u8]>::trim_ascii) else {
        return Framing::UntilClose;
    };
    // The same length twice is no contradiction.
    if lengths.any(|other| other.trim_ascii() != first) || !first.iter().all(u8::is_ascii_digit) {
        return Framing::Malformed;
    }
    let number = std::str::from_utf8(first).ok().and_then(|text| text.parse().ok());
    number.map_or(Framing::Malformed, Framing::Length)
}

fn values<'a>(headers: &'a [Header], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    headers
        .iter()
        .filter(move |(known, _)| known.trim_ascii_end().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_ref())
}

fn tokens<'a>(headers: &'a [Header], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    values(headers, name)
        .flat_map(|value| value.split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|token| !token.is_empty())
}

fn has_token(headers: &[Header], name: &str, token: &str) -> bool {
    tokens(headers, name).any(|known| known.eq_ignore_ascii_case(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn framing(
        method: Method,
        version: u8,
        status: u16,
        headers: &[(&str, &'static str)],
    ) -> (Framing, bool) {
        let headers: Vec<Header> = headers
            .iter()
            .map(|&(name, value)| (name.to_owned(), Bytes::from_static(value.as_bytes())))
            .collect();
        of(method, version, status, &headers)
    }

    #[test]
    fn some_responses_have_no_body_whatever_they_say() {
        let length = [("Content-Length", "5")];
        assert_eq!(framing(Method::Head, 1, 200, &length), (Framing::None, true));
        assert_eq!(framing(Method::Other, 1, 204, &length), (Framing::None, true));
        assert_eq!(framing(Method::Other, 1, 304, &length), (Framing::None, true));
        assert_eq!(framing(Method::Connect, 1, 200, &length), (Framing::None, false));
        assert_eq!(framing(Method::Other, 1, 101, &[]), (Framing::None, false));
        assert_eq!(
            framing(Method::Connect, 1, 403, &length),
            (Framing::Length(5), true)
        );
    }

    #[test]
    fn chunks_come_before_lengths_and_lengths_before_the_end_of_the_stream() {
        let of = |version, headers: &[_]| framing(Method::Other, version, 200, headers);
        let both = [("content-LENGTH", "5"), ("Transfer-encoding", "gzip, Chunked")];
        assert_eq!(of(1, &both), (Framing::Chunked, true));
        assert_eq!(of(0, &both), (Framing::Length(5), false));
        assert_eq!(
            of(1, &[("Transfer-Encoding", "gzip")]),
            (Framing::UntilClose, false)
        );
        assert_eq!(of(1, &[]), (Framing::UntilClose, false));
    }

    #[test]
    fn lengths_may_agree_and_not_contradict_each_other() {
        let of = |headers: &[_]| framing(Method::Other, 1, 200, headers).0;
        assert_eq!(
            of(&[("Content-Length", "5, 5"), ("Content-Length ", "5")]),
            Framing::Length(5)
        );
        for wrong in ["5, 6", "", "+5", "-1", "5 5", "99999999999999999999"] {
            let headers = [(
                "Content-Length".to_owned(),
                Bytes::copy_from_slice(wrong.as_bytes()),
            )];
            assert_eq!(
                super::of(Method::Other, 1, 200, &headers).0,
                Framing::Malformed,
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn the_connection_header_decides_what_follows() {
        let of = |version, value| framing(Method::Other, version, 204, &[("Connection", value)]).1;
        assert!(of(1, "Upgrade") && !of(1, "upgrade, Close"));
        assert!(of(0, "Keep-Alive") && !of(0, ""));
    }
}
