//! Stories told by a real server, and what they would have been.

use daybook_domain::{ids::TenantId, ports::EventLog as _};
use daybook_replay_tools::{
    History,
    simulate::{
        Asked, Decided, Outcome, Simulation, Sums, Unfaithful, WhatIf, read_changes, simulate,
    },
};
use serde_json::{Value, json};

use crate::{
    http::{Salon, TestApp, minutes},
    replay::source,
};

/// The history of the server's one tenant, as the auditor's program opens it.
async fn history(app: &TestApp) -> History {
    let heads = app.app.dispatcher.log().heads(None, 10).await.unwrap();
    source(&app.database).open(heads[0].tenant.uuid()).await.unwrap()
}

/// What would have been.
async fn with(app: &TestApp, what_if: WhatIf) -> Simulation {
    let history = history(app).await;
    app.app.receipts.flush().await;
    let asked = Asked::of(&history).await.unwrap();
    let tenant: TenantId = history.tenant;
    let what_if = WhatIf { asked, ..what_if };
    let found = simulate(app.app.dispatcher.log(), tenant, &what_if).await.unwrap();
    history.close().await;
    found
}

async fn with_changes(app: &TestApp, changes: Value) -> Simulation {
    with(app, changed(changes)).await
}

fn changed(changes: Value) -> WhatIf {
    let changes = read_changes(&json!({ "changes": changes }).to_string()).unwrap();
    WhatIf { changes, ..WhatIf::default() }
}

/// The starts of what came out in a certain way.
fn starts(found: &Simulation, which: impl Fn(&Outcome) -> bool) -> Vec<String> {
    let of = |it: &&Decided| which(&it.outcome);
    let decided = found.decided.iter().filter(of);
    decided.map(|it| it.about.starts_at.unwrap().to_rfc3339()).collect()
}

fn refused_with(code: &str) -> impl Fn(&Outcome) -> bool {
    move |outcome| matches!(outcome, Outcome::Refused(refused) if refused.code == code)
}

fn fees(found: &Simulation) -> (i64, i64) {
    let all: Vec<_> = found.fees.values().collect();
    all.first().map_or((0, 0), |fees| (fees.before, fees.after))
}

fn sums(found: &Simulation, of: &str) -> (Sums, Sums) {
    let rows = found.rows.iter().filter(|row| row.of == of);
    rows.fold((Sums::default(), Sums::default()), |(before, after), row| {
        (add(before, row.before), add(after, row.after))
    })
}

fn add(one: Sums, other: Sums) -> Sums {
    Sums {
        appointments: one.appointments + other.appointments,
        minutes: one.minutes + other.minutes,
        revenue_minor: one.revenue_minor + other.revenue_minor,
    }
}

/// A Friday until four, weekly.
fn close_at_four(salon: &Salon) -> Value {
    json!([{ "branch": salon.branch,
             "hours": { "5": { "open": [{ "from": "09:00", "to": "16:00" }] } } }])
}

#[tokio::test]
async fn closing_earlier_on_fridays_refuses_exactly_the_bookings_after_that_hour() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    for start in [
        "2026-12-03T16:30:00+01:00",
        "2026-12-04T10:00:00+01:00",
        "2026-12-04T15:00:00+01:00",
        "2026-12-04T16:30:00+01:00",
    ] {
        salon.booked(&app, start).await;
    }
    let gone = salon.booked(&app, "2026-12-11T15:15:00+01:00").await;
    app.post(&format!("/api/v2/bookings/{gone}/cancel"), json!({})).await.expect(200);
    let found = with_changes(&app, close_at_four(&salon)).await;
    let refused = starts(&found, |outcome| matches!(outcome, Outcome::Refused(_)));
    assert_eq!(refused, ["2026-12-04T15:30:00+00:00", "2026-12-11T14:15:00+00:00"]);
    let moot: Vec<_> = found.decided.iter().filter(|it| it.outcome == Outcome::Moot).collect();
    assert_eq!(moot.len(), 1, "the cancellation of what was never booked");
    assert_eq!(moot[0].kind, "cancel");
    let same = found.decided.iter().filter(|it| it.outcome == Outcome::Same).count();
    assert_eq!(same, 3);
    let (before, after) = sums(&found, "branch");
    assert_eq!(before, Sums { appointments: 4, minutes: 240, revenue_minor: 18_000 });
    assert_eq!(after, Sums { appointments: 3, minutes: 180, revenue_minor: 13_500 });
}

#[tokio::test]
async fn a_change_from_a_date_leaves_the_decisions_before_it_alone() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    salon.booked(&app, "2026-12-11T16:30:00+01:00").await;
    app.at("2026-12-02T23:30:00Z");
    salon.booked(&app, "2026-12-18T16:30:00+01:00").await;
    let mut since = close_at_four(&salon);
    // Local midnight: 23:00 UTC on the second.
    since[0]["from"] = json!("2026-12-03");
    let found = with_changes(&app, since).await;
    let refused = starts(&found, |outcome| matches!(outcome, Outcome::Refused(_)));
    assert_eq!(refused, ["2026-12-18T15:30:00+00:00"]);
}

#[tokio::test]
async fn a_longer_colouring_refuses_what_came_too_soon_after_it() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let cut = salon.booking("2026-12-03T10:00:00+01:00");
    let staff = std::slice::from_ref(&salon.staff[0]);
    let colour = app.service(&salon.company, "Colour", minutes(45), json!({}), staff).await;
    let mut colouring = salon.booking("2026-12-03T09:15:00+01:00");
    colouring["service_id"] = json!(colour);
    app.post("/api/v2/bookings", colouring).await.expect(201);
    app.post("/api/v2/bookings", cut).await.expect(201);
    salon.booked(&app, "2026-12-03T11:00:00+01:00").await;
    let longer = json!([{ "service": colour,
                          "profile": { "phases": [{ "key": "A", "active_min": 60 }] } }]);
    let found = with_changes(&app, longer).await;
    let conflicts = starts(&found, refused_with("APPOINTMENT_CONFLICT"));
    assert_eq!(conflicts, ["2026-12-03T09:00:00+00:00"]);
    let changed = starts(&found, |outcome| matches!(outcome, Outcome::Changed { .. }));
    assert_eq!(changed, ["2026-12-03T08:15:00+00:00"], "the colouring itself ends later");
    let Outcome::Refused(refused) = &found.decided[1].outcome else { panic!("it is refused") };
    let in_the_way = &refused.details.as_ref().unwrap()["conflicting_appointment_id"];
    let colouring = found.decided[0].about.appointment_id.unwrap();
    assert_eq!(in_the_way, &json!(colouring), "it is named by its id in the history");
}

#[tokio::test]
async fn a_refused_wish_is_accepted_once_the_hours_are_longer() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let late = "2026-12-04T18:00:00+01:00";
    let refused = app.post("/api/v2/bookings", salon.booking(late)).await;
    assert_eq!(refused.status.as_u16(), 409, "{:#}", refused.body);
    let longer = json!([{ "branch": salon.branch,
                          "hours": { "5": { "open": [{ "from": "09:00", "to": "20:00" }] } } }]);
    let found = with_changes(&app, longer.clone()).await;
    let [tried] = found.tried.as_slice() else { panic!("{:#?}", found.tried) };
    assert!(tried.is_accepted, "{tried:#?}");
    assert_eq!(tried.booking.as_ref().unwrap().price.amount_minor, 4_500);
    assert_eq!(sums(&found, "branch"), (Sums::default(), Sums::default()), "it is only said");
    let taken = with(&app, WhatIf { take_refused: true, ..changed(longer) }).await;
    let won = Sums { appointments: 1, minutes: 60, revenue_minor: 4_500 };
    assert_eq!(sums(&taken, "branch"), (Sums::default(), won));
    let control = with(&app, WhatIf::default()).await;
    assert!(!control.tried[0].is_accepted, "it was refused, and still is without the change");
}

#[tokio::test]
async fn a_taken_refusal_is_in_the_way_of_what_was_booked_there_later() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    // The day is too near: a notice of two days.
    let rules = json!({ "min_notice_min": 2880 });
    let service = app.service(&salon.company, "Colour", minutes(60), rules, &salon.staff).await;
    let mut wish = salon.booking("2026-12-02T10:00:00+01:00");
    wish["service_id"] = json!(service);
    app.post("/api/v2/bookings", wish).await.expect(409);
    app.later(60);
    salon.booked(&app, "2026-12-02T10:00:00+01:00").await;
    let sooner = json!([{ "service": service, "profile": { "rules": { "min_notice_min": 0 } } }]);
    let found = with_changes(&app, sooner.clone()).await;
    assert_eq!((found.tried[0].is_accepted, &found.decided[0].outcome), (true, &Outcome::Same));
    let taken = with(&app, WhatIf { take_refused: true, ..changed(sooner) }).await;
    assert_eq!(starts(&taken, refused_with("APPOINTMENT_CONFLICT")).len(), 1);
}

#[tokio::test]
async fn a_dearer_cancellation_changes_fees_and_nothing_else() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let late = salon.booked(&app, "2026-12-02T15:00:00+01:00").await;
    let early = salon.booked(&app, "2026-12-21T15:00:00+01:00").await;
    assert!(!early.is_empty());
    salon.booked(&app, "2026-12-03T15:00:00+01:00").await;
    app.post(&format!("/api/v2/bookings/{late}/cancel"), json!({})).await.expect(200);
    let dearer = json!([{ "company": salon.company, "policies": { "cancellation":
        { "min_hours_notice": 48, "violation_action": "charge_fee", "fee": { "percent": 50 } } } }]);
    let found = with_changes(&app, dearer).await;
    let other: Vec<_> = found.decided.iter().filter(|it| it.outcome != Outcome::Same).collect();
    let [cancelled] = other.as_slice() else { panic!("{other:#?}") };
    assert_eq!(cancelled.kind, "cancel");
    let Outcome::Changed { differences } = &cancelled.outcome else { panic!("{cancelled:#?}") };
    assert_eq!(differences[0].field, "fee");
    assert_eq!(fees(&found), (0, 2_250));
    let (before, after) = sums(&found, "branch");
    assert_eq!(before, after);
}

#[tokio::test]
async fn whoever_asked_for_nobody_is_served_by_somebody_else() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let mut anyone = salon.booking("2026-12-03T10:00:00+01:00");
    anyone["staff_id"] = Value::Null;
    let booked = app.post("/api/v2/bookings", anyone).await.expect(201);
    let first = booked["booking"]["staff_id"].clone();
    let away = json!([{ "staff": first, "exceptions":
        [{ "date": "2026-12-03", "hours": { "open": [] }, "reason": "training" }] }]);
    let found = with_changes(&app, away.clone()).await;
    let Outcome::Changed { differences } = &found.decided[0].outcome else {
        panic!("{:#?}", found.decided)
    };
    assert_eq!(differences[0].field, "staff_id");
    // Without the receipt nobody knows that anybody would have done.
    let changes = changed(away);
    let history = history(&app).await;
    let found = simulate(app.app.dispatcher.log(), history.tenant, &changes).await.unwrap();
    history.close().await;
    assert!(matches!(found.decided[0].outcome, Outcome::Refused(_)), "{:#?}", found.decided);
}

#[tokio::test]
async fn a_wrong_change_is_named_before_anything_is_simulated() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    let history = history(&app).await;
    for (change, problem) in [
        (
            json!({ "branch": salon.service, "hours": {} }),
            format!("changes[0]: the tenant never had a branch {}", salon.service),
        ),
        (
            json!({ "service": salon.service,
                    "profile": { "phases": [{ "key": "A", "active_min": 3 }] } }),
            "changes[0]: phases/0/active_min: ".to_owned(),
        ),
        (
            json!({ "service": salon.service, "profile": { "rules": { "grid": 15 } } }),
            "changes[0].profile.rules.grid: unknown field".to_owned(),
        ),
        (
            json!({ "branch": salon.branch, "hours": { "8": { "open": [] } } }),
            "changes[0].hours".to_owned(),
        ),
        (
            json!({ "staff": salon.staff[0], "hours": { "1": { "open": [] } } }),
            "changes[0].hours: the staff member has the hours of the branch".to_owned(),
        ),
        (
            json!({ "service": salon.service, "assignments": [{ "staff_id": salon.branch }] }),
            "changes[0].assignments[0].staff_id: ".to_owned(),
        ),
    ] {
        let what_if = changed(json!([change]));
        let wrong = simulate(app.app.dispatcher.log(), history.tenant, &what_if).await;
        let error = format!("{:#}", wrong.unwrap_err());
        assert!(error.starts_with(&problem), "{change}: {error}");
    }
    history.close().await;
}

#[tokio::test]
async fn a_hold_that_is_refused_refuses_its_booking() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    for start in ["2026-12-04T11:00:00+01:00", "2026-12-04T16:30:00+01:00"] {
        let wish = json!({ "service_id": salon.service, "branch_id": salon.branch,
                           "staff_id": salon.staff[0], "starts_at": start });
        let hold = app.post("/api/v2/holds", wish).await.expect(201);
        let booking = json!({ "customer_id": salon.customer, "hold_token": hold["hold_token"] });
        app.post("/api/v2/bookings", booking).await.expect(201);
    }
    let found = with_changes(&app, close_at_four(&salon)).await;
    let told: Vec<_> = found.decided.iter().map(|it| (it.kind, &it.outcome)).collect();
    let [("hold", Outcome::Same), ("book", Outcome::Same), late @ ..] = told.as_slice() else {
        panic!("{told:#?}")
    };
    let [("hold", Outcome::Refused(held)), ("book", Outcome::Refused(booked))] = late else {
        panic!("{late:#?}")
    };
    assert_eq!(held, booked);
}

#[tokio::test]
async fn a_series_loses_the_occurrences_that_no_longer_fit_if_it_could_do_without() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    salon.booked(&app, "2026-12-11T16:30:00+01:00").await;
    let series = json!({ "customer_id": salon.customer, "service_id": salon.service,
        "staff_id": salon.staff[0], "branch_id": salon.branch, "zone": "Europe/Berlin",
        "starts_at_local": "2026-12-04T16:30:00", "rrule": "FREQ=WEEKLY;COUNT=6",
        "skip_conflicts": true });
    let body = app.post("/api/v2/series", series).await.expect(201);
    let cancelled = body["series"]["occurrences"][4]["appointment_id"].as_str().unwrap();
    app.post(&format!("/api/v2/bookings/{cancelled}/cancel"), json!({})).await.expect(200);
    let away = json!([{ "staff": salon.staff[0], "exceptions":
        [{ "date": "2027-01-01", "hours": { "open": [] } }] }]);
    let found = with_changes(&app, away).await;
    let told: Vec<_> = found.decided.iter().map(|it| (it.kind, &it.outcome)).collect();
    let [("book", Outcome::Same), ("start_series", Outcome::Changed { differences }), rest @ ..] =
        told.as_slice()
    else {
        panic!("{told:#?}")
    };
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0].before, "appointment.booked");
    assert_eq!(rest, [("cancel", &Outcome::Moot)]);
}

#[tokio::test]
async fn only_the_decisions_of_the_dates_are_told_and_counted() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    salon.booked(&app, "2026-12-04T16:30:00+01:00").await;
    app.at("2026-12-02T10:00:00Z");
    salon.booked(&app, "2026-12-11T16:30:00+01:00").await;
    let date = Some("2026-12-02".parse().unwrap());
    let what_if = WhatIf { from: date, to: date, ..changed(close_at_four(&salon)) };
    let found = with(&app, what_if).await;
    assert_eq!(starts(&found, |_| true), ["2026-12-11T15:30:00+00:00"]);
    assert_eq!(sums(&found, "branch").0.appointments, 1);
}

#[tokio::test]
async fn what_the_control_gets_wrong_is_told_apart() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    for start in ["2026-12-04T15:30:00+01:00", "2026-12-04T16:45:00+01:00"] {
        salon.booked(&app, start).await;
    }
    let what_if = changed(close_at_four(&salon));
    let found = with(&app, what_if.clone()).await;
    let [first, _] = found.decided.as_slice() else { panic!("{:#?}", found.decided) };
    let mut unfaithful = Unfaithful::default();
    unfaithful.decisions.insert(first.position);
    let found = with(&app, WhatIf { unfaithful, ..what_if }).await;
    assert_eq!((found.decided.len(), found.unfaithful.len()), (1, 1));
    assert_eq!(sums(&found, "branch").0.appointments, 1, "it is left out of the sums");
}

#[tokio::test]
async fn what_history_changed_later_stays_below_the_change() {
    let app = TestApp::new().await;
    let salon = app.salon(minutes(60)).await;
    salon.booked(&app, "2026-12-04T10:00:00+01:00").await;
    let dearer = json!({ "company_id": salon.company, "name": "Cut", "phases": minutes(60),
        "price": { "amount_minor": 5_000, "currency": "EUR" } });
    app.put(&format!("/api/v2/services/{}", salon.service), dearer).await.expect(200);
    salon.booked(&app, "2026-12-04T14:00:00+01:00").await;
    let longer = json!([
        { "service": salon.service, "profile": { "phases": [{ "key": "A", "active_min": 70 }] } },
        { "service": salon.service, "profile": { "rules": { "buffer_after_min": 5 } } },
        { "service": salon.service, "from": "2027-01-01",
          "profile": { "price": { "amount_minor": 9_900, "currency": "EUR" } } },
    ]);
    let found = with_changes(&app, longer).await;
    for it in &found.decided {
        let Outcome::Changed { differences } = &it.outcome else { panic!("{it:#?}") };
        let fields: Vec<_> = differences.iter().map(|it| it.field).collect();
        assert_eq!(fields, ["ends_at", "phases"], "the price is that of the time");
    }
    let (before, after) = sums(&found, "service");
    assert_eq!((before.minutes, after.minutes), (120, 140));
    assert_eq!((before.revenue_minor, after.revenue_minor), (9_500, 9_500));
}
