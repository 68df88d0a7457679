//! Keeps a place for a while, longer, or no longer (APT-09).

use chrono::TimeDelta;

use crate::{
    aggregate::Evolve as _,
    appointment::PlacedClaim,
    availability::{Ignoring, Item},
    calendar_day::{CalendarDay, Purpose, ReleaseReason},
    dispatch::{Unit, UnitCommand, UnitError},
    hold::{DEFAULT_HOLD, Held, Hold, HoldCommand, HoldError},
    ids::HoldId,
    ports::EventLog,
};

use super::super::{
    BookingError, HoldAnswer, Wish, accept, answer,
    place::{change_claims, release_claims},
    scene::find_place,
};

/// Keeps a place.
#[derive(Clone, Debug)]
pub struct PlaceHold {
    /// The place.
    pub wish: Wish,
    /// For how long; five minutes when absent.
    pub ttl: Option<TimeDelta>,
}

/// Keeps it longer, counted from now.
#[derive(Clone, Debug)]
pub struct ExtendHold {
    /// Which.
    pub hold_id: HoldId,
    /// For how long; five minutes when absent.
    pub ttl: Option<TimeDelta>,
}

/// Gives it back.
#[derive(Clone, Debug)]
pub struct ReleaseHold {
    /// Which.
    pub hold_id: HoldId,
}

impl UnitCommand for PlaceHold {
    type Answer = HoldAnswer;
    type Refusal = BookingError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<HoldAnswer, BookingError>, UnitError> {
        let placed_at = unit.context().at;
        let ttl = self.ttl.unwrap_or(DEFAULT_HOLD);
        if ttl <= TimeDelta::zero() {
            let problem = "a hold is kept for at least a second".to_owned();
            return Ok(Err(BookingError::Invalid { field: "ttl_seconds", problem }));
        }
        let found = find_place(unit, &self.wish, Ignoring::default(), &[]).await?;
        let (scene, placement) = accept!(found);
        let plan = accept!(scene.plan(unit, &placement, &[]));
        let hold_id = HoldId::new(unit.context().next_id());
        let held = Held {
            company_id: scene.profile.company_id,
            branch_id: scene.branch_id,
            service_ids: self.wish.items.iter().map(|item| item.service_id).collect(),
            durations: Item::durations(&self.wish.items),
            plan,
            placed_at,
            expires_at: placed_at + ttl,
        };
        let expires_at = held.expires_at;
        let purpose =
            |placed: &PlacedClaim| placed.with_purpose(Purpose::Hold { hold_id, expires_at });
        unit.begin::<Hold>(hold_id);
        accept!(unit.decide::<Hold>(hold_id, HoldCommand::Place(Box::new(held.clone()))).await?);
        accept!(scene.claim(unit, &held.plan, purpose).await?);
        Ok(Ok(answer_of(hold_id, &held)))
    }
}

impl UnitCommand for ExtendHold {
    type Answer = HoldAnswer;
    type Refusal = BookingError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<HoldAnswer, BookingError>, UnitError> {
        let at = unit.context().at;
        let expires_at = at + self.ttl.unwrap_or(DEFAULT_HOLD);
        let extend = HoldCommand::Extend { expires_at, at };
        accept!(unit.decide::<Hold>(self.hold_id, extend).await?);
        let hold_id = self.hold_id;
        let hold = unit.load::<Hold>(hold_id).await?;
        let held = accept!(hold.live(at)).clone();
        drop(hold);
        prefetch(unit, &held).await?;
        let expires_at = held.expires_at;
        let purpose =
            |placed: &PlacedClaim| placed.with_purpose(Purpose::Hold { hold_id, expires_at });
        accept!(change_claims(unit, &held.plan, purpose).await?);
        Ok(Ok(answer_of(hold_id, &held)))
    }
}

impl UnitCommand for ReleaseHold {
    type Answer = HoldAnswer;
    type Refusal = BookingError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<HoldAnswer, BookingError>, UnitError> {
        accept!(unit.decide::<Hold>(self.hold_id, HoldCommand::Release).await?);
        let hold = unit.load::<Hold>(self.hold_id).await?;
        let held = accept!(hold.held().cloned().ok_or(HoldError::NotFound));
        prefetch(unit, &held).await?;
        accept!(release_claims(unit, &held.plan, ReleaseReason::Withdrawn).await?);
        Ok(Ok(answer_of(self.hold_id, &held)))
    }
}

async fn prefetch<L: EventLog>(unit: &mut Unit<'_, L>, held: &Held) -> Result<(), UnitError> {
    let days = held.plan.claims.iter().flat_map(PlacedClaim::days);
    let streams: Vec<_> = days.map(CalendarDay::stream).collect();
    unit.queue_for(&streams).await;
    unit.prefetch(&streams).await
}

fn answer_of(hold_id: HoldId, held: &Held) -> HoldAnswer {
    HoldAnswer {
        hold_id,
        expires_at: held.expires_at,
        starts_at: held.plan.starts_at,
        ends_at: held.plan.ends_at,
        staff_id: held.plan.staff_id,
        phases: answer::phases(&held.plan),
        assignment: held.plan.choice.as_deref().cloned(),
    }
}
