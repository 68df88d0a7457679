//! The read models: a rebuild ends with the same rows, an event that comes twice changes nothing,
//! and the rows say what the aggregates say.

use daybook_domain::{
    aggregate::Evolve,
    calendar::CalendarId,
    calendar_day::{CalendarDay, CalendarDayEvent, Claim, Purpose},
    customer::{Customer, CustomerEvent},
    event_log::{RecordedEvent, Revision},
    slot::Slot,
};
use daybook_projections::{
    activity_log::{self, ActivityFilter},
    appointments::{self, AppointmentFilter},
    availability_grid,
    customers::{self, CustomerFilter, CustomerSearch},
    directory::{self, DirectoryFilter, DirectoryKind},
    modifications::{self, ViolationFilter},
    registry::projectors,
    tx::transaction,
};
use uuid::Uuid;

use super::{history::History, world, *};

/// All rows of a tenant in all tables of the registry.
async fn rows(bench: &Bench, tenant: TenantId) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for table in projectors().iter().flat_map(|projector| projector.tables()) {
        let found: Vec<String> = sqlx::query_scalar(&format!(
            "SELECT to_jsonb(t)::text FROM {table} AS t WHERE t.tenant_id = $1 ORDER BY 1"
        ))
        .bind(tenant.uuid())
        .fetch_all(&bench.pool)
        .await
        .unwrap();
        rows.extend(found.into_iter().map(|row| ((*table).to_owned(), row)));
    }
    rows
}

/// A random history that is followed while it happens, in batches of any size.
pub(super) async fn followed(seed: u64) -> (Bench, History) {
    let bench = Bench::new().await;
    let tenant = bench.tenant().await;
    world::open_shop(&bench.log, tenant).await;
    let mut history = History::new(tenant, seed);
    let batch = 1 + usize::try_from(history.below(9)).unwrap();
    let runner = bench.runner_with(projectors(), RunnerConfig { batch, ..RunnerConfig::default() });
    for _ in 0..120 {
        history.step(&*bench.log).await;
        if history.below(8) == 0 {
            runner.settle().await.unwrap();
        }
    }
    runner.settle().await.unwrap();
    assert!(runner.parked(tenant).await.unwrap().is_empty());
    (bench, history)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rebuild_equals_incremental_over_random_histories() {
    for seed in 1..=6 {
        let (bench, history) = followed(seed).await;
        let rebuilt = Bench::on(Arc::clone(&bench.log)).await;
        rebuilt.runner(projectors()).settle().await.unwrap();
        let rows_now = rows(&bench, history.tenant).await;
        assert!(rows_now.len() > 50, "seed {seed}: a history of {} rows", rows_now.len());
        assert_eq!(rows_now, rows(&rebuilt, history.tenant).await, "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redelivery_changes_no_row() {
    for seed in 10..=13 {
        let (bench, mut history) = followed(seed).await;
        let tenant = history.tenant;
        let before = rows(&bench, tenant).await;
        let recorded = bench.log.read_tenant(tenant, Position(0), 10_000).await.unwrap();
        // Once all of it, once only its beginning.
        let part = 1 + usize::try_from(history.below(recorded.len() as u64)).unwrap();
        for events in [recorded.clone(), recorded[..part].to_vec()] {
            let chunk = 1 + usize::try_from(history.below(30)).unwrap();
            for events in events.chunks(chunk) {
                let events: Vec<Event> = events.iter().cloned().map(Event::new).collect();
                redeliver(&bench, tenant, events).await;
            }
        }
        assert_eq!(rows(&bench, tenant).await, before, "seed {seed}");
    }
}

async fn redeliver(bench: &Bench, tenant: TenantId, events: Vec<Event>) {
    let delivered: Result<(), ProjectionError> = transaction(&bench.pool, move |tx| {
        Box::pin(async move {
            for projector in projectors() {
                let wanted: Vec<&Event> =
                    events.iter().filter(|event| projector.wants(event)).collect();
                projector.project(tx, tenant, &wanted).await?;
            }
            Ok(())
        })
    })
    .await;
    delivered.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_say_what_the_aggregates_say() {
    let (bench, history) = followed(20).await;
    let mut connection = bench.pool.acquire().await.unwrap();
    for (id, appointment) in &history.appointments {
        let row = appointments::one(&mut connection, history.tenant, *id).await.unwrap().unwrap();
        let booking = appointment.booking().unwrap();
        assert_eq!(Some(row.status), appointment.status());
        assert_eq!(row.version, appointment.version());
        assert_eq!((row.starts_at, row.ends_at), (booking.plan.starts_at, booking.plan.ends_at));
        assert_eq!(row.phases, booking.plan.phases);
        assert_eq!(row.modifications, appointment.modifications());
        assert_eq!(row.reschedules, appointment.reschedules());
    }
    let always = Slot::new(history.now, history.now + chrono::Duration::days(60)).unwrap();
    let calendars: std::collections::BTreeSet<CalendarId> =
        history.days.keys().map(|day| day.calendar).collect();
    for calendar in calendars {
        let rows = availability_grid::claims(
            &mut connection,
            history.tenant,
            calendar,
            always,
            history.now,
        );
        let mut in_rows: Vec<_> = rows.await.unwrap().iter().map(|row| row.claim_id).collect();
        let of_calendar = history.days.iter().filter(|(day, _)| day.calendar == calendar);
        let mut in_days: Vec<_> = of_calendar
            .flat_map(|(_, day)| day.live(history.now).map(|claim| claim.claim_id))
            .collect();
        in_rows.sort_unstable();
        in_days.sort_unstable();
        in_days.dedup();
        assert_eq!(in_rows, in_days, "{calendar}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_appointments_follow_each_other_and_filters_narrow_them() {
    let (bench, history) = followed(21).await;
    let tenant = history.tenant;
    let mut connection = bench.pool.acquire().await.unwrap();
    let all = AppointmentFilter::default();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = appointments::list(&mut connection, tenant, &all, after, 3).await.unwrap();
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        after = Some(last.cursor());
        seen.extend(page);
    }
    assert_eq!(seen.len(), history.appointments.len());
    assert!(seen.is_sorted_by_key(|row| (row.starts_at, row.appointment_id)));
    let status = seen[0].status;
    let filter = AppointmentFilter { statuses: vec![status], ..AppointmentFilter::default() };
    let narrowed = appointments::list(&mut connection, tenant, &filter, None, 100).await.unwrap();
    let expected: Vec<_> = seen.iter().filter(|row| row.status == status).cloned().collect();
    assert_eq!(narrowed, expected);
    let nobody = Some(Uuid::from_u128(99).into());
    let filter = AppointmentFilter { staff_id: nobody, ..AppointmentFilter::default() };
    assert!(
        appointments::list(&mut connection, tenant, &filter, None, 9).await.unwrap().is_empty()
    );
    let stranger = bench.tenant().await;
    assert!(appointments::list(&mut connection, stranger, &all, None, 9).await.unwrap().is_empty());

    let filter = ActivityFilter {
        aggregate_type: Some("appointment".to_owned()),
        aggregate_id: Some(seen[0].appointment_id.to_string()),
        ..ActivityFilter::default()
    };
    let done = activity_log::list(&mut connection, tenant, &filter, None, 100).await.unwrap();
    assert_eq!(done.len() as u64, seen[0].version);
    assert_eq!(
        done.last().map(|activity| activity.event_type.as_str()),
        Some("appointment.booked")
    );
    assert!(done.iter().all(|activity| activity.actor == "key:1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_that_claims_a_minute_twice_is_stopped_by_the_second_wall() {
    let bench = Bench::new().await;
    let tenant = bench.tenant().await;
    let calendar = CalendarId::Staff(Uuid::from_u128(1).into());
    let noon = "2026-12-01T12:00:00Z".parse().unwrap();
    let date: chrono::NaiveDate = "2026-12-01".parse().unwrap();
    for number in [1, 2] {
        let event = CalendarDayEvent::Claimed {
            calendar,
            date,
            capacity: 1,
            claim: Claim {
                claim_id: Uuid::from_u128(number).into(),
                purpose: Purpose::Block,
                slot: Slot::of_minutes(noon, 60).unwrap(),
                units: 1,
                service_id: None,
            },
        };
        let event = EventData {
            event_id: Uuid::from_u128(number),
            event_type: "calendar_day.claimed".into(),
            event_version: "1.0.0".into(),
            payload: serde_json::to_string(&event).unwrap(),
            metadata: history::METADATA.into(),
        };
        let stream = CalendarDay::stream(format!("{calendar}:{date}"));
        append(&*bench.log, tenant, stream, vec![event]).await;
    }
    let runner = bench.runner(projectors());
    runner.settle().await.unwrap();
    let parked = runner.parked(tenant).await.unwrap();
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].projector.as_str(), parked[0].position), ("availability_grid", 2));
    assert!(parked[0].error.contains("claims_one_at_a_time"), "{}", parked[0].error);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_of_an_unknown_version_is_parked_and_not_passed_over() {
    let bench = Bench::new().await;
    let tenant = bench.tenant().await;
    let event = EventData {
        event_id: Uuid::from_u128(1),
        event_type: "appointment.booked".into(),
        event_version: "99.0.0".into(),
        payload: "{}".to_owned(),
        metadata: history::METADATA.into(),
    };
    append(&*bench.log, tenant, StreamId::new("appointment", Uuid::nil().to_string()), vec![event])
        .await;
    let runner = bench.runner(projectors());
    runner.settle().await.unwrap();
    let parked = runner.parked(tenant).await.unwrap();
    let reading = projectors().into_iter().filter(|it| it.reads().contains(&"appointment"));
    assert_eq!(parked.len(), reading.count());
    assert!(parked.iter().all(|parked| parked.error.contains("99.0.0")), "{parked:?}");
}

/// AT-43.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn modification_stats_count_what_the_aggregates_count() {
    let (bench, history) = followed(40).await;
    let mut connection = bench.pool.acquire().await.unwrap();
    let (mut changed, mut broken) = (0, 0);
    for (id, appointment) in &history.appointments {
        let row = modifications::stats(&mut connection, history.tenant, *id).await.unwrap();
        let row = row.unwrap();
        assert_eq!(row.modification_count, appointment.modifications());
        assert_eq!(row.reschedule_count, appointment.reschedules());
        assert_eq!(row.cancellation_count, row.modification_count - row.reschedule_count);
        changed += i64::from(row.modification_count);
        broken += row.violation_count as usize;
    }
    assert!(3 < changed, "{changed} changes");
    let totals = modifications::totals(&mut connection, history.tenant, (None, None), 1, None, 9);
    let totals = totals.await.unwrap();
    assert_eq!(totals.iter().map(|of| of.modifications).sum::<i64>(), changed);
    let filter = ViolationFilter::default();
    let listed = modifications::violations(&mut connection, history.tenant, &filter, None, 1000);
    let listed = listed.await.unwrap();
    assert_eq!(listed.len(), broken);
    assert!(listed.iter().all(|it| it.outcome.policy_violation));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn directory_lists_master_data_by_name_and_filters() {
    let (bench, history) = followed(30).await;
    let mut connection = bench.pool.acquire().await.unwrap();
    let all = DirectoryFilter::default();
    let mut names = Vec::new();
    for kind in [DirectoryKind::Branch, DirectoryKind::Staff, DirectoryKind::Service] {
        let rows = directory::list(&mut connection, history.tenant, kind, &all, None, 9).await;
        let rows = rows.unwrap();
        assert_eq!(rows.len(), 1);
        assert!(rows[0].is_active);
        let cursor = rows[0].cursor();
        let rest = directory::list(&mut connection, history.tenant, kind, &all, Some(&cursor), 9);
        assert!(rest.await.unwrap().is_empty(), "nothing comes after the last one");
        names.push((rows[0].name.clone(), rows[0].version));
    }
    assert_eq!(names, [("Mitte".to_owned(), 2), ("Ada".to_owned(), 1), ("Cut".to_owned(), 2)]);
    for (staff_id, found) in [(world::STAFF, 1), (Uuid::from_u128(99), 0)] {
        let filter = DirectoryFilter { staff_id: Some(staff_id.into()), ..all.clone() };
        let kind = DirectoryKind::Service;
        let rows = directory::list(&mut connection, history.tenant, kind, &filter, None, 9).await;
        assert_eq!(rows.unwrap().len(), found);
    }
}

/// A customer's event as a log gives it whose vault has opened it.
fn of_customer(tenant: TenantId, id: Uuid, number: u64, event: &CustomerEvent) -> Event {
    use daybook_domain::aggregate::EventKind as _;

    Event::new(RecordedEvent {
        tenant,
        position: Position(number),
        stream: Customer::stream(id),
        revision: Revision(number),
        event_id: Uuid::from_u128(number.into()),
        event_type: event.kind().to_owned(),
        event_version: "1.0.0".to_owned(),
        payload: serde_json::to_string(event).unwrap(),
        metadata: history::METADATA.to_owned(),
        recorded_at: chrono::DateTime::UNIX_EPOCH,
        hash: [0; 32],
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customer_is_found_by_name_and_phone_until_erased() {
    let bench = Bench::new().await;
    let tenant = bench.tenant().await;
    let id = Uuid::from_u128(7);
    let personal = |value| serde_json::json!({ "$personal": id, "value": value });
    let registered = serde_json::from_value(serde_json::json!({
        "type": "registered",
        "company_id": Uuid::from_u128(1),
        "contact": { "name": personal("Zoe 100% Zimt"), "phone": personal("+4915112345678") },
    }));
    let registered: CustomerEvent = registered.unwrap();
    redeliver(&bench, tenant, vec![of_customer(tenant, id, 1, &registered)]).await;
    let mut connection = bench.pool.acquire().await.unwrap();
    let by_name = |text: &str| {
        let mut search = CustomerSearch::default();
        search.name(text);
        CustomerFilter { search, ..CustomerFilter::default() }
    };
    let mut search = CustomerSearch::default();
    search.phone("0151 1234").unwrap();
    let by_phone = CustomerFilter { search, ..CustomerFilter::default() };
    for (filter, found) in [
        (by_name("zoe 100%"), 1),
        (by_name("zoe 1_0"), 0),
        (by_name("ZÌM zo"), 1),
        (by_name("imt"), 0),
        (by_phone.clone(), 1),
    ] {
        let rows = customers::list(&mut connection, tenant, &filter, None, 9).await.unwrap();
        assert_eq!(rows.len(), found);
        assert!(rows.iter().all(|row| !format!("{row:?}").contains("Zoe")));
    }
    redeliver(
        &bench,
        tenant,
        vec![of_customer(tenant, id, 2, &CustomerEvent::Erased { reason: None })],
    )
    .await;
    // The registration comes again: what is erased stays so.
    redeliver(&bench, tenant, vec![of_customer(tenant, id, 1, &registered)]).await;
    for filter in [by_name("zoe"), by_phone] {
        let rows = customers::list(&mut connection, tenant, &filter, None, 9).await.unwrap();
        assert!(rows.is_empty());
    }
    let all = CustomerFilter::default();
    let rows = customers::list(&mut connection, tenant, &all, None, 9).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert!(rows[0].is_erased && rows[0].name.is_none() && rows[0].version == 2);
    // The text of the whole row, in case a column keeps what it should not.
    let text = rows_as_text(&bench, tenant).await;
    assert!(!text.contains("Zimt") && !text.contains("15112345678"), "{text}");
}

async fn rows_as_text(bench: &Bench, tenant: TenantId) -> String {
    rows(bench, tenant).await.into_iter().map(|(_, row)| row).collect()
}
