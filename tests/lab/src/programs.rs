//! Programs that serve in the lab. They run where the servers are, so that nobody censors what they do.

use crate::lab::{LabError, doing};
use crate::scenario::{Host, Run, Scenario};
use crate::servers::pki::Pki;
use crate::view;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

const CERTIFICATE_FILE: &str = "certificate.pem";
const KEY_FILE: &str = "key.pem";
/// How long a program may take until it listens. A busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether it does.
const PAUSE: Duration = Duration::from_millis(10);

/// The running programs; they end when this is dropped.
#[derive(Default)]
pub(crate) struct Programs(Vec<Child>);

impl Drop for Programs {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // Fails if it has ended; and whoever runs a command in the lab may have waited for it already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Programs {
    /// Starts all programs of a scenario. When this returns, all of them listen. They end with the calling thread.
    pub(crate) async fn start(scenario: &Scenario, pki: &Pki, world: &OwnedFd) -> Result<Self, LabError> {
        let mut programs = Self::default();
        let wanted = || {
            let hosts = scenario.hosts.iter();
            hosts.filter_map(|host| Some((host, host.run.as_ref()?)))
        };
        for (host, run) in wanted() {
            programs.0.push(spawn(host, run, pki, world)?);
        }
        for ((host, run), child) in wanted().zip(&mut programs.0) {
            for (address, port) in host
                .addresses
                .iter()
                .flat_map(|address| run.ports.iter().map(move |port| (address, port)))
            {
                wait_for(SocketAddr::new(*address, *port), child)
                    .await
                    .map_err(|why| failed(host, run, &why))?;
            }
        }
        Ok(programs)
    }
}

fn spawn(host: &Host, run: &Run, pki: &Pki, world: &OwnedFd) -> Result<Child, LabError> {
    let (certificate, key) = pki
        .pem(host)
        .map_err(|error| LabError::Serve(error.to_string()))?;
    let world = world.try_clone().map_err(doing("share the world's namespace"))?;
    let files = [(CERTIFICATE_FILE, certificate), (KEY_FILE, key)];
    let place = view::place(world, run.resolver, pki.trusted_pem(), &files)?;
    let address = host
        .addresses
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    let file = |name| place.folder.join(name).display().to_string();
    let mut words = run.command.iter().map(|word| {
        word.replace("{address}", &address)
            .replace("{certificate}", &file(CERTIFICATE_FILE))
            .replace("{key}", &file(KEY_FILE))
    });
    let program = words.next().unwrap_or_default();
    let mut command = view::command(program, &Arc::new(place.view), &place.ca_file);
    // The standard output is that of the command that is run in the lab.
    let said = io::stderr()
        .as_fd()
        .try_clone_to_owned()
        .map_err(doing("share the standard error"))?;
    command.args(words).stdin(Stdio::null()).stdout(said);
    command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => failed(
            host,
            run,
            "there is no such program; is it in PATH, and its interpreter installed?",
        ),
        _ => failed(host, run, &error.to_string()),
    })
}

/// Waits until a program listens; why it does not.
async fn wait_for(endpoint: SocketAddr, child: &mut Child) -> Result<(), String> {
    let end = Instant::now() + PATIENCE;
    while TcpStream::connect(endpoint).await.is_err() {
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!(
                "it ended before it listened on {endpoint}: {status}; what it said is above"
            ));
        }
        if Instant::now() >= end {
            let seconds = PATIENCE.as_secs();
            return Err(format!(
                "it does not listen on {endpoint} after {seconds} seconds"
            ));
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

fn failed(host: &Host, run: &Run, why: &str) -> LabError {
    let program = run.command.join(" ");
    LabError::Serve(format!("{}: run `{program}`: {why}", host.name))
}
