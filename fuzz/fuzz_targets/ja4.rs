//! A hello is named whatever wrote it, also one that a peer made up: it must not panic. Any bytes, and hellos of any suites
//! and extensions, which all have a name.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Bytes(&'a [u8]),
    Hello {
        version: u16,
        ciphers: Vec<u16>,
        extensions: Vec<(Extension, &'a [u8])>,
    },
}

/// Those that the name looks into, and the others.
#[derive(Arbitrary, Debug)]
enum Extension {
    Algorithms,
    Alpn,
    Versions,
    Any(u16),
}

impl Extension {
    fn number(&self) -> u16 {
        match self {
            Self::Algorithms => 13,
            Self::Alpn => 16,
            Self::Versions => 43,
            Self::Any(number) => *number,
        }
    }
}

fuzz_target!(|input: Input| {
    let (hello, is_whole) = match input {
        Input::Bytes(bytes) => (bytes.to_vec(), false),
        Input::Hello {
            version,
            ciphers,
            extensions,
        } => {
            let ciphers = ciphers.into_iter().flat_map(u16::to_be_bytes).collect();
            let extensions = extensions.iter().flat_map(|(extension, content)| {
                [&extension.number().to_be_bytes()[..], &list(content.to_vec())].concat()
            });
            let body = [
                &version.to_be_bytes()[..],
                &[0; 33],
                &list(ciphers),
                &[1, 0],
                &list(extensions.collect()),
            ]
            .concat();
            let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
            ([&[1][..], &length[1..], &body].concat(), body.len() < 1 << 16)
        }
    };
    let name = netsonde_net::tls::ja4('t', &hello);
    assert!(name.is_some() || !is_whole, "{hello:?}");
    assert!(name.is_none_or(|name| name.len() == 36));
});

/// A list of bytes with its length in front.
fn list(content: Vec<u8>) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], &content].concat()
}
