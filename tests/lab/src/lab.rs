//! A running lab: two namespaces, the router between them, the servers in one and the client's place in the other.

use crate::censor::{Censor, Hits};
use crate::hops::Hops;
use crate::link::Link;
use crate::programs::Programs;
use crate::router::Router;
use crate::scenario::{CLIENT_IPV4, CLIENT_IPV6, Problem, Scenario};
use crate::sent::Sent;
use crate::servers::{self, pki::Pki};
use crate::sys::namespaces::{self, View};
use crate::sys::netlink::{LOOPBACK, Netlink};
use crate::view;
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::oneshot;

/// Why a lab cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The parts of the scenario do not fit together.
    #[error("the parts of the scenario do not fit together")]
    Scenario(#[from] Problem),
    /// The process may not make namespaces.
    #[error(
        "this process may not configure networks: start it through netsonde_lab::command_in_namespaces, or as root"
    )]
    NotPrivileged,
    /// The kernel refused a part of the set-up.
    #[error("set up the lab: {what}")]
    SetUp {
        /// What was being done.
        what: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// A server of the scenario cannot serve.
    #[error("{0}")]
    Serve(String),
}

/// Names what an error interrupted.
pub(crate) fn doing<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> LabError {
    move |source| LabError::SetUp {
        what,
        source: source.into(),
    }
}

/// A running simulated internet. It ends, with all that is in it, when it is dropped.
pub struct Lab {
    client: Arc<View>,
    hits: Hits,
    sent: Sent,
    rules: Vec<String>,
    ca_pem: String,
    ca_file: PathBuf,
    stop_router: Arc<EventFd>,
    stop_servers: Option<oneshot::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Lab {
    /// Builds a scenario. When this returns, every server listens.
    pub fn start(scenario: &Scenario) -> Result<Self, LabError> {
        scenario.check()?;
        if !namespaces::privileged() {
            return Err(LabError::NotPrivileged);
        }
        let pki =
            Pki::new().map_err(|error| LabError::Serve(format!("make the lab's authority: {error}")))?;
        let hosts = addresses(scenario);
        let (client_namespace, client_link) = client_side(&hosts)?;
        let (world_namespace, world_link) = world_side(&hosts)?;
        let place = view::place(
            client_namespace,
            scenario.resolver.address,
            pki.trusted_pem(),
            &[],
        )?;
        let (client, ca_file) = (Arc::new(place.view), place.ca_file);
        try_view(&client)?;

        let stop = EventFd::from_flags(EfdFlags::EFD_CLOEXEC).map_err(doing("make an event descriptor"))?;
        let stop_router = Arc::new(stop);
        let delay = Duration::from_millis(scenario.delay_ms);
        let censor = Censor::new(scenario.rules.clone(), scenario.hops.first().cloned());
        let hits = censor.hits();
        let sent = Sent::default();
        let router = Router {
            client: client_link,
            world: world_link,
            censor,
            hops: Hops::new(scenario.hops.clone(), delay),
            delay,
            sent: sent.clone(),
            stop: Arc::clone(&stop_router),
        };
        let ca_pem = pki.trusted_pem().to_owned();
        let (stop_servers, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        let world = scenario.clone();
        // From here on, dropping what is there ends the threads.
        let mut lab = Self {
            client,
            hits,
            sent,
            rules: rule_names(scenario),
            ca_pem,
            ca_file,
            stop_router,
            stop_servers: Some(stop_servers),
            threads: Vec::new(),
        };
        lab.spawn("lab-router", move || {
            if let Err(error) = router.run() {
                eprintln!("netsonde lab: the path between client and world broke: {error}");
            }
        })?;
        lab.spawn("lab-world", move || {
            let outcome = serve_until(&world_namespace, &world, &pki, stopped, &tell);
            if let Err(error) = outcome {
                // Nobody listens if the lab was dropped meanwhile.
                let _ = tell.send(Err(error));
            }
        })?;
        match told.recv() {
            Ok(started) => started.map(|()| lab),
            Err(_) => Err(LabError::Serve(
                "the servers ended before they listened".to_owned(),
            )),
        }
    }

    fn spawn(&mut self, name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), LabError> {
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(body)
            .map_err(doing("start a thread"))?;
        self.threads.push(thread);
        Ok(())
    }

    /// A program to be started as the client: in its network, with its resolver, and with the lab's authority in
    /// the environment variables that programs look for: OpenSSL's `SSL_CERT_FILE`, `CURL_CA_BUNDLE`,
    /// `REQUESTS_CA_BUNDLE` (Python), `NODE_EXTRA_CA_CERTS` and `GIT_SSL_CAINFO`, and `NETSONDE_CA_FILE` and
    /// `NETSONDE_LAB_CA`.
    ///
    /// It is killed when the thread that starts it ends: start it from one that lives as long as it shall.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        view::command(program, &self.client, self.ca_file())
    }

    /// Runs a closure as the client, on a thread of its own; threads it starts are the client's too.
    ///
    /// # Panics
    ///
    /// When the closure does, with the same message; and when the kernel does not let the thread into the client's
    /// place, which [`Lab::start`] has tried.
    pub fn client<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        let outcome = thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let entered = self.client.enter();
                entered.map(|()| body())
            });
            thread.join()
        });
        match outcome {
            Ok(Ok(value)) => value,
            #[expect(
                clippy::panic,
                reason = "a closure that cannot be the client must not run elsewhere"
            )]
            Ok(Err(error)) => panic!("enter the client's place in the lab: {error}"),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// Each rule's name, and on how many flows it has acted.
    pub fn rule_hits(&self) -> Vec<(String, u64)> {
        let counts = self.hits.iter().map(|hits| hits.load(Ordering::Relaxed));
        self.rules.iter().cloned().zip(counts).collect()
    }

    /// Where the client's packets went, and how many: `tcp 192.0.2.1:443`, `udp [2001:db8::1]:53`; `other 192.0.2.1` for
    /// what has no ports, ICMP for instance. What the censor or a router kept is among them.
    pub fn sent(&self) -> BTreeMap<String, u64> {
        self.sent.by_place()
    }

    /// The certificate of the authority that signs the hosts' certificates.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// A file with [`Lab::ca_pem`], which only the client sees.
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Each of these fails only if the thread has ended already.
        let _ = self.stop_router.write(1);
        drop(self.stop_servers.take());
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Goes to the client's place once, so that later visits can be relied on.
fn try_view(view: &Arc<View>) -> Result<(), LabError> {
    let view = Arc::clone(view);
    on_own_thread(move || view.enter().map_err(doing("put the client in its place")))
}

/// Runs a step that moves its thread to another namespace.
fn on_own_thread<T: Send + 'static>(
    step: impl FnOnce() -> Result<T, LabError> + Send + 'static,
) -> Result<T, LabError> {
    let thread = thread::Builder::new()
        .name("lab-set-up".to_owned())
        .spawn(step)
        .map_err(doing("start a thread"))?;
    match thread.join() {
        Ok(outcome) => outcome,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Every address of the world, once.
fn addresses(scenario: &Scenario) -> BTreeSet<IpAddr> {
    let hosts = scenario
        .hosts
        .iter()
        .flat_map(|host| host.addresses.iter().copied());
    hosts.chain([scenario.resolver.address]).collect()
}

/// One address of each family in use, to say which default routes are wanted.
fn families(hosts: &BTreeSet<IpAddr>) -> Vec<IpAddr> {
    let first = |wanted: fn(&&IpAddr) -> bool| hosts.iter().find(wanted).copied();
    [
        first(|address| address.is_ipv4()),
        first(|address| address.is_ipv6()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn client_side(hosts: &BTreeSet<IpAddr>) -> Result<(OwnedFd, Link), LabError> {
    let families = families(hosts);
    on_own_thread(move || {
        let namespace = namespaces::new_network_namespace().map_err(doing("make the client's namespace"))?;
        bring_up_loopback()?;
        let own: Vec<IpAddr> = families
            .iter()
            .map(|family| {
                if family.is_ipv4() {
                    CLIENT_IPV4.into()
                } else {
                    CLIENT_IPV6.into()
                }
            })
            .collect();
        let link = Link::open("isp0", &own, &families).map_err(doing("connect the client"))?;
        Ok((namespace, link))
    })
}

fn world_side(hosts: &BTreeSet<IpAddr>) -> Result<(OwnedFd, Link), LabError> {
    let families = families(hosts);
    let hosts = hosts.clone();
    on_own_thread(move || {
        let namespace = namespaces::new_network_namespace().map_err(doing("make the world's namespace"))?;
        bring_up_loopback()?;
        let mut netlink = Netlink::open().map_err(doing("configure the world"))?;
        for host in hosts {
            netlink
                .add_address(LOOPBACK, host)
                .map_err(doing("give the world a host's address"))?;
        }
        let link = Link::open("world0", &[], &families).map_err(doing("connect the world"))?;
        Ok((namespace, link))
    })
}

fn bring_up_loopback() -> Result<(), LabError> {
    let mut netlink = Netlink::open().map_err(doing("configure loopback"))?;
    netlink.bring_up(LOOPBACK, 0).map_err(doing("configure loopback"))
}

/// Serves the scenario on the calling thread until the lab ends; tells once all servers listen.
fn serve_until(
    namespace: &OwnedFd,
    scenario: &Scenario,
    pki: &Pki,
    stopped: oneshot::Receiver<()>,
    tell: &std::sync::mpsc::SyncSender<Result<(), LabError>>,
) -> Result<(), LabError> {
    namespaces::enter_network_namespace(namespace).map_err(doing("enter the world"))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(doing("start the servers' runtime"))?;
    runtime.block_on(async {
        servers::start(scenario, pki)
            .await
            .map_err(|error| LabError::Serve(error.to_string()))?;
        let _programs = Programs::start(scenario, pki, namespace).await?;
        // Nobody listens if the lab was dropped meanwhile; then the next line returns at once.
        let _ = tell.send(Ok(()));
        let _ = stopped.await;
        Ok(())
    })
}

fn rule_names(scenario: &Scenario) -> Vec<String> {
    let numbered = scenario.rules.iter().zip(1..);
    numbered
        .map(|(rule, number): (_, usize)| rule.name.clone().unwrap_or_else(|| format!("rule {number}")))
        .collect()
}
