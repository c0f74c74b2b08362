use super::*;
use proptest::prelude::*;

/// A response as far as it could be decoded, and how that ended.
#[derive(Debug, Default, PartialEq)]
struct Decoded {
    head: Option<(u16, Bytes, Vec<Header>)>,
    body: Vec<u8>,
    trailers: Vec<Header>,
    error: Option<Malformed>,
    end: Option<Cut>,
    rest: Vec<u8>,
}

fn decode<'a>(method: &[u8], pieces: impl IntoIterator<Item = &'a [u8]>) -> Decoded {
    let mut decoder = Decoder::new(method);
    let mut seen = Decoded::default();
    for mut piece in pieces {
        loop {
            match decoder.next(&mut piece) {
                Ok(Some(Event::Head {
                    status,
                    status_line,
                    headers,
                })) => {
                    assert!(seen.head.is_none() && seen.body.is_empty());
                    seen.head = Some((status, status_line, headers));
                }
                Ok(Some(Event::Body(body))) => seen.body.extend_from_slice(body),
                Ok(Some(Event::Trailers(trailers))) => seen.trailers = trailers,
                Ok(None) => break,
                Err(error) => {
                    seen.error = Some(error);
                    return seen;
                }
            }
        }
        seen.rest.extend_from_slice(piece);
    }
    seen.end = decoder.end().err();
    seen
}

fn get(response: &[u8]) -> Decoded {
    decode(b"GET", [response])
}

fn header(name: &str, value: &'static str) -> Header {
    (name.to_owned(), Bytes::from_static(value.as_bytes()))
}

const CHUNKED: &[u8] = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 Fine indeed\r\nserver: a\r\n\
    X-fOLd: one\r\n  two\nSERVER:b \r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n0a\r\n0123456789\r\n\
    0\r\nX-Sum: 1\r\n\r\nHTTP";

#[test]
fn everything_keeps_its_spelling_order_and_duplicates() {
    let decoded = get(CHUNKED);
    let (status, line, headers) = decoded.head.unwrap();
    assert_eq!((status, &line[..]), (200, &b"HTTP/1.1 200 Fine indeed"[..]));
    let wanted = [
        header("server", "a"),
        header("X-fOLd", "one two"),
        header("SERVER", "b"),
        header("Transfer-Encoding", "chunked"),
    ];
    assert_eq!(headers, wanted);
    assert_eq!(decoded.body, b"abc0123456789");
    assert_eq!(decoded.trailers, [header("X-Sum", "1")]);
    assert_eq!(
        (decoded.error, decoded.end, &decoded.rest[..]),
        (None, None, &b"HTTP"[..])
    );
}

#[test]
fn what_does_not_begin_as_a_response_is_refused_at_once() {
    for (wrong, error) in [
        (&b"S"[..], Malformed::Response),
        (b"HTTP:", Malformed::Response),
        (b"<html>", Malformed::Response),
        (b"HTTP/9.9 200 OK\r\n", Malformed::Version),
        (b"HTTP/1.1 20 OK\r\n", Malformed::Status),
        (b"HTTP/1.1\r\n", Malformed::Version),
        (b"HTTP/1.1 200 O\0K\r\n", Malformed::Status),
    ] {
        assert_eq!(get(wrong).error, Some(error), "{wrong:?}");
    }
    let text = Malformed::Response.text();
    assert_eq!(
        text,
        "HTTP/1.x transport connection broken: malformed HTTP response"
    );
}

#[test]
fn a_line_that_is_no_header_is_refused() {
    for line in [&b"no colon"[..], b": no name", b"A\x01: 1", b"A: \0", b"\xff: 1"] {
        let response = [b"HTTP/1.1 200 OK\r\n", line, b"\r\n\r\n"].concat();
        let error = get(&response).error.unwrap();
        assert!(
            matches!(error, Malformed::Header(_)) && error.detail().is_some(),
            "{line:?}: {error:?}"
        );
    }
    let tolerated = get(b"HTTP/1.0 200\nA : \xff\xfe\n\nbody");
    let (_, _, headers) = tolerated.head.unwrap();
    assert_eq!(headers, [("A ".to_owned(), Bytes::from_static(b"\xff\xfe"))]);
    assert_eq!((&tolerated.body[..], tolerated.end), (&b"body"[..], None));
}

#[test]
fn a_body_that_makes_no_sense_leaves_the_head() {
    let chunked =
        |body: &[u8]| get(&[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", body].concat());
    for (body, error) in [
        (&b"x\r\n"[..], Malformed::ChunkSize),
        (b"\r\n", Malformed::ChunkSize),
        (b"ffffffffffffffffff\r\n", Malformed::ChunkSize),
        (b"1\r\nab\r\n", Malformed::ChunkEnd),
        (&[b'0'; LONGEST_CHUNK_LINE + 1], Malformed::ChunkLine),
    ] {
        let decoded = chunked(body);
        assert_eq!(
            (decoded.head.is_some(), decoded.error),
            (true, Some(error)),
            "{body:?}"
        );
    }
    let decoded = get(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n");
    assert_eq!(
        (decoded.head.is_some(), decoded.error),
        (true, Some(Malformed::ContentLength))
    );
}

#[test]
fn a_head_has_its_limits() {
    let many = b"HTTP/1.1 200 OK\r\n"
        .iter()
        .chain(b"A: 1\r\n".iter().cycle().take(6 * 1_001));
    let many: Vec<u8> = many.chain(b"\r\n").copied().collect();
    assert_eq!(get(&many).error, Some(Malformed::TooMany));
    let long = [&b"HTTP/1.1 200 OK\r\nA: "[..], &b"a".repeat(LONGEST_HEAD)].concat();
    assert_eq!(get(&long).error, Some(Malformed::TooLong));
    let interim = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(LONGEST_HEAD / 25 + 1);
    assert_eq!(get(&interim).error, Some(Malformed::TooLong));
    // What comes after the body counts, too.
    let half = [&b"a: "[..], &b"a".repeat(LONGEST_HEAD / 2), b"\r\n"].concat();
    let head = [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n",
        &half[..],
        b"\r\n",
    ]
    .concat();
    let with_trailers = [&head[..], b"0\r\n", &half[..], b"\r\n"].concat();
    assert_eq!(get(&with_trailers).error, Some(Malformed::TooLong));
    assert_eq!(get(&[&head[..], b"0\r\n\r\n"].concat()).error, None);
}

#[test]
fn an_end_too_early_says_where() {
    assert_eq!(get(b"").end, Some(Cut::Before));
    assert_eq!(get(b"HTT").end, Some(Cut::Head));
    assert_eq!(get(b"HTTP/1.1 100 Continue\r\n\r\n").end, Some(Cut::Head));
    assert_eq!(
        get(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab").end,
        Some(Cut::Body(3))
    );
    assert_eq!(get(&CHUNKED[..CHUNKED.len() - 6]).end, Some(Cut::Chunks));
}

#[test]
fn a_response_to_head_has_no_body() {
    let decoded = decode(
        b"HEAD",
        [&b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1"[..]],
    );
    assert_eq!((&decoded.rest[..], decoded.end), (&b"HTTP/1.1"[..], None));
}

/// Something near a response.
fn response() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just(b"HTTP/1.1 200 OK\r\n".to_vec()),
        Just(b"HTTP/1.0 404 Not Found\n".to_vec()),
        Just(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
        Just(b"Content-Length: 7\r\n".to_vec()),
        Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
        Just(b"aB: c\r\n d\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"3\r\nabc\r\n".to_vec()),
        Just(b"0\r\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..8),
    ];
    let parts = proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat());
    prop_oneof![
        parts.clone(),
        parts.prop_map(|rest| [b"HTTP/1.1 200 OK\r\n", &rest[..]].concat()),
        Just(CHUNKED.to_vec())
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn any_split_gives_the_same_response(response in response(), cuts in proptest::collection::vec(0_usize..80, 0..6)) {
        let whole = get(&response);
        prop_assert_eq!(&decode(b"GET", response.chunks(1)), &whole);
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(response.len())).collect();
        cuts.push(response.len());
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts {
            pieces.push(&response[from..cut]);
            from = cut;
        }
        prop_assert_eq!(decode(b"GET", pieces), whole);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, rest: Vec<u8>) {
        decode(b"GET", [&bytes[..], &rest[..]]);
    }
}
