//! Moving a booking, in time or to another staff member (API-03).

use axum::{extract::State, http::StatusCode, response::Response};
use daybook_domain::{
    appointment::{ChangeCause, ChangedBy, ReasonCode},
    booking::commands::{MoveTo, Reschedule},
    ids::{AppointmentId, StaffId},
};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::shapes::{ChangedBy as ChangedByShape, ReasonCode as ReasonCodeShape};
use crate::{
    http::{
        caller::Caller,
        extract::{Body, Id},
        fields::{Instant, Reason, Text},
        problem::Problem,
        respond,
    },
    state::App,
};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the request")]
pub(super) struct RescheduleBooking {
    new_starts_at: Instant,
    /// Another staff member. Without this and without `any_staff` the staff member stays.
    #[schema(value_type = Option<Uuid>)]
    staff_id: Option<StaffId>,
    /// Whoever is free then, chosen as for a booking without `staff_id`; not along with it.
    #[serde(default)]
    any_staff: bool,
    /// Move although the customer has another appointment at that time.
    #[serde(default)]
    allow_overlap: bool,
    /// Absent means the customer.
    #[serde(default)]
    #[schema(value_type = Option<ChangedByShape>)]
    rescheduled_by: ChangedBy,
    #[schema(value_type = Option<ReasonCodeShape>)]
    reason_code: Option<ReasonCode>,
    /// In the words of whoever wants it; kept sealed.
    reason: Option<Reason>,
    /// Whether the customer is to be notified.
    #[serde(default)]
    notify_customer: bool,
    #[serde(default)]
    dry_run: bool,
}

/// Who does an appointment after a move.
pub(super) fn move_to(staff_id: Option<StaffId>, any_staff: bool) -> Result<MoveTo, Problem> {
    match (staff_id, any_staff) {
        (None, false) => Ok(MoveTo::Same),
        (Some(staff_id), false) => Ok(MoveTo::Staff(staff_id)),
        (None, true) => Ok(MoveTo::Anyone),
        (Some(_), true) => {
            let message = "Provide either `staff_id` or `any_staff`, not both.";
            Err(Problem::invalid("any_staff", message))
        }
    }
}

pub(super) async fn reschedule(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<AppointmentId>,
    body: Body<RescheduleBooking>,
) -> Result<Response, Problem> {
    caller.require("bookings:write")?;
    let Body { value, canonical } = body;
    let command = Reschedule {
        appointment_id: id,
        new_starts_at: value.new_starts_at.0,
        staff: move_to(value.staff_id, value.any_staff)?,
        allow_overlap: value.allow_overlap,
        cause: ChangeCause {
            by: value.rescheduled_by,
            reason_code: value.reason_code,
            reason: value.reason.map(Text::into_string),
            notify_customer: value.notify_customer,
        },
        expected: caller.expected(),
    };
    let context = caller.command(&app, &canonical, value.dry_run);
    let done = app.dispatcher.run(&context, &command).await?;
    Ok(respond::done(StatusCode::OK, done, |answer| {
        json!({
            "success": true,
            "dry_run": value.dry_run,
            "appointment_id": id,
            "old_time": answer.old_time,
            "new_time": answer.booking.starts_at,
            "policy_check": answer.outcome.as_ref().map(|outcome| outcome.policy_check),
            "policy": answer.outcome,
            "booking": answer.booking,
        })
    }))
}
