//! `netsonde-registry witness`.

use super::{read, say, seed, write_new};
use crate::{
    allow_files,
    args::{WitnessNew, WitnessServe},
    bind, listen, log, runtime, scheme, stop_signal, tls,
};
use anyhow::{Context as _, ensure};
use netsonde_log::keys::WitnessKey;
use netsonde_registry::{
    folder::{KnownWitness, Witnesses},
    serve::Server,
    witness::Witness,
};
use std::path::PathBuf;

/// What others know a witness by.
const PUBLIC: &str = "witness.pub";

/// Make a witness.
pub(crate) fn new(args: &WitnessNew) -> anyhow::Result<()> {
    ensure!(
        matches!(args.url.scheme(), "http" | "https"),
        "--url {}: give one with http or https",
        args.url
    );
    let key = Witness::create(&args.dir, &args.name, &seed()?)?;
    let file = args.dir.join(PUBLIC);
    write_new(&file, &format!("{key} {}\n", args.url), false)?;
    say(&format!("{} {key}", file.display()))
}

/// Answer the questions of logs until the process is asked to end.
pub(crate) fn serve(args: &WitnessServe) -> anyhow::Result<()> {
    log()?;
    let witness = Witness::open(&args.dir, args.logs.clone())?;
    let tls = tls(args.certificate.as_deref(), args.key.as_deref())?;
    allow_files(args.max_connections, "--max-connections")?;
    let scheme = scheme(tls.as_ref());
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        let listeners = bind(&args.listen).await?;
        let stopped = stop_signal()?;
        let server = Server::new(witness.router(), tls, args.max_connections);
        let server = if args.behind_proxy {
            server
        } else {
            server.with_each(args.max_connections_of_client)
        };
        for listener in listeners {
            listen(&server, listener, scheme, "")?;
        }
        stopped.await;
        server.stop().await;
        anyhow::Ok(())
    });
    runtime.shutdown_background();
    result
}

/// The witnesses in these files, and how many of them must sign.
pub(super) fn known(
    files: &[PathBuf],
    quorum: Option<usize>,
) -> anyhow::Result<(Vec<WitnessKey>, Witnesses)> {
    let (mut keys, mut witnesses) = (Vec::new(), Vec::new());
    for file in files {
        let text = read(file)?;
        let (key, url) = text.trim().split_once(' ').with_context(|| {
            format!(
                "read {}: it is not what `witness new` writes: KEY URL",
                file.display()
            )
        })?;
        keys.push(key.parse().with_context(|| format!("read {}", file.display()))?);
        witnesses.push(KnownWitness {
            key: key.to_owned(),
            url: url.to_owned(),
        });
    }
    let quorum = quorum.unwrap_or(if keys.is_empty() { 0 } else { keys.len() / 2 + 1 });
    ensure!(
        quorum <= keys.len() && (quorum > 0 || keys.is_empty()),
        "--quorum {quorum}: there are {} witnesses",
        keys.len()
    );
    Ok((keys, Witnesses { quorum, witnesses }))
}
