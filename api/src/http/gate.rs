//! Before every route that needs a key: who asks, how often, and whether the address is understood.

use std::{
    collections::{BTreeSet, HashMap},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, MatchedPath, Query, Request, State},
    http::{HeaderMap, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{
    caller::{self, Caller},
    limits::{Refused, Standing},
    problem::Problem,
    receipts,
};
use crate::state::App;

/// What the gate knows.
#[derive(Clone, Debug)]
pub struct Gate {
    /// The state of the program.
    pub app: App,
    /// What a method of a route needs and takes, from the OpenAPI document.
    pub operations: Arc<Operations>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted: Arc<[IpAddr]>,
}

/// What a method of a route needs and takes.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The scope that the key needs.
    pub scope: Option<String>,
    /// The parameters of the query.
    pub parameters: BTreeSet<String>,
}

/// Operations by method and route.
pub type Operations = HashMap<(String, String), Operation>;

/// Lets a request in or answers a problem; says what is left of the limits either way.
pub async fn gate(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let (standing, admitted) = match admit(&gate, &parts).await {
        Ok((standing, caller)) => (standing, caller),
        Err((problem, standing)) => (Some(standing), Err(problem)),
    };
    let mut response = match admitted {
        Ok(caller) => {
            let route = parts.extensions.get::<MatchedPath>().map(|it| it.as_str().to_owned());
            let route = route.filter(|route| receipts::has_them(parts.method.as_str(), route));
            parts.extensions.insert(caller.clone());
            let request = Request::from_parts(parts, body);
            match route {
                Some(route) => receipts::taken(&gate.app, &caller, &route, request, next).await,
                None => next.run(request).await,
            }
        }
        Err(problem) => problem.into_response(),
    };
    if let Some(standing) = standing {
        standing.write(response.headers_mut(), gate.app.clock.now());
    }
    response
}

type Admitted = (Option<Standing>, Result<Caller, Problem>);

async fn admit(gate: &Gate, request: &Parts) -> Result<Admitted, Refused> {
    let holder = match caller::holder(&gate.app, &request.headers).await {
        Ok(holder) => holder,
        Err(problem) => {
            let standing = gate.app.limits.stranger(address(gate, request))?;
            return Ok((standing, Err(problem)));
        }
    };
    let route = request.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let method = request.method.as_str();
    let standing = gate.app.limits.check(holder.key_id, method, route)?;
    tracing::Span::current().record("tenant", tracing::field::display(holder.tenant));
    let operation = gate.operations.get(&(method.to_owned(), route.to_owned()));
    let known = operation.map(|operation| &operation.parameters);
    let scope = operation.and_then(|operation| operation.scope.as_deref());
    // A caller without the scope learns nothing about the faults of the request.
    let caller = match caller::require(&holder.scopes, scope).and_then(|()| only(known, request)) {
        Ok(()) => Caller::new(&gate.app, holder, request).await,
        Err(problem) => Err(problem),
    };
    Ok((standing, caller))
}

/// Refuses a parameter that the route does not have: a client that asks for `?dry_run=true` must
/// not get a booking.
fn only(known: Option<&BTreeSet<String>>, request: &Parts) -> Result<(), Problem> {
    let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(&request.uri) else {
        return Err(Problem::parameter("query", "the query cannot be read"));
    };
    let is_known = |name: &str| known.is_some_and(|known| known.contains(name));
    match pairs.iter().find(|(name, _)| !is_known(name)) {
        // A method that the route does not have is answered by the route.
        Some((name, _)) if known.is_some() => {
            let name: String = name.chars().filter(|it| !it.is_control()).take(64).collect();
            Err(Problem::parameter(&name, "this route has no such parameter"))
        }
        _ => Ok(()),
    }
}

/// Who asks: the peer, or whom a trusted proxy says it speaks for.
fn address(gate: &Gate, request: &Parts) -> IpAddr {
    let peer = request.extensions.get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip());
    behind(&gate.trusted, peer, &request.headers)
}

/// The last address that no trusted proxy has: what stands before it, anybody may have written.
fn behind(trusted: &[IpAddr], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    if !trusted.contains(&peer) {
        return peer;
    }
    let said = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let said: Vec<&str> = said.flat_map(|value| value.split(',')).map(str::trim).collect();
    let said = said.iter().rev().map_while(|text| text.parse::<IpAddr>().ok());
    said.into_iter().find(|address| !trusted.contains(address)).unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_a_trusted_proxy_says_for_whom_it_speaks() {
        let mut headers = HeaderMap::new();
        let forged = HeaderValue::from_static("198.51.100.9, 203.0.113.7, 10.0.0.2");
        headers.insert("x-forwarded-for", forged);
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let trusted = [ip("10.0.0.1"), ip("10.0.0.2")];
        assert_eq!(behind(&trusted, ip("10.0.0.1"), &headers), ip("203.0.113.7"));
        assert_eq!(behind(&trusted, ip("203.0.113.1"), &headers), ip("203.0.113.1"));
        assert_eq!(behind(&[], ip("10.0.0.1"), &headers), ip("10.0.0.1"));
    }
}
