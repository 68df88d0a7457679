//! What was agreed when an appointment was booked.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{
    availability::Choice,
    calendar::CalendarId,
    calendar_day::CalendarDayId,
    ids::{
        AppointmentId, BranchId, ClaimId, CompanyId, CustomerId, HoldId, PhaseId, SeriesId,
        ServiceId, StaffId,
    },
    money::Money,
    outside_ref::OutsideRef,
    personal::Personal,
    phase::PhasePlan,
    policy::Terms,
    slot::Slot,
};

/// What was agreed when an appointment was booked. Only its plan ever changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booking {
    /// The company.
    pub company_id: CompanyId,
    /// The branch.
    pub branch_id: BranchId,
    /// The branch's zone when it was booked, for every text about the appointment.
    pub zone: Tz,
    /// The customer.
    pub customer_id: CustomerId,
    /// The services, in the order in which they are done.
    pub service_ids: Vec<ServiceId>,
    /// The active minutes that were asked for, by place in `service_ids`; empty when none were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub durations: Vec<Option<u16>>,
    /// Simple, composite, or one of a series.
    pub booking_type: BookingType,
    /// Whether it has more than one phase (APT-02).
    pub is_composite: bool,
    /// Whether it waits for a confirmation (MD-13).
    pub is_pending: bool,
    /// When, by whom, and what is claimed for it.
    pub plan: Plan,
    /// The agreed price (CTR-43).
    pub price: Money,
    /// The agreed terms.
    pub terms: Terms,
    /// The surface it came through, such as `api` (APT-31).
    pub source: String,
    /// What the customer or the staff noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<Personal<String>>,
    /// The client's own id for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<OutsideRef>,
    /// The call that it came from (APT-17).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<OutsideRef>,
    /// Its place in a series (APT-12).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<SeriesPlace>,
    /// The hold that it was booked with (APT-09).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_id: Option<HoldId>,
}

/// What kind of booking it is (APT-01 to APT-03).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BookingType {
    /// One service of one phase.
    Simple,
    /// Several phases or services in a row.
    Composite,
    /// One occurrence of a series.
    Recurring,
}

/// A place in a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesPlace {
    /// The series.
    pub series_id: SeriesId,
    /// The occurrence, from 1.
    pub number: u16,
}

/// When, by whom, and what is claimed for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The customer's first minute.
    #[serde(with = "crate::instant")]
    pub starts_at: DateTime<Utc>,
    /// The first minute after the customer's last.
    #[serde(with = "crate::instant")]
    pub ends_at: DateTime<Utc>,
    /// Who does the first phase.
    pub staff_id: StaffId,
    /// The phases, in order.
    pub phases: Vec<PhasePlan>,
    /// The claims that keep its places.
    pub claims: Vec<PlacedClaim>,
    /// How the staff member was chosen, if nobody was named and the service has a rule for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Box<Choice>>,
}

impl Plan {
    /// Whether the two mean the same time with the same people.
    pub fn is_same_place(&self, other: &Self) -> bool {
        let people = |plan: &Self| -> Vec<_> {
            plan.phases.iter().map(|phase| (phase.staff_id, phase.active)).collect()
        };
        self.starts_at == other.starts_at && people(self) == people(other)
    }
}

/// A claim and the days it stands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedClaim {
    /// The claim.
    pub claim_id: ClaimId,
    /// The calendar.
    pub calendar: CalendarId,
    /// The local dates that it touches, in the calendar's zone.
    pub dates: Vec<NaiveDate>,
    /// What is taken, buffers included.
    pub slot: Slot,
    /// How many units.
    pub units: u16,
    /// The phase that needs it; none for the daily count of a service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase_id: Option<PhaseId>,
    /// The service, for limits per day.
    pub service_id: ServiceId,
}

impl PlacedClaim {
    /// The days that it stands on.
    pub fn days(&self) -> impl Iterator<Item = CalendarDayId> + '_ {
        let calendar = self.calendar;
        self.dates.iter().map(move |date| CalendarDayId { calendar, date: *date })
    }

    /// The claim as a calendar day keeps it, for an appointment.
    pub fn of_appointment(
        &self,
        appointment_id: AppointmentId,
        is_pending: bool,
    ) -> crate::calendar_day::Claim {
        use crate::calendar_day::Purpose;

        let phase_id = self.phase_id;
        let purpose = if is_pending {
            Purpose::Pending { appointment_id, phase_id }
        } else {
            Purpose::Booked { appointment_id, phase_id }
        };
        self.with_purpose(purpose)
    }

    /// The claim as a calendar day keeps it.
    pub fn with_purpose(
        &self,
        purpose: crate::calendar_day::Purpose,
    ) -> crate::calendar_day::Claim {
        crate::calendar_day::Claim {
            claim_id: self.claim_id,
            purpose,
            slot: self.slot,
            units: self.units,
            service_id: Some(self.service_id),
        }
    }
}
