//! Questions about where an appointment could move to: its own claims are left out, and the other
//! appointments of its customer are taken into account, as they are when it is moved.

use std::sync::Arc;

use daybook_domain::{
    aggregate::{Evolve, decode},
    appointment::{Appointment, AppointmentError, Booking},
    availability::{Ignoring, Item, Request},
    booking::CustomerRules,
    customer::Customer,
    event_log::Revision,
    ids::{AppointmentId, BranchId, ServiceId},
    master_data::MasterDataError,
    ports::EventLog as _,
};

use super::scene::Scene;
use crate::{
    http::{caller::Caller, fields::Moment, problem::Problem},
    state::App,
};

/// An appointment that is to move.
pub(super) struct Moving {
    id: AppointmentId,
    appointment: Arc<Appointment>,
    customer: Arc<Customer>,
}

/// The appointment that a question is about, if it names one in `reschedule_of`.
pub(super) async fn moving(
    app: &App,
    caller: &Caller,
    scene: &Scene,
    (id, as_of): (Option<AppointmentId>, Option<Moment>),
) -> Result<Option<Moving>, Problem> {
    let Some(id) = id else { return Ok(None) };
    let is_past = as_of.is_some();
    let missing = MasterDataError::NotFound { what: "appointment", field: "reschedule_of" };
    let appointment = state::<Appointment>(app, caller, scene, (id, is_past)).await?;
    let (Some(booking), Some(status)) = (appointment.booking(), appointment.status()) else {
        return Err(Problem::refused(&missing));
    };
    if !appointment.is_changeable() {
        return Err(Problem::refused(&AppointmentError::StatusForbids { status, wanted: status }));
    }
    let customer = state(app, caller, scene, (booking.customer_id, is_past)).await?;
    Ok(Some(Moving { id, appointment, customer }))
}

/// An aggregate as it is now, or as it was at the position that the question is about.
async fn state<E: Evolve>(
    app: &App,
    caller: &Caller,
    scene: &Scene,
    (id, is_past): (impl std::fmt::Display + Send, bool),
) -> Result<Arc<E>, Problem> {
    if !is_past {
        return Ok(app.dispatcher.state::<E>(&caller.context(app), id).await?.0);
    }
    let stream = (E::stream(id), Revision(0));
    let tails = app.dispatcher.log().read_streams(caller.tenant, &[stream]).await?;
    let until = scene.world.position();
    let mut state = E::default();
    for event in tails.iter().flat_map(|tail| &tail.events).filter(|it| it.position <= until) {
        state.evolve(&decode::<E>(event).map_err(|error| Problem::internal(&error))?);
    }
    Ok(Arc::new(state))
}

impl Moving {
    fn booking(&self) -> Option<&Booking> {
        self.appointment.booking()
    }

    /// The branch of the question: an appointment stays at its branch.
    fn check_branch(&self, asked: Option<BranchId>) -> Result<(), Problem> {
        let own = self.booking().map(|booking| booking.branch_id);
        if asked.is_some() && asked != own {
            let message = "`branch_id` must be the branch of the appointment in `reschedule_of`.";
            return Err(Problem::invalid("branch_id", message));
        }
        Ok(())
    }

    /// The question is about all that was booked; naming one of its services is enough.
    fn check_services(&self, asked: &[Item]) -> Result<(), Problem> {
        let own: &[ServiceId] = self.booking().map_or(&[], |booking| &booking.service_ids);
        if asked.iter().all(|item| own.contains(&item.service_id)) {
            return Ok(());
        }
        let message = "The service must be one of the appointment in `reschedule_of`.";
        Err(Problem::invalid("service_id", message))
    }
}

/// The request and the branch of a question, for an appointment that is to move or for a new one.
pub(super) fn about(
    scene: &Scene,
    moving: Option<&Moving>,
    request: Request,
    branch_id: Option<BranchId>,
) -> Result<(Request, Option<BranchId>), Problem> {
    let Some((moving, booking)) = moving.and_then(|it| Some((it, it.booking()?))) else {
        return Ok((request, branch_id));
    };
    moving.check_branch(branch_id)?;
    moving.check_services(&request.items)?;
    let rules = CustomerRules {
        customer: &moving.customer,
        zone: booking.zone,
        now: scene.now,
        moving: Some(moving.id),
        allow_overlap: false,
    };
    let customer = scene.world.read(|view| {
        let services = booking.service_ids.iter();
        rules.facts(services.filter_map(|id| {
            let profile = view.service(*id)?.profile()?;
            Some((*id, &profile.rules.limits))
        }))
    });
    let items = Item::agreed(&booking.service_ids, &booking.durations);
    let ignoring = Ignoring { appointment_id: Some(moving.id), hold_id: None };
    let request = Request { items, ..request }.ignoring(ignoring).customer(customer);
    Ok((request, Some(booking.branch_id)))
}
