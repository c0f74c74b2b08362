//! The lab's servers, asked by programs that share no code with them: kdig (Knot DNS), coturn's STUN client, curl,
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

/// Connects, and asks one query or for one page.
const AIOQUIC: &str = r#"
import asyncio, base64, sys
from aioquic.asyncio.client import connect
from aioquic.quic.configuration import QuicConfiguration
from aioquic.asyncio import QuicConnectionProtocol
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
address, port, name, alpn, ca, query = sys.argv[1:]
class Client(QuicConnectionProtocol):
    http, said = None, b""
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.answer = asyncio.get_running_loop().create_future()
    def quic_event_received(self, event):
        super().quic_event_received(event)
        for seen in self.http.handle_event(event) if self.http else []:
            if isinstance(seen, HeadersReceived):
                self.said += dict(seen.headers)[b":status"] + b" "
            if isinstance(seen, DataReceived):
                self.said += seen.data
                if seen.stream_ended:
                    self.answer.set_result(self.said.decode())
async def main():
    config = QuicConfiguration(is_client=True, alpn_protocols=[alpn], server_name=name, cafile=ca, idle_timeout=2)
    async with connect(address, int(port), configuration=config, create_protocol=Client) as client:
        if alpn == "doq":
            reader, writer = await client.create_stream()
            query_bytes = base64.b64decode(query)
            writer.write(len(query_bytes).to_bytes(2, "big") + query_bytes)
            writer.write_eof()
            print((await reader.read()).hex())
        else:
            client.http = H3Connection(client._quic)
            stream = client._quic.get_next_available_stream_id()
            asked = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", name.encode()), (b":path", query.encode())]
            client.http.send_headers(stream, asked, end_stream=True)
            client.transmit()
            print(await client.answer)
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
        let (ok, said) = aioquic(&lab, ["23.192.228.80", "443"], "example.com", "h3", "/");
        assert!(!ok, "{said}");
        assert_eq!(hits(&lab), [1]);
        let (ok, said) = aioquic(&lab, ["23.215.0.132", "443"], "example.org", "h3", "/");
        assert!(ok && said.contains("<title>example.org</title>"), "{said}");
        assert_eq!(hits(&lab), [1]);
    });
}

#[test]
fn aioquic_gets_pages_over_http3() {
    let test = "peers::aioquic_gets_pages_over_http3";
    if !is_there(test, &python(), &["-c", "import aioquic"]) {
        return;
    }
    in_lab(test, || {
        let lab = Lab::start(&example("clean-everything")).unwrap();
        let (ok, said) = aioquic(
            &lab,
            ["23.215.0.132", "443"],
            "example.org",
            "h3",
            "/cdn-cgi/trace",
        );
        assert!(ok, "{said}");
        let expected = format!("200 h=example.org\nip={CLIENT_IPV4}\nsni=plaintext\n");
        assert!(said.starts_with(&expected), "{said}");
    });
}

/// Debian's curl speaks HTTP/2 at most; one that speaks HTTP/3 says so.
#[test]
fn curl_gets_pages_over_each_version_that_it_speaks() {
    let test = "peers::curl_gets_pages_over_each_version_that_it_speaks";
    if !is_there(test, "curl".as_ref(), &["--version"]) {
        return;
    }
    let (_, features) = run(Command::new("curl").arg("--version"));
    let is_skipped = !features.contains("HTTP3");
    if is_skipped {
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED {test}, the part of HTTP/3: this curl does not speak it"
        );
    }
    in_lab(test, || {
        let lab = Lab::start(&example("clean-everything")).unwrap();
        let versions = [("--http1.1", "1.1"), ("--http2", "2"), ("--http3-only", "3")];
        for (option, version) in versions.into_iter().take(if is_skipped { 2 } else { 3 }) {
            let (ok, said) = run(lab
                .command("curl")
                .args([option, "--silent", "--show-error", "--cacert"])
                .arg(lab.ca_file())
                .args([
                    "--write-out",
                    "%{http_version} %{http_code}",
                    "https://example.org/",
                ]));
            assert!(
                ok && said.ends_with(&format!("{version} 200")),
                "{option}: {said}"
            );
        }
    });
}
