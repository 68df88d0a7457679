//! `/api/v2/customers`: register, look, list, change, consent, forget (CRM-13, GDPR-01, GDPR-04).

mod erasure;
mod export;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use daybook_adapters::{phone, postgres::Scope, vault::run_on_what_was_read};
use daybook_domain::{
    booking::commands::Guest,
    branch::Branch,
    commands::{ChangeCustomer, CustomerIndexes, One, RegisterCustomer},
    company::Company,
    customer::{
        Consent, Contact, Customer, CustomerCommand, Email, NoteKind, NoteVisibility, Phone,
    },
    hold::Hold,
    ids::{BranchId, CompanyId, CustomerId, HoldId},
    master_data::MasterDataError,
    outside_ref::OutsideRef,
    personal::Personal,
    standards,
};
use daybook_projections::customers::{self, CustomerFilter, CustomerSearch, Customers, Erasure};
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use super::{
    page,
    shapes::{Page, Saved, customers as shapes},
};
use crate::{
    http::{
        caller::Caller,
        describe::{Route, get, post, put},
        extract::{Body, Dry, Id, Params},
        fields::{Notes, Reference, Text},
        problem::Problem,
        respond,
    },
    state::App,
};

pub(super) fn routes() -> OpenApiRouter<App> {
    let write = |route: Route, id: &str, says: &str| {
        route.about("Customers", id, says).scope("customers:write")
    };
    let create = write(post("/customers", create), "create_customer", "Registers a customer.");
    let create = create.command::<Fields>().answers::<Saved>(201, "Registered.");
    let change = write(put("/customers/{id}", change), "change_customer", "Changes a customer.");
    let list = get("/customers", list).about("Customers", "list_customers", "Lists customers.");
    let list = list.scope("customers:read").query::<ListCustomers>();
    let one = get("/customers/{id}", one).about("Customers", "customer", "Shows a customer.");
    let one = one.scope("customers:read").answers::<shapes::Customer>(200, "As it is now.");
    let note = write(post("/customers/{id}/notes", note), "add_note", "Writes something down.");
    let note = note.command::<shapes::AddNote>().answers::<Saved>(201, "Written down.");
    let consent = put("/customers/{id}/consents/{consent}", consent);
    let consent = write(consent, "set_consent", "Notes what the customer agrees to.");
    OpenApiRouter::new()
        .routes(create.answers::<Saved>(200, "A dry run.").done())
        .routes(list.answers::<Page<shapes::CustomerRow>>(200, "A page.").done())
        .routes(one.done())
        .routes(change.command::<Fields>().answers::<Saved>(200, "Changed.").done())
        .routes(note.answers::<Saved>(200, "A dry run.").done())
        .routes(consent.command::<SetConsent>().answers::<Saved>(200, "Noted.").done())
        .merge(erasure::routes())
        .merge(export::routes())
}

/// How a customer is reached. Phone numbers as people type them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CustomerFields)]
struct Fields {
    /// Given when registering; a customer stays with the company.
    #[schema(value_type = Option<Uuid>)]
    company_id: Option<CompanyId>,
    name: Option<Text<200>>,
    phone: Option<Text<60>>,
    email: Option<Text<254>>,
    language: Option<Text<35>>,
    #[schema(value_type = Option<Uuid>)]
    preferred_branch_id: Option<BranchId>,
    external_ref: Option<Reference>,
    /// Whether appointments of the customer may overlap: a walk-in account, a family.
    #[serde(default)]
    may_overlap: bool,
    #[serde(default)]
    dry_run: bool,
}

/// What people say of themselves is not for the eye.
impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fields(…)")
    }
}

/// Somebody who may be new: whoever of the company has the phone number, else this customer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCustomer)]
pub(super) struct Newcomer {
    name: Text<200>,
    /// As people type it.
    phone: Text<60>,
    email: Option<Text<254>>,
    language: Option<Text<35>>,
}

/// What people say of themselves is not for the eye.
impl std::fmt::Debug for Newcomer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Newcomer(…)")
    }
}

/// The guest of a booking: a customer who is known, or a newcomer to the company.
pub(super) async fn guest(
    app: &App,
    caller: &Caller,
    place: (Option<BranchId>, Option<HoldId>),
    (known, newcomer): (Option<CustomerId>, Option<Newcomer>),
) -> Result<Guest, Problem> {
    let newcomer = match (known, newcomer) {
        (Some(known), None) => return Ok(Guest::Known(known)),
        (None, Some(newcomer)) => newcomer,
        (None, None) => {
            return Err(Problem::invalid("customer_id", "The customer_id field is required."));
        }
        (Some(_), Some(_)) => {
            return Err(Problem::invalid("customer", "either customer_id or customer"));
        }
    };
    let (company_id, branch_id) = company_of(app, caller, place).await?;
    let fields = Fields {
        company_id: None,
        name: Some(newcomer.name),
        phone: Some(newcomer.phone),
        email: newcomer.email,
        language: newcomer.language,
        preferred_branch_id: None,
        external_ref: None,
        may_overlap: false,
        dry_run: false,
    };
    let id = app.ids.next_id();
    let own = CustomerId::new(id);
    let (contact, indexes) =
        fields.contact("customer.", app, caller, (company_id, branch_id, own)).await?;
    Ok(Guest::New(Box::new(RegisterCustomer { id, company_id, contact, indexes })))
}

/// The company and the branch of a hold or of a request.
async fn company_of(
    app: &App,
    caller: &Caller,
    place: (Option<BranchId>, Option<HoldId>),
) -> Result<(CompanyId, Option<BranchId>), Problem> {
    let context = caller.context(app);
    let (what, field, found) = match place {
        (_, Some(id)) => {
            let (hold, _) = app.dispatcher.state::<Hold>(&context, id).await?;
            ("hold", "hold_token", hold.held().map(|held| (held.company_id, Some(held.branch_id))))
        }
        (Some(id), None) => {
            let (branch, _) = app.dispatcher.state::<Branch>(&context, id).await?;
            ("branch", "branch_id", branch.profile().map(|profile| (profile.company_id, Some(id))))
        }
        (None, None) => {
            return Err(Problem::invalid("branch_id", "The branch_id field is required."));
        }
    };
    found.ok_or_else(|| Problem::refused(&MasterDataError::NotFound { what, field }))
}

impl Fields {
    /// The contact, sealed with the customer's own key, and what it is found by. `at` is
    /// where the fields stand in the request.
    async fn contact(
        self,
        at: &str,
        app: &App,
        caller: &Caller,
        (company_id, branch_id, id): (CompanyId, Option<BranchId>, CustomerId),
    ) -> Result<(Contact, CustomerIndexes), Problem> {
        let phone =
            match self.phone.map(Text::into_string) {
                None => None,
                Some(text) => {
                    let branch_id = branch_id.or(self.preferred_branch_id);
                    let region = phone_region(app, caller, company_id, branch_id).await?;
                    let parsed = phone::parse(&text, &region);
                    Some(parsed.map_err(|error| {
                        Problem::invalid(format!("{at}phone"), error.to_string())
                    })?)
                }
            };
        let email = self.email.map(|text| Email::try_from(text.into_string())).transpose();
        let email =
            email.map_err(|error| Problem::invalid(format!("{at}email"), error.to_string()))?;
        let contact = Contact {
            name: self.name.map(|name| Personal::new(id, name.into_string())),
            phone_is_valid: phone.as_ref().map(|it| it.is_valid),
            phone: phone.map(|it| Personal::new(id, it.phone)),
            email: email.map(|email| Personal::new(id, email)),
            language: self.language.map(Text::into_string).map(language_tag),
            preferred_branch_id: self.preferred_branch_id,
            may_overlap: self.may_overlap,
            external_ref: self.external_ref.map(|it| OutsideRef::new(id, it.into_string())),
        };
        let indexes = indexes_of(app, caller, &contact).await?;
        Ok((contact, indexes))
    }
}

/// Where a phone number without a country code belongs: the region of the branch, else of the company.
async fn phone_region(
    app: &App,
    caller: &Caller,
    company_id: CompanyId,
    branch_id: Option<BranchId>,
) -> Result<String, Problem> {
    let context = caller.context(app);
    if let Some(id) = branch_id {
        let (branch, _) = app.dispatcher.state::<Branch>(&context, id).await?;
        let own = branch.profile().filter(|it| it.company_id == company_id);
        if let Some(region) = own.and_then(|it| it.phone_region.clone()) {
            return Ok(region);
        }
    }
    let (company, _) = app.dispatcher.state::<Company>(&context, company_id).await?;
    let region = company.profile().map(|it| it.phone_region.clone());
    let missing = MasterDataError::NotFound { what: "company", field: "company_id" };
    region.ok_or_else(|| Problem::refused(&missing))
}

/// A language tag in the form of BCP 47; the customer refuses what is none.
fn language_tag(tag: String) -> String {
    standards::language(&tag).unwrap_or(tag)
}

/// What a customer is found by.
async fn indexes_of(
    app: &App,
    caller: &Caller,
    contact: &Contact,
) -> Result<CustomerIndexes, Problem> {
    let indexes = app.vault.indexes(caller.tenant, contact).await;
    indexes.map_err(|error| Problem::unavailable(&error))
}

async fn create(
    State(app): State<App>,
    caller: Caller,
    body: Body<Fields>,
) -> Result<Response, Problem> {
    let Body { value, canonical } = body;
    let dry_run = value.dry_run;
    let company_id = value
        .company_id
        .ok_or_else(|| Problem::invalid("company_id", "The company_id field is required."))?;
    let id = app.ids.next_id();
    let (contact, indexes) =
        value.contact("", &app, &caller, (company_id, None, CustomerId::new(id))).await?;
    let command = RegisterCustomer { id, company_id, contact, indexes };
    let done = app.dispatcher.run(&caller.command(&app, &canonical, dry_run), &command).await?;
    let status = if dry_run { StatusCode::OK } else { StatusCode::CREATED };
    Ok(respond::done(status, done, |answer| answer))
}

async fn change(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<CustomerId>,
    body: Body<Fields>,
) -> Result<Response, Problem> {
    let Body { value, canonical } = body;
    let dry_run = value.dry_run;
    if value.company_id.is_some() {
        return Err(Problem::invalid("company_id", "a customer stays with the company"));
    }
    let (contact, indexes) = {
        let (customer, _) = app.dispatcher.state::<Customer>(&caller.context(&app), id).await?;
        let company_id = customer.company_id().ok_or_else(Problem::not_found)?;
        value.contact("", &app, &caller, (company_id, None, id)).await?
    };
    let context = caller.command(&app, &canonical, dry_run);
    let whom = (id, caller.expected());
    let done = run_on_what_was_read(&app.dispatcher, &context, whom, |indexes_before, expected| {
        let (id, contact, indexes) = (id.uuid(), contact.clone(), indexes.clone());
        ChangeCustomer { id, contact, indexes_before, indexes, expected }
    });
    let done = done.await.map_err(|error| Problem::unavailable(&error))?;
    Ok(respond::done(StatusCode::OK, done?, |answer| answer))
}

async fn one(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<CustomerId>,
) -> Result<Response, Problem> {
    let context = caller.context(&app);
    let (customer, version) = app.dispatcher.state::<Customer>(&context, id).await?;
    let company_id = customer.company_id().ok_or_else(Problem::not_found)?;
    let contact = customer.contact();
    let phone = contact.and_then(|it| it.phone.as_ref()?.value());
    let body = json!({
        "id": id,
        "version": version,
        "company_id": company_id,
        "name": contact.and_then(|it| it.name.as_ref()?.value()),
        "phone": phone.map(Phone::e164),
        "phone_extension": phone.and_then(Phone::extension),
        "phone_is_valid": contact.and_then(|it| it.phone_is_valid),
        "email": contact.and_then(|it| it.email.as_ref()?.value()),
        "language": contact.and_then(|it| it.language.as_ref()),
        "preferred_branch_id": contact.and_then(|it| it.preferred_branch_id),
        "may_overlap": customer.may_overlap(),
        "external_ref": contact.and_then(|it| it.external_ref.as_ref()?.value()),
        "consents": customer.consents().map(|(consent, at)| json!({ "consent": consent, "at": at }))
            .collect::<Vec<_>>(),
        "upcoming_count": customer.upcoming(context.at),
        "completed_count": customer.completed_count(),
        "no_show_count": customer.missed_count(),
        "is_erased": customer.is_erased(),
        "erasure": customer.wished_erasure(),
    });
    Ok(respond::versioned(version.0, body))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct ListCustomers {
    #[param(value_type = Option<Uuid>)]
    company_id: Option<CompanyId>,
    /// What somebody types to find a customer: the beginning of any word of the name, in any case and
    /// without accents, of the e-mail address, or at least four digits of the phone number. Several words
    /// all have to match. The best matches come first; there is no further page.
    #[param(example = "ozlem", min_length = 1)]
    q: Option<Text<200>>,
    /// The beginnings of words of the name. Best matches first, without a further page.
    name: Option<Text<200>>,
    /// At least four digits of the phone number, as people type them. Best matches first, without a
    /// further page.
    phone: Option<Text<60>>,
    /// The e-mail address. There is no further page.
    email: Option<Text<254>>,
    external_ref: Option<Reference>,
    /// Those who asked to be forgotten, or who are; without it, nobody of them.
    #[param(inline)]
    erasure: Option<WhichErasure>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    #[param(min_length = 1, pattern = "^[A-Za-z0-9_-]+$")]
    after: Option<String>,
    min_position: Option<u64>,
}

/// How far customers are with being forgotten.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum WhichErasure {
    /// They did not ask for it.
    #[default]
    None,
    /// They asked for it, and could take it back.
    Pending,
    /// They are forgotten.
    Done,
    /// All of them.
    Any,
}

impl WhichErasure {
    const fn filter(self) -> Option<Erasure> {
        match self {
            Self::None => Some(Erasure::None),
            Self::Pending => Some(Erasure::Pending),
            Self::Done => Some(Erasure::Done),
            Self::Any => None,
        }
    }
}

async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<ListCustomers>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let after = page::cursor(query.after.as_deref())?;
    let search = search_of(&query)?;
    if search.is_asked() && query.after.is_some() {
        let detail = "`after` cannot be combined with `q`, `name`, `phone` or `email`: a search returns \
                      its best matches only.";
        return Err(Problem::parameter("after", detail));
    }
    let filter = CustomerFilter {
        company_id: query.company_id,
        search,
        external_ref: query.external_ref.map(Text::into_string),
        erasure: query.erasure.unwrap_or_default().filter(),
    };
    app.wait_for(caller.tenant, &Customers, query.min_position).await?;
    let mut scope = Scope::acquire(&app.read, caller.tenant).await?;
    let rows = customers::list(&mut scope, caller.tenant, &filter, after, limit).await?;
    if filter.search.is_asked() {
        return Ok(Json(json!({ "items": rows, "next": null })).into_response());
    }
    Ok(page::page(&rows, limit, |row| row.customer_id))
}

/// What the parameters search for.
fn search_of(query: &ListCustomers) -> Result<CustomerSearch, Problem> {
    let mut search = CustomerSearch::default();
    if let Some(text) = &query.q {
        search.any(text.as_str());
    }
    if let Some(name) = &query.name {
        search.name(name.as_str());
    }
    if let Some(phone) = &query.phone {
        let found = search.phone(phone.as_str());
        found.map_err(|error| Problem::parameter("phone", error.to_string()))?;
    }
    if let Some(email) = &query.email {
        search.email(email.as_str());
    }
    Ok(search)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetConsent {
    is_given: bool,
    #[serde(default)]
    dry_run: bool,
}

async fn consent(
    State(app): State<App>,
    caller: Caller,
    path: Id<(Uuid, Consent)>,
    body: Body<SetConsent>,
) -> Result<Response, Problem> {
    let Id((id, consent)) = path;
    let context = caller.command(&app, &body.canonical, body.value.dry_run);
    let command =
        CustomerCommand::SetConsent { consent, is_given: body.value.is_given, at: context.at };
    let command = One::<Customer> { id, command, expected: caller.expected() };
    let done = app.dispatcher.run(&context, &command).await?;
    Ok(respond::done(StatusCode::OK, done, |answer| answer))
}

/// A note as it is sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddNote {
    text: Notes,
    kind: Option<NoteKind>,
    visibility: Option<NoteVisibility>,
    #[serde(default)]
    is_pinned: bool,
}

async fn note(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<CustomerId>,
    body: Dry<AddNote>,
) -> Result<Response, Problem> {
    let Dry { value, asked } = body;
    let command = CustomerCommand::AddNote {
        note_id: app.ids.next_id(),
        kind: value.kind.unwrap_or(NoteKind::General),
        visibility: value.visibility.unwrap_or(NoteVisibility::Staff),
        is_pinned: value.is_pinned,
        text: Personal::new(id, value.text.into_string()),
    };
    let command = One::<Customer> { id: id.uuid(), command, expected: caller.expected() };
    let context = caller.command(&app, &asked.canonical, asked.dry_run);
    let done = app.dispatcher.run(&context, &command).await?;
    let status = if asked.dry_run { StatusCode::OK } else { StatusCode::CREATED };
    Ok(respond::done(status, done, |answer| answer))
}
