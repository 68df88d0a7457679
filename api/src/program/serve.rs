//! Serves until it is told to stop, then drains: requests first, erasures, webhooks, read models and
//! receipts next, the database last.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context as _;
use daybook_adapters::{
    clock::{SystemClock, chance},
    erasure::Worker as ErasureWorker,
    webhooks::Worker,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use super::{config::Config, database::Database, say};
use crate::{
    router_behind,
    state::{A_MOMENT, App, AppState, Parts},
};

pub(super) async fn run(config: Config) -> anyhow::Result<()> {
    let listener = listen(&config).await?;
    let database = Database::open(&config, false).await?;
    let app = connect(&config, &database).await?;
    say(&format!("ready http://{}", listener.local_addr()?));
    serve(&config, listener, app, database).await
}

/// Takes the address before anything else, so that a taken one costs nothing.
pub(super) async fn listen(config: &Config) -> anyhow::Result<TcpListener> {
    let address = config.listen;
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

pub(super) async fn connect(config: &Config, database: &Database) -> anyhow::Result<App> {
    let parts = Parts {
        database: database.options.clone(),
        master_key: config.master_key()?,
        rate_limit_factor: config.rate_limit_factor,
        clock: Arc::new(SystemClock),
        allow_private_webhooks: config.webhook_allow_private,
        chance: Arc::new(chance),
        moment: A_MOMENT,
    };
    Ok(AppState::connect(parts).await?)
}

pub(super) async fn serve(
    config: &Config,
    listener: TcpListener,
    app: App,
    database: Database,
) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let relay = app.relay_hints(database.options.clone()).await;
    let relay = relay.context("the database cannot be listened to")?;
    let runner = app.runner.start(app.wakeups());
    let renewal = app.renewal().start();
    let webhooks = Worker::start(app.webhooks.clone(), app.hints());
    let erasures = ErasureWorker::start(app.eraser.clone());
    let (closing, kept) = (app.clone(), app.receipts.clone());
    let routes = router_behind(app, &config.trusted_proxies);
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    let given_up = database.given_up();
    let is_lost = Arc::new(AtomicBool::new(false));
    let lost = Arc::clone(&is_lost);
    let served = axum::serve(listener, service).with_graceful_shutdown(async move {
        tokio::select! {
            _ = terminate.recv() => (),
            _ = interrupt.recv() => (),
            () = given_up => lost.store(true, Ordering::Release),
        }
        tracing::info!("stopping");
        closing.close();
    });
    let ended = served.await;
    renewal.stop().await;
    erasures.stop().await;
    webhooks.stop().await;
    runner.stop().await;
    kept.flush().await;
    drop(relay);
    database.close().await;
    // Whoever watches over the program starts it anew; going on without a database helps nobody.
    anyhow::ensure!(!is_lost.load(Ordering::Acquire), "PostgreSQL crashed again and again");
    Ok(ended?)
}
