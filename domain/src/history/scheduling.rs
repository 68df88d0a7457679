//! What happened to appointments, calendars, holds and series.

use super::values::Said;

/// Who wanted a change, as a subclause; nothing when it was the customer.
fn wanted_by(said: &Said<'_>, field: &str) -> &'static str {
    match said.text(field) {
        Some("business") => " for the business",
        Some("system") => " automatically",
        _ => " for the customer",
    }
}

/// What the change costs the customer.
fn cost(said: &Said<'_>) -> String {
    let waived = if said.has("/outcome/waived") { ", the agreed terms were waived" } else { "" };
    if said.has("/outcome/fee/amount_minor") && said.plain("/outcome/fee/amount_minor") != "0" {
        return format!(", for a fee of {}{waived}", said.money("/outcome/fee"));
    }
    waived.to_owned()
}

pub(super) fn appointment(kind: &str, said: &Said<'_>) -> Option<String> {
    Some(match kind {
        "booked" => {
            let what = if said.is("is_pending") { "Requested" } else { "Booked" };
            let (start, zone) = (said.instant("/plan/starts_at"), said.zone());
            let (price, source) = (said.money("price"), said.plain("source"));
            format!("{what} for {start}{zone} at {price} through {source}")
        }
        "confirmed" => "Confirmed".to_owned(),
        "rejected" => "Rejected".to_owned(),
        "started" => format!("Started at {}{}", said.instant("at"), said.zone()),
        "completed" => format!("Completed at {}{}", said.instant("at"), said.zone()),
        "no_show_marked" => "Marked as no-show".to_owned(),
        "cancelled" => {
            let (start, zone) = (said.instant("starts_at"), said.zone());
            let (by, cost) = (wanted_by(said, "cancelled_by"), cost(said));
            format!("Cancelled{by}; it was to start at {start}{zone}{cost}")
        }
        "rescheduled" => {
            let (from, to) = (said.instant("/from/starts_at"), said.instant("/to/starts_at"));
            let staff = match (said.text("/from/staff_id"), said.text("/to/staff_id")) {
                (Some(before), Some(after)) if before != after => {
                    format!(" and from staff member {before} to {after}")
                }
                _ => String::new(),
            };
            let (by, cost) = (wanted_by(said, "rescheduled_by"), cost(said));
            format!("Moved{by} from {from} to {to}{}{staff}{cost}", said.zone())
        }
        "policy_violated" => {
            let change = said.plain("kind");
            let (number, fee) = (said.plain("modification"), said.money("/outcome/fee"));
            format!("The {change} (change {number}) broke the agreed terms; the fee is {fee}")
        }
        _ => return None,
    })
}

pub(super) fn calendar_day(kind: &str, said: &Said<'_>) -> Option<String> {
    let of_claim = |said: &Said<'_>| {
        let slot =
            format!("{} to {}", said.instant("/claim/slot/from"), said.instant("/claim/slot/to"));
        let purpose = said.plain("/claim/purpose/kind").replace('_', " ");
        format!("{slot}{} ({purpose})", said.zone())
    };
    Some(match kind {
        "claimed" => format!("Reserved {} on calendar {}", of_claim(said), said.plain("calendar")),
        "changed" => format!("Changed the reservation of {}", of_claim(said)),
        "released" => {
            format!("Released reservation {} ({})", said.plain("claim_id"), said.plain("reason"))
        }
        _ => return None,
    })
}

pub(super) fn hold(kind: &str, said: &Said<'_>) -> Option<String> {
    Some(match kind {
        "placed" => {
            let (start, until) = (said.instant("/plan/starts_at"), said.instant("expires_at"));
            format!("Held {start} until {until}{}", said.zone())
        }
        "extended" => format!("Extended the hold to {}{}", said.instant("expires_at"), said.zone()),
        "released" => "Released the hold".to_owned(),
        "booked" => format!("Booked the hold as appointment {}", said.plain("appointment_id")),
        _ => return None,
    })
}

pub(super) fn phase(kind: &str, said: &Said<'_>) -> Option<String> {
    Some(match kind {
        "planned" => {
            let (key, start) = (said.plain("/plan/key"), said.instant("/plan/active/from"));
            format!("Planned phase {key} at {start}{}", said.zone())
        }
        "moved" => {
            let (from, to) = (said.instant("/from/active/from"), said.instant("/to/active/from"));
            format!("Moved phase {} from {from} to {to}{}", said.plain("/to/key"), said.zone())
        }
        "cancelled" => "Cancelled the phase".to_owned(),
        _ => return None,
    })
}

pub(super) fn series(kind: &str, said: &Said<'_>) -> Option<String> {
    Some(match kind {
        "started" => {
            let (rule, start) = (said.plain("/rule/rrule"), said.plain("/rule/starts_at_local"));
            format!("Started the series {rule} from {start} ({})", said.plain("/rule/zone"))
        }
        "occurrence_skipped" => format!("Skipped occurrence {}", said.plain("number")),
        "occurrence_moved" => {
            let (from, to) = (said.instant("from"), said.instant("to"));
            format!("Moved occurrence {} from {from} to {to}{}", said.plain("number"), said.zone())
        }
        "cancelled" => {
            format!("Cancelled the series after {}{}", said.instant("after"), said.zone())
        }
        _ => return None,
    })
}
