//! A manifest is the text of whoever wrote the module: reading it must not panic, and what is accepted can be used as names
//! of files and as destinations. Nothing is compiled here; the target `module` has the bytes around it.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use netsonde_sandbox::Engine;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    is_nettest: bool,
    /// In place of the beginning that a manifest can not do without.
    whole: bool,
    text: &'a str,
}

const BEGIN: &str = r#"
name = "fuzz"
version = "1.0.0"
summary = "s"
authors = []
licence = "MIT"
source = "s"
"#;

fuzz_target!(|input: Input| {
    let kind = if input.is_nettest {
        "nettest"
    } else {
        "mini-nettest"
    };
    let text = if input.whole {
        input.text.to_owned()
    } else {
        format!("{BEGIN}kind = \"{kind}\"\n{}", input.text)
    };
    if let Ok((manifest, _)) = Engine::inspect("fuzz", &component(&text, input.is_nettest)) {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        assert!((1..=64).contains(&manifest.name.len()) && manifest.name.bytes().all(plain));
        assert!(manifest.destinations.is_empty() || input.is_nettest);
    }
});

/// A component with this manifest that exports what its world does.
fn component(manifest: &str, is_nettest: bool) -> Vec<u8> {
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    let mut custom = sized(b"netsonde:manifest");
    custom.extend_from_slice(manifest.as_bytes());
    section(&mut component, 0, &custom);
    let names: &[&[u8]] = if is_nettest {
        &[b"run", b"reduce"]
    } else {
        &[b"run"]
    };
    let mut exports = leb(names.len());
    for name in names {
        exports.push(0);
        exports.extend(sized(name));
        // The first function, of whatever type.
        exports.extend([1, 0, 0]);
    }
    section(&mut component, 11, &exports);
    component
}

fn section(component: &mut Vec<u8>, id: u8, content: &[u8]) {
    component.push(id);
    component.extend(sized(content));
}

/// Bytes with their length in front.
fn sized(bytes: &[u8]) -> Vec<u8> {
    let mut sized = leb(bytes.len());
    sized.extend_from_slice(bytes);
    sized
}

/// A number as WebAssembly has it.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
