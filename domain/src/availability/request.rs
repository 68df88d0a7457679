//! What is asked for, and what comes out of it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{choice::Choice, reasons::Reason};
use crate::{
    ids::{AppointmentId, BranchId, HoldId, ResourceId, ServiceId, StaffId},
    slot::Slot,
};

/// A service of the basket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Which.
    pub service_id: ServiceId,
    /// Active minutes that are asked for (AVL-12, AVL-13). Whoever takes as long for the service
    /// fits; others only if the service has a single phase and a rule that allows the duration.
    #[serde(
        default,
        alias = "duration_minutes",
        alias = "duration",
        skip_serializing_if = "Option::is_none"
    )]
    pub active_min: Option<u16>,
    /// Whether these minutes were agreed earlier: an appointment that moves keeps its duration, even
    /// if the service no longer allows it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_agreed: bool,
}

impl Item {
    /// A service as it is.
    pub fn of(service_id: ServiceId) -> Self {
        Self { service_id, active_min: None, is_agreed: false }
    }

    /// The same in so many minutes, if they are given.
    #[must_use]
    pub fn lasting(self, active_min: Option<u16>) -> Self {
        Self { active_min, ..self }
    }

    /// The services of a booking with the minutes that were asked for, by their place; a missing
    /// place is a service as it is.
    pub fn booked(service_ids: &[ServiceId], durations: &[Option<u16>]) -> Vec<Self> {
        let asked = durations.iter().copied().chain(std::iter::repeat(None));
        service_ids.iter().zip(asked).map(|(id, min)| Self::of(*id).lasting(min)).collect()
    }

    /// As [`Self::booked`], whatever the services allow today: for an appointment that moves.
    pub fn agreed(service_ids: &[ServiceId], durations: &[Option<u16>]) -> Vec<Self> {
        let booked = Self::booked(service_ids, durations).into_iter();
        booked.map(|item| Self { is_agreed: item.active_min.is_some(), ..item }).collect()
    }

    /// The minutes that are asked for, by place; empty when none are.
    pub fn durations(items: &[Self]) -> Vec<Option<u16>> {
        if items.iter().all(|item| item.active_min.is_none()) {
            return Vec::new();
        }
        items.iter().map(|item| item.active_min).collect()
    }
}

/// Who shall do it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wish", content = "staff_id", rename_all = "snake_case")]
pub enum StaffWish {
    /// Anybody: the primary first, then whoever is least busy that day.
    #[default]
    Anyone,
    /// This staff member; phases that others may do can go to others when they cannot.
    Pinned(StaffId),
    /// This staff member, every phase.
    PinnedAll(StaffId),
}

impl StaffWish {
    /// The staff member who is named.
    pub fn named(self) -> Option<StaffId> {
        match self {
            Self::Anyone => None,
            Self::Pinned(staff_id) | Self::PinnedAll(staff_id) => Some(staff_id),
        }
    }
}

/// Claims that are passed over, because the request would replace them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ignoring {
    /// The appointment that moves.
    pub appointment_id: Option<AppointmentId>,
    /// The hold that is being booked.
    pub hold_id: Option<HoldId>,
}

/// A question to the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The services, in the order in which they are done. At least one.
    pub items: Vec<Item>,
    /// By whom.
    pub staff: StaffWish,
    /// The instant of asking: notice, window and lapsing holds are judged by it.
    pub now: DateTime<Utc>,
    /// Claims that do not count.
    pub ignoring: Ignoring,
}

impl Request {
    /// One service by anybody.
    pub fn service(service_id: ServiceId, now: DateTime<Utc>) -> Self {
        Self::basket([Item::of(service_id)], now)
    }

    /// Several services, one after the other, by anybody.
    pub fn basket(items: impl IntoIterator<Item = Item>, now: DateTime<Utc>) -> Self {
        let items = items.into_iter().collect();
        Self { items, staff: StaffWish::Anyone, now, ignoring: Ignoring::default() }
    }

    /// The same by a staff member of one's wish.
    pub fn by(self, staff: StaffWish) -> Self {
        Self { staff, ..self }
    }

    /// The same as if those claims were gone.
    pub fn ignoring(self, ignoring: Ignoring) -> Self {
        Self { ignoring, ..self }
    }
}

/// A resource that a phase takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedResource {
    /// Which.
    pub resource_id: ResourceId,
    /// How many units of it.
    pub units: u16,
    /// From the phase's start until the next phase may begin.
    pub slot: Slot,
}

/// A phase with its time and its staff member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedPhase {
    /// The place of its service in the basket, from 0.
    pub item: usize,
    /// The service.
    pub service_id: ServiceId,
    /// The key within the service.
    pub key: String,
    /// Who does it.
    pub staff_id: StaffId,
    /// The room or equipment, if it needs any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<PlacedResource>,
    /// Staff and client are busy.
    pub active: Slot,
    /// The staff member is busy: active and transition.
    pub staff: Slot,
    /// The client is busy: active and processing.
    pub client: Slot,
    /// The staff member's calendar is claimed: the staff slot and its buffers.
    pub blocked: Slot,
}

/// Where a request fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// The branch.
    pub branch_id: BranchId,
    /// When the client comes.
    pub starts_at: DateTime<Utc>,
    /// When the client may go.
    pub ends_at: DateTime<Utc>,
    /// The phases, in order. At least one.
    pub phases: Vec<PlacedPhase>,
    /// How well it fits beside the other appointments of the first staff member, from 0 to 100; absent
    /// if the first service does not say what is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<u8>,
    /// How the first staff member was chosen; only of a start that was judged by itself, and only if the
    /// first service has a rule for it and nobody was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
}

impl Placement {
    /// The staff member of the first phase, who is the one the client has booked with.
    pub fn staff_id(&self) -> Option<StaffId> {
        self.phases.first().map(|phase| phase.staff_id)
    }
}

/// The answer for one start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It fits.
    Free(Placement),
    /// It does not.
    Refused {
        /// Every reason why not. At least one.
        reasons: Vec<Reason>,
    },
}

impl Verdict {
    /// The placement, if there is one.
    pub fn placement(self) -> Option<Placement> {
        match self {
            Self::Free(placement) => Some(placement),
            Self::Refused { .. } => None,
        }
    }

    /// Whether it fits.
    pub fn is_free(&self) -> bool {
        matches!(self, Self::Free(_))
    }

    /// Every reason why not; none when it fits.
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Free(_) => &[],
            Self::Refused { reasons } => reasons,
        }
    }
}

/// A start and its verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The start.
    pub starts_at: DateTime<Utc>,
    /// Whether it is free, or why not.
    #[serde(flatten)]
    pub verdict: Verdict,
}
