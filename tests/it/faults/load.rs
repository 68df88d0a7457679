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
    accepted: usize,
    refused: usize,
    times: Vec<Duration>,
}

struct Shared {
    salon: Salon,
    staff: String,
    /// The beginning of the staff-day.
    day: DateTime<Utc>,
    notes: Mutex<Notes>,
    answers: AtomicUsize,
    answered: Notify,
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
        let today = SystemClock.now().date_naive().and_time(NaiveTime::MIN).and_utc();
        let day = today + TimeDelta::days(14);
        let (notes, answers, answered) = (Mutex::default(), AtomicUsize::new(0), Notify::new());
        Self(Arc::new(Shared { salon, staff, day, notes, answers, answered }))
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
            _ => (
                "POST",
                "/api/v2/bookings".to_owned(),
                json!({ "customer_id": customer, "service_id": salon.service, "staff_id": staff,
                        "branch_id": salon.branch, "starts_at": starts_at }),
            ),
        };
        Request { method, path, body, key }
    }

    /// Sends a request and notes what became of it. Answers the appointment that was booked, or
    /// gives the request back if it was neither accepted nor refused.
    async fn ask(
        &self,
        caller: &Caller,
        request: Request,
    ) -> Result<Option<AppointmentId>, Request> {
        let begin = Instant::now();
        let answer = caller
            .send(request.method, &request.path, Some(&request.body), Some(&request.key))
            .await;
        let outcome = self.notes().note(request, answer, begin.elapsed());
        if outcome.is_ok() {
            self.0.answers.fetch_add(1, Ordering::SeqCst);
            self.0.answered.notify_waiters();
        } else {
            // Whoever does not answer has trouble enough.
            tokio::task::yield_now().await;
        }
        outcome
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.0.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until so many requests were answered over all rounds.
    pub(super) async fn wait_for_answers(&self, answers: usize) {
        loop {
            let answered = self.0.answered.notified();
            if answers <= self.0.answers.load(Ordering::SeqCst) {
                return;
            }
            let patience = Duration::from_secs(90);
            tokio::time::timeout(patience, answered).await.expect("nobody answers any more");
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
    ) -> Result<Option<AppointmentId>, Request> {
        let unclear = match answer {
            Ok(Answer { status: 200 | 201, body }) => {
                self.times.push(took);
                self.accepted += 1;
                return Ok(self.learn(&request, &body));
            }
            Ok(Answer { status: 400..=499, .. }) => {
                self.times.push(took);
                self.refused += 1;
                return Ok(None);
            }
            Ok(unclear) => format!("{unclear:?}"),
            Err(error) => error.to_string(),
        };
        self.failures.push(unclear);
        Err(request)
    }

    fn learn(&mut self, request: &Request, body: &Value) -> Option<AppointmentId> {
        if request.path.ends_with("/cancel") {
            self.known.get_mut(&id_in(&request.path))?.0 = AppointmentStatus::Cancelled;
            return None;
        }
        let starts_at = |field: &str| request.body[field].as_str().unwrap().parse().unwrap();
        if request.path.ends_with("/reschedule") {
            self.known.get_mut(&id_in(&request.path))?.1 = starts_at("new_starts_at");
            return None;
        }
        let id = body["appointment_id"].as_str().unwrap().parse().unwrap();
        self.known.insert(id, (AppointmentStatus::Confirmed, starts_at("starts_at")));
        Some(id)
    }
}

/// The id in `/api/v2/bookings/{id}/…`.
fn id_in(path: &str) -> AppointmentId {
    path.split('/').nth(4).unwrap().parse().unwrap()
}

/// The same choices on every run (`SplitMix64`).
struct Dice(u64);

impl Dice {
    const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
