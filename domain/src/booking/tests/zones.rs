//! Limits per day over branches and staff of any zones: booking, holding, moving, series, explanation
//! and search count by one date, that of the branch where the appointment takes place.

use std::sync::Arc;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{polite::Polite, twin::folded};
use crate::{
    appointment::{Appointment, ChangeCause},
    availability::{Facts, Item, Request, StaffWish, TenantGrid},
    booking::{
        BookingError, Wish,
        commands::{
            Book, BookHeld, Cancel, Guest, MoveTo, Particulars, PlaceHold, Reschedule, StartSeries,
        },
        scene::busy,
    },
    branch::{Branch, BranchCommand},
    calendar_day::{CalendarDay, CalendarDayId},
    commands::{Assign, AssignmentOf, CustomerIndexes, One, Register, RegisterCustomer},
    company::Company,
    customer::{Contact, Phone},
    dispatch::{CommandContext, CommandError, Dispatcher, UnitCommand},
    ids::{AppointmentId, BranchId, CompanyId, CustomerId, ServiceId, StaffId},
    personal::Personal,
    ports::EventLog as _,
    refusal::Refusal as _,
    series::rule::SeriesRule,
    service::{Assignment, Service},
    slot::Slot,
    staff::Staff,
    tenant::{Tenant, TenantCommand},
    testing::{CountedIds, TENANT, context},
};

const ZONES: [Tz; 8] = [
    chrono_tz::Europe::Berlin,
    chrono_tz::America::New_York,
    chrono_tz::Pacific::Kiritimati,
    chrono_tz::Pacific::Pago_Pago,
    chrono_tz::Australia::Lord_Howe,
    chrono_tz::Asia::Kolkata,
    chrono_tz::UTC,
    chrono_tz::America::St_Johns,
];

/// Dates of 23, 25, 23.5 and 24 hours, and their neighbours in other zones.
const DATES: [&str; 6] =
    ["2027-03-28", "2027-10-31", "2027-03-14", "2027-11-07", "2027-04-04", "2027-06-15"];

const LIMITS: [&str; 3] = ["per_day", "per_staff_per_day", "per_customer_per_day"];

const COMPANY: Uuid = Uuid::from_u128(1);
const BRANCHES: [Uuid; 2] = [Uuid::from_u128(2), Uuid::from_u128(3)];
const STAFF: [Uuid; 2] = [Uuid::from_u128(10), Uuid::from_u128(11)];
const SERVICE: Uuid = Uuid::from_u128(20);
const CUSTOMER: Uuid = Uuid::from_u128(30);

/// Two branches of one company, two staff members who work at both, and a limit.
struct World {
    log: Polite,
    /// Two processes over one log.
    processes: [Dispatcher<Polite>; 2],
    ids: Arc<CountedIds>,
    now: DateTime<Utc>,
    zones: [Tz; 2],
    limit: (&'static str, usize),
    appointments: Vec<AppointmentId>,
}

#[derive(Clone, Copy, Debug)]
struct Setting {
    company: Tz,
    branches: [Tz; 2],
    staff: Tz,
    date: &'static str,
    limit: (&'static str, usize),
}

/// What somebody does: at a branch, half an hour of the five days around the date, with a staff member.
#[derive(Clone, Copy, Debug)]
enum Step {
    Book { branch: usize, half_hour: i64, staff: usize },
    Hold { branch: usize, half_hour: i64, staff: usize },
    Move { which: usize, half_hour: i64, staff: usize },
    Series { branch: usize, half_hour: i64, staff: usize },
    Cancel { which: usize },
    Race { branches: [usize; 2], half_hours: [i64; 2], staff: usize },
}

fn from<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("it has the shape")
}

fn noon(date: &str) -> DateTime<Utc> {
    format!("{date}T12:00:00Z").parse().expect("an instant")
}

fn particulars() -> Particulars {
    Particulars {
        guest: Guest::Known(CustomerId::new(CUSTOMER)),
        source: "test".to_owned(),
        notes: None,
        external_ref: None,
        call_id: None,
        allow_overlap: false,
    }
}

/// Whether a refusal is about a limit per day.
fn is_limit(refusal: &BookingError) -> bool {
    match refusal {
        BookingError::Unavailable { reasons, .. } => {
            reasons.iter().any(|reason| reason.code().contains("DAILY_LIMIT"))
        }
        other => other.code() == "CUSTOMER_LIMIT_REACHED",
    }
}

impl World {
    async fn new(setting: &Setting) -> Self {
        let log = Polite::default();
        log.open_tenant(TENANT).await.expect("the tenant opens");
        let world = Self {
            processes: [Dispatcher::new(log.clone()), Dispatcher::new(log.clone())],
            log,
            ids: Arc::default(),
            now: noon(setting.date) - TimeDelta::days(5),
            zones: setting.branches,
            limit: setting.limit,
            appointments: Vec::new(),
        };
        let open = TenantCommand::Open { name: "Salon".to_owned() };
        world.must(&One::<Tenant> { id: TENANT.uuid(), command: open, expected: None }).await;
        let company = json!({ "name": "Salon", "zone": setting.company.name(), "currency": "EUR",
                              "phone_region": "DE" });
        world.must(&Register::<Company> { id: COMPANY, profile: from(company) }).await;
        let always = json!({ "open": [{ "from": "00:00", "to": "24:00" }] });
        for (id, zone) in BRANCHES.into_iter().zip(setting.branches) {
            let branch =
                json!({ "company_id": COMPANY, "name": id.to_string(), "zone": zone.name() });
            world.must(&Register::<Branch> { id, profile: from(branch) }).await;
            let weekly = from((1..=7).map(|day| (day.to_string(), always.clone())).collect());
            let command = BranchCommand::SetHours { weekly };
            world.must(&One::<Branch> { id, command, expected: None }).await;
        }
        for id in STAFF {
            let staff = json!({ "company_id": COMPANY, "name": id.to_string(), "branches": BRANCHES,
                "zone": setting.staff.name(), "roles": [], "is_bookable": true,
                "buffer_before_min": 10, "buffer_after_min": 0 });
            world.must(&Register::<Staff> { id, profile: from(staff) }).await;
        }
        let service = json!({ "company_id": COMPANY, "name": "Cut",
            "phases": [{ "key": "A", "active_min": 30 }],
            "price": { "amount_minor": 100, "currency": "EUR" },
            "rules": { "grid_min": 30, "limits": { setting.limit.0: setting.limit.1 } } });
        world.must(&Register::<Service> { id: SERVICE, profile: from(service) }).await;
        let cells = STAFF.map(|staff| {
            let assignment = Assignment::plain(StaffId::new(staff));
            AssignmentOf::Does(ServiceId::new(SERVICE), assignment)
        });
        world.must(&Assign { cells: cells.into() }).await;
        let phone = Phone::try_from("+4915112345678".to_owned()).expect("a number");
        let contact = Contact {
            name: None,
            phone: Some(Personal::new(CustomerId::new(CUSTOMER), phone)),
            phone_is_valid: None,
            email: None,
            language: None,
            preferred_branch_id: None,
            may_overlap: true,
            external_ref: None,
        };
        let customer = RegisterCustomer {
            id: CUSTOMER,
            company_id: CompanyId::new(COMPANY),
            contact,
            indexes: CustomerIndexes { phone: Some("a".to_owned()), external_ref: None },
        };
        world.must(&customer).await;
        world
    }

    fn context(&self) -> CommandContext {
        CommandContext { ids: self.ids.clone(), ..context(self.now) }
    }

    async fn must<C: UnitCommand<Refusal: std::fmt::Debug>>(&self, command: &C) {
        let done = self.processes[0].run(&self.context(), command).await;
        assert!(done.is_ok(), "{:?}", done.err());
    }

    async fn ask<C: UnitCommand<Refusal = BookingError>>(
        &self,
        process: usize,
        command: &C,
    ) -> Result<C::Answer, BookingError> {
        match self.processes[process].run(&self.context(), command).await {
            Ok(done) => Ok(done.answer),
            Err(CommandError::Refused { refusal, .. }) => Err(refusal),
            Err(error) => panic!("the machinery broke: {error:?}"),
        }
    }

    fn at(&self, half_hour: i64) -> DateTime<Utc> {
        self.now + TimeDelta::days(3) + TimeDelta::minutes(30 * half_hour)
    }

    fn wish(&self, branch: usize, half_hour: i64, staff: usize) -> Wish {
        Wish {
            branch_id: BranchId::new(BRANCHES[branch]),
            items: vec![Item::of(ServiceId::new(SERVICE))],
            staff: StaffWish::Pinned(StaffId::new(STAFF[staff])),
            starts_at: self.at(half_hour),
        }
    }

    /// How many appointments count with one at a branch and an instant, but for the one that moves.
    fn used(&self, wish: &Wish, moving: Option<AppointmentId>) -> usize {
        let date = |branch_id: BranchId, at: DateTime<Utc>| {
            let zone = self.zones[usize::from(branch_id.uuid() != BRANCHES[0])];
            at.with_timezone(&zone).date_naive()
        };
        let wanted = date(wish.branch_id, wish.starts_at);
        let per_staff = self.limit.0 == "per_staff_per_day";
        let all = folded::<Appointment>(&self.log.0.events(TENANT));
        let counts = |(id, state): &(&String, &Appointment)| {
            let Some(booking) = state.booking() else { return false };
            let plan = &booking.plan;
            state.status().is_some_and(crate::appointment::AppointmentStatus::keeps_its_place)
                && moving.is_none_or(|moving| moving.to_string() != **id)
                && date(booking.branch_id, plan.starts_at) == wanted
                && (!per_staff || wish.staff.named() == Some(plan.staff_id))
        };
        all.iter().filter(counts).count()
    }

    /// What search and explanation say of a start, over facts that were folded anew.
    fn is_offered(&self, wish: &Wish) -> (bool, bool) {
        let events = self.log.0.events(TENANT);
        let (branches, staff) = (folded::<Branch>(&events), folded::<Staff>(&events));
        let (services, days) = (folded::<Service>(&events), folded::<CalendarDay>(&events));
        let mut facts = Facts::default();
        for (id, branch) in &branches {
            facts.put_branch(branch.facts(id.parse().expect("an id")).expect("a branch"));
        }
        for (id, staff) in &staff {
            facts.put_staff(staff.facts(id.parse().expect("an id")).expect("a staff member"));
        }
        for (id, service) in &services {
            let offered = BRANCHES.map(BranchId::new);
            let service = service.facts(id.parse().expect("an id"), offered);
            facts.put_service(service.expect("a service"));
        }
        let mut seen = std::collections::BTreeSet::new();
        for (id, day) in &days {
            let day_id: CalendarDayId = id.parse().expect("a calendar day");
            for claim in day.claims().filter(|claim| seen.insert(claim.claim_id)) {
                facts.add_busy(day_id.calendar, busy(claim));
            }
        }
        let day = |at: DateTime<Utc>| at.date_naive();
        let dates = day(self.now) - Days::new(2)..day(self.now) + Days::new(16);
        let grid = TenantGrid::new(facts, dates);
        let request = Request::basket(wish.items.iter().cloned(), self.now).by(wish.staff);
        let window = Slot::of_minutes(wish.starts_at, 30).expect("a slot");
        let found = grid.next(&request, &[wish.branch_id], window, 1);
        let verdict = grid.evaluate(&request, wish.branch_id, wish.starts_at);
        (!found.is_empty(), verdict.is_free())
    }

    /// Books, and says what is wrong with the answer, if anything is.
    async fn book(&mut self, wish: Wish, held: bool) -> Result<(), String> {
        let is_full = self.limit.1 <= self.used(&wish, None);
        let offered = self.is_offered(&wish);
        let booked = if held {
            match self.ask(0, &PlaceHold { wish: wish.clone(), ttl: None }).await {
                Ok(held) => {
                    let command = BookHeld { hold_id: held.hold_id, particulars: particulars() };
                    self.ask(1, &command).await
                }
                Err(refusal) => Err(refusal),
            }
        } else {
            self.ask(0, &Book { wish: wish.clone(), particulars: particulars() }).await
        };
        let is_about_place = self.limit.0 != "per_customer_per_day";
        if is_about_place && offered != (booked.is_ok(), booked.is_ok()) {
            return Err(format!("offered and explained {offered:?}, booked {booked:?}"));
        }
        match booked {
            Ok(answer) => {
                self.appointments.push(answer.appointment_id);
                if is_full { Err("booked beyond the limit".to_owned()) } else { Ok(()) }
            }
            // When the date is full, another reason may be named first.
            Err(refusal) if is_full || !is_limit(&refusal) => Ok(()),
            Err(refusal) => Err(format!("full is {is_full}, refused with {refusal:?}")),
        }
    }

    async fn take(&mut self, step: Step) -> Result<(), String> {
        match step {
            Step::Book { branch, half_hour, staff } => {
                self.book(self.wish(branch, half_hour, staff), false).await?;
            }
            Step::Hold { branch, half_hour, staff } => {
                self.book(self.wish(branch, half_hour, staff), true).await?;
                self.now += TimeDelta::minutes(30);
            }
            Step::Move { which, half_hour, staff } => {
                let Some(which) = which.checked_rem(self.appointments.len()) else { return Ok(()) };
                self.reschedule(self.appointments[which], half_hour, staff).await?;
            }
            Step::Series { branch, half_hour, staff } => {
                let wish = self.wish(branch, half_hour, staff);
                let zone = self.zones[branch];
                let local = wish.starts_at.with_timezone(&zone).naive_local();
                let command = StartSeries {
                    branch_id: wish.branch_id,
                    items: wish.items.clone(),
                    staff: wish.staff,
                    rule: SeriesRule::new("FREQ=DAILY;COUNT=5", local, zone),
                    skip_conflicts: true,
                    particulars: particulars(),
                };
                if let Ok(answer) = self.ask(0, &command).await {
                    let booked = answer.occurrences.iter().filter_map(|it| it.appointment_id);
                    self.appointments.extend(booked);
                }
            }
            Step::Cancel { which } => {
                let Some(which) = which.checked_rem(self.appointments.len()) else { return Ok(()) };
                let appointment_id = self.appointments.swap_remove(which);
                let (cause, expected) = (ChangeCause::default(), None);
                let command = Cancel { appointment_id, cause, expected };
                self.ask(0, &command).await.map_err(|refusal| refusal.to_string())?;
            }
            Step::Race { branches, half_hours, staff } => {
                let book = |index: usize| Book {
                    wish: self.wish(branches[index], half_hours[index], staff),
                    particulars: particulars(),
                };
                let (one, other) = (book(0), book(1));
                let (one, other) = tokio::join!(self.ask(0, &one), self.ask(1, &other));
                let booked = [one, other].into_iter().flatten().map(|it| it.appointment_id);
                let booked: Vec<_> = booked.collect();
                self.appointments.extend(booked);
            }
        }
        self.over_the_limit().map_or(Ok(()), Err)
    }

    async fn reschedule(
        &self,
        appointment_id: AppointmentId,
        half_hour: i64,
        staff: usize,
    ) -> Result<(), String> {
        let all = folded::<Appointment>(&self.log.0.events(TENANT));
        let state = all.get(&appointment_id.to_string()).expect("an appointment");
        let branch_id = state.booking().expect("it is booked").branch_id;
        let wish = Wish { branch_id, ..self.wish(0, half_hour, staff) };
        let is_full = self.limit.1 <= self.used(&wish, Some(appointment_id));
        let command = Reschedule {
            appointment_id,
            new_starts_at: wish.starts_at,
            staff: wish.staff.named().map_or(MoveTo::Same, MoveTo::Staff),
            allow_overlap: false,
            cause: ChangeCause::default(),
            expected: None,
        };
        match self.ask(0, &command).await {
            Ok(_) if is_full => Err("moved beyond the limit".to_owned()),
            Err(refusal) if is_limit(&refusal) && !is_full => {
                Err(format!("full is {is_full}, the move was refused with {refusal:?}"))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// A date with more appointments than the limit allows.
    fn over_the_limit(&self) -> Option<String> {
        let all = folded::<Appointment>(&self.log.0.events(TENANT));
        all.values().filter_map(Appointment::booking).find_map(|booking| {
            let wish = Wish {
                branch_id: booking.branch_id,
                items: Vec::new(),
                staff: StaffWish::Pinned(booking.plan.staff_id),
                starts_at: booking.plan.starts_at,
            };
            let used = self.used(&wish, None);
            (self.limit.1 < used)
                .then(|| format!("{used} of {} at {}", self.limit.1, wish.starts_at))
        })
    }
}

fn setting() -> impl Strategy<Value = Setting> {
    let zone = || proptest::sample::select(ZONES.to_vec());
    let limit = (proptest::sample::select(LIMITS.to_vec()), 1_usize..3);
    let date = proptest::sample::select(DATES.to_vec());
    (zone(), zone(), zone(), zone(), date, limit).prop_map(
        |(company, one, other, staff, date, limit)| Setting {
            company,
            branches: [one, other],
            staff,
            date,
            limit,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let (branch, half_hour, staff) = (0_usize..2, 0_i64..5 * 48, 0_usize..2);
    let place = || (branch.clone(), half_hour.clone(), staff.clone());
    prop_oneof![
        6 => place().prop_map(|(branch, half_hour, staff)| Step::Book { branch, half_hour, staff }),
        2 => place().prop_map(|(branch, half_hour, staff)| Step::Hold { branch, half_hour, staff }),
        4 => (0_usize..9, half_hour.clone(), staff.clone())
            .prop_map(|(which, half_hour, staff)| Step::Move { which, half_hour, staff }),
        1 => place().prop_map(|(branch, half_hour, staff)| Step::Series { branch, half_hour, staff }),
        1 => (0_usize..9).prop_map(|which| Step::Cancel { which }),
        3 => (branch.clone(), branch, half_hour.clone(), half_hour.clone(), staff).prop_map(
            |(one, other, first, second, staff)| Step::Race {
                branches: [one, other], half_hours: [first, second], staff
            }
        ),
    ]
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_limit_per_day_belongs_to_one_date_whichever_zones_branch_staff_and_company_have(
        setting in setting(),
        steps in proptest::collection::vec(step(), 1..24),
    ) {
        block_on(async {
            let mut world = World::new(&setting).await;
            for step in steps {
                let problem = world.take(step).await.err();
                prop_assert_eq!(problem, None, "after {:?} of {:?}", step, setting);
            }
            Ok(())
        })?;
    }
}

/// The two ends of a date of 23 or 25 hours are one date; the hour before and after are others.
#[test]
fn the_first_and_the_last_half_hour_of_a_short_and_a_long_day_count_together() {
    for (date, limit) in
        ["2027-03-28", "2027-10-31"].into_iter().flat_map(|date| LIMITS.map(|it| (date, it)))
    {
        let berlin = chrono_tz::Europe::Berlin;
        let setting = Setting {
            company: chrono_tz::UTC,
            branches: [berlin, chrono_tz::America::New_York],
            staff: chrono_tz::Pacific::Kiritimati,
            date,
            limit: (limit, 1),
        };
        block_on(async {
            let mut world = World::new(&setting).await;
            let day: NaiveDate = date.parse().expect("a date");
            let begin = |day: NaiveDate| {
                let local = berlin.from_local_datetime(&day.and_time(NaiveTime::MIN));
                local.earliest().expect("Berlin has every midnight").to_utc()
            };
            let (first, next) = (begin(day), begin(day + Days::new(1)));
            let half_hour = |at: DateTime<Utc>| (at - world.at(0)).num_minutes() / 30;
            let (first, next) = (half_hour(first), half_hour(next));
            for (half_hour, is_booked) in
                [(first, true), (next - 1, false), (first - 2, true), (next, true)]
            {
                let wish = world.wish(0, half_hour, 0);
                let before = world.appointments.len();
                world.book(wish, false).await.expect("all agree");
                assert_eq!(
                    before < world.appointments.len(),
                    is_booked,
                    "{limit} {date} {half_hour}"
                );
            }
        });
    }
}
