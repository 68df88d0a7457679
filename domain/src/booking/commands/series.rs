//! Starts a series (APT-03, APT-12, POL-08).

use chrono::{DateTime, Utc};

use crate::{
    aggregate::Evolve as _,
    appointment::{PlacedClaim, SeriesPlace},
    availability::{Item, Request, StaffWish},
    calendar_day::CalendarDay,
    dispatch::{Unit, UnitCommand, UnitError},
    ids::{AppointmentId, BranchId, CustomerId, SeriesId},
    ports::EventLog,
    series::{Occurrence, Series, SeriesCommand, SeriesError, Started, rule::SeriesRule},
};

use super::{
    super::{
        BookingError, SeriesAnswer, accept,
        scene::{FAR_OFF, Scene},
    },
    book::{Draft, Particulars, check_customer, claim, record},
    occurrences::occurrences_now,
};

/// Books every occurrence of a rule, all of them in one append.
#[derive(Clone, Debug)]
pub struct StartSeries {
    /// Where.
    pub branch_id: BranchId,
    /// What, in order.
    pub items: Vec<Item>,
    /// By whom.
    pub staff: StaffWish,
    /// When.
    pub rule: SeriesRule,
    /// Whether an occurrence whose place is taken is left out instead of refusing the series.
    pub skip_conflicts: bool,
    /// Everything else.
    pub particulars: Particulars,
}

impl StartSeries {
    /// The starts of the rule, if the series can be placed at all.
    fn starts(
        &self,
        max_length: u16,
        now: DateTime<Utc>,
    ) -> Result<Vec<DateTime<Utc>>, BookingError> {
        // One more than the most tells a rule that is too long, before anything is placed.
        let starts = self.rule.starts_from_the_first(max_length.saturating_add(1));
        let starts = starts.map_err(|error| BookingError::Invalid {
            field: error.field(),
            problem: error.to_string(),
        })?;
        if usize::from(max_length) < starts.len() {
            return Err(SeriesError::TooLong { max_length }.into());
        }
        if starts.first().is_some_and(|first| *first <= now) {
            return Err(BookingError::InThePast { field: "starts_at" });
        }
        if starts.last().is_some_and(|last| FAR_OFF < *last) {
            return Err(BookingError::far_off("rrule"));
        }
        Ok(starts)
    }
}

impl UnitCommand for StartSeries {
    type Answer = SeriesAnswer;
    type Refusal = BookingError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<SeriesAnswer, BookingError>, UnitError> {
        let now = unit.context().at;
        let items = &self.items;
        let mut scene = accept!(Scene::load(unit, self.branch_id, items, self.staff).await?);
        let policy = scene.company.policies().recurring.clone();
        let starts = accept!(self.starts(policy.max_length, now));
        let request = Request::basket(items.iter().cloned(), now).by(self.staff);
        let mut days: Vec<_> =
            starts.iter().flat_map(|start| scene.days_around(&request, *start)).collect();
        days.sort_unstable();
        days.dedup();
        let streams: Vec<_> = days.iter().map(CalendarDay::stream).collect();
        self.particulars.guest.line_up(unit).await?;
        unit.queue_for(&streams).await;
        scene.look_at(unit, &days).await?;
        let customer_id = accept!(self.particulars.guest.arrive(unit).await?);
        let series_id = SeriesId::new(unit.context().next_id());
        let mut occurrences = Vec::with_capacity(starts.len());
        let mut first_refusal = None;
        for (number, starts_at) in (1_u16..).zip(starts) {
            let place = SeriesPlace { series_id, number };
            let one = (place, customer_id, starts_at);
            let appointment_id = match self.book(unit, &mut scene, &request, one).await? {
                Ok(id) => Some(id),
                Err(refusal) if self.skip_conflicts && is_about_the_time(&refusal) => {
                    first_refusal.get_or_insert(numbered(refusal, number));
                    None
                }
                Err(refusal) => return Ok(Err(numbered(refusal, number))),
            };
            occurrences.push(Occurrence { number, starts_at, appointment_id });
        }
        // A series of nothing says why not even its first occurrence can be booked.
        if let Some(refusal) = first_refusal
            && occurrences.iter().all(|it| it.appointment_id.is_none())
        {
            return Ok(Err(refusal));
        }
        let started = Started {
            company_id: scene.profile.company_id,
            branch_id: self.branch_id,
            customer_id,
            service_ids: self.items.iter().map(|item| item.service_id).collect(),
            durations: Item::durations(&self.items),
            staff_id: self.staff.named(),
            rule: self.rule.clone(),
            policy,
            occurrences,
        };
        unit.begin::<Series>(series_id);
        let start = SeriesCommand::Start(Box::new(started));
        accept!(unit.decide::<Series>(series_id, start).await?);
        let occurrences = occurrences_now(unit, series_id).await?;
        Ok(Ok(SeriesAnswer { series_id, occurrences }))
    }
}

impl StartSeries {
    /// Books one occurrence. Nothing is recorded of one that is refused.
    async fn book<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
        scene: &mut Scene,
        request: &Request,
        (place, customer_id, starts_at): (SeriesPlace, CustomerId, DateTime<Utc>),
    ) -> Result<Result<AppointmentId, BookingError>, UnitError> {
        let placement = accept!(scene.place(unit, request, starts_at).await?);
        let plan = accept!(scene.plan(unit, &placement, &[]));
        let own_days: Vec<_> = plan.claims.iter().flat_map(PlacedClaim::days).collect();
        let id = AppointmentId::new(unit.context().next_id());
        let items = self.items.clone();
        let draft = Draft { plan, items, hold_id: None, series: Some(place) };
        // The client's reference is that of the series, not of each occurrence.
        let particulars = Particulars { external_ref: None, ..self.particulars.clone() };
        let mut booking = accept!(draft.booking(scene, customer_id, &particulars));
        let allow_overlap = particulars.allow_overlap;
        accept!(check_customer(unit, scene, &mut booking, allow_overlap).await?);
        accept!(claim(unit, scene, id, &booking).await?);
        accept!(record(unit, scene, id, (booking, None)).await?);
        // The next occurrence sees the claims of this one.
        scene.look_at(unit, &own_days).await?;
        Ok(Ok(id))
    }
}

/// Whether another time might do: such an occurrence can be left out.
const fn is_about_the_time(refusal: &BookingError) -> bool {
    matches!(refusal, BookingError::Unavailable { .. } | BookingError::CustomerBusy { .. })
}

fn numbered(refusal: BookingError, number: u16) -> BookingError {
    match refusal {
        BookingError::Unavailable { requested_time, reasons, next_free, .. } => {
            let occurrence = Some(number);
            BookingError::Unavailable { requested_time, reasons, next_free, occurrence }
        }
        BookingError::CustomerBusy { appointment_id, starts_at, ends_at, .. } => {
            let occurrence = Some(number);
            BookingError::CustomerBusy { appointment_id, starts_at, ends_at, occurrence }
        }
        other => other,
    }
}
