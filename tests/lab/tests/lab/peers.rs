//! The lab's servers, asked by programs that share no code with them: kdig (Knot DNS), coturn's STUN client,
//! aioquic. Each test is skipped, loudly, where its program is absent: `apt install knot-dnsutils coturn`, and
//! `pip install aioquic` for the Python that `NETSONDE_PYTHON` names (`python3` when it names none).

use crate::client::{dns_query, example, hits};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use netsonde_lab::test::in_lab;
use netsonde_lab::{CLIENT_IPV4, Lab};
use std::ffi::OsString;
use std::io::Write;
use std::process::Command;

/// Connects, says what was agreed, and asks one query or for one page.
const AIOQUIC: &str = r#"
import asyncio, base64, sys
from aioquic.asyncio.client import connect
from aioquic.quic.configuration import QuicConfiguration
address, port, name, alpn, ca, query = sys.argv[1:]
async def main():
    config = QuicConfiguration(is_client=True, alpn_protocols=[alpn], server_name=name, cafile=ca, idle_timeout=2)
    async with connect(address, int(port), configuration=config) as client:
        if alpn == "doq":
            reader, writer = await client.create_stream()
            query_bytes = base64.b64decode(query)
            writer.write(len(query_bytes).to_bytes(2, "big") + query_bytes)
            writer.write_eof()
            print((await reader.read()).hex())
        else:
            await client.ping()
            print("connected")
asyncio.run(main())
"#;

fn python() -> OsString {
    std::env::var_os("NETSONDE_PYTHON").unwrap_or_else(|| "python3".into())
}

/// Whether a program is there, and works when asked for this; if not, says that the test is skipped.
fn is_there(test: &str, program: &std::ffi::OsStr, try_it: &[&str]) -> bool {
    let outcome = Command::new(program).args(try_it).output();
    let why = match outcome {
        Ok(output) if output.status.success() => return true,
        Ok(output) => output.status.to_string(),
        Err(error) => error.to_string(),
    };
    let program = program.to_string_lossy();
    // Not eprintln!, which the harness would keep to itself.
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED {test}: {program} {}: {why}",
        try_it.join(" ")
    );
    false
}

/// What a program in the lab printed, and whether it ended well.
fn run(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

#[test]
fn kdig_resolves_over_tls_and_https() {
    let test = "peers::kdig_resolves_over_tls_and_https";
    if !is_there(test, "kdig".as_ref(), &["--version"]) {
        return;
    }
    in_lab(test, || {
        let lab = Lab::start(&example("clean-everything")).unwrap();
        let ca = format!("+tls-ca={}", lab.ca_file().display());
        for transport in ["+tls", "+https", "+https-get"] {
            let (ok, said) = run(lab
                .command("kdig")
                .args(["@8.8.8.8", transport, &ca, "+tls-hostname=dns.google"])
                .args(["example.org", "CAA", "example.org", "A"]));
            assert!(ok, "{transport}: {said}");
            assert!(said.contains("pki.example.org"), "{transport}: {said}");
            assert!(said.contains("23.215.0.132"), "{transport}: {said}");
        }
    });
}

#[test]
fn kdig_meets_the_censor_of_a_port() {
    let test = "peers::kdig_meets_the_censor_of_a_port";
    if !is_there(test, "kdig".as_ref(), &["--version"]) {
        return;
    }
    in_lab(test, || {
        let lab = Lab::start(&example("dot-port-drop")).unwrap();
        let ask = |transport: &str| {
            let mut command = lab.command("kdig");
            run(command.args(["@8.8.8.8", transport, "+timeout=1", "+retry=0", "example.org"]))
        };
        let (_, said) = ask("+tls");
        assert!(!said.contains("23.215.0.132"), "{said}");
        assert_eq!(hits(&lab), [1]);
        let (_, said) = ask("+tcp");
        assert!(said.contains("23.215.0.132"), "{said}");
        assert_eq!(hits(&lab), [1]);
    });
}

#[test]
fn coturn_s_client_learns_its_address() {
    let test = "peers::coturn_s_client_learns_its_address";
    // It knows no option that only prints something.
    if !is_there(test, "sh".as_ref(), &["-c", "command -v turnutils_stunclient"]) {
        return;
    }
    in_lab(test, || {
        let lab = Lab::start(&example("clean-everything")).unwrap();
        let (_, said) = run(lab
            .command("turnutils_stunclient")
            .args(["-p", "19302", "74.125.250.129"]));
        assert!(said.contains(&format!("reflexive addr: {CLIENT_IPV4}")), "{said}");
    });
}

fn aioquic(lab: &Lab, endpoint: [&str; 2], name: &str, alpn: &str, query: &str) -> (bool, String) {
    run(lab
        .command(python())
        .args(["-c", AIOQUIC])
        .args(endpoint)
        .args([name, alpn])
        .arg(lab.ca_file())
        .arg(query))
}

#[test]
fn aioquic_resolves_over_quic() {
    let test = "peers::aioquic_resolves_over_quic";
    if !is_there(test, &python(), &["-c", "import aioquic"]) {
        return;
    }
    in_lab(test, || {
        let lab = Lab::start(&example("clean-everything")).unwrap();
        let query = STANDARD.encode(dns_query("example.org"));
        let (ok, said) = aioquic(&lab, ["8.8.8.8", "853"], "dns.google", "doq", &query);
        assert!(ok, "{said}");
        // 23.215.0.132
        assert!(said.contains("17d70084"), "{said}");
    });
}

#[test]
fn the_names_in_aioquic_s_packets_are_read() {
    let test = "peers::the_names_in_aioquic_s_packets_are_read";
    if !is_there(test, &python(), &["-c", "import aioquic"]) {
        return;
    }
    in_lab(test, || {
        let lab = Lab::start(&example("quic-sni-drop")).unwrap();
        let (ok, said) = aioquic(&lab, ["23.192.228.80", "443"], "example.com", "h3", "");
        assert!(!ok, "{said}");
        assert_eq!(hits(&lab), [1]);
        let (ok, said) = aioquic(&lab, ["23.215.0.132", "443"], "example.org", "h3", "");
        assert!(ok && said.contains("connected"), "{said}");
        assert_eq!(hits(&lab), [1]);
    });
}
