//! The matrix of staff and services, saved at once (MD-26, UI-14, AT-80).

use serde::{Deserialize, Serialize};

use crate::{
    dispatch::{Unit, UnitCommand, UnitError},
    ids::{ServiceId, StaffId},
    master_data::MasterDataError,
    ports::EventLog,
    service::{Assignment, Service, ServiceCommand},
    staff::Staff,
};

/// One cell of the matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssignmentOf {
    /// The staff member does the service, on these terms.
    Does(ServiceId, Assignment),
    /// The staff member does not do the service.
    DoesNot(ServiceId, StaffId),
}

/// Saves cells of the matrix: all of them or none.
#[derive(Clone, Debug)]
pub struct Assign {
    /// The cells.
    pub cells: Vec<AssignmentOf>,
}

/// What the caller is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assigned {
    /// How many cells were saved.
    pub saved: usize,
}

impl UnitCommand for Assign {
    type Answer = Assigned;
    type Refusal = MasterDataError;

    async fn run<L: EventLog>(
        &self,
        unit: &mut Unit<'_, L>,
    ) -> Result<Result<Assigned, MasterDataError>, UnitError> {
        for cell in &self.cells {
            let (service_id, command) = match cell {
                AssignmentOf::DoesNot(service_id, staff_id) => {
                    // Whoever has left the company may still be unassigned.
                    if unit.load::<Staff>(*staff_id).await?.profile().is_none() {
                        let (what, field) = ("staff member", "unassign");
                        return Ok(Err(MasterDataError::NotFound { what, field }));
                    }
                    (*service_id, ServiceCommand::Unassign { staff_id: *staff_id })
                }
                AssignmentOf::Does(service_id, assignment) => {
                    if let Err(refusal) = check_staff(unit, *service_id, assignment).await? {
                        return Ok(Err(refusal));
                    }
                    (*service_id, ServiceCommand::Assign { assignment: assignment.clone() })
                }
            };
            if let Err(refusal) = unit.decide::<Service>(service_id, command).await? {
                return Ok(Err(refusal));
            }
        }
        Ok(Ok(Assigned { saved: self.cells.len() }))
    }
}

/// Only staff of the same company who work and take appointments are assigned (MD-01, OPS-15).
async fn check_staff<L: EventLog>(
    unit: &mut Unit<'_, L>,
    service_id: ServiceId,
    assignment: &Assignment,
) -> Result<Result<(), MasterDataError>, UnitError> {
    let (what, field) = ("staff member", "staff_id");
    let staff = unit.load::<Staff>(assignment.staff_id).await?;
    let service = unit.load::<Service>(service_id).await?;
    let employer = staff.profile().map(|profile| profile.company_id);
    let provider = service.profile().map(|profile| profile.company_id);
    Ok(match staff.profile() {
        Some(_) if provider.is_some() && employer != provider => {
            Err(MasterDataError::NotFound { what, field })
        }
        None => Err(MasterDataError::NotFound { what, field }),
        Some(_) if !staff.is_active() => Err(MasterDataError::Inactive { what, field }),
        Some(profile) if !profile.is_bookable => Err(MasterDataError::NotBookable),
        Some(_) => Ok(()),
    })
}
