//! Three demo companies on a private PostgreSQL, a key, and requests to try.

use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use anyhow::Context as _;
use daybook_adapters::embedded_postgres::EmbeddedPostgres;
use daybook_domain::{
    commands::{CustomerIndexes, RegisterCustomer},
    customer::{Contact, Phone},
    ids::{CompanyId, CustomerId, TenantId},
    personal::Personal,
    unique_key::UniqueKey,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{apply, config::Config, database::Database, keys, say, serve, tenants};
use crate::state::App;

/// The demo's master data: a salon, a practice, a studio (TST-01 to TST-03).
const MANIFESTS: [&str; 3] = [
    include_str!("../../demo/salon.yaml"),
    include_str!("../../demo/practice.yaml"),
    include_str!("../../demo/studio.yaml"),
];

/// What a second start needs to know of the first.
#[derive(Deserialize, Serialize)]
struct Made {
    tenant: TenantId,
    key: String,
    customer: Uuid,
}

pub(super) async fn run(config: Config, reset: bool) -> anyhow::Result<()> {
    let listener = serve::listen(&config).await?;
    let data_dir = config.data_dir()?;
    let kept = data_dir.join("demo.json");
    if reset {
        anyhow::ensure!(
            config.database_url().is_none(),
            "--reset forgets a data directory, not a database that was named"
        );
        EmbeddedPostgres::erase(&data_dir)?;
        for file in [&kept, &data_dir.join("master.key")] {
            match fs::remove_file(file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).context(format!("{} cannot be removed", file.display()));
                }
                Ok(()) | Err(_) => (),
            }
        }
    }
    let database = Database::open(&config, true).await?;
    let app = serve::connect(&config, &database).await?;
    let made = match fs::read_to_string(&kept) {
        Ok(text) => serde_json::from_str(&text).context("demo.json cannot be read")?,
        Err(_not_there) => make(&app, &kept).await?,
    };
    let base = format!("http://{}", listener.local_addr()?);
    say(&format!("ready {base} key={}", made.key));
    let requests = requests(&app, &made, &base).await?;
    say(&requests);
    serve::serve(&config, listener, app, database).await
}

async fn make(app: &App, kept: &Path) -> anyhow::Result<Made> {
    let tenant = tenants::open_tenant(app, "Demo".to_owned(), None).await?;
    for manifest in MANIFESTS {
        apply::apply(app, tenant, manifest).await?;
    }
    let customer = app.ids.next_id();
    let subject = CustomerId::new(customer);
    let phone = Phone::try_from("+4915112345678".to_owned())?;
    let index = app.vault.blind_index(tenant, "phone", phone.as_str()).await?;
    let register = RegisterCustomer {
        id: customer,
        company_id: CompanyId::new(id_of(app, tenant, "company", "salon").await?),
        contact: Contact {
            name: Some(Personal::new(subject, "Max Mustermann".to_owned())),
            phone: Some(Personal::new(subject, phone)),
            phone_is_valid: Some(true),
            email: None,
            language: Some("de".to_owned()),
            preferred_branch_id: None,
            external_ref: None,
        },
        indexes: CustomerIndexes { phone: Some(index), external_ref: None },
    };
    let context = keys::operator(app, tenant);
    app.dispatcher.run(&context, &register).await.map_err(keys::failed)?;
    let (_, key) = keys::create_key(app, tenant, "demo", &["admin".to_owned()], 90).await?;
    let made = Made { tenant, key, customer };
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(kept)
        .with_context(|| format!("{} cannot be written", kept.display()))?;
    file.write_all(serde_json::to_string_pretty(&made)?.as_bytes())?;
    Ok(made)
}

async fn id_of(app: &App, tenant: TenantId, kind: &str, reference: &str) -> anyhow::Result<Uuid> {
    let context = keys::operator(app, tenant);
    let key = format!("{kind}-ref:{reference}");
    let (held, _) = app.dispatcher.state::<UniqueKey>(&context, &key).await?;
    let owner = held.owner().with_context(|| format!("there is no {kind} {reference}"))?;
    Ok(Uuid::parse_str(owner)?)
}

/// Three requests that work: the next free places, a booking of the first one, the list.
async fn requests(app: &App, made: &Made, base: &str) -> anyhow::Result<String> {
    let service = id_of(app, made.tenant, "service", "440").await?;
    let branch = id_of(app, made.tenant, "branch", "salon-mitte").await?;
    let world = app.worlds.at_least(made.tenant, None, app.clock.now()).await?;
    let now = app.clock.now();
    let request = daybook_domain::availability::Request::service(service.into(), now);
    let window = daybook_domain::slot::Slot { from: now, to: now + chrono::TimeDelta::days(30) };
    let found = world.next(&request, &[branch.into()], window, 1).value;
    let starts_at = found.first().context("the demo has no free place")?.starts_at.to_rfc3339();
    let head = format!("curl -s -H 'Authorization: Bearer {}'", made.key);
    let json = "-H 'Content-Type: application/json'";
    let customer = made.customer;
    Ok(format!(
        "{head} {json} -d '{{\"service_id\":\"{service}\",\"branch_id\":\"{branch}\"}}' \
         {base}/api/v2/availability/next\n\
         {head} {json} -d '{{\"customer_id\":\"{customer}\",\"service_id\":\"{service}\",\
         \"branch_id\":\"{branch}\",\"starts_at\":\"{starts_at}\"}}' {base}/api/v2/bookings\n\
         {head} {base}/api/v2/bookings"
    ))
}

#[cfg(test)]
mod tests {
    use super::{super::manifest::Manifest, MANIFESTS};

    #[test]
    fn the_demo_companies_have_the_sizes_of_their_trades() {
        let sizes = MANIFESTS.map(|text| {
            let manifest: Manifest = serde_saphyr::from_str(text).expect("a demo file is read");
            let [company] = manifest.companies.as_slice() else { panic!("one company a file") };
            (company.services.len(), company.staff.len(), company.branches.len())
        });
        assert_eq!(sizes, [(10, 5, 3), (8, 4, 2), (10, 5, 3)]);
    }
}
