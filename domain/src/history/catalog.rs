//! What happened to master data, customers, keys and tenants.

use super::values::Said;

/// What companies, branches, staff members and resources share.
pub(super) fn thing(aggregate: &str, kind: &str, said: &Said<'_>) -> Option<String> {
    let noun = if aggregate == "staff" { "staff member" } else { aggregate };
    let named = || format!("{noun} {}", said.personal("/profile/name").unwrap_or_default());
    let on = |date: &str| said.plain(date);
    Some(match kind {
        "registered" | "defined" => format!("Registered {}", named().trim_end()),
        "changed" => format!("Changed {}", named().trim_end()),
        "activated" => format!("Activated the {noun}"),
        "deactivated" => format!("Deactivated the {noun}"),
        "policies_set" => format!("Set the policies of the {noun}"),
        "hours_set" => {
            let at = said.text("branch_id").map(|branch| format!(" at branch {branch}"));
            let verb = if said.has("weekly") { "Set" } else { "Removed" };
            format!("{verb} the weekly hours of the {noun}{}", at.unwrap_or_default())
        }
        "exception_set" => {
            format!("Set the hours of the {noun} on {}", on("/exception/date"))
        }
        "exception_removed" => {
            format!("Removed the special hours of the {noun} on {}", on("date"))
        }
        _ => return None,
    })
}

pub(super) fn service(kind: &str, said: &Said<'_>) -> Option<String> {
    Some(match kind {
        "offer_set" if said.is("/offer/is_offered") => {
            format!("Set the offer of the service at branch {}", said.plain("branch_id"))
        }
        "offer_set" => {
            format!("Stopped offering the service at branch {}", said.plain("branch_id"))
        }
        "staff_assigned" => {
            format!("Assigned staff member {} to the service", said.plain("/assignment/staff_id"))
        }
        "staff_unassigned" => {
            format!("Unassigned staff member {} from the service", said.plain("staff_id"))
        }
        _ => return thing("service", kind, said),
    })
}

pub(super) fn customer(kind: &str, said: &Said<'_>) -> Option<String> {
    let appointment = || said.plain("appointment_id");
    Some(match kind {
        "registered" => {
            let name = said.personal("/contact/name").unwrap_or_default();
            format!("Registered customer {name}").trim_end().to_owned()
        }
        "contact_changed" => "Changed the contact details of the customer".to_owned(),
        "consent_given" => format!("Recorded the customer's consent to {}", said.plain("consent")),
        "consent_withdrawn" => {
            format!("Recorded that the customer withdrew consent to {}", said.plain("consent"))
        }
        "note_added" => {
            let text = said.personal("text").unwrap_or_default();
            format!("Added a {} note {text}", said.plain("kind")).trim_end().to_owned()
        }
        "visit_booked" => {
            let start = said.instant("starts_at");
            format!("Added appointment {} at {start}{} to the customer", appointment(), said.zone())
        }
        "visit_moved" => {
            let start = said.instant("starts_at");
            format!("Moved the customer's appointment {} to {start}{}", appointment(), said.zone())
        }
        "visit_cancelled" => {
            let counted = said.text("counted_in");
            let counted = counted.map(|month| format!(", counted in {month}")).unwrap_or_default();
            format!("Removed the customer's cancelled appointment {}{counted}", appointment())
        }
        "visit_completed" => format!("Counted the customer's visit {}", appointment()),
        "visit_missed" => format!("Counted the customer's missed visit {}", appointment()),
        "erasure_requested" => {
            let due = said.text("due_at").map(|_| format!(", due {}", said.instant("due_at")));
            format!("Recorded the customer's request for erasure{}", due.unwrap_or_default())
        }
        "erasure_withdrawn" => "Withdrew the customer's request for erasure".to_owned(),
        "erased" => "Erased the customer".to_owned(),
        _ => return None,
    })
}

pub(super) fn api_key(kind: &str, said: &Said<'_>) -> Option<String> {
    let until = || format!("{}{}", said.instant("expires_at"), said.zone());
    Some(match kind {
        "created" => {
            let (name, scopes) = (said.plain("name"), said.list("scopes"));
            format!("Created API key \u{201c}{name}\u{201d} with {scopes}, valid until {}", until())
        }
        "rotated" => {
            let overlap = said.instant("overlap_until");
            format!(
                "Rotated the API key; the old secret is valid until {overlap}, the new one until {}",
                until()
            )
        }
        "revoked" => "Revoked the API key".to_owned(),
        _ => return None,
    })
}

pub(super) fn tenant(kind: &str, said: &Said<'_>) -> Option<String> {
    Some(match kind {
        "opened" => format!("Opened tenant \u{201c}{}\u{201d}", said.plain("name")),
        "limits_set" => "Set the usage limits of the tenant".to_owned(),
        "feature_set" => {
            let verb = if said.is("is_enabled") { "Enabled" } else { "Disabled" };
            format!("{verb} feature {}", said.plain("feature"))
        }
        "subscription_set" => {
            format!("Set the subscription to {}", said.plain("/subscription/state"))
        }
        "company_added" => format!("Added company {}", said.plain("company_id")),
        "event_skipped" => {
            let (position, projector) = (said.plain("position"), said.plain("projector"));
            format!("Told projector {projector} to skip position {position}")
        }
        _ => return None,
    })
}

pub(super) fn unique_key(kind: &str, said: &Said<'_>) -> Option<String> {
    Some(match kind {
        "claimed" => format!("Claimed a unique value for {}", said.plain("owner")),
        "released" => format!("Released a unique value of {}", said.plain("owner")),
        _ => return None,
    })
}
