//! What a guest says of a handshake (names, protocols, certificates, ECH configurations out of somebody's DNS records), and
//! what a server answers to the hello: none of it may make the host panic.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use netsonde_net::{
    Budget, Clock, Meter, Net, NetConfig, Trace,
    tls::{Ech, HandshakeOptions, Identity, Sni, ja4},
};
use std::sync::Arc;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    name: Option<Name<'a>>,
    sni: Option<&'a str>,
    alpn: Vec<&'a str>,
    roots: Vec<Pem<'a>>,
    identity: Option<(Pem<'a>, Pem<'a>)>,
    ech: Option<Configs<'a>>,
    answers: Vec<&'a [u8]>,
}

#[derive(Arbitrary, Debug)]
enum Name<'a> {
    Good,
    Any(&'a str),
}

#[derive(Arbitrary, Debug)]
enum Pem<'a> {
    Block(&'a str),
    Any(&'a str),
}

impl Pem<'_> {
    fn text(&self, what: &str) -> String {
        match self {
            Self::Block(content) => format!("-----BEGIN {what}-----\n{content}\n-----END {what}-----\n"),
            Self::Any(text) => (*text).to_owned(),
        }
    }
}

#[derive(Arbitrary, Debug)]
enum Configs<'a> {
    MadeUp,
    Bytes(&'a [u8]),
    /// Versions and contents; those of RFC 9849 with a public name.
    List(Vec<(Option<u16>, &'a [u8], &'a str)>),
}

impl Configs<'_> {
    fn ech(&self) -> Ech {
        match self {
            Self::MadeUp => Ech::MadeUp,
            Self::Bytes(bytes) => Ech::Configs(bytes.to_vec()),
            Self::List(configs) => {
                let configs = configs.iter().flat_map(|(version, content, name)| {
                    let contents = match version {
                        Some(_) => content.to_vec(),
                        None => [
                            &[1, 0, 0x20, 0, 32][..],
                            &[9; 32],
                            &[0, 4, 0, 1, 0, 1, 42, name.len() as u8],
                            name.as_bytes(),
                            &list(content),
                        ]
                        .concat(),
                    };
                    [&version.unwrap_or(0xfe0d).to_be_bytes()[..], &list(&contents)].concat()
                });
                Ech::Configs(list(&configs.collect::<Vec<_>>()))
            }
        }
    }
}

/// Bytes with their length in front.
fn list(content: &[u8]) -> Vec<u8> {
    [&(content.len() as u16).to_be_bytes()[..], content].concat()
}

fuzz_target!(|input: Input| {
    let trace = Trace::new(Clock::start());
    let net = Net::new(
        &NetConfig::unrestricted(),
        trace,
        Arc::new(Meter::new(Budget::default())),
    )
    .expect("Mozilla's roots are certificates");
    let transaction = net.trace().begin(Vec::new(), None);
    let options = HandshakeOptions {
        server_name: input.name.map(|name| match name {
            Name::Good => "example.org".to_owned(),
            Name::Any(name) => name.to_owned(),
        }),
        sni: input
            .sni
            .map_or(Sni::ServerName, |name| Sni::Name(name.to_owned())),
        alpn: input.alpn.iter().map(|&protocol| protocol.to_owned()).collect(),
        roots_pem: input.roots.iter().map(|pem| pem.text("CERTIFICATE")).collect(),
        identity: input.identity.map(|(chain, key)| Identity {
            certificates_pem: chain.text("CERTIFICATE"),
            key_pem: key.text("PRIVATE KEY"),
        }),
        ech: input.ech.as_ref().map_or(Ech::Absent, Configs::ech),
        ..HandshakeOptions::default()
    };
    let remote = ([192, 0, 2, 1], 443).into();
    let Ok(mut session) = net.tls_session(&transaction, &options, "tcp", remote) else {
        return;
    };
    // A record has five bytes of header, and a longer hello has several.
    let hello = session.outgoing();
    assert!(hello.len() > 1 << 14 || ja4('t', hello.get(5..).unwrap_or_default()).is_some());
    for answer in input.answers {
        if session.receive(answer).is_err() {
            break;
        }
    }
    drop(session);
    assert_eq!(net.trace().observations().tls_handshakes.len(), 1);
});
