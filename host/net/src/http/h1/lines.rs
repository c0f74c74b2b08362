//! The lines of a head. The library says whether they are well-formed; they are taken apart here, where the spelling is
//! kept.

use super::decoder::Header;
use super::wrong::{MOST_HEADERS, Malformed};
use bytes::Bytes;

/// Whether a line that may not be complete can be that of a response.
pub(super) fn begins_as_response(line: &[u8]) -> Result<(), Malformed> {
    const BEGIN: &[u8] = b"HTTP/";
    let count = line.len().min(BEGIN.len());
    if line.get(..count) == BEGIN.get(..count) {
        Ok(())
    } else {
        Err(Malformed::Response)
    }
}

/// The version (0 or 1) and the status.
pub(super) fn status_line(line: &[u8]) -> Result<(u8, u16), Malformed> {
    let mut response = httparse::Response::new(&mut []);
    match response.parse(line) {
        Ok(_) => {}
        Err(httparse::Error::Version) => return Err(Malformed::Version),
        Err(_) => return Err(Malformed::Status),
    }
    response.version.zip(response.code).ok_or(Malformed::Response)
}

/// The headers of `lines`, the part of `head` after its status line.
pub(super) fn headers(head: &[u8], lines: &[u8]) -> Result<Vec<Header>, Malformed> {
    let count = lines.split(|&byte| byte == b'\n').count();
    if count > MOST_HEADERS {
        return Err(Malformed::TooMany);
    }
    let mut config = httparse::ParserConfig::default();
    config
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true);
    let mut parsed = vec![httparse::EMPTY_HEADER; count];
    config
        .parse_response(&mut httparse::Response::new(&mut parsed), head)
        .map_err(Malformed::Header)?;

    let mut headers: Vec<(String, Vec<u8>)> = Vec::with_capacity(count);
    for line in lines.split(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.first().is_some_and(|&byte| byte == b' ' || byte == b'\t') {
            if let Some((_, value)) = headers.last_mut() {
                value.push(b' ');
                value.extend_from_slice(line.trim_ascii());
            }
        } else if let Some(colon) = line.iter().position(|&byte| byte == b':') {
            let (name, value) = line.split_at(colon);
            let value = value.strip_prefix(b":").unwrap_or(value);
            headers.push((
                String::from_utf8_lossy(name).into_owned(),
                value.trim_ascii().to_vec(),
            ));
        }
    }
    let trimmed = headers.into_iter().map(|(name, mut value)| {
        value.truncate(value.trim_ascii_end().len());
        (name, Bytes::from(value))
    });
    Ok(trimmed.collect())
}

/// A line without its end, which may be a bare LF.
pub(super) fn trim_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
