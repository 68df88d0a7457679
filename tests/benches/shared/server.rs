//! A server of this process, over real HTTP.

use std::sync::Arc;

use chrono::TimeDelta;
use daybook_adapters::{
    api_keys::NewKey,
    clock::{Clock as _, RandomIds, SystemClock},
    testing::TestDatabase,
    vault::MasterKey,
};
use daybook_api::{
    router,
    state::{A_MOMENT, App, AppState, Parts},
};
use daybook_domain::{
    commands::One,
    dispatch::CommandContext,
    ids::{IdSource as _, TenantId},
    ports::EventLog as _,
    tenant::{Tenant, TenantCommand},
};
use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;

/// A server of this process.
pub(crate) struct Server {
    pub(crate) app: App,
    pub(crate) base: String,
    pub(crate) task: tokio::task::JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(database: &TestDatabase) -> Self {
        let parts = Parts {
            database: database.options.clone(),
            master_key: MasterKey::parse(&"7".repeat(64)).unwrap(),
            rate_limit_factor: 0,
            clock: Arc::new(SystemClock),
            allow_private_webhooks: false,
            chance: Arc::new(|| 0),
            moment: A_MOMENT,
        };
        let app = AppState::connect(parts).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let serving = app.clone();
        let task = tokio::spawn(async move {
            let runner = serving.runner.start(serving.wakeups());
            axum::serve(listener, router(serving.clone())).await.unwrap();
            runner.stop().await;
        });
        Self { app, base, task }
    }

    /// Ends it as a crash would, without its leases being given back.
    pub(crate) fn stop(self) {
        self.task.abort();
    }

    /// Opens a tenant and answers a key of it.
    pub(crate) async fn tenant(&self) -> String {
        let tenant = TenantId::new(RandomIds.next_id());
        self.app.dispatcher.log().open_tenant(tenant).await.unwrap();
        let now = SystemClock.now();
        let context = CommandContext::system(tenant, "bench", now, self.app.ids.clone());
        let command = TenantCommand::Open { name: "Bench".to_owned() };
        let open = One::<Tenant> { id: tenant.uuid(), command, expected: None };
        self.app.dispatcher.run(&context, &open).await.unwrap();
        let (name, scopes) = ("bench".to_owned(), vec!["admin".to_owned()]);
        let new = NewKey { name, scopes, expires_at: now + TimeDelta::days(1) };
        let issued = self.app.keys.create(&context, RandomIds.next_id(), new).await.unwrap();
        issued.key.unwrap().expose_secret().to_owned()
    }
}
