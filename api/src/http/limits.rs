//! How many requests a key, or a stranger's address, may make in a minute (SEC-11, SEC-12).

use std::{
    hash::Hash,
    net::IpAddr,
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
};

use axum::http::{HeaderMap, HeaderValue};
use chrono::{DateTime, Utc};
use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DefaultKeyedStateStore,
};
use uuid::Uuid;

use super::problem::Problem;

/// How often those who are long quiet are forgotten: every so many questions.
const SWEEP: u32 = 10_000;

/// What a caller has left of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    limit: u32,
    remaining: u32,
    full_in_s: u64,
}

impl Standing {
    /// Says so in `X-RateLimit-*` (API-09); the reset is in seconds since 1970.
    pub fn write(self, headers: &mut HeaderMap, now: DateTime<Utc>) {
        let reset = u64::try_from(now.timestamp()).unwrap_or_default() + self.full_in_s;
        headers.insert("x-ratelimit-limit", HeaderValue::from(self.limit));
        headers.insert("x-ratelimit-remaining", HeaderValue::from(self.remaining));
        headers.insert("x-ratelimit-reset", HeaderValue::from(reset));
    }
}

/// A refusal, and where the caller stands.
pub type Refused = (Problem, Standing);

type Inner<K> = RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>;

#[derive(Debug)]
struct Limiter<K: Hash + Eq + Clone>(Inner<K>, AtomicU32);

impl<K: Hash + Eq + Clone> Limiter<K> {
    fn per_minute(count: u32, factor: u32) -> Option<Self> {
        let count = NonZeroU32::new(count.saturating_mul(factor))?;
        let inner = RateLimiter::keyed(Quota::per_minute(count));
        Some(Self(inner.with_middleware(), AtomicU32::new(0)))
    }

    fn check(&self, key: &K) -> Result<Standing, Refused> {
        if self.1.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            self.0.retain_recent();
        }
        let standing = |quota: Quota, remaining: u32| {
            let limit = quota.burst_size().get();
            let used = limit.saturating_sub(remaining);
            let full_in_s = (quota.replenish_interval() * used).as_secs() + 1;
            Standing { limit, remaining, full_in_s }
        };
        match self.0.check_key(key) {
            Ok(state) => Ok(standing(state.quota(), state.remaining_burst_capacity())),
            Err(until) => {
                let wait = until.wait_time_from(self.0.clock().now());
                Err((Problem::too_many(wait.as_secs() + 1), standing(until.quota(), 0)))
            }
        }
    }
}

/// The limits of one process.
#[derive(Debug)]
pub struct Limits {
    all: Option<Limiter<Uuid>>,
    create: Option<Limiter<Uuid>>,
    reschedule: Option<Limiter<Uuid>>,
    cancel: Option<Limiter<Uuid>>,
    availability: Option<Limiter<Uuid>>,
    strangers: Option<Limiter<IpAddr>>,
}

impl Limits {
    /// The limits of the feature list times a factor; 0 switches them off.
    pub fn new(factor: u32) -> Self {
        Self {
            all: Limiter::per_minute(120, factor),
            create: Limiter::per_minute(30, factor),
            reschedule: Limiter::per_minute(10, factor),
            cancel: Limiter::per_minute(10, factor),
            availability: Limiter::per_minute(60, factor),
            strangers: Limiter::per_minute(60, factor),
        }
    }

    /// Counts a request of a key to a route, or says how long to wait. Of two limits, the answer is
    /// the one that has less left.
    pub fn check(&self, key: Uuid, method: &str, route: &str) -> Result<Option<Standing>, Refused> {
        let all = self.all.as_ref().map(|limiter| limiter.check(&key)).transpose()?;
        let special = match (method, route.strip_prefix("/api/v2/").unwrap_or_default()) {
            ("POST", "bookings") => self.create.as_ref(),
            ("PATCH", "bookings/{id}/reschedule") => self.reschedule.as_ref(),
            ("DELETE", "bookings/{id}") | ("POST", "bookings/{id}/cancel") => self.cancel.as_ref(),
            (_, route) if route.starts_with("availability/") => self.availability.as_ref(),
            _ => None,
        };
        let special = special.map(|limiter| limiter.check(&key)).transpose()?;
        Ok([all, special].into_iter().flatten().min_by_key(|standing| standing.remaining))
    }

    /// Counts a request of somebody who shows no good key.
    pub fn stranger(&self, address: IpAddr) -> Result<Option<Standing>, Refused> {
        self.strangers.as_ref().map(|limiter| limiter.check(&address)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(method: &str, route: &str) -> usize {
        let limits = Limits::new(1);
        (0..200).take_while(|_| limits.check(Uuid::nil(), method, route).is_ok()).count()
    }

    #[test]
    fn each_kind_of_request_has_its_own_limit() {
        assert_eq!(passed("POST", "/api/v2/bookings"), 30);
        assert_eq!(passed("PATCH", "/api/v2/bookings/{id}/reschedule"), 10);
        assert_eq!(passed("POST", "/api/v2/bookings/{id}/cancel"), 10);
        assert_eq!(passed("DELETE", "/api/v2/bookings/{id}"), 10);
        assert_eq!(passed("POST", "/api/v2/availability/next"), 60);
        assert_eq!(passed("GET", "/api/v2/bookings"), 120);
    }

    #[test]
    fn a_caller_is_told_of_the_limit_that_is_nearer() {
        let limits = Limits::new(1);
        let told = limits.check(Uuid::nil(), "POST", "/api/v2/bookings").expect("it is the first");
        let told = told.map(|it| (it.limit, it.remaining));
        assert_eq!(told, Some((30, 29)));
    }

    #[test]
    fn strangers_are_counted_by_address() {
        let limits = Limits::new(1);
        let passed = |address: [u8; 4]| {
            (0..100).take_while(|_| limits.stranger(address.into()).is_ok()).count()
        };
        assert_eq!((passed([192, 0, 2, 1]), passed([192, 0, 2, 2])), (60, 60));
    }

    #[test]
    fn a_factor_of_zero_switches_the_limits_off() {
        let limits = Limits::new(0);
        let asked = || limits.check(Uuid::nil(), "POST", "/api/v2/bookings");
        assert!((0..500).all(|_| matches!(asked(), Ok(None))));
    }
}
