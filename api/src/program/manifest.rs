//! A tenant's master data as a file says it (`daybook apply`).

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;
use daybook_domain::{
    branch::Address,
    company::Policies,
    hours::{CivilInterval, CivilTime, DayHours, HoursError, WeeklyHours},
    money::{Currency, Money},
    resource::ResourceKind,
    service::{BookingRules, PhaseTemplate},
};
use serde::Deserialize;

/// The whole file. Every thing has a `ref`, unique in the tenant, by which it is found again.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) companies: Vec<CompanySpec>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CompanySpec {
    #[serde(rename = "ref")]
    pub(super) reference: String,
    pub(super) name: String,
    pub(super) zone: Tz,
    pub(super) currency: Currency,
    pub(super) phone_region: String,
    #[serde(default)]
    pub(super) policies: Option<Policies>,
    pub(super) branches: Vec<BranchSpec>,
    #[serde(default)]
    pub(super) resources: Vec<ResourceSpec>,
    #[serde(default)]
    pub(super) staff: Vec<StaffSpec>,
    #[serde(default)]
    pub(super) services: Vec<ServiceSpec>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BranchSpec {
    #[serde(rename = "ref")]
    pub(super) reference: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) address: Option<Address>,
    /// Where phone numbers without a country code belong; absent means the company's region.
    #[serde(default)]
    pub(super) phone_region: Option<String>,
    pub(super) hours: Vec<HoursLine>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResourceSpec {
    #[serde(rename = "ref")]
    pub(super) reference: String,
    pub(super) branch: String,
    pub(super) name: String,
    pub(super) kind: ResourceKind,
    pub(super) capacity: u16,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StaffSpec {
    #[serde(rename = "ref")]
    pub(super) reference: String,
    pub(super) name: String,
    /// Refs of the branches; the first is home.
    pub(super) branches: Vec<String>,
    #[serde(default)]
    pub(super) roles: BTreeSet<String>,
    #[serde(default)]
    pub(super) hours: Option<Vec<HoursLine>>,
    #[serde(default)]
    pub(super) buffer_after_min: u16,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceSpec {
    #[serde(rename = "ref")]
    pub(super) reference: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: Option<String>,
    /// Minor units of the company's currency.
    pub(super) price_minor: i64,
    /// A service of one phase.
    #[serde(default)]
    pub(super) duration_min: Option<u16>,
    /// A service of several.
    #[serde(default)]
    pub(super) phases: Vec<PhaseSpec>,
    #[serde(default)]
    pub(super) rules: BookingRules,
    /// Refs of the staff who do it; the first comes first when nobody is named.
    pub(super) staff: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PhaseSpec {
    pub(super) key: String,
    #[serde(default)]
    pub(super) name: Option<String>,
    pub(super) active_min: u16,
    #[serde(default)]
    pub(super) processing_min: u16,
    #[serde(default)]
    pub(super) transition_min: u16,
    /// Ref of a resource that is needed.
    #[serde(default)]
    pub(super) resource: Option<String>,
    #[serde(default)]
    pub(super) other_staff: bool,
}

/// The same hours on some weekdays: `{ days: [1, 2], open: ["09:00-18:00"] }`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HoursLine {
    days: Vec<u8>,
    open: Vec<String>,
    #[serde(default)]
    breaks: Vec<String>,
}

fn intervals(texts: &[String]) -> Result<Vec<CivilInterval>, HoursError> {
    let interval = |text: &String| {
        let not_one = || HoursError::NotATime(text.clone());
        let (from, to) = text.split_once('-').ok_or_else(not_one)?;
        CivilInterval::new(from.trim().parse::<CivilTime>()?, to.trim().parse()?)
    };
    texts.iter().map(interval).collect()
}

/// The lines as weekly hours.
pub(super) fn weekly(lines: &[HoursLine]) -> Result<WeeklyHours, HoursError> {
    let mut days = BTreeMap::new();
    for line in lines {
        let hours = DayHours::new(intervals(&line.open)?, intervals(&line.breaks)?)?;
        days.extend(line.days.iter().map(|day| (*day, hours.clone())));
    }
    WeeklyHours::new(days)
}

impl Manifest {
    /// Reads a manifest; an error names the field and the line.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let mut field = None;
        let parsed = serde_saphyr::with_deserializer_from_str(text, |deserializer| {
            serde_path_to_error::deserialize(deserializer).map_err(|error| {
                field = Some(error.path().to_string());
                error.into_inner()
            })
        });
        parsed.map_err(|error| {
            let error = error.without_snippet();
            match field.filter(|field| field != ".") {
                Some(field) => anyhow::anyhow!("{field}: {error}"),
                None => anyhow::anyhow!("{error}"),
            }
        })
    }

    /// Everything that the file defines: where, its kind and its ref.
    pub(super) fn defined(&self) -> Vec<(String, &'static str, &str)> {
        let mut all = Vec::new();
        for (index, company) in self.companies.iter().enumerate() {
            let at = format!("companies[{index}]");
            all.push((at.clone(), "company", company.reference.as_str()));
            for (index, it) in company.branches.iter().enumerate() {
                all.push((format!("{at}.branches[{index}]"), "branch", &it.reference));
            }
            for (index, it) in company.resources.iter().enumerate() {
                all.push((format!("{at}.resources[{index}]"), "resource", &it.reference));
            }
            for (index, it) in company.staff.iter().enumerate() {
                all.push((format!("{at}.staff[{index}]"), "staff", &it.reference));
            }
            for (index, it) in company.services.iter().enumerate() {
                all.push((format!("{at}.services[{index}]"), "service", &it.reference));
            }
        }
        all
    }

    /// Everything that the file refers to: where, its kind and its ref.
    pub(super) fn named(&self) -> Vec<(String, &'static str, &str)> {
        let mut all = Vec::new();
        for (index, company) in self.companies.iter().enumerate() {
            let at = format!("companies[{index}]");
            for (index, it) in company.resources.iter().enumerate() {
                all.push((format!("{at}.resources[{index}].branch"), "branch", it.branch.as_str()));
            }
            for (index, it) in company.staff.iter().enumerate() {
                let branches = it.branches.iter().enumerate();
                all.extend(branches.map(|(no, name)| {
                    (format!("{at}.staff[{index}].branches[{no}]"), "branch", name.as_str())
                }));
            }
            for (index, it) in company.services.iter().enumerate() {
                let staff = it.staff.iter().enumerate();
                all.extend(staff.map(|(no, name)| {
                    (format!("{at}.services[{index}].staff[{no}]"), "staff", name.as_str())
                }));
                let phases = it.phases.iter().enumerate();
                all.extend(phases.filter_map(|(no, phase)| {
                    let place = format!("{at}.services[{index}].phases[{no}].resource");
                    Some((place, "resource", phase.resource.as_deref()?))
                }));
            }
        }
        all
    }
}

impl ServiceSpec {
    /// The phases without their resources.
    pub(super) fn templates(&self) -> Vec<PhaseTemplate> {
        let simple = self.duration_min.map(|minutes| PhaseTemplate::active("A", minutes));
        let phases = self.phases.iter().map(|phase| PhaseTemplate {
            name: phase.name.clone(),
            processing_min: phase.processing_min,
            transition_min: phase.transition_min,
            other_staff: phase.other_staff,
            ..PhaseTemplate::active(phase.key.as_str(), phase.active_min)
        });
        simple.into_iter().chain(phases).collect()
    }

    pub(super) fn price(&self, currency: Currency) -> Money {
        Money::new(self.price_minor, currency)
    }
}
