//! `netsonde-registry`: what an operator runs for probes.
//!
//! This is the command line and nothing else: what it starts is the library's. Where it listens goes to standard output,
//! everything for people to standard error.

mod args;
mod command;

use anyhow::{Context as _, anyhow, ensure};
use args::{Cli, Command, Flags, Key, List, Module, Root, Script, Snapshot, Witness};
use clap::Parser as _;
use command::proposal::Group;
use netsonde_net::{Owners, Scope};
use netsonde_registry::{
    rebuild::{self, sandbox::Sandbox},
    serve::{self, Server},
    test_helper::{Config, Limits, TestHelper},
};
use std::{
    fs,
    io::{self, IsTerminal as _, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_rustls::TlsAcceptor;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// Certificates (PEM) that are trusted in addition to Mozilla's. `netsonde lab` sets it to the lab's authority.
const CA_FILE: &str = "NETSONDE_CA_FILE";
/// What to log, in `tracing-subscriber`'s syntax: `debug`, `netsonde_registry=debug`. Default: `info`.
const LOG: &str = "NETSONDE_LOG";
/// Files that are open beside connections.
const OTHER_FILES: usize = 64;

fn main() -> ExitCode {
    let done = match &Cli::parse().command {
        Command::TestHelper(args) => test_helper(args),
        Command::Serve(args) => command::serve::run(args),
        Command::Key(Key::New(args)) => command::key::new(args),
        Command::Key(Key::Rotate(args)) => command::key::rotate(args),
        Command::Root(Root::Init(args)) => command::root::init(args),
        Command::Root(Root::Sign(args)) => command::root::sign(args),
        Command::Module(Module::Propose(args)) => command::module::propose(args),
        Command::Module(Module::Review(args)) => command::module::review(args),
        Command::Module(Module::Release(args)) => command::module::release(args),
        Command::Module(Module::Yank(args)) => command::module::yank(args),
        Command::Module(Module::Revoke(args)) => command::module::revoke(args),
        Command::Rebuild(args) => command::rebuild::rebuild(args),
        Command::Script(Script::Publish(args)) => command::script::publish(args),
        Command::Script(Script::Revoke(args)) => command::script::revoke(args),
        Command::List(List::Publish(args)) => command::script::publish_list(args),
        Command::Flags(Flags::Set(args)) => command::script::set_flags(args),
        Command::Module(Module::Sign(args)) => command::proposal::sign(args, Group::Module),
        Command::Script(Script::Sign(args)) => command::proposal::sign(args, Group::Script),
        Command::List(List::Sign(args)) => command::proposal::sign(args, Group::List),
        Command::Flags(Flags::Sign(args)) => command::proposal::sign(args, Group::Flags),
        Command::Snapshot(Snapshot::Sign(args)) => command::proposal::sign(args, Group::Snapshot),
        Command::Witness(Witness::New(args)) => command::witness::new(args),
        Command::Witness(Witness::Serve(args)) => command::witness::serve(args),
        Command::Snapshot(Snapshot::Publish(args)) => command::snapshot::publish(args),
        Command::Monitor(args) => command::monitor::run(args),
        Command::Status(args) => command::status::status(args),
        Command::Sandbox(args) => return sandbox(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be left to read it.
            let _ = writeln!(io::stderr(), "error: {}", command::escaped(&told(&error)));
            ExitCode::FAILURE
        }
    }
}

/// Close the doors, and end as the program ends that is behind them.
fn sandbox(args: &Sandbox) -> ExitCode {
    match rebuild::sandbox::run(args) {
        Ok(code) => code.into(),
        Err(why) => {
            let _ = writeln!(io::stderr(), "{why}");
            rebuild::sandbox::NONE.into()
        }
    }
}

/// An error with its causes, except those that the words before them have in them.
fn told(error: &anyhow::Error) -> String {
    let mut told = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !told.contains(&cause) {
            told = format!("{told}: {cause}");
        }
    }
    told
}

fn test_helper(args: &args::TestHelper) -> anyhow::Result<()> {
    log()?;
    let helper = TestHelper::new(config(args)?).context("prepare the test helper")?;
    let tls = tls(args.certificate.as_deref(), args.key.as_deref())?;
    check_file_limit(args)?;
    let scheme = scheme(tls.as_ref());
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        let listeners = bind(&args.listen).await?;
        let stopped = stop_signal()?;
        helper.prepare().await;
        let server = Server::new(helper.router(), tls, args.max_connections);
        for listener in listeners {
            listen(&server, listener, scheme, "")?;
        }
        stopped.await;
        tracing::info!("stopping; what is under way may end");
        server.stop().await;
        anyhow::Ok(())
    });
    // A lookup by the system can not be cancelled; do not wait for it.
    runtime.shutdown_background();
    result
}

fn runtime() -> anyhow::Result<Runtime> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().build().context("start the runtime")
}

/// What connections are spoken over, if these files are given.
fn tls(certificate: Option<&Path>, key: Option<&Path>) -> anyhow::Result<Option<TlsAcceptor>> {
    let (Some(certificate), Some(key)) = (certificate, key) else {
        return Ok(None);
    };
    let tls = serve::tls(&read(certificate)?, &read(key)?);
    let tls = tls.with_context(|| format!("serve with {} and {}", certificate.display(), key.display()));
    tls.map(Some)
}

fn scheme(tls: Option<&TlsAcceptor>) -> &'static str {
    if tls.is_some() { "https" } else { "http" }
}

async fn bind(addresses: &[SocketAddr]) -> anyhow::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for address in addresses {
        let listener = TcpListener::bind(address).await;
        listeners.push(listener.with_context(|| format!("listen on {address}"))?);
    }
    Ok(listeners)
}

/// Begin to serve, and print where.
fn listen(server: &Server, listener: TcpListener, scheme: &str, path: &str) -> anyhow::Result<()> {
    let address = listener.local_addr().context("find out where it listens")?;
    server.listen(listener);
    // Who starts this as a child may have closed the pipe.
    let _ = writeln!(io::stdout(), "{scheme}://{address}/{path}");
    Ok(())
}

/// Resolves when the process is asked to end.
#[cfg(unix)]
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).context("wait for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("wait for SIGTERM")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Resolves when the process is asked to end.
#[cfg(not(unix))]
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without it, the process ends as any other.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

fn log() -> anyhow::Result<()> {
    let filter = match std::env::var(LOG) {
        Ok(directives) => EnvFilter::try_new(&directives)
            .map_err(|error| anyhow!("read {LOG}=`{directives}`: {error}; write it as `debug`"))?,
        Err(_) => EnvFilter::default().add_directive(LevelFilter::INFO.into()),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    Ok(())
}

fn config(args: &args::TestHelper) -> anyhow::Result<Config> {
    ensure!(
        args.resolver.scheme() == "https" && args.resolver.has_host(),
        "--resolver {}: it is not the URL of a resolver over HTTPS, such as https://dns.google/dns-query",
        args.resolver
    );
    let files: Vec<_> = args
        .mmdb
        .iter()
        .map(|path| read(path))
        .collect::<Result<_, _>>()?;
    let owners = Owners::new(files).context("read the files of --mmdb")?;
    let ca_file = std::env::var_os(CA_FILE).filter(|file| !file.is_empty());
    let roots_pem = match ca_file.map(PathBuf::from) {
        Some(file) => {
            vec![fs::read_to_string(&file).with_context(|| format!("read {CA_FILE}={}", file.display()))?]
        }
        None => Vec::new(),
    };
    let allowed = args.allow_destination.iter();
    Ok(Config {
        resolver: args.resolver.clone(),
        owners,
        roots_pem,
        allowed: allowed.filter_map(|name| Scope::from_name(name)).collect(),
        quic: args.enable_quic,
        tls_on_any_port: args.tls_on_any_port,
        limits: Limits {
            in_flight: args.max_in_flight,
            in_flight_of_strangers: args.max_in_flight_of_strangers,
            sockets: args.max_sockets,
            sockets_of_question: args.max_sockets_of_request,
            addresses: args.max_addresses,
            requests: args.max_requests,
            bodies: args.max_body_memory << 20,
        },
    })
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("read {}", path.display()))
}

/// A connect that fails because this machine may open no more files would be told as the measured server's failure.
fn check_file_limit(args: &args::TestHelper) -> anyhow::Result<()> {
    // Each request may look names up on a connection of its own beside those to measured servers.
    allow_files(
        args.max_connections + args.max_sockets + args.max_in_flight,
        "--max-sockets or --max-connections",
    )
}

/// Let this process have so many files open beside those that it always has; what is too high is said otherwise.
fn allow_files(needed: usize, flags: &str) -> anyhow::Result<()> {
    let needed = needed + OTHER_FILES;
    let needed = u64::try_from(needed).context("count the files that may be open at once")?;
    let limit = serve::raise_file_limit(needed).context("raise the limit of open files")?;
    ensure!(
        needed <= limit,
        "{needed} files may be open at once, and this process may open {limit}: raise its limit (`ulimit -n`, \
         LimitNOFILE=), or lower {flags}"
    );
    Ok(())
}
