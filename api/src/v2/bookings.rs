//! `/api/v2/bookings`: book, look, move and cancel (API-02 to API-04).

use axum::{extract::State, http::StatusCode, response::Response};
use daybook_adapters::postgres::Scope;
use daybook_domain::{
    appointment::{Appointment, AppointmentStatus, ChangeCause, ChangedBy, ReasonCode},
    availability::StaffWish,
    booking::{
        BookingAnswer, ChangeAnswer, Wish,
        commands::{Book, BookHeld, Cancel, Particulars},
    },
    ids::{AppointmentId, BranchId, CompanyId, CustomerId, HoldId, SeriesId, ServiceId, StaffId},
    outside_ref::{IndexedRef, OutsideRef},
};
use daybook_projections::appointments::{self, AppointmentFilter, AppointmentRow, Appointments};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::{
    basket::{BasketItem, items},
    customers::{Newcomer, guest},
    look_back,
    moves::{Move, reschedule},
    page,
    shapes::{
        ChangedBy as ChangedByShape, Page, ReasonCode as ReasonCodeShape, bookings as shapes,
    },
};
use crate::{
    http::{
        caller::Caller,
        describe::{Route, delete, get, patch, post},
        extract::{Body, Id, Params},
        fields::{Instant, Moment, Notes, Reason, Reference, Text},
        problem::Problem,
        respond,
    },
    state::App,
};

pub(super) fn routes() -> OpenApiRouter<App> {
    let changed = |route: Route, id: &str, says: &str| {
        route.about("Bookings", id, says).scope("bookings:write")
    };
    let create = changed(post("/bookings", create), "book", "Books.").command::<CreateBooking>();
    let create = create.answers::<shapes::Created>(201, "Booked.");
    let list = get("/bookings", list).about("Bookings", "list_bookings", "Lists bookings.");
    let list = list.scope("bookings:read").query::<ListBookings>();
    let one = get("/bookings/{id}", one).about("Bookings", "booking", "Shows a booking.");
    let one = one.scope("bookings:read").answers::<shapes::Booking>(200, "As it is now.");
    let says = "Cancels, under the terms that were agreed.";
    let delete = changed(delete("/bookings/{id}", cancel), "delete_booking", says);
    let cancelled = changed(post("/bookings/{id}/cancel", cancel), "cancel_booking", says);
    let moved = changed(patch("/bookings/{id}/reschedule", reschedule), "reschedule", "Moves.");
    OpenApiRouter::new()
        .routes(create.answers::<shapes::Created>(200, "What a dry run would book.").done())
        .routes(list.answers::<Page<shapes::BookingRow>>(200, "A page.").done())
        .routes(one.done())
        .routes(delete.command::<CancelBooking>().answers::<shapes::Cancelled>(200, "Off.").done())
        .routes(
            cancelled.command::<CancelBooking>().answers::<shapes::Cancelled>(200, "Off.").done(),
        )
        .routes(moved.command::<Move>().answers::<shapes::Rescheduled>(200, "Moved.").done())
}

/// What a booking says. Price, status, company and version are never the client's (APT-06).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateBooking {
    /// Who comes: either this or `customer`.
    #[schema(value_type = Option<Uuid>)]
    customer_id: Option<CustomerId>,
    customer: Option<Newcomer>,
    #[schema(value_type = Option<Uuid>)]
    service_id: Option<ServiceId>,
    /// Active minutes of `service_id`. Another duration than its own needs a service of a single phase
    /// whose `rules.duration` allows it; the rule also says whether the price follows.
    #[schema(minimum = 5, maximum = 720, multiple_of = 5)]
    duration_minutes: Option<u16>,
    #[serde(default)]
    #[schema(max_items = 12)]
    services: Vec<BasketItem>,
    #[schema(value_type = Option<Uuid>)]
    staff_id: Option<StaffId>,
    #[schema(value_type = Option<Uuid>)]
    branch_id: Option<BranchId>,
    starts_at: Option<Instant>,
    /// Books what a hold keeps; place and services are those of the hold.
    #[schema(value_type = Option<Uuid>)]
    hold_token: Option<HoldId>,
    source: Option<Text<64>>,
    notes: Option<Notes>,
    external_ref: Option<Reference>,
    call_id: Option<Text<128>>,
    /// Book although the customer has another appointment at that time. The booking then names the
    /// others in `overlaps`.
    #[serde(default)]
    allow_overlap: bool,
    #[serde(default)]
    dry_run: bool,
}

pub(super) fn required<T>(field: &str, value: Option<T>) -> Result<T, Problem> {
    value.ok_or_else(|| Problem::invalid(field, format!("The {field} field is required.")))
}

/// The staff member that is asked for, if one is.
pub(super) fn wish(staff_id: Option<StaffId>) -> StaffWish {
    staff_id.map_or(StaffWish::Anyone, StaffWish::Pinned)
}

async fn create(
    State(app): State<App>,
    caller: Caller,
    body: Body<CreateBooking>,
) -> Result<Response, Problem> {
    let Body { value, canonical } = body;
    let context = caller.command(&app, &canonical, value.dry_run);
    let source = value.source.map_or_else(|| "api".to_owned(), Text::into_string);
    let place = (value.branch_id, value.hold_token);
    let guest = guest(&app, &caller, place, (value.customer_id, value.customer)).await?;
    let particulars = Particulars {
        guest,
        source,
        notes: value.notes.map(Text::into_string),
        external_ref: indexed(&app, &caller, value.external_ref).await?,
        call_id: value.call_id.map(Text::into_string),
        allow_overlap: value.allow_overlap,
    };
    let done = if let Some(hold_id) = value.hold_token {
        app.dispatcher.run(&context, &BookHeld { hold_id, particulars }).await?
    } else {
        let wish = Wish {
            branch_id: required("branch_id", value.branch_id)?,
            items: items((value.service_id, value.duration_minutes), &value.services)?,
            staff: wish(value.staff_id),
            starts_at: required("starts_at", value.starts_at)?.0,
        };
        app.dispatcher.run(&context, &Book { wish, particulars }).await?
    };
    let status = if context.dry_run { StatusCode::OK } else { StatusCode::CREATED };
    Ok(respond::done(status, done, |answer| created(&answer, context.dry_run)))
}

/// The client's own id for a booking, with the keyed hash by which it is found.
async fn indexed(
    app: &App,
    caller: &Caller,
    reference: Option<Reference>,
) -> Result<Option<IndexedRef>, Problem> {
    let Some(reference) = reference.map(Text::into_string) else { return Ok(None) };
    let index = app.vault.blind_index(caller.tenant, "appointment-ref", &reference).await;
    let index = index.map_err(|error| Problem::unavailable(&error))?;
    Ok(Some(IndexedRef { reference, index }))
}

fn created(answer: &BookingAnswer, dry_run: bool) -> Value {
    json!({
        "success": true,
        "dry_run": dry_run,
        "appointment_id": answer.appointment_id,
        "calcom_booking_id": null,
        "confirmation_sent": false,
        "booking": answer,
    })
}

async fn one(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<AppointmentId>,
) -> Result<Response, Problem> {
    let (state, _) = app.dispatcher.state::<Appointment>(&caller.context(&app), id).await?;
    let booking = state.booking().ok_or_else(Problem::not_found)?;
    let answer = BookingAnswer::of(id, &state).ok_or_else(Problem::not_found)?;
    let mut body = json!(answer);
    body["service_ids"] = json!(booking.service_ids);
    body["booking_type"] = json!(booking.booking_type);
    body["source"] = json!(booking.source);
    let may_see = caller.may("customers:read");
    let notes = booking.notes.as_ref().and_then(|notes| notes.value());
    let reference = booking.external_ref.as_ref().and_then(OutsideRef::value);
    body["notes"] = json!(notes.filter(|_| may_see));
    body["external_ref"] = json!(reference.filter(|_| may_see));
    body["series"] = json!(booking.series);
    body["overlaps"] = json!(booking.overlaps);
    body["zone"] = json!(booking.zone.name());
    body["modifications"] = json!(state.modifications());
    let cancelled = state.cancelled();
    body["cancelled_by"] = json!(cancelled.map(|(by, _)| by));
    body["reason_code"] = json!(cancelled.and_then(|(_, code)| code));
    Ok(respond::versioned(answer.version, body))
}

/// What a list is narrowed to.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct ListBookings {
    #[param(value_type = Option<shapes::Status>, inline)]
    status: Option<AppointmentStatus>,
    #[param(value_type = Option<Uuid>)]
    company_id: Option<CompanyId>,
    #[param(value_type = Option<Uuid>)]
    branch_id: Option<BranchId>,
    #[param(value_type = Option<Uuid>)]
    staff_id: Option<StaffId>,
    #[param(value_type = Option<Uuid>)]
    customer_id: Option<CustomerId>,
    #[param(value_type = Option<Uuid>)]
    service_id: Option<ServiceId>,
    #[param(value_type = Option<Uuid>)]
    series_id: Option<SeriesId>,
    external_ref: Option<Reference>,
    /// Bookings that end after this instant: with `to`, all that overlap the time between, those
    /// included that begin before it or end after it.
    #[param(inline)]
    from: Option<Instant>,
    /// Bookings that begin before this instant.
    #[param(inline)]
    to: Option<Instant>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    #[param(min_length = 1, pattern = "^[A-Za-z0-9_-]+$")]
    after: Option<String>,
    min_position: Option<u64>,
    /// Answers what was answered then.
    #[param(inline)]
    as_of: Option<Moment>,
}

async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<ListBookings>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let after = page::cursor(query.after.as_deref())?;
    let filter = AppointmentFilter {
        statuses: query.status.into_iter().collect(),
        company_id: query.company_id,
        branch_id: query.branch_id,
        staff_id: query.staff_id,
        customer_id: query.customer_id,
        service_id: query.service_id,
        series_id: query.series_id,
        external_ref: query.external_ref.map(Text::into_string),
        from: query.from.map(|at| at.0),
        to: query.to.map(|at| at.0),
    };
    if let Some(moment) = query.as_of {
        let page = (filter, after, limit);
        let (position, mut rows) = look_back::list(&app, caller.tenant, moment, page).await?;
        withhold(&caller, &mut rows);
        let page = page::page(&rows, limit, AppointmentRow::cursor);
        return Ok(respond::resting_on(position, page));
    }
    app.wait_for(caller.tenant, &Appointments, query.min_position).await?;
    let mut scope = Scope::acquire(&app.read, caller.tenant).await?;
    let mut rows = appointments::list(&mut scope, caller.tenant, &filter, after, limit).await?;
    withhold(&caller, &mut rows);
    Ok(page::page(&rows, limit, AppointmentRow::cursor))
}

/// Takes the references out for a caller who may not read customers.
fn withhold(caller: &Caller, rows: &mut [AppointmentRow]) {
    if caller.may("customers:read") {
        return;
    }
    for row in rows {
        row.external_ref = None;
        row.call_id = None;
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CancelBooking {
    /// Absent means the customer.
    #[serde(default)]
    #[schema(value_type = Option<ChangedByShape>)]
    cancelled_by: ChangedBy,
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

async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<AppointmentId>,
    body: Body<CancelBooking>,
) -> Result<Response, Problem> {
    let Body { value, canonical } = body;
    let command = Cancel {
        appointment_id: id,
        cause: ChangeCause {
            by: value.cancelled_by,
            reason_code: value.reason_code,
            reason: value.reason.map(Text::into_string),
            notify_customer: value.notify_customer,
        },
        expected: caller.expected(),
    };
    let context = caller.command(&app, &canonical, value.dry_run);
    let done = app.dispatcher.run(&context, &command).await?;
    Ok(respond::done(StatusCode::OK, done, |answer| cancelled(&answer, value.dry_run)))
}

/// The answer of a cancellation (POL-11).
pub(super) fn cancelled(answer: &ChangeAnswer, dry_run: bool) -> Value {
    let outcome = answer.outcome.as_ref();
    json!({
        "success": true,
        "dry_run": dry_run,
        "appointment_id": answer.booking.appointment_id,
        "refund_eligible": outcome.map(|outcome| outcome.refund_eligible),
        "policy_violation": outcome.map(|outcome| outcome.policy_violation),
        "cancellation_fee": outcome.map(|outcome| outcome.fee.amount_minor),
        "policy": outcome,
        "booking": answer.booking,
    })
}
