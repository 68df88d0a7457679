//! A salon with two staff members, a resource of two units and three services, and the steps that
//! its guests take: random histories that the commands themselves have made.

#![expect(clippy::panic, reason = "what a test cannot have fails it")]

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{CountedIds, TENANT, TestLog, context};
use crate::{
    appointment::{Appointment, AppointmentStatus, ChangeCause},
    availability::{Item, StaffWish},
    booking::{
        BookingError, Wish,
        commands::{
            Book, BookHeld, Cancel, CancelSeries, ChangeStatus, ExtendHold, Guest, MoveOccurrence,
            Particulars, PlaceHold, ReleaseHold, Reschedule, SkipOccurrence, StartSeries,
            StatusChange,
        },
    },
    branch::{Branch, BranchCommand},
    commands::{
        Assign, AssignmentOf, CustomerIndexes, EraseCustomer, One, Register, RegisterCustomer,
    },
    company::Company,
    customer::{Contact, ErasureReason, Phone},
    dispatch::{CommandContext, CommandError, Dispatcher, UnitCommand},
    ids::{AppointmentId, BranchId, CompanyId, CustomerId, HoldId, SeriesId, ServiceId, StaffId},
    personal::Personal,
    ports::EventLog as _,
    resource::Resource,
    series::rule::SeriesRule,
    service::{Assignment, Service},
    staff::Staff,
    tenant::{Tenant, TenantCommand},
};

/// The company.
pub const COMPANY: Uuid = Uuid::from_u128(1);
/// Its branch, open from eight to six every day.
pub const BRANCH: Uuid = Uuid::from_u128(2);
/// The resource, of two units.
pub const CHAIR: Uuid = Uuid::from_u128(3);
/// The customer of every booking.
pub const CUSTOMER: Uuid = Uuid::from_u128(4);
/// Who works there.
pub const STAFF: [Uuid; 2] = [Uuid::from_u128(10), Uuid::from_u128(11)];
/// A plain service, one of two phases, and one that is offered three times a day.
pub const SERVICES: [Uuid; 3] = [Uuid::from_u128(20), Uuid::from_u128(21), Uuid::from_u128(22)];

/// What somebody does next. Slots count five minutes from the first midnight.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Somebody books.
    Book {
        /// What, as an index.
        service: u8,
        /// By whom, as an index.
        staff: Option<u8>,
        /// When.
        slot: u16,
    },
    /// Somebody keeps a place.
    Hold {
        /// What, as an index.
        service: u8,
        /// By whom, as an index.
        staff: Option<u8>,
        /// When.
        slot: u16,
    },
    /// A kept place is booked.
    BookHeld(usize),
    /// It is kept longer.
    ExtendHold(usize),
    /// It is given back.
    ReleaseHold(usize),
    /// An appointment is moved.
    Reschedule {
        /// Which, as an index.
        which: usize,
        /// To whom, as an index.
        staff: Option<u8>,
        /// Where to.
        slot: u16,
    },
    /// An appointment is called off.
    Cancel(usize),
    /// It starts, is done, or nobody came: 0, 1, 2.
    Progress {
        /// Which, as an index.
        which: usize,
        /// What.
        change: u8,
    },
    /// A daily series of four is started.
    Series {
        /// What, as an index.
        service: u8,
        /// By whom, as an index.
        staff: Option<u8>,
        /// When the first one is.
        slot: u16,
        /// Whether occurrences whose place is taken are left out.
        skip_conflicts: bool,
    },
    /// An occurrence is skipped.
    Skip {
        /// Which series, as an index.
        which: usize,
        /// Which occurrence, from 1.
        number: u16,
    },
    /// An occurrence is moved.
    Move {
        /// Which series, as an index.
        which: usize,
        /// Which occurrence, from 1.
        number: u16,
        /// Where to.
        slot: u16,
    },
    /// What is still to come of a series is called off.
    CancelSeries(usize),
    /// The branch closes at this hour from now on.
    CloseAt(u8),
    /// So many minutes: holds lapse.
    TimePasses(u8),
}

/// The salon and what happened there so far.
pub struct World {
    /// Its history.
    pub log: TestLog,
    /// The time of the next step.
    pub now: DateTime<Utc>,
    dispatcher: Dispatcher<TestLog>,
    ids: Arc<CountedIds>,
    appointments: Vec<AppointmentId>,
    holds: Vec<HoldId>,
    series: Vec<SeriesId>,
}

fn from<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("it has the shape")
}

/// A Monday.
fn first_midnight() -> DateTime<Utc> {
    "2026-11-23T00:00:00Z".parse().expect("an instant")
}

fn at(slot: u16) -> DateTime<Utc> {
    first_midnight() + TimeDelta::minutes(5 * i64::from(slot))
}

fn wish(staff: Option<u8>) -> StaffWish {
    staff.map_or(StaffWish::Anyone, |staff| {
        StaffWish::Pinned(StaffId::new(STAFF[usize::from(staff)]))
    })
}

fn place(service: u8, staff: Option<u8>, slot: u16) -> Wish {
    Wish {
        branch_id: BranchId::new(BRANCH),
        items: vec![Item::of(ServiceId::new(SERVICES[usize::from(service)]))],
        staff: wish(staff),
        starts_at: at(slot),
    }
}

fn particulars() -> Particulars {
    Particulars {
        guest: Guest::Known(CustomerId::new(CUSTOMER)),
        source: "test".to_owned(),
        notes: None,
        external_ref: None,
        call_id: None,
    }
}

fn pick<T: Copy>(from: &[T], which: usize) -> Option<T> {
    from.get(which.checked_rem(from.len())?).copied()
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("now", &self.now).finish_non_exhaustive()
    }
}

impl World {
    /// The salon before its first guest, three days before the first midnight.
    pub async fn furnished() -> Self {
        let log = TestLog::default();
        log.open_tenant(TENANT).await.expect("the tenant opens");
        let mut world = Self {
            dispatcher: Dispatcher::new(log.clone()),
            log,
            now: first_midnight() - TimeDelta::days(3),
            ids: Arc::default(),
            appointments: Vec::new(),
            holds: Vec::new(),
            series: Vec::new(),
        };
        world.furnish().await;
        world
    }

    async fn furnish(&mut self) {
        let open = TenantCommand::Open { name: "Salon".to_owned() };
        self.must(&One::<Tenant> { id: TENANT.uuid(), command: open, expected: None }).await;
        let company = json!({ "name": "Salon", "zone": "UTC", "currency": "EUR",
                              "phone_region": "DE" });
        self.must(&Register::<Company> { id: COMPANY, profile: from(company) }).await;
        let branch = json!({ "company_id": COMPANY, "name": "Mitte", "zone": "UTC" });
        self.must(&Register::<Branch> { id: BRANCH, profile: from(branch) }).await;
        self.close_at(18).await;
        let chair = json!({ "company_id": COMPANY, "branch_id": BRANCH, "name": "Chair",
                            "kind": "room", "capacity": 2, "zone": "UTC" });
        self.must(&Register::<Resource> { id: CHAIR, profile: from(chair) }).await;
        for (id, buffer) in STAFF.into_iter().zip([0, 5]) {
            let staff = json!({ "company_id": COMPANY, "name": "Anna", "branches": [BRANCH],
                "zone": "UTC", "roles": [], "is_bookable": true, "buffer_before_min": 0,
                "buffer_after_min": buffer });
            self.must(&Register::<Staff> { id, profile: from(staff) }).await;
        }
        let chair = json!({ "any_of": [CHAIR], "units": 1 });
        let phases = [
            json!([{ "key": "A", "active_min": 30 }]),
            json!([{ "key": "A", "active_min": 20, "processing_min": 30, "resource": chair },
                   { "key": "B", "active_min": 15, "transition_min": 5, "other_staff": true }]),
            json!([{ "key": "A", "active_min": 25, "resource": { "any_of": [CHAIR], "units": 2 } }]),
        ];
        let limits = [json!({}), json!({}), json!({ "per_day": 3 })];
        let mut cells = Vec::new();
        for ((id, phases), limits) in SERVICES.into_iter().zip(phases).zip(limits) {
            let service = json!({ "company_id": COMPANY, "name": id.to_string(), "phases": phases,
                "price": { "amount_minor": 100, "currency": "EUR" },
                "rules": { "grid_min": 10, "limits": limits } });
            self.must(&Register::<Service> { id, profile: from(service) }).await;
            cells.extend(STAFF.map(|staff| {
                AssignmentOf::Does(ServiceId::new(id), Assignment::plain(StaffId::new(staff)))
            }));
        }
        self.must(&Assign { cells }).await;
        let contact = Contact {
            name: None,
            phone: Some(Personal::new(
                CustomerId::new(CUSTOMER),
                Phone::try_from("+4915112345678".to_owned()).expect("a number"),
            )),
            phone_is_valid: None,
            email: None,
            language: None,
            preferred_branch_id: None,
            external_ref: None,
        };
        let company_id = CompanyId::new(COMPANY);
        let customer = RegisterCustomer {
            id: CUSTOMER,
            company_id,
            contact,
            indexes: CustomerIndexes { phone: Some("a".to_owned()), external_ref: None },
        };
        self.must(&customer).await;
    }

    async fn close_at(&self, hour: u8) {
        let day = json!({ "open": [{ "from": "08:00", "to": format!("{hour:02}:00") }] });
        let weekly = from((1..=7).map(|day_no| (day_no.to_string(), day.clone())).collect());
        let command = BranchCommand::SetHours { weekly };
        self.must(&One::<Branch> { id: BRANCH, command, expected: None }).await;
    }

    /// Each command that leaves something has a thread of its own, as requests have.
    fn context(&self) -> CommandContext {
        let correlation_id = format!("request-{}", self.log.events(TENANT).len());
        CommandContext { ids: self.ids.clone(), correlation_id, ..context(self.now) }
    }

    /// Carries a command out that cannot be refused.
    pub async fn must<C: UnitCommand<Refusal: std::fmt::Debug>>(&self, command: &C) {
        let done = self.dispatcher.run(&self.context(), command).await;
        assert!(done.is_ok(), "{:?}", done.err());
    }

    /// What it answers when it is accepted, nothing when it is refused.
    async fn ask<C: UnitCommand<Refusal = BookingError>>(&self, command: &C) -> Option<C::Answer> {
        match self.dispatcher.run(&self.context(), command).await {
            Ok(done) => Some(done.answer),
            Err(CommandError::Refused { .. }) => None,
            Err(error) => panic!("the machinery broke: {error:?}"),
        }
    }

    /// Why a booking at an instant is refused; `None` when it is not.
    pub async fn refusal_at(&self, starts_at: DateTime<Utc>) -> Option<BookingError> {
        let wish = Wish { starts_at, ..place(0, None, 0) };
        let book = Book { wish, particulars: particulars() };
        match self.dispatcher.run(&self.context(), &book).await {
            Err(CommandError::Refused { refusal, .. }) => Some(refusal),
            Err(error) => panic!("the machinery broke: {error:?}"),
            Ok(_) => None,
        }
    }

    /// Takes a step, and answers whether it was accepted.
    pub async fn take(&mut self, step: Step) -> bool {
        match step {
            Step::Book { service, staff, slot } => {
                let wish = place(service, staff, slot);
                let booked = self.ask(&Book { wish, particulars: particulars() }).await;
                self.appointments.extend(booked.as_ref().map(|it| it.appointment_id));
                booked.is_some()
            }
            Step::Hold { service, staff, slot } => {
                let wish = place(service, staff, slot);
                let held = self.ask(&PlaceHold { wish, ttl: None }).await;
                self.holds.extend(held.as_ref().map(|it| it.hold_id));
                held.is_some()
            }
            Step::BookHeld(which) => {
                let Some(hold_id) = pick(&self.holds, which) else { return false };
                let booked = self.ask(&BookHeld { hold_id, particulars: particulars() }).await;
                self.appointments.extend(booked.as_ref().map(|it| it.appointment_id));
                booked.is_some()
            }
            Step::ExtendHold(which) => {
                let Some(hold_id) = pick(&self.holds, which) else { return false };
                self.ask(&ExtendHold { hold_id, ttl: None }).await.is_some()
            }
            Step::ReleaseHold(which) => {
                let Some(hold_id) = pick(&self.holds, which) else { return false };
                self.ask(&ReleaseHold { hold_id }).await.is_some()
            }
            Step::Reschedule { which, staff, slot } => {
                let Some(appointment_id) = pick(&self.appointments, which) else { return false };
                let staff_id = staff.map(|staff| StaffId::new(STAFF[usize::from(staff)]));
                let (new_starts_at, cause, expected) = (at(slot), ChangeCause::default(), None);
                let command =
                    Reschedule { appointment_id, new_starts_at, staff_id, cause, expected };
                self.ask(&command).await.is_some()
            }
            Step::Cancel(which) => {
                let Some(appointment_id) = pick(&self.appointments, which) else { return false };
                let (cause, expected) = (ChangeCause::default(), None);
                let command = Cancel { appointment_id, cause, expected };
                self.ask(&command).await.is_some()
            }
            Step::Progress { which, change } => {
                let Some(appointment_id) = pick(&self.appointments, which) else { return false };
                let changes = [StatusChange::Start, StatusChange::Complete, StatusChange::NoShow];
                let change = changes[usize::from(change) % changes.len()];
                let (cause, expected) = (ChangeCause::default(), None);
                let command = ChangeStatus { appointment_id, change, cause, expected };
                self.ask(&command).await.is_some()
            }
            Step::CloseAt(hour) => {
                self.close_at(hour).await;
                true
            }
            Step::TimePasses(minutes) => {
                self.now += TimeDelta::minutes(i64::from(minutes));
                true
            }
            of_series => self.take_in_series(of_series).await,
        }
    }

    /// Takes a step that is about a series.
    async fn take_in_series(&mut self, step: Step) -> bool {
        match step {
            Step::Series { service, staff, slot, skip_conflicts } => {
                self.start_series(service, staff, slot, skip_conflicts).await
            }
            Step::Skip { which, number } => {
                let Some(series_id) = pick(&self.series, which) else { return false };
                let cause = ChangeCause::default();
                self.ask(&SkipOccurrence { series_id, number, cause }).await.is_some()
            }
            Step::Move { which, number, slot } => {
                let Some(series_id) = pick(&self.series, which) else { return false };
                let (new_starts_at, cause) = (at(slot), ChangeCause::default());
                let command = MoveOccurrence { series_id, number, new_starts_at, cause };
                self.ask(&command).await.is_some()
            }
            Step::CancelSeries(which) => {
                let Some(series_id) = pick(&self.series, which) else { return false };
                let cause = ChangeCause::default();
                self.ask(&CancelSeries { series_id, cause }).await.is_some()
            }
            _of_something_else => false,
        }
    }

    /// Forgets the customer, and answers how many appointments are still to come. One that has begun is
    /// not called off.
    pub async fn forget_customer(&self) -> usize {
        let forget = EraseCustomer {
            id: CUSTOMER,
            indexes: CustomerIndexes { phone: Some("a".to_owned()), external_ref: None },
            reason: ErasureReason::Requested,
            only_if_due: false,
            expected: None,
        };
        self.must(&forget).await;
        let mut left = 0;
        for id in &self.appointments {
            let found = self.dispatcher.state::<Appointment>(&self.context(), *id).await;
            let appointment = found.expect("an appointment").0;
            let is_open = matches!(
                appointment.status(),
                Some(AppointmentStatus::Pending | AppointmentStatus::Confirmed)
            );
            let starts = appointment.booking().map(|booking| booking.plan.starts_at);
            left += usize::from(is_open && starts.is_some_and(|starts| self.now < starts));
        }
        left
    }

    async fn start_series(
        &mut self,
        service: u8,
        staff: Option<u8>,
        slot: u16,
        skip_conflicts: bool,
    ) -> bool {
        let rule = SeriesRule {
            rrule: "FREQ=DAILY;COUNT=4".to_owned(),
            starts_at_local: at(slot).naive_utc(),
            zone: chrono_tz::UTC,
            except: Vec::new(),
            also: Vec::new(),
        };
        let started = self
            .ask(&StartSeries {
                branch_id: BranchId::new(BRANCH),
                items: vec![Item::of(ServiceId::new(SERVICES[usize::from(service)]))],
                staff: wish(staff),
                rule,
                skip_conflicts,
                particulars: particulars(),
            })
            .await;
        let Some(started) = started else { return false };
        self.series.push(started.series_id);
        let booked = started.occurrences.iter().filter_map(|it| it.appointment_id);
        self.appointments.extend(booked);
        true
    }
}
