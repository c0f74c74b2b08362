//! The ways out, as text.

use netsonde_guest::{Json, json};

type Way = (&'static str, String);

/// This machine, in every spelling.
pub(crate) fn loopback(port: u16) -> Vec<Way> {
    [
        ("loopback", "127.0.0.1"),
        ("another loopback", "127.7.7.7"),
        ("loopback, IPv6", "[::1]"),
        ("loopback, IPv4-mapped", "[::ffff:127.0.0.1]"),
        ("loopback, IPv4-translated", "[::ffff:0:127.0.0.1]"),
        ("loopback, IPv4-compatible", "[::127.0.0.1]"),
        ("loopback, NAT64", "[64:ff9b::127.0.0.1]"),
        ("loopback, local NAT64", "[64:ff9b:1::127.0.0.1]"),
        ("loopback, 6to4", "[2002:7f00:1::1]"),
        ("loopback, Teredo", "[2001:0:7f00:1::f7f7:f7f7]"),
        ("no address", "0.0.0.0"),
        ("no address, the end of the block", "0.255.255.255"),
        ("no address, IPv6", "[::]"),
        ("no address, IPv4-mapped", "[::ffff:0.0.0.0]"),
    ]
    .map(|(way, to)| (way, format!("{to}:{port}")))
    .into()
}

/// Everything that is an endpoint.
pub(crate) fn elsewhere() -> Vec<Way> {
    let mut all = loopback(8080);
    all.extend(
        [
            ("private, 10/8", "10.0.0.1"),
            ("private, 172.16/12", "172.16.0.1"),
            ("private, 192.168/16", "192.168.1.1"),
            ("private, IPv4-mapped", "[::ffff:192.168.1.1]"),
            ("private, IPv4-translated", "[::ffff:0:192.168.1.1]"),
            ("private, IPv4-compatible", "[::192.168.1.1]"),
            ("private, NAT64", "[64:ff9b::192.168.1.1]"),
            (
                "private, local NAT64 of another length",
                "[64:ff9b:1:c0a8:1:100::]",
            ),
            ("private, 6to4", "[2002:c0a8:101::1]"),
            ("private, Teredo client", "[2001:0:808:808::3f57:fefe]"),
            ("private, Teredo server", "[2001:0:c0a8:101::f7f7:f7f7]"),
            ("private, ISATAP", "[2606:4700::5efe:192.168.1.1]"),
            (
                "private, ISATAP of a public kind",
                "[2606:4700::200:5efe:192.168.1.1]",
            ),
            ("private, carrier", "100.64.0.1"),
            ("private, IPv6", "[fd00::1]"),
            ("private, site-local", "[fec0::1]"),
            ("link-local", "169.254.1.1"),
            ("link-local, IPv6", "[fe80::1]"),
            ("link-local, IPv6 with a scope", "[fe80::1%2]"),
            ("metadata", "169.254.169.254"),
            ("metadata, IPv4-mapped", "[::ffff:169.254.169.254]"),
            ("metadata, NAT64", "[64:ff9b::169.254.169.254]"),
            ("metadata, 6to4", "[2002:a9fe:a9fe::1]"),
            ("metadata, IPv6", "[fd00:ec2::254]"),
            ("multicast", "224.0.0.1"),
            ("multicast, IPv6", "[ff02::1]"),
            ("broadcast", "255.255.255.255"),
            ("benchmarks", "198.18.0.1"),
            ("documentation", "192.0.2.1"),
            ("documentation, IPv6", "[2001:db8::1]"),
            ("future use", "240.0.0.1"),
            ("the device itself", "130.192.91.211"),
            ("a host that nobody named", "23.215.0.132"),
            ("a host that nobody named, IPv4-mapped", "[::ffff:23.215.0.132]"),
            ("a host that nobody named, 6to4", "[2002:17d7:84::1]"),
            ("a host that nobody named, NAT64", "[64:ff9b::23.215.0.132]"),
            ("a neighbour of the target", "23.192.228.81"),
        ]
        .map(|(way, to)| (way, format!("{to}:80"))),
    );
    all
}

/// Ports where a connection does harm, at an address that may be gone to.
pub(crate) const ABUSED: [u16; 8] = [22, 23, 25, 445, 587, 3389, 6667, 9100];

/// The same for datagrams: what answers with more than it was sent, and what listens on a home's network.
pub(crate) const AMPLIFIERS: [u16; 28] = [
    7, 13, 17, 19, 53, 67, 69, 111, 123, 137, 161, 389, 514, 520, 623, 1434, 1900, 3283, 3702, 5060, 5351,
    5353, 5355, 5683, 11211, 27015, 27960, 37810,
];

/// Names that nobody named; the last is named, and its answers lead inside.
pub(crate) const NAMES: [(&str, &str); 8] = [
    ("a name of its own", "example.org"),
    ("a secret in a name", "73656372657473.example.com"),
    ("a secret in the spelling of a name", "ex%61mple.com"),
    ("a name for this machine", "localhost"),
    ("a number for this machine", "2130706433"),
    ("a short name for this machine", "127.1"),
    ("the outer name of an encrypted hello", "public.ech.test"),
    ("an answer that leads inside", "rebind.example"),
];

/// What a resolver that may be asked may not be asked, and of which type.
pub(crate) const QUESTIONS: [(&str, &str, &str); 4] = [
    ("a secret in a name", "73656372657473.example.com", "A"),
    ("a name of its own", "example.org", "TXT"),
    ("a service of another name", "_443._https.example.org", "HTTPS"),
    ("the name of an address", "132.0.215.23.in-addr.arpa", "PTR"),
];

/// A name that the script names, and that the system's resolver says is inside.
pub(crate) const INSIDE: &str = "inside.example";
/// A resolver that the script names.
pub(crate) const RESOLVER: &str = "dns.example";
/// A name that the script names, and whose service is elsewhere.
pub(crate) const SERVICE: &str = "service.example";
/// Names that the script names, and whose addresses never answer.
pub(crate) const SILENT: [&str; 4] = [
    "one.silent.example",
    "two.silent.example",
    "three.silent.example",
    "four.silent.example",
];

/// How a resolver is asked, at which endpoint, and its name.
pub(crate) type Resolver = (&'static str, String, String);

/// Encrypted transports, and their ports.
pub(crate) const ENCRYPTED: [(&str, u16); 4] = [("dot", 853), ("doh", 443), ("doh3", 443), ("doq", 853)];

/// Resolvers that nobody named, and ports of the target that are not for DNS.
pub(crate) fn resolvers() -> Vec<(String, Resolver)> {
    let places = [
        ("that nobody named", "8.8.8.8"),
        ("on this machine", "127.0.0.1"),
        ("in a private network", "192.168.1.1"),
        ("in a private network, NAT64", "[64:ff9b::192.168.1.1]"),
        ("where metadata are", "169.254.169.254"),
        ("in a unique local network", "[fd00::1]"),
    ];
    let transports = [("udp", 53), ("tcp", 53)].into_iter().chain(ENCRYPTED);
    let everywhere = transports.flat_map(|(transport, port)| {
        places.map(|(place, address)| {
            let resolver = (transport, format!("{address}:{port}"), RESOLVER.to_owned());
            (format!("{transport}: a resolver {place}"), resolver)
        })
    });
    let more = [
        ("multicast DNS", "224.0.0.251:5353"),
        ("an amplifier, SSDP", "23.192.228.80:1900"),
        ("an amplifier, memcached", "23.192.228.80:11211"),
    ];
    let more = more.map(|(way, at)| (way.to_owned(), ("udp", at.to_owned(), String::new())));
    everywhere.chain(more).collect()
}

/// Mini nettests, and what they are asked to do.
pub(crate) fn errands() -> Vec<(&'static str, Json)> {
    let (address, inside, name) = ("23.215.0.132", "192.168.1.1", "example.org");
    let resolvers = [
        "udp://192.168.1.1",
        "tcp://192.168.1.1",
        "dot://192.168.1.1",
        "https://192.168.1.1/dns-query",
        "h3://192.168.1.1/dns-query",
        "doq://192.168.1.1",
    ];
    let mut all = vec![
        (
            "tcp-connect-address@v1",
            json!({ "ip_address": address, "port": 80 }),
        ),
        (
            "tcp-connect-address@v1",
            json!({ "ip_address": inside, "port": 80 }),
        ),
        ("tcp-connect-domain@v1", json!({ "domain": name, "port": 443 })),
        ("http-address@v1", json!({ "ip_address": inside })),
        ("http-domain@v1", json!({ "domain": name })),
        ("https-domain@v1", json!({ "domain": name })),
        ("http3-domain@v1", json!({ "domain": name })),
        ("dns-lookup@v1", json!({ "domain": name })),
    ];
    all.extend(resolvers.map(|resolver| {
        let with = json!({ "domain": "example.com", "resolver_url": resolver });
        ("dns-lookup@v1", with)
    }));
    all
}
