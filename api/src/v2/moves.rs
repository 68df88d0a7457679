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

/// Moves a booking, or an occurrence of a series.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Move)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the request")]
pub(super) struct Move {
    pub(super) new_starts_at: Instant,
    /// Another staff member. Without this and without `any_staff` the staff member stays.
    #[schema(value_type = Option<Uuid>)]
    staff_id: Option<StaffId>,
    /// Whoever is free then, chosen as for a booking without `staff_id`; not along with it.
    #[serde(default)]
    any_staff: bool,
    /// Move although the customer has another appointment at that time.
    #[serde(default)]
    pub(super) allow_overlap: bool,
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
    pub(super) dry_run: bool,
}

impl Move {
    /// Who does the appointment after the move.
    pub(super) fn staff(&self) -> Result<MoveTo, Problem> {
        match (self.staff_id, self.any_staff) {
            (None, false) => Ok(MoveTo::Same),
            (Some(staff_id), false) => Ok(MoveTo::Staff(staff_id)),
            (None, true) => Ok(MoveTo::Anyone),
            (Some(_), true) => {
                let message = "Provide either `staff_id` or `any_staff`, not both.";
                Err(Problem::invalid("any_staff", message))
            }
        }
    }

    /// Who wants the move, and why.
    pub(super) fn cause(self) -> ChangeCause {
        ChangeCause {
            by: self.rescheduled_by,
            reason_code: self.reason_code,
            reason: self.reason.map(Text::into_string),
            notify_customer: self.notify_customer,
        }
    }
}

pub(super) async fn reschedule(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<AppointmentId>,
    body: Body<Move>,
) -> Result<Response, Problem> {
    let Body { value, canonical } = body;
    let dry_run = value.dry_run;
    let command = Reschedule {
        appointment_id: id,
        new_starts_at: value.new_starts_at.0,
        staff: value.staff()?,
        allow_overlap: value.allow_overlap,
        cause: value.cause(),
        expected: caller.expected(),
    };
    let context = caller.command(&app, &canonical, dry_run);
    let done = app.dispatcher.run(&context, &command).await?;
    Ok(respond::done(StatusCode::OK, done, |answer| {
        json!({
            "success": true,
            "dry_run": dry_run,
            "appointment_id": id,
            "old_time": answer.old_time,
            "new_time": answer.booking.starts_at,
            "policy_check": answer.outcome.as_ref().map(|outcome| outcome.policy_check),
            "policy": answer.outcome,
            "booking": answer.booking,
        })
    }))
}
