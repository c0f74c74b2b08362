//! The `Host` of a cleartext request, and the response that is a blockpage.

/// The host an HTTP/1 request asks for, without its port, once that line is complete.
pub(crate) fn host(prefix: &[u8]) -> Option<String> {
    let complete = prefix.iter().rposition(|byte| *byte == b'\n')?;
    let text = String::from_utf8_lossy(prefix.get(..complete)?);
    let mut lines = text.lines();
    if !lines.next()?.contains(" HTTP/1.") {
        return None;
    }
    let value = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(':'))
        .find_map(|(name, value)| name.eq_ignore_ascii_case("host").then(|| value.trim()))?;
    Some(without_port(value).to_owned())
}

/// A host without its port; an IPv6 address keeps its brackets.
pub(crate) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

/// A whole response with this page, after which the connection ends.
pub(super) fn response(page: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{page}",
        page.len()
    )
}

#[cfg(test)]
mod tests {
    use super::{host, without_port};

    #[test]
    fn the_host_is_read_when_its_line_is_complete_and_not_before() {
        let request = b"GET / HTTP/1.1\r\nAccept: */*\r\nhOST: Example.org:8080\r\n\r\n";
        assert_eq!(host(request).as_deref(), Some("Example.org"));
        assert_eq!(host(&request[..request.len() - 5]), None);
    }

    #[test]
    fn a_host_in_the_body_is_no_host() {
        assert_eq!(
            host(b"POST / HTTP/1.1\r\nAccept: */*\r\n\r\nHost: example.org\r\n"),
            None
        );
        assert_eq!(host(b"\x16\x03\x01\r\nHost: example.org\r\n"), None);
    }

    #[test]
    fn ports_are_cut_off_names_and_addresses() {
        assert_eq!(without_port("example.org:80"), "example.org");
        assert_eq!(without_port("[2001:db8::1]:80"), "[2001:db8::1]");
        assert_eq!(without_port("[2001:db8::1]"), "[2001:db8::1]");
    }
}
