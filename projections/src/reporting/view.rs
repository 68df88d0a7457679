//! The views that are known, and on which column a range of dates narrows each.

use std::{fmt, str::FromStr};

/// A view of schema `reporting`. What a command line names becomes one of these before any statement
/// holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Who did what, when.
    Activity,
    /// One row per appointment.
    Appointments,
    /// Branches by name.
    Branches,
    /// Customers, pseudonymous.
    Customers,
    /// How far the read models are.
    Freshness,
    /// How often appointments were changed.
    Modifications,
    /// The phases of appointments.
    Phases,
    /// Changes that broke the terms.
    PolicyViolations,
    /// Services by name.
    Services,
    /// Staff by name.
    Staff,
    /// Booked minutes by day.
    UtilisationDaily,
}

/// The column that a range of dates is about.
pub(super) enum Moment {
    /// A local date.
    Date(&'static str),
    /// An instant, compared in UTC.
    Instant(&'static str),
}

impl View {
    /// All of them, by name.
    pub const ALL: [Self; 11] = [
        Self::Activity,
        Self::Appointments,
        Self::Branches,
        Self::Customers,
        Self::Freshness,
        Self::Modifications,
        Self::Phases,
        Self::PolicyViolations,
        Self::Services,
        Self::Staff,
        Self::UtilisationDaily,
    ];

    /// Its name within the schema.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Activity => "activity",
            Self::Appointments => "appointments",
            Self::Branches => "branches",
            Self::Customers => "customers",
            Self::Freshness => "freshness",
            Self::Modifications => "modifications",
            Self::Phases => "phases",
            Self::PolicyViolations => "policy_violations",
            Self::Services => "services",
            Self::Staff => "staff",
            Self::UtilisationDaily => "utilisation_daily",
        }
    }

    /// Columns that order the rows, so that two exports of the same rows are the same file.
    pub(super) const fn order(self) -> &'static str {
        match self {
            Self::Activity => "position",
            Self::Appointments | Self::Modifications => "appointment_id",
            Self::Branches => "branch_id",
            Self::Customers => "customer_id",
            Self::Freshness => "projector",
            Self::Phases => "appointment_id, phase_number",
            Self::PolicyViolations => "appointment_id, modification",
            Self::Services => "service_id",
            Self::Staff => "staff_id",
            Self::UtilisationDaily => "local_date, branch_id, staff_id, service_id, currency",
        }
    }

    /// What a range of dates is about; `None` for what has no time of its own.
    pub(super) const fn moment(self) -> Option<Moment> {
        match self {
            Self::Activity => Some(Moment::Instant("at")),
            Self::Appointments | Self::Phases | Self::UtilisationDaily => {
                Some(Moment::Date("local_date"))
            }
            Self::Customers => Some(Moment::Instant("registered_at")),
            Self::Modifications => Some(Moment::Instant("last_modification_at")),
            Self::PolicyViolations => Some(Moment::Instant("violated_at")),
            Self::Branches | Self::Freshness | Self::Services | Self::Staff => None,
        }
    }
}

impl fmt::Display for View {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for View {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|view| view.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("there is no view `{name}`; the views are {known}")
        })
    }
}
