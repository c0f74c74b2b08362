//! `netsonde-registry serve`.

use crate::{allow_files, args::Serve, bind, listen, log, runtime, scheme, stop_signal, tls};
use anyhow::Context as _;
use netsonde_registry::{
    public::{Config, Public, renew, sign},
    serve::Server,
};
use std::time::Duration;
use tokio::time::timeout;

/// Those who may ask for metrics are few.
const METRICS_CONNECTIONS: usize = 16;

/// How long the first signature is waited for before anybody is served.
const SIGN_WITHIN: Duration = Duration::from_secs(3);

/// Serve a registry until the process is asked to end.
pub(crate) fn run(args: &Serve) -> anyhow::Result<()> {
    log()?;
    let tls = tls(args.certificate.as_deref(), args.key.as_deref())?;
    // Each connection may have a file open that is being sent.
    allow_files(
        2 * args.max_connections + METRICS_CONNECTIONS,
        "--max-connections",
    )?;
    let config = Config {
        folder: args.dir.clone(),
        rate: args.rate(),
        is_behind_proxy: args.behind_proxy,
    };
    let public = Public::open(&config).with_context(|| format!("serve {}", args.dir.display()))?;
    let scheme = scheme(tls.as_ref());
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        let listeners = bind(&args.listen).await?;
        let for_metrics = bind(args.metrics_listen.as_slice()).await?;
        let stopped = stop_signal()?;
        // Who asks first is to see that nothing was left out; witnesses that do not answer hold up nobody.
        let _ = timeout(SIGN_WITHIN, sign(args.dir.clone())).await;
        let server = Server::new(public.clone().router(), tls, args.max_connections);
        let server = if args.behind_proxy {
            server
        } else {
            server.with_each(args.max_connections_of_client)
        };
        for listener in listeners {
            listen(&server, listener, scheme, "")?;
        }
        let metrics = Server::new(public.clone().metrics(), None, METRICS_CONNECTIONS);
        for listener in for_metrics {
            listen(&metrics, listener, "http", "metrics")?;
        }
        tokio::select! {
            () = stopped => {}
            () = renew(args.dir.clone(), args.renew) => {}
            () = public.tidy() => {}
        }
        tracing::info!("stopping; what is under way may end");
        tokio::join!(server.stop(), metrics.stop());
        anyhow::Ok(())
    });
    // Another process may have the log's turn; do not wait for it.
    runtime.shutdown_background();
    result
}
