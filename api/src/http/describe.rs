//! A route and its description in one: neither can be had without the other, so the OpenAPI
//! document is complete by construction.

use axum::{
    handler::Handler,
    routing::{MethodFilter, MethodRouter},
};
use utoipa::{
    IntoParams, PartialSchema as _, ToSchema,
    openapi::{
        Content, HeaderBuilder, HttpMethod, Ref, RefOr, Required, ResponseBuilder,
        path::{Operation, ParameterBuilder, ParameterIn, Paths},
        request_body::RequestBodyBuilder,
        schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type},
        security::SecurityRequirement,
    },
};
use utoipa_axum::router::UtoipaMethodRouter;

use super::fields::LocalDate;
use crate::state::App;

/// The statuses that any keyed route may answer a problem with, and what a command adds.
const ANY: [&str; 12] =
    ["400", "401", "403", "404", "405", "409", "413", "421", "429", "500", "503", "504"];
const COMMAND: [&str; 3] = ["412", "415", "422"];

/// A route in the making.
#[must_use]
pub struct Route {
    method: HttpMethod,
    path: String,
    operation: Operation,
    schemas: Vec<(String, RefOr<Schema>)>,
    router: MethodRouter<App>,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Route({})", self.path)
    }
}

macro_rules! methods {
    ($($name:ident, $method:ident, $filter:ident;)+) => {$(
        /// A route of this method.
        pub fn $name<H, T>(path: impl Into<String>, handler: H) -> Route
        where
            H: Handler<T, App>,
            T: 'static,
        {
            let router = MethodRouter::new().on(MethodFilter::$filter, handler);
            Route::new(HttpMethod::$method, path.into(), router)
        }
    )+};
}
methods! {
    get, Get, GET;
    post, Post, POST;
    put, Put, PUT;
    patch, Patch, PATCH;
    delete, Delete, DELETE;
}

fn problem() -> RefOr<utoipa::openapi::Response> {
    RefOr::Ref(Ref::from_response_name("Problem"))
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn count() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0))
}

impl Route {
    fn new(method: HttpMethod, path: String, router: MethodRouter<App>) -> Self {
        let mut route =
            Self { method, path, operation: Operation::new(), schemas: Vec::new(), router };
        let path = route.path.clone();
        for name in path.split('{').skip(1).filter_map(|part| part.split('}').next()) {
            route.parameter(ParameterIn::Path, name, "Which.", in_path(name));
        }
        for status in ANY {
            route.operation.responses.responses.insert(status.to_owned(), problem());
        }
        route
    }

    fn parameter(
        &mut self,
        place: ParameterIn,
        name: &str,
        description: &str,
        schema: impl Into<RefOr<Schema>>,
    ) {
        let required = matches!(place, ParameterIn::Path);
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(if required { Required::True } else { Required::False })
            .description(Some(description))
            .schema(Some(schema))
            .build();
        self.operation.parameters.get_or_insert_default().push(parameter.into());
    }

    /// What it is called and what it does.
    pub fn about(mut self, tag: &str, id: &str, summary: &str) -> Self {
        self.operation.tags = Some(vec![tag.to_owned()]);
        self.operation.operation_id = Some(id.to_owned());
        self.operation.summary = Some(summary.to_owned());
        self
    }

    /// What the key needs; without a scope the route needs no key. The gate checks it, before it reads
    /// anything else of the request.
    pub fn scope(mut self, scope: &str) -> Self {
        let key = SecurityRequirement::new("key", [scope]);
        self.operation.security = Some(vec![key]);
        self.operation.description = Some(format!("Needs the scope `{scope}`, or `admin`."));
        self
    }

    /// What the query may say.
    pub fn query<Q: IntoParams>(mut self) -> Self {
        let parameters = Q::into_params(|| Some(ParameterIn::Query));
        let all = self.operation.parameters.get_or_insert_default();
        all.extend(parameters.into_iter().map(Into::into));
        self
    }

    fn schema<T: ToSchema>(&mut self) -> RefOr<Schema> {
        T::schemas(&mut self.schemas);
        let name = T::name().into_owned();
        self.schemas.push((name.clone(), T::schema()));
        RefOr::Ref(Ref::from_schema_name(name))
    }

    /// What the body is.
    pub fn body<T: ToSchema>(mut self) -> Self {
        let content = Content::new(Some(self.schema::<T>()));
        // A route without required fields is content without a body.
        let needs = serde_json::to_value(T::schema()).is_ok_and(|it| it["required"].is_array());
        let required = if needs { Required::True } else { Required::False };
        let body = RequestBodyBuilder::new().content("application/json", content);
        self.operation.request_body = Some(body.required(Some(required)).build().into());
        self.operation.responses.responses.extend(COMMAND.map(|it| (it.to_owned(), problem())));
        self
    }

    /// A command: it can be repeated under a key, and held to a version.
    pub fn command<T: ToSchema>(mut self) -> Self {
        self = self.body::<T>();
        let key = text().min_length(Some(1)).max_length(Some(255)).pattern(Some("^[!-~]+$"));
        let said = "The same request under the same key is carried out once, and answered again.";
        self.parameter(ParameterIn::Header, "Idempotency-Key", said, key);
        let version = text().pattern(Some("^\"[0-9]{1,18}\"$"));
        let said = "The version that the caller has read, as `ETag` gave it; another is 412.";
        self.parameter(ParameterIn::Header, "If-Match", said, version);
        let pattern = "^(employee|customer):[A-Za-z0-9._-]{1,128}$";
        let said = "For whom the client acts: `employee:` or `customer:` with the id of a staff member \
                    or customer of the tenant, or with a reference of the client's own. The history \
                    keeps it in the clear.";
        let named = text().pattern(Some(pattern));
        self.parameter(ParameterIn::Header, "On-Behalf-Of", said, named);
        self
    }

    /// What it answers when all is well.
    pub fn answers<T: ToSchema>(mut self, status: u16, description: &str) -> Self {
        let content = Content::new(Some(self.schema::<T>()));
        let mut response =
            ResponseBuilder::new().description(description).content("application/json", content);
        let said = [
            ("X-RateLimit-Limit", "Requests a minute."),
            ("X-RateLimit-Remaining", "How many are left."),
            ("X-RateLimit-Reset", "When all are left again, in seconds since 1970."),
            ("Daybook-Position", "The position that the answer rests on, for `min_position`."),
        ];
        for (name, description) in said {
            let header = HeaderBuilder::new().schema(Some(count())).description(Some(description));
            response = response.header(name, header.build());
        }
        let header = HeaderBuilder::new().schema(Some(text()));
        let header = header.description(Some("The version, for `If-Match`.")).build();
        let response = response.header("ETag", header).build();
        self.operation.responses.responses.insert(status.to_string(), response.into());
        self
    }

    /// The route as a router takes it.
    pub fn done(self) -> UtoipaMethodRouter<App> {
        let mut paths = Paths::new();
        paths.add_path_operation(&self.path, vec![self.method], self.operation);
        (self.schemas, paths, self.router)
    }
}

fn in_path(name: &str) -> RefOr<Schema> {
    match name {
        "date" => LocalDate::schema(),
        "number" => {
            let number = ObjectBuilder::new().schema_type(Type::Integer);
            number.minimum(Some(1)).maximum(Some(366)).into()
        }
        "consent" => text().enum_values(Some(["gdpr", "marketing", "privacy", "sms"])).into(),
        "message" => text().pattern(Some("^msg_[0-9a-f]{32}$")).into(),
        _ => text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))).into(),
    }
}
