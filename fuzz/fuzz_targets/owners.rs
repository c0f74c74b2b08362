//! A file in MaxMind's format is the user's, and from anywhere: reading it and looking addresses up must not panic. Any bytes,
//! and files whose last part, without which nothing is read, is sound.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use netsonde_net::Owners;
use std::net::IpAddr;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    file: File<'a>,
    addresses: [u128; 4],
}

#[derive(Arbitrary, Debug)]
enum File<'a> {
    Bytes(&'a [u8]),
    Sound {
        nodes: u8,
        size: Size,
        is_v6: bool,
        tree: &'a [u8],
        data: &'a [u8],
    },
}

/// Of a record: two of them are a node.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Size {
    Bits24,
    Bits28,
    Bits32,
}

impl Size {
    fn bits(self) -> u16 {
        match self {
            Self::Bits24 => 24,
            Self::Bits28 => 28,
            Self::Bits32 => 32,
        }
    }
}

fuzz_target!(|input: Input| {
    let Ok(owners) = Owners::new([bytes(&input.file)]) else {
        return;
    };
    for address in input.addresses {
        drop(owners.look_up(IpAddr::V6(address.into())));
        drop(owners.look_up(IpAddr::V4((address as u32).into())));
    }
});

fn bytes(file: &File<'_>) -> Vec<u8> {
    let (nodes, size, is_v6, tree, data) = match file {
        File::Bytes(bytes) => return bytes.to_vec(),
        File::Sound {
            nodes,
            size,
            is_v6,
            tree,
            data,
        } => (*nodes, *size, *is_v6, *tree, *data),
    };
    let mut file = tree.to_vec();
    file.resize(usize::from(nodes) * usize::from(size.bits()) / 4, 0);
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    // A map of nine; kinds are in the upper three bits, and 0 there is another kind in the next byte.
    file.push(7 << 5 | 9);
    for (name, number) in [
        ("binary_format_major_version", 2),
        ("binary_format_minor_version", 0),
        ("ip_version", if is_v6 { 6 } else { 4 }),
        ("record_size", size.bits()),
    ] {
        text(&mut file, name);
        file.push(5 << 5 | 2);
        file.extend(number.to_be_bytes());
    }
    text(&mut file, "node_count");
    file.extend([6 << 5 | 1, nodes]);
    text(&mut file, "build_epoch");
    file.extend([1, 2, 9]);
    text(&mut file, "database_type");
    text(&mut file, "fuzz");
    text(&mut file, "description");
    file.push(7 << 5);
    text(&mut file, "languages");
    file.extend([0, 4]);
    file
}

fn text(file: &mut Vec<u8>, text: &str) {
    file.push(2 << 5 | text.len() as u8);
    file.extend(text.as_bytes());
}
