//! Books a place, or a hold (APT-01, APT-02, APT-09).

use chrono::{DateTime, Utc};

use crate::{
    aggregate::Evolve as _,
    appointment::{
        Appointment, AppointmentCommand, Booking, BookingType, PlacedClaim, Plan, SeriesPlace,
    },
    availability::{Ignoring, Item},
    calendar_day::CalendarDay,
    customer::{Customer, CustomerEvent},
    dispatch::{Unit, UnitCommand, UnitError},
    hold::{Hold, HoldCommand},
    ids::{AppointmentId, CustomerId, HoldId},
    master_data::{MasterDataError, check_external_ref},
    outside_ref::{IndexedRef, OutsideRef},
    personal::Personal,
    phase::{Phase, PhaseCommand},
    policy::Terms,
    ports::EventLog,
    unique_key::{UniqueKey, UniqueKeyCommand},
};

use super::{
    super::{
        BookingAnswer, BookingError, Wish, accept,
        place::change_claims,
        scene::{Scene, find_place},
    },
    guest::Guest,
};

/// What a booking says besides its place.
#[derive(Clone, Debug)]
pub struct Particulars {
    /// Who comes.
    pub guest: Guest,
    /// The surface it came through, such as `api`.
    pub source: String,
    /// What the customer or the staff noted, sealed with the customer's key.
    pub notes: Option<String>,
    /// The client's own id for it; unique within the tenant.
    pub external_ref: Option<IndexedRef>,
    /// The call that it came from (APT-17).
    pub call_id: Option<String>,
}

/// Books a place.
#[derive(Clone, Debug)]
pub struct Book {
    /// The place.
    pub wish: Wish,
    /// Everything else.
    pub particulars: Particulars,
}

/// Books what a hold keeps.
#[derive(Clone, Debug)]
pub struct BookHeld {
    /// The hold: its id is the token.
    pub hold_id: HoldId,
    /// Everything else.
    pub particulars: Particulars,
}

impl UnitCommand for Book {
    type Answer = BookingAnswer;
    type Refusal = BookingError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<BookingAnswer, BookingError>, UnitError> {
        self.particulars.guest.line_up(unit).await?;
        let found = find_place(unit, &self.wish, Ignoring::default(), &[]).await?;
        let (scene, placement) = accept!(found);
        let plan = accept!(scene.plan(unit, &placement, &[]));
        let id = AppointmentId::new(unit.context().next_id());
        let items = self.wish.items.clone();
        let draft = Draft { plan, items, hold_id: None, series: None };
        let customer_id = accept!(self.particulars.guest.arrive(unit).await?);
        let booking = accept!(draft.booking(&scene, customer_id, &self.particulars));
        accept!(claim(unit, &scene, id, &booking).await?);
        let reference = self.particulars.external_ref.as_ref();
        accept!(record(unit, &scene, id, (booking, reference)).await?);
        answer(unit, id).await
    }
}

impl UnitCommand for BookHeld {
    type Answer = BookingAnswer;
    type Refusal = BookingError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<BookingAnswer, BookingError>, UnitError> {
        let at = unit.context().at;
        let hold = unit.load::<Hold>(self.hold_id).await?;
        let held = accept!(hold.live(at)).clone();
        drop(hold);
        let streams: Vec<_> =
            held.plan.claims.iter().flat_map(PlacedClaim::days).map(CalendarDay::stream).collect();
        self.particulars.guest.line_up(unit).await?;
        unit.queue_for(&streams).await;
        unit.prefetch(&streams).await?;
        let items = Item::booked(&held.service_ids, &held.durations);
        let wish = crate::availability::StaffWish::Anyone;
        let scene = accept!(Scene::load(unit, held.branch_id, &items, wish).await?);
        let id = AppointmentId::new(unit.context().next_id());
        let book = HoldCommand::Book { appointment_id: id, at };
        accept!(unit.decide::<Hold>(self.hold_id, book).await?);
        let draft = Draft { plan: held.plan, items, hold_id: Some(self.hold_id), series: None };
        let customer_id = accept!(self.particulars.guest.arrive(unit).await?);
        let booking = accept!(draft.booking(&scene, customer_id, &self.particulars));
        let is_pending = booking.is_pending;
        let booked = |placed: &PlacedClaim| placed.of_appointment(id, is_pending);
        accept!(change_claims(unit, &booking.plan, booked).await?);
        let reference = self.particulars.external_ref.as_ref();
        accept!(record(unit, &scene, id, (booking, reference)).await?);
        answer(unit, id).await
    }
}

/// A booking that is being put together.
pub(super) struct Draft {
    pub(super) plan: Plan,
    pub(super) items: Vec<Item>,
    pub(super) hold_id: Option<HoldId>,
    pub(super) series: Option<SeriesPlace>,
}

impl Draft {
    /// Freezes price and terms as they are now.
    pub(super) fn booking(
        self,
        scene: &Scene,
        customer_id: CustomerId,
        particulars: &Particulars,
    ) -> Result<Booking, BookingError> {
        let external_ref = particulars.external_ref.as_ref().map(|it| &it.reference);
        check_external_ref(external_ref.map(String::as_str))?;
        let price = scene.price(&self.plan, &self.items).ok_or(BookingError::Invalid {
            field: "service_id",
            problem: "the services have no common price".to_owned(),
        })?;
        let policies = scene.company.policies();
        let is_composite = 1 < self.plan.phases.len();
        let is_pending = scene.services.values().any(|service| {
            service.profile().is_some_and(|profile| profile.rules.requires_confirmation)
        });
        let booking_type = match (self.series, is_composite) {
            (Some(_), _) => BookingType::Recurring,
            (None, true) => BookingType::Composite,
            (None, false) => BookingType::Simple,
        };
        Ok(Booking {
            company_id: scene.profile.company_id,
            branch_id: scene.branch_id,
            zone: scene.profile.zone,
            customer_id,
            service_ids: self.items.iter().map(|item| item.service_id).collect(),
            durations: Item::durations(&self.items),
            booking_type,
            is_composite,
            is_pending,
            plan: self.plan,
            price,
            terms: Terms::of_company(policies.cancellation.clone(), policies.reschedule.clone()),
            source: particulars.source.clone(),
            notes: particulars.notes.clone().map(|notes| Personal::new(customer_id, notes)),
            external_ref: external_ref.map(|it| OutsideRef::new(customer_id, it.clone())),
            call_id: particulars.call_id.clone().map(|id| OutsideRef::new(customer_id, id)),
            series: self.series,
            hold_id: self.hold_id,
        })
    }
}

/// Puts the claims of a booking on their calendar days.
pub(super) async fn claim<L: EventLog>(
    unit: &mut Unit<'_, L>,
    scene: &Scene,
    id: AppointmentId,
    booking: &Booking,
) -> Result<Result<(), BookingError>, UnitError> {
    let is_pending = booking.is_pending;
    scene.claim(unit, &booking.plan, |placed| placed.of_appointment(id, is_pending)).await
}

/// Records a booking on appointment, phases and customer.
pub(super) async fn record<L: EventLog>(
    unit: &mut Unit<'_, L>,
    scene: &Scene,
    id: AppointmentId,
    (booking, external_ref): (Booking, Option<&IndexedRef>),
) -> Result<Result<(), BookingError>, UnitError> {
    let customer = unit.load::<Customer>(booking.customer_id).await?;
    accept!(check_customer(&customer, &booking));
    accept!(check_limits(unit.context().at, &customer, scene, booking.plan.starts_at));
    drop(customer);
    let visit = CustomerEvent::VisitBooked {
        appointment_id: id,
        service_ids: booking.service_ids.clone(),
        starts_at: booking.plan.starts_at,
        local_date: booking.plan.starts_at.with_timezone(&booking.zone).date_naive(),
    };
    unit.record::<Customer>(booking.customer_id, vec![visit]).await?;
    if let Some(reference) = external_ref {
        accept!(claim_reference(unit, id, reference).await?);
    }
    for plan in booking.plan.phases.clone() {
        let phase_id = plan.phase_id;
        unit.begin::<Phase>(phase_id);
        let command = PhaseCommand::Plan { appointment_id: id, plan };
        accept!(unit.decide::<Phase>(phase_id, command).await?);
    }
    unit.begin::<Appointment>(id);
    let command = AppointmentCommand::Book(Box::new(booking));
    accept!(unit.decide::<Appointment>(id, command).await?);
    Ok(Ok(()))
}

/// Takes the client's own id for the booking, unless another one has it.
async fn claim_reference<L: EventLog>(
    unit: &mut Unit<'_, L>,
    id: AppointmentId,
    IndexedRef { reference, index }: &IndexedRef,
) -> Result<Result<(), MasterDataError>, UnitError> {
    let field = "external_ref";
    // As it was written once, in clear: nothing is claimed by it any more.
    let old = unit.load::<UniqueKey>(format!("appointment-ref:{reference}")).await?;
    if let Some(owner) = old.owner() {
        return Ok(Err(MasterDataError::Taken { field, owner: owner.to_owned() }));
    }
    let take = UniqueKeyCommand::Claim { owner: id.to_string(), field };
    unit.decide::<UniqueKey>(format!("appointment-ref-index:{index}"), take).await
}

/// The customer is one of the company's and is not forgotten, nor about to be.
fn check_customer(customer: &Customer, booking: &Booking) -> Result<(), BookingError> {
    let (what, field) = ("customer", "customer_id");
    if customer.company_id() != Some(booking.company_id) {
        return Err(MasterDataError::NotFound { what, field }.into());
    }
    Ok(customer.staying()?)
}

/// The limits that the services set on one customer (MD-14).
fn check_limits(
    now: DateTime<Utc>,
    customer: &Customer,
    scene: &Scene,
    starts_at: DateTime<Utc>,
) -> Result<(), BookingError> {
    let date = starts_at.with_timezone(&scene.profile.zone).date_naive();
    for (service_id, service) in &scene.services {
        let Some(limits) = service.profile().map(|profile| &profile.rules.limits) else { continue };
        if let Some(limit) = limits.per_customer_per_day
            && usize::from(limit) <= customer.booked_on(date, *service_id)
        {
            return Err(BookingError::CustomerLimit { limit, which: "per day" });
        }
        if let Some(limit) = limits.per_customer_upcoming
            && usize::from(limit) <= customer.upcoming(now)
        {
            return Err(BookingError::CustomerLimit { limit, which: "of upcoming appointments" });
        }
    }
    Ok(())
}

/// The appointment as it is after the command.
pub(super) async fn answer<L: EventLog>(
    unit: &mut Unit<'_, L>,
    id: AppointmentId,
) -> Result<Result<BookingAnswer, BookingError>, UnitError> {
    let state = unit.load::<Appointment>(id).await?;
    let missing = crate::appointment::AppointmentError::NotFound;
    Ok(BookingAnswer::of(id, &state).ok_or_else(|| missing.into()))
}
