//! Writes tiny files in `MaxMind`'s format: version 2.0, records of 24 bits, both families in one tree.

use std::net::IpAddr;

/// A network and what is known about it.
pub(crate) type Entry<'a> = (&'a str, u8, u32, &'a str, &'a str);

/// A file with these networks: address, prefix length, number, organisation, country.
pub(crate) fn mmdb(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut nodes: Vec<[Leaf; 2]> = vec![[Leaf::Nothing; 2]];
    let mut data = Vec::new();
    for &(address, length, asn, organization, country) in entries {
        let (bits, length) = match address.parse().unwrap() {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()), usize::from(length) + 96),
            IpAddr::V6(v6) => (v6.to_bits(), usize::from(length)),
        };
        let mut at = 0;
        for depth in 0..length {
            let side = usize::from(bits >> (127 - depth) & 1 == 1);
            if depth + 1 == length {
                nodes[at][side] = Leaf::Data(data.len());
            } else if let Leaf::Node(next) = nodes[at][side] {
                at = next;
            } else {
                nodes.push([Leaf::Nothing; 2]);
                nodes[at][side] = Leaf::Node(nodes.len() - 1);
                at = nodes.len() - 1;
            }
        }
        map(&mut data, 3);
        text(&mut data, "autonomous_system_number");
        number(&mut data, 6, asn);
        text(&mut data, "autonomous_system_organization");
        text(&mut data, organization);
        text(&mut data, "country");
        map(&mut data, 1);
        text(&mut data, "iso_code");
        text(&mut data, country);
    }
    let mut file = Vec::new();
    for leaf in nodes.iter().flatten() {
        let value = match leaf {
            Leaf::Nothing => nodes.len(),
            Leaf::Node(next) => *next,
            Leaf::Data(offset) => nodes.len() + 16 + offset,
        };
        file.extend_from_slice(&u32::try_from(value).unwrap().to_be_bytes()[1..]);
    }
    file.extend_from_slice(&[0; 16]);
    file.extend_from_slice(&data);
    file.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    map(&mut file, 9);
    for (name, kind, value) in [
        ("node_count", 6, u32::try_from(nodes.len()).unwrap()),
        ("record_size", 5, 24),
        ("ip_version", 5, 6),
        ("binary_format_major_version", 5, 2),
        ("binary_format_minor_version", 5, 0),
    ] {
        text(&mut file, name);
        number(&mut file, kind, value);
    }
    text(&mut file, "database_type");
    text(&mut file, "Test");
    text(&mut file, "build_epoch");
    file.extend_from_slice(&[4, 2, 1, 2, 3, 4]);
    text(&mut file, "languages");
    file.extend_from_slice(&[0, 4]);
    text(&mut file, "description");
    map(&mut file, 0);
    file
}

#[derive(Clone, Copy)]
enum Leaf {
    Nothing,
    Node(usize),
    Data(usize),
}

fn map(out: &mut Vec<u8>, members: u8) {
    out.push(7 << 5 | members);
}

fn text(out: &mut Vec<u8>, text: &str) {
    let length = u8::try_from(text.len()).unwrap();
    if length < 29 {
        out.push(2 << 5 | length);
    } else {
        out.extend_from_slice(&[(2 << 5) | 0x1d, length - 0x1d]);
    }
    out.extend_from_slice(text.as_bytes());
}

/// A number: type 5 has up to two bytes, type 6 up to four.
fn number(out: &mut Vec<u8>, kind: u8, value: u32) {
    let size = if kind == 5 { 2 } else { 4 };
    out.push(kind << 5 | size);
    out.extend_from_slice(&value.to_be_bytes()[4 - usize::from(size)..]);
}
