//! `On-Behalf-Of`: for which of its employees or customers a client acts.

use axum::http::HeaderMap;
use daybook_domain::{
    customer::Customer,
    dispatch::{OnBehalfOf, OnBehalfOfId},
    staff::Staff,
};

use super::{caller::Caller, problem::Problem};
use crate::state::App;

/// The name of the header.
pub(super) const HEADER: &str = "On-Behalf-Of";

/// For whom a request is made. An id must be that of a staff member or customer of the tenant.
pub(super) async fn read(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
) -> Result<Option<OnBehalfOf>, Problem> {
    let Some(value) = headers.get("on-behalf-of") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let named: OnBehalfOf =
        text.parse().map_err(|error| Problem::header(HEADER, format!("{error}.")))?;
    let context = caller.context(app);
    let is_known = match &named {
        OnBehalfOf::Employee(OnBehalfOfId::Known(id)) => {
            app.dispatcher.state::<Staff>(&context, id).await?.0.profile().is_some()
        }
        OnBehalfOf::Customer(OnBehalfOfId::Known(id)) => {
            let (customer, _) = app.dispatcher.state::<Customer>(&context, id).await?;
            customer.company_id().is_some() && !customer.is_erased()
        }
        OnBehalfOf::Employee(OnBehalfOfId::Reference(_))
        | OnBehalfOf::Customer(OnBehalfOfId::Reference(_)) => true,
    };
    if is_known {
        return Ok(Some(named));
    }
    Err(Problem::header(HEADER, "The tenant has no such employee or customer."))
}
