//! Where an appointment stands.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AppointmentError, AppointmentEvent, Booking, ChangedBy, ReasonCode};

/// Where an appointment stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appointment {
    booking: Option<Box<Booking>>,
    status: Option<AppointmentStatus>,
    modifications: u32,
    reschedules: u32,
    /// Those that the customer did not ask for.
    #[serde(default)]
    waived_reschedules: u32,
    /// Who cancelled it and why.
    #[serde(default)]
    cancelled: Option<(ChangedBy, Option<ReasonCode>)>,
    version: u64,
}

/// The status flow (APT-04, CTR-26).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppointmentStatus {
    /// It waits for a confirmation.
    Pending,
    /// It will be.
    Confirmed,
    /// It is.
    InProgress,
    /// It was.
    Completed,
    /// It was called off.
    Cancelled,
    /// The customer did not come.
    NoShow,
    /// The business said no.
    Rejected,
}

impl AppointmentStatus {
    /// All of them, in the order of the flow.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Confirmed,
        Self::InProgress,
        Self::Completed,
        Self::Cancelled,
        Self::NoShow,
        Self::Rejected,
    ];

    /// Whether its claims stand.
    pub const fn keeps_its_place(self) -> bool {
        match self {
            Self::Pending | Self::Confirmed | Self::InProgress | Self::Completed => true,
            Self::Cancelled | Self::NoShow | Self::Rejected => false,
        }
    }
}

impl fmt::Display for AppointmentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::InProgress => "in progress",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::NoShow => "no-show",
            Self::Rejected => "rejected",
        })
    }
}

impl Appointment {
    /// What was agreed, with the plan as it is now. `None` before it is booked.
    pub fn booking(&self) -> Option<&Booking> {
        self.booking.as_deref()
    }

    /// Its status. `None` before it is booked.
    pub const fn status(&self) -> Option<AppointmentStatus> {
        self.status
    }

    /// How many reschedules and cancellations there were.
    pub const fn modifications(&self) -> u32 {
        self.modifications
    }

    /// How many reschedules there were.
    pub const fn reschedules(&self) -> u32 {
        self.reschedules
    }

    /// How many reschedules count against the customer: those that the customer asked for.
    pub const fn counted_reschedules(&self) -> u32 {
        self.reschedules.saturating_sub(self.waived_reschedules)
    }

    /// Who cancelled it and why; `None` unless it was cancelled.
    pub fn cancelled(&self) -> Option<(ChangedBy, Option<&ReasonCode>)> {
        self.cancelled.as_ref().map(|(by, code)| (*by, code.as_ref()))
    }

    /// How many events there are: the revision of its stream.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The booking, if there is one.
    pub fn require(&self) -> Result<&Booking, AppointmentError> {
        self.booking().ok_or(AppointmentError::NotFound)
    }

    pub(super) fn require_changeable(
        &self,
        wanted: AppointmentStatus,
    ) -> Result<(), AppointmentError> {
        match self.status {
            None => Err(AppointmentError::NotFound),
            Some(AppointmentStatus::Pending | AppointmentStatus::Confirmed) => Ok(()),
            Some(status) => Err(AppointmentError::StatusForbids { status, wanted }),
        }
    }

    pub(super) const fn next_modification(&self) -> u32 {
        self.modifications.saturating_add(1)
    }

    pub(super) fn apply_event(&mut self, event: &AppointmentEvent) {
        self.version = self.version.saturating_add(1);
        match event {
            AppointmentEvent::Booked(booking) => {
                self.status = Some(if booking.is_pending {
                    AppointmentStatus::Pending
                } else {
                    AppointmentStatus::Confirmed
                });
                self.booking = Some(booking.clone());
            }
            AppointmentEvent::Confirmed { .. } => self.status = Some(AppointmentStatus::Confirmed),
            AppointmentEvent::Rejected { .. } => self.status = Some(AppointmentStatus::Rejected),
            AppointmentEvent::Started { .. } => self.status = Some(AppointmentStatus::InProgress),
            AppointmentEvent::Completed { .. } => self.status = Some(AppointmentStatus::Completed),
            AppointmentEvent::NoShowMarked { .. } => self.status = Some(AppointmentStatus::NoShow),
            AppointmentEvent::Cancelled { modification, cancelled_by, reason_code, .. } => {
                self.cancelled = Some((*cancelled_by, reason_code.clone()));
                self.status = Some(AppointmentStatus::Cancelled);
                self.modifications = *modification;
            }
            AppointmentEvent::Rescheduled { modification, to, rescheduled_by, .. } => {
                self.modifications = *modification;
                self.reschedules = self.reschedules.saturating_add(1);
                if !rescheduled_by.is_customer() {
                    self.waived_reschedules = self.waived_reschedules.saturating_add(1);
                }
                if let Some(booking) = &mut self.booking {
                    booking.plan = (**to).clone();
                }
            }
            AppointmentEvent::PolicyViolated { .. } => (),
        }
    }
}
