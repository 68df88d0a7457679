//! Clients that book, move and cancel at random on one staff-day, and remember every answer.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use daybook_adapters::clock::{Clock as _, SystemClock};
use daybook_domain::{appointment::AppointmentStatus, ids::AppointmentId};
use daybook_testkit::client::{Answer, Caller, Salon};
use serde_json::{Value, json};
use tokio::{sync::Notify, task::JoinSet};
use uuid::Uuid;

/// A request, to be repeated with its key until it is answered.
#[derive(Clone, Debug)]
struct Request {
    method: &'static str,
    path: String,
    body: Value,
    key: String,
}

type Known = BTreeMap<AppointmentId, (AppointmentStatus, DateTime<Utc>)>;

#[derive(Default)]
struct Notes {
    known: Known,
    unanswered: Vec<Request>,
    failures: Vec<String>,
    /// Answers that no request of ours may get.
    surprises: Vec<String>,
    accepted: usize,
    refused: usize,
    times: Vec<Duration>,
}

struct Shared {
    salon: Salon,
    staff: String,
    /// A service of two phases with the client alone in between.
    composite: String,
    /// The beginning of the staff-day.
    day: DateTime<Utc>,
    notes: Mutex<Notes>,
    accepted: AtomicUsize,
    another: Notify,
}

/// The load on one staff-day. Clones share what they remember.
#[derive(Clone)]
pub(super) struct Load(Arc<Shared>);

/// Clients at work.
pub(super) struct Running {
    stop: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

impl Running {
    /// Lets every client finish its request.
    pub(super) async fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        self.clients.join_all().await;
    }
}

impl Load {
    /// Opens a salon with one staff member, and as many customers as there will be clients.
    pub(super) async fn prepare(caller: &Caller, customers: usize) -> Self {
        let salon = Salon::open(caller, 5, 5, customers).await;
        let staff = salon.hire(caller).await;
        // A day fills up: whatever is left of a series is booked.
        let path = format!("/api/v2/companies/{}/policies", salon.company);
        let policies = json!({ "recurring": { "min_length": 1 } });
        let answer = caller.send("PUT", &path, Some(&policies), None).await;
        assert_eq!(answer.expect("the policies are set").status, 200);
        let phases = json!([{ "key": "A", "active_min": 5, "processing_min": 10 },
                            { "key": "B", "active_min": 5 }]);
        let composite = salon.offer(caller, "Composite", &phases, &staff).await;
        let today = SystemClock.now().date_naive().and_time(NaiveTime::MIN).and_utc();
        let day = today + TimeDelta::days(14);
        let (notes, accepted, another) = (Mutex::default(), AtomicUsize::new(0), Notify::new());
        Self(Arc::new(Shared { salon, staff, composite, day, notes, accepted, another }))
    }

    /// Sets so many clients to work. Their choices depend on the seed alone.
    pub(super) fn start(&self, caller: &Caller, clients: u64, seed: usize) -> Running {
        let stop = Arc::new(AtomicBool::new(false));
        let mut running = JoinSet::new();
        for client in 0..clients {
            let (load, caller, stop) = (self.clone(), caller.clone(), Arc::clone(&stop));
            let mut dice = Dice(client * 7919 + seed as u64 + 1);
            running.spawn(async move {
                let mut own = Vec::new();
                let mut unclear = None;
                while !stop.load(Ordering::SeqCst) {
                    // What got no answer is asked again, with its key, before anything else.
                    let request =
                        unclear.take().unwrap_or_else(|| load.choose(&mut dice, &own, client));
                    match load.ask(&caller, request).await {
                        Ok(booked) => own.extend(booked),
                        Err(request) => unclear = Some(request),
                    }
                }
                load.notes().unanswered.extend(unclear);
            });
        }
        Running { stop, clients: running }
    }

    /// A booking mostly, else a change of one that this client made: nobody else changes it.
    fn choose(&self, dice: &mut Dice, own: &[AppointmentId], client: u64) -> Request {
        let (salon, staff) = (&self.0.salon, &self.0.staff);
        let key = Uuid::from_u64_pair(dice.roll(), dice.roll()).to_string();
        let customer = &salon.customers[usize::try_from(client).unwrap() % salon.customers.len()];
        let slot = i64::try_from(dice.roll() % 288).unwrap();
        let starts_at = self.0.day + TimeDelta::minutes(5 * slot);
        let mine =
            (!own.is_empty()).then(|| own[usize::try_from(dice.roll()).unwrap() % own.len()]);
        let (method, path, body) = match (dice.roll() % 10, mine) {
            (0..=2, Some(id)) => ("POST", format!("/api/v2/bookings/{id}/cancel"), json!({})),
            (3..=4, Some(id)) => (
                "PATCH",
                format!("/api/v2/bookings/{id}/reschedule"),
                json!({ "new_starts_at": starts_at }),
            ),
            (5, _) => (
                "POST",
                "/api/v2/series".to_owned(),
                json!({ "customer_id": customer, "service_id": salon.service, "staff_id": staff,
                        "branch_id": salon.branch, "zone": "UTC", "rrule": "FREQ=DAILY;COUNT=4",
                        "starts_at_local": starts_at.naive_utc(), "skip_conflicts": true }),
            ),
            (roll, _) => (
                "POST",
                "/api/v2/bookings".to_owned(),
                json!({ "customer_id": customer, "staff_id": staff, "branch_id": salon.branch,
                        "service_id": if roll == 6 { &self.0.composite } else { &salon.service },
                        "starts_at": starts_at }),
            ),
        };
        Request { method, path, body, key }
    }

    /// Sends a request and notes what became of it. Answers the appointments that were booked, or
    /// gives the request back if it was neither accepted nor refused.
    async fn ask(&self, caller: &Caller, request: Request) -> Result<Vec<AppointmentId>, Request> {
        let begin = Instant::now();
        let answer = caller
            .send(request.method, &request.path, Some(&request.body), Some(&request.key))
            .await;
        let outcome = self.notes().note(request, answer, begin.elapsed());
        let accepted = self.notes().accepted;
        if accepted != self.0.accepted.swap(accepted, Ordering::SeqCst) {
            self.0.another.notify_waiters();
        }
        if outcome.is_err() {
            // Whoever does not answer has trouble enough.
            tokio::task::yield_now().await;
        }
        outcome
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.0.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until so many more requests were accepted.
    pub(super) async fn wait_for_more(&self, accepted: usize) {
        let enough = self.0.accepted.load(Ordering::SeqCst).saturating_add(accepted);
        loop {
            let another = self.0.another.notified();
            if enough <= self.0.accepted.load(Ordering::SeqCst) {
                return;
            }
            let patience = Duration::from_secs(90);
            tokio::time::timeout(patience, another).await.expect("nothing is accepted any more");
        }
    }

    /// What the list of bookings says of them all, once it rests on `position`.
    pub(super) async fn listed(&self, caller: &Caller, position: u64) -> Known {
        let (mut listed, mut after) = (Known::new(), String::new());
        loop {
            let branch = &self.0.salon.branch;
            let path = format!("/api/v2/bookings?branch_id={branch}&limit=100{after}");
            let answer = reached(caller, &format!("{path}&min_position={position}")).await;
            assert_eq!(answer.status, 200, "{:#}", answer.body);
            for item in answer.body["items"].as_array().unwrap() {
                let id = item["appointment_id"].as_str().unwrap().parse().unwrap();
                let status = serde_json::from_value(item["status"].clone()).unwrap();
                listed.insert(id, (status, item["starts_at"].as_str().unwrap().parse().unwrap()));
            }
            let Some(next) = answer.body["next"].as_str() else { return listed };
            after = format!("&after={next}");
        }
    }

    /// Sends what got no answer again, with its key, until it is answered.
    pub(super) async fn repeat_unanswered(&self, caller: &Caller) {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let unanswered = std::mem::take(&mut self.notes().unanswered);
            if unanswered.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "{} requests get no answer", unanswered.len());
            for request in unanswered {
                let outcome = self.ask(caller, request).await;
                self.notes().unanswered.extend(outcome.err());
            }
        }
    }

    /// What was acknowledged.
    pub(super) fn known(&self) -> Known {
        self.notes().known.clone()
    }

    /// Refusals for another reason than a conflict.
    pub(super) fn surprises(&self) -> Vec<String> {
        self.notes().surprises.clone()
    }

    /// What was neither accepted nor refused.
    pub(super) fn failures(&self) -> Vec<String> {
        self.notes().failures.clone()
    }

    /// Prints how it went.
    #[expect(clippy::print_stdout, reason = "seen with --nocapture")]
    pub(super) fn report(&self, length: Duration) {
        let mut notes = self.notes();
        notes.times.sort_unstable();
        let at = |part: usize| notes.times[notes.times.len() * part / 100].as_secs_f64() * 1e3;
        println!(
            "{} accepted and {} refused in {length:?}, p50 {:.1} ms, p99 {:.1} ms",
            notes.accepted,
            notes.refused,
            at(50),
            at(99)
        );
    }
}

impl Notes {
    fn note(
        &mut self,
        request: Request,
        answer: Result<Answer, reqwest::Error>,
        took: Duration,
    ) -> Result<Vec<AppointmentId>, Request> {
        let unclear = match answer {
            Ok(Answer { status: 200 | 201, body }) => {
                self.times.push(took);
                self.accepted += 1;
                return Ok(self.learn(&request, &body));
            }
            Ok(Answer { status: 409, .. }) => {
                self.times.push(took);
                self.refused += 1;
                return Ok(Vec::new());
            }
            Ok(answer @ Answer { status: 400..=499, .. }) => {
                self.surprises.push(format!("{request:?} {answer:?}"));
                return Ok(Vec::new());
            }
            Ok(unclear) => format!("{unclear:?}"),
            Err(error) => error.to_string(),
        };
        self.failures.push(unclear);
        Err(request)
    }

    fn learn(&mut self, request: &Request, body: &Value) -> Vec<AppointmentId> {
        let at = |value: &Value| value.as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
        if request.path.ends_with("/cancel") {
            let known = self.known.get_mut(&id_in(&request.path));
            known.unwrap().0 = AppointmentStatus::Cancelled;
            return Vec::new();
        }
        if request.path.ends_with("/reschedule") {
            let known = self.known.get_mut(&id_in(&request.path));
            known.unwrap().1 = at(&request.body["new_starts_at"]);
            return Vec::new();
        }
        let booked: Vec<(AppointmentId, DateTime<Utc>)> =
            match body["series"]["occurrences"].as_array() {
                Some(occurrences) => {
                    let booked = occurrences.iter().filter(|it| it["appointment_id"].is_string());
                    booked.map(|it| (id(&it["appointment_id"]), at(&it["starts_at"]))).collect()
                }
                None => vec![(id(&body["appointment_id"]), at(&request.body["starts_at"]))],
            };
        let all = booked.iter().map(|(id, at)| (*id, (AppointmentStatus::Confirmed, *at)));
        self.known.extend(all);
        booked.into_iter().map(|(id, _)| id).collect()
    }
}

fn id(value: &Value) -> AppointmentId {
    value.as_str().unwrap().parse().unwrap()
}

/// Asks until the read model has come to the position: the leases of a killed program last a while.
async fn reached(caller: &Caller, path: &str) -> Answer {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = caller.get(path).await;
        if answer.body["code"] != "POSITION_NOT_REACHED" || deadline < Instant::now() {
            return answer;
        }
    }
}

/// The id in `/api/v2/bookings/{id}/…`.
fn id_in(path: &str) -> AppointmentId {
    path.split('/').nth(4).unwrap().parse().unwrap()
}

/// The same choices on every run (`SplitMix64`).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    /// A number below `limit`.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.roll() % limit as u64).unwrap()
    }

    pub(super) const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
