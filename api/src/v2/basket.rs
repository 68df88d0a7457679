//! The services that a request asks for: one, or a basket.

use daybook_domain::{availability::Item, ids::ServiceId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::bookings::required;
use crate::http::problem::Problem;

/// A service of a basket.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BasketItem {
    #[schema(value_type = Uuid)]
    service_id: ServiceId,
    /// Active minutes, if they differ from those of the service; see `duration_minutes` of a booking.
    #[schema(minimum = 5, maximum = 720, multiple_of = 5)]
    duration_minutes: Option<u16>,
}

/// A service in the minutes that are asked for, if they are.
pub(super) fn item(
    service_id: ServiceId,
    field: &str,
    duration_minutes: Option<u16>,
) -> Result<Item, Problem> {
    let is_duration = |minutes: u16| (5..=720).contains(&minutes) && minutes.is_multiple_of(5);
    if duration_minutes.is_some_and(|minutes| !is_duration(minutes)) {
        let message = format!("`{field}` must be a multiple of 5 between 5 and 720.");
        return Err(Problem::invalid(field, message));
    }
    Ok(Item::of(service_id).lasting(duration_minutes))
}

/// The services of a request: one, or a basket.
pub(super) fn items(
    (service_id, duration_minutes): (Option<ServiceId>, Option<u16>),
    services: &[BasketItem],
) -> Result<Vec<Item>, Problem> {
    match (service_id, services) {
        (Some(service_id), []) => Ok(vec![item(service_id, "duration_minutes", duration_minutes)?]),
        (None, _) if duration_minutes.is_some() => {
            let message = "`duration_minutes` needs `service_id`; a basket has it in `services`.";
            Err(Problem::invalid("duration_minutes", message))
        }
        (None, services) if (1..=12).contains(&services.len()) => {
            let one = |(index, it): (usize, &BasketItem)| {
                item(
                    it.service_id,
                    &format!("services/{index}/duration_minutes"),
                    it.duration_minutes,
                )
            };
            services.iter().enumerate().map(one).collect()
        }
        (None, []) => required("service_id", None),
        (None, _) => Err(Problem::invalid("services", "a basket has 1 to 12 services")),
        (Some(_), _) => Err(Problem::invalid("services", "either service_id or services")),
    }
}
