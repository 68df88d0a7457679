//! Serves until it is told to stop, then drains: requests first, erasures, webhooks, read models and
//! receipts next, the database last. Every step has a deadline.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use daybook_adapters::{
    clock::{SystemClock, chance},
    erasure::Worker as ErasureWorker,
    postgres::answers,
    webhooks::Worker as WebhookWorker,
};
use daybook_projections::{aside::RenewalHandle, runner::RunnerHandle};
use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};

use super::{config::Config, database::Database, say, signals::Signals};
use crate::{
    router_behind,
    server::{self, ServerLimits, Stage, Stages, reached},
    state::{A_MOMENT, App, AppState, Parts},
};

/// How long work in the background may take to come to its end.
const STOP: Duration = Duration::from_secs(10);
/// The same after a second signal.
const STOP_AT_ONCE: Duration = Duration::from_secs(2);
/// How long the database may take to say that it is there.
const PROBE: Duration = Duration::from_secs(1);

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
    let signals = Signals::hear()?;
    let relay = app.relay_hints(database.options.clone()).await;
    let relay = relay.context("the database cannot be listened to")?;
    let workers = Workers::start(&app);
    let routes = router_behind(app.clone(), &config.trusted_proxies);
    let given_up = database.given_up();
    let is_lost = async {
        let mut stages = signals.stages();
        let is_lost = tokio::select! {
            () = reached(&mut stages, Stage::Draining) => false,
            () = given_up => true,
        };
        signals.advance(Stage::Draining);
        app.close();
        end_without_database(&app, &signals).await;
        is_lost
    };
    let served = server::serve(listener, routes, ServerLimits::default(), signals.stages());
    let ((), is_lost) = tokio::join!(served, is_lost);
    workers.stop(&app, signals.stages()).await;
    drop(relay);
    database.close().await;
    // Whoever watches over the program starts it anew; going on without a database helps nobody.
    anyhow::ensure!(!is_lost, "PostgreSQL crashed again and again");
    Ok(())
}

/// Lets the program end soon if its database does not answer: what is under way cannot be finished.
#[expect(clippy::disallowed_methods, reason = "a deadline: there is nothing to wait for")]
async fn end_without_database(app: &App, signals: &Signals) {
    if matches!(timeout(PROBE, answers(&app.read)).await, Ok(true)) {
        return;
    }
    tracing::warn!("the database does not answer: requests under way are not finished");
    sleep(PROBE).await;
    signals.advance(Stage::Ending);
}

/// What works beside the requests.
struct Workers {
    renewal: RenewalHandle,
    webhooks: WebhookWorker,
    erasures: ErasureWorker,
    runner: RunnerHandle,
}

impl Workers {
    fn start(app: &App) -> Self {
        Self {
            runner: app.runner.start(app.wakeups()),
            renewal: app.renewal().start(),
            webhooks: WebhookWorker::start(app.webhooks.clone(), app.hints(), app.runner.ranges()),
            erasures: ErasureWorker::start(app.eraser.clone(), app.runner.ranges()),
        }
    }

    /// Lets each finish what it has begun, releases the leases and writes the receipts that are kept:
    /// until a deadline, which is a short one when the program ends at once.
    #[expect(clippy::disallowed_methods, reason = "deadlines: what they limit may never end")]
    async fn stop(self, app: &App, mut stages: Stages) {
        let Self { renewal, webhooks, erasures, runner } = self;
        let stopped = async {
            tokio::join!(
                renewal.stop(),
                webhooks.stop(),
                erasures.stop(),
                runner.stop(),
                app.receipts.flush()
            )
        };
        let ended = async {
            reached(&mut stages, Stage::Ending).await;
            sleep(STOP_AT_ONCE).await;
        };
        tokio::select! {
            _stopped = stopped => return,
            () = sleep(STOP) => (),
            () = ended => (),
        }
        tracing::warn!("work in the background was broken off; leases run out by themselves");
    }
}
