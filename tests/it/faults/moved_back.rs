//! A log that moves back beneath running processes: a backup is restored at the same address, as a
//! failover to a standby would do that lacks the end of the log. Two processes remember what was lost.

use std::{path::Path, process::Command};

use axum::Router;
use daybook_adapters::{
    embedded_postgres::{EmbeddedConfig, EmbeddedPostgres},
    testing::TestDatabase,
};
use daybook_api::state::A_MOMENT;
use daybook_domain::ports::EventLog as _;
use daybook_migrations::MIGRATOR;
use daybook_projections::appointments::Appointments;
use daybook_replay_tools::{Source, verify};
use daybook_testkit::audit::audit;
use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;

use crate::http::{Answer, Salon, TestApp, minutes};

/// How often a history moves back in the long form.
const ROUNDS: u32 = 12;

/// Two processes and their database, which can be put back to what it was.
struct House {
    folder: TempDir,
    server: Option<EmbeddedPostgres>,
    app: TestApp,
    other: Router,
    salon: Salon,
}

fn config(folder: &Path) -> EmbeddedConfig {
    EmbeddedConfig { max_connections: 200, ..EmbeddedConfig::new(folder.join("server")) }
}

fn run(program: &str, arguments: &[&Path]) {
    let mut command = Command::new(program);
    let flag = if program == "cp" { "-a" } else { "-rf" };
    assert!(command.arg(flag).args(arguments).status().unwrap().success(), "{program}");
}

impl House {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let server = EmbeddedPostgres::start_async(config(folder.path())).await.unwrap();
        let mut owner = server.options().connect().await.unwrap();
        MIGRATOR.run(&mut owner).await.unwrap();
        owner.close().await.unwrap();
        let database = TestDatabase::elsewhere(server.options());
        let app = TestApp::on(database, (0, true, A_MOMENT)).await;
        let other = app.other_process().await;
        let salon = app.salon(minutes(60)).await;
        Self { folder, server: Some(server), app, other, salon }
    }

    fn cluster(&self) -> std::path::PathBuf {
        self.folder.path().join("server/pg")
    }

    fn backup(&self) -> std::path::PathBuf {
        self.folder.path().join("backup")
    }

    /// Stops the server, does something to its files, and starts it at the same address.
    async fn restart(&mut self, meanwhile: impl FnOnce(&Self)) {
        self.server.take().unwrap().stop_async().await;
        meanwhile(self);
        let started = EmbeddedPostgres::start_async(config(self.folder.path())).await;
        self.server = Some(started.unwrap());
        // A connection that was used a moment ago is not tested before its next use: one answer each
        // tells that it is gone.
        for router in [self.app.router(), &self.other] {
            for _ in 0..40 {
                self.app.get_at(router, "/api/v2/bookings?limit=1").await;
            }
        }
    }

    /// Remembers everything as it is now.
    async fn back_up(&mut self) {
        self.restart(|it| {
            run("rm", &[&it.backup()]);
            run("cp", &[&it.cluster(), &it.backup()]);
        })
        .await;
    }

    /// Puts everything back to what was remembered.
    async fn restore(&mut self) {
        self.restart(|it| {
            run("rm", &[&it.cluster()]);
            run("cp", &[&it.backup(), &it.cluster()]);
        })
        .await;
    }

    async fn book(&self, router: &Router, start: &str) -> Answer {
        let booking = self.salon.booking(start);
        self.app.keyed_at(router, "POST", "/api/v2/bookings", &[], booking).await
    }

    async fn booked(&self, router: &Router, start: &str) -> String {
        let body = self.book(router, start).await.expect(201);
        body["appointment_id"].as_str().unwrap().to_owned()
    }

    /// Everything stands once, and nothing happened to what never began.
    async fn check(&self) {
        let url = self.app.database.options.to_url_lossy().to_string();
        let source = Source { database_url: Some(url), data_dir: None };
        let heads = self.app.app.dispatcher.log().heads(None, 10).await.unwrap();
        let history = source.open(heads[0].tenant.uuid()).await.unwrap();
        verify(&history).await.unwrap();
        let audit = audit(&history).await.unwrap();
        history.close().await;
        assert_eq!(audit.problems, Vec::<String>::new());
    }
}

fn at(day: u32, time: &str) -> String {
    format!("2026-12-{day:02}T{time}:00+01:00")
}

fn moved_back(health: &Value) -> u64 {
    health["checks"]["log"]["moved_back"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_decided_on_what_was_lost_when_a_history_moves_back_beneath_two_processes() {
    let mut house = House::new().await;
    let (day, next) = (3, 4);
    house.booked(house.app.router(), &at(day, "09:00")).await;
    house.booked(&house.other, &at(day, "10:00")).await;
    house.back_up().await;

    // What will be lost: three bookings and a customer. The other process sees them, too.
    let mut lost = Vec::new();
    for time in ["15:00", "16:00", "17:00"] {
        lost.push(house.booked(house.app.router(), &at(day, time)).await);
    }
    let company = &house.salon.company;
    let body = json!({ "company_id": company, "name": "Lost", "phone": "0151 5555555" });
    let customer = house.app.made("customers", body).await;
    let taken = house.book(&house.other, &at(day, "16:00")).await;
    assert_eq!(taken.code(), "APPOINTMENT_CONFLICT");
    let position = taken.headers["daybook-position"].to_str().unwrap().to_owned();

    house.restore().await;

    // Whoever follows is told, before anything new stands where the lost events stood.
    let routers = [house.app.router().clone(), house.other.clone()];
    for router in &routers {
        for path in ["/api/v2/events?after=", "/api/v2/bookings?min_position="] {
            let answer = house.app.get_at(router, &format!("{path}{position}")).await;
            assert_eq!((answer.status.as_u16(), answer.code()), (409, "POSITION_BEYOND_HEAD"));
        }
    }
    // The day comes to the revision that the first process remembers, with other bookings.
    for time in ["11:15", "12:30", "14:15"] {
        house.booked(&house.other, &at(day, time)).await;
    }
    let overlapping = house.book(house.app.router(), &at(day, "14:00")).await;
    assert_eq!((overlapping.status.as_u16(), overlapping.code()), (409, "APPOINTMENT_CONFLICT"));
    house.booked(house.app.router(), &at(day, "16:00")).await;

    // Nothing happens to what never began.
    for router in &routers {
        for id in &lost {
            let path = format!("/api/v2/bookings/{id}/cancel");
            house.app.keyed_at(router, "POST", &path, &[], json!({})).await.expect(404);
        }
        let mut booking = house.salon.booking(&at(next, "09:00"));
        booking["customer_id"] = json!(customer);
        let answer = house.app.keyed_at(router, "POST", "/api/v2/bookings", &[], booking).await;
        answer.expect(404);
    }
    // Both go on, at once.
    let starts: Vec<_> = (0..16).map(|no| at(next, &format!("{:02}:00", 9 + no / 2))).collect();
    let router = |no: usize| &routers[no % 2];
    let answers =
        join_all(starts.iter().enumerate().map(|(no, start)| house.book(router(no), start))).await;
    assert_eq!(answers.iter().filter(|it| it.status.as_u16() == 201).count(), 8);
    for router in &routers {
        let health = house.app.get_at(router, "/api/health/detailed").await.expect(200);
        assert_eq!((&health["status"], moved_back(&health)), (&json!("degraded"), 1), "{health:#}");
        let metrics = house.app.get_at(router, "/api/metrics").await.text;
        assert!(metrics.contains("daybook_log_moved_back_total 1"), "{metrics}");
    }
    house.check().await;
}

#[tokio::test]
async fn read_models_ahead_of_their_history_are_made_again() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    salon.booked(&app, &at(3, "09:00")).await;
    app.app.runner.settle().await.unwrap();
    let head = app.app.dispatcher.log().heads(None, 10).await.unwrap()[0];
    let mut owner = app.database.options.connect().await.unwrap();
    let ahead = "UPDATE ops.checkpoints SET position = position + 3";
    let moved = sqlx::query(ahead).execute(&mut owner).await.unwrap().rows_affected();
    let renewal = app.app.renewal();
    assert_eq!(renewal.turn().await.unwrap().done as u64, moved);
    let there = app.app.runner.checkpoints().position(head.tenant, &Appointments).await.unwrap();
    assert_eq!(there, head.position);
    assert_eq!(renewal.turn().await.unwrap().done, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the same again and again, under load: cargo test -p daybook-tests --test it -- --ignored a_history_moves_back_again_and_again"]
async fn a_history_moves_back_again_and_again() {
    let mut house = House::new().await;
    let day = |round: u32| 2 + round;
    for round in 0..ROUNDS {
        house.back_up().await;
        for part in ["lost", "kept"] {
            let routers = [house.app.router().clone(), house.other.clone()];
            // Every quarter of an hour, at both processes at once, from other ends of the day.
            let starts: Vec<_> = (0..33)
                .map(|no| if part == "lost" { no } else { 32 - no })
                .map(|no| at(day(round), &format!("{:02}:{:02}", 9 + no / 4, no % 4 * 15)))
                .collect();
            let router = |no: usize| &routers[no % 2];
            let all = starts.iter().enumerate();
            let answers = join_all(all.map(|(no, start)| house.book(router(no), start))).await;
            let is_answer = |it: &Answer| matches!(it.status.as_u16(), 201 | 409 | 400);
            assert!(answers.iter().all(is_answer), "round {round}");
            if part == "lost" {
                house.restore().await;
            }
        }
        house.check().await;
    }
}
