//! The handshake message with which a TLS connection over TCP begins (RFC 8446, section 5.1).

/// The content type of handshake records.
const HANDSHAKE: u8 = 22;
/// The handshake type of a `ClientHello`.
const CLIENT_HELLO: u8 = 1;
/// What stands before a record's content: its type, a version and a length.
pub(crate) const RECORD_HEADER: usize = 5;
/// What stands before a handshake message's body: its type and a length of three bytes.
pub(crate) const MESSAGE_HEADER: usize = 4;
/// The longest `ClientHello` that is waited for.
const LONGEST: usize = 64 * 1024;

/// What the beginning of a stream is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// A whole `ClientHello`: its body, and how many bytes of the stream its records take.
    Whole {
        /// The message without its header.
        body: Vec<u8>,
        /// Where the stream goes on.
        end: usize,
    },
    /// The beginning of one: as much of its body as is there.
    Partial(Vec<u8>),
    /// Something else.
    Other,
}

/// Reads the beginning of a stream, however the message was cut into records.
pub(crate) fn client_hello(stream: &[u8]) -> Beginning {
    let mut message = Vec::new();
    let mut rest = stream;
    while let Some((header, behind)) = rest.split_at_checked(RECORD_HEADER) {
        let &[content_type, 3, _, high, low] = header else {
            return Beginning::Other;
        };
        if content_type != HANDSHAKE {
            return Beginning::Other;
        }
        let length = usize::from(u16::from_be_bytes([high, low]));
        let content = behind.get(..length).unwrap_or(behind);
        message.extend_from_slice(content);
        rest = behind.get(content.len()..).unwrap_or_default();
        match body(&message) {
            Beginning::Partial(_) => (),
            Beginning::Whole { body, .. } => {
                return Beginning::Whole {
                    body,
                    end: stream.len() - rest.len(),
                };
            }
            Beginning::Other => return Beginning::Other,
        }
    }
    match rest.first() {
        Some(byte) if message.is_empty() && *byte != HANDSHAKE => Beginning::Other,
        _ => body(&message),
    }
}

/// Reads a handshake message: a whole one ends where its header says.
pub(crate) fn body(message: &[u8]) -> Beginning {
    let Some((header, behind)) = message.split_at_checked(MESSAGE_HEADER) else {
        return match message.first() {
            None | Some(&CLIENT_HELLO) => Beginning::Partial(Vec::new()),
            Some(_) => Beginning::Other,
        };
    };
    let &[CLIENT_HELLO, high, middle, low] = header else {
        return Beginning::Other;
    };
    let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
    match behind.get(..length) {
        _ if length > LONGEST => Beginning::Other,
        Some(body) => Beginning::Whole {
            body: body.to_vec(),
            end: MESSAGE_HEADER + length,
        },
        None => Beginning::Partial(behind.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_in_however_many_records_it_comes() {
        let mut message = vec![CLIENT_HELLO, 0, 0, 100];
        message.extend([7; 100]);
        let whole: Vec<u8> = [&[HANDSHAKE, 3, 1, 0, 104][..], &message].concat();
        let cut: Vec<u8> = message
            .chunks(10)
            .flat_map(|chunk| {
                let length = u8::try_from(chunk.len()).unwrap();
                [&[HANDSHAKE, 3, 1, 0, length][..], chunk].concat()
            })
            .collect();
        for stream in [whole, cut] {
            let expected = Beginning::Whole {
                body: vec![7; 100],
                end: stream.len(),
            };
            assert_eq!(client_hello(&[&stream[..], b"more"].concat()), expected);
            for length in 0..stream.len() {
                assert!(
                    matches!(client_hello(&stream[..length]), Beginning::Partial(_)),
                    "{length}"
                );
            }
        }
    }

    #[test]
    fn what_is_not_tls_is_something_else() {
        assert_eq!(client_hello(b"GET / HTTP/1.1\r\n"), Beginning::Other);
        assert_eq!(client_hello(b"G"), Beginning::Other);
        assert_eq!(
            client_hello(&[HANDSHAKE, 3, 3, 0, 4, 2, 0, 0, 0]),
            Beginning::Other
        );
    }
}
