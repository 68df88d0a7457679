//! The ids of Daybook: newtypes over UUID, so that a customer is never passed for a staff member.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Takes an id that was made elsewhere: by an [`IdSource`], a client or the log.
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The bare id, for storage and for texts.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

ids! {
    /// An appointment, simple, composite or child of a series. It never changes (CTR-06).
    AppointmentId,
    /// A branch of a company.
    BranchId,
    /// One claim on a calendar: the same id on every day that it touches.
    ClaimId,
    /// A company of a tenant.
    CompanyId,
    /// A customer of a company; also the subject whose key seals personal data.
    CustomerId,
    /// A hold: a claim with an expiry, booked with its token or left to lapse (APT-09).
    HoldId,
    /// One staff-active segment of an appointment (CTR-40).
    PhaseId,
    /// A room or a piece of equipment.
    ResourceId,
    /// A recurring appointment.
    SeriesId,
    /// A service that a company offers.
    ServiceId,
    /// A member of staff.
    StaffId,
    /// A tenant: the wall that nothing crosses.
    TenantId,
}

/// Into how many ranges tenants are spread, so that several processes share the work on them.
pub const TENANT_RANGES: i32 = 64;

impl TenantId {
    /// Its range. The last byte of a UUID is random, in every version that is in use.
    pub const fn range(self) -> i32 {
        let [.., last] = *self.uuid().as_bytes();
        (last as i32) % TENANT_RANGES
    }
}

/// Where new ids come from. Tests give a counting source; programs give UUIDv7 (CTR-52).
pub trait IdSource: Send + Sync {
    /// A fresh id.
    fn next_id(&self) -> Uuid;
}
