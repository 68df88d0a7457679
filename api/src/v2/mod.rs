//! The resources of `/api/v2`.

mod assignments;
mod availability;
mod basket;
mod bookings;
mod catalog;
mod customers;
mod events;
mod history;
mod holds;
mod look_back;
mod page;
mod receipts;
mod reports;
mod schedule;
mod series;
mod shapes;
mod steps;
mod webhooks;

use utoipa_axum::router::OpenApiRouter;

pub(crate) use self::events::item as feed_item;
use crate::state::App;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(assignments::routes())
        .merge(availability::routes())
        .merge(bookings::routes())
        .merge(catalog::routes())
        .merge(customers::routes())
        .merge(events::routes())
        .merge(history::routes())
        .merge(holds::routes())
        .merge(receipts::routes())
        .merge(reports::routes())
        .merge(schedule::routes())
        .merge(series::routes())
        .merge(steps::routes())
        .merge(webhooks::routes())
}

/// The older surface that some clients still speak (AVL-11, CAL-12, CAL-13).
pub(crate) fn event_management() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(availability::event_management())
        .merge(assignments::event_management())
}
