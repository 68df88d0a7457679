//! How many requests a key may make in a minute (SEC-11, SEC-12).

use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};
use uuid::Uuid;

use super::problem::Problem;

type Limiter = DefaultKeyedRateLimiter<Uuid>;

/// The limits of one process.
#[derive(Debug)]
pub struct Limits {
    all: Option<Limiter>,
    create: Option<Limiter>,
    reschedule: Option<Limiter>,
    cancel: Option<Limiter>,
    availability: Option<Limiter>,
}

impl Limits {
    /// The limits of the feature list times a factor; 0 switches them off.
    pub fn new(factor: u32) -> Self {
        let per_minute = |count: u32| {
            let count = NonZeroU32::new(count.saturating_mul(factor))?;
            Some(RateLimiter::keyed(Quota::per_minute(count)))
        };
        Self {
            all: per_minute(120),
            create: per_minute(30),
            reschedule: per_minute(10),
            cancel: per_minute(10),
            availability: per_minute(60),
        }
    }

    /// Counts a request, or says how long to wait.
    pub fn check(&self, key: Uuid, method: &str, path: &str) -> Result<(), Problem> {
        check(self.all.as_ref(), key)?;
        // Inside the nested router the prefix is gone already.
        let path = path.strip_prefix("/api/v2").unwrap_or(path);
        let path = path.strip_prefix('/').unwrap_or(path);
        let special = match (method, path) {
            ("POST", "bookings") => self.create.as_ref(),
            ("PATCH", path) if path.ends_with("/reschedule") => self.reschedule.as_ref(),
            ("DELETE", path) if path.starts_with("bookings/") => self.cancel.as_ref(),
            ("POST", path) if path.starts_with("bookings/") && path.ends_with("/cancel") => {
                self.cancel.as_ref()
            }
            (_, path) if path.starts_with("availability/") => self.availability.as_ref(),
            _ => None,
        };
        check(special, key)
    }
}

fn check(limiter: Option<&Limiter>, key: Uuid) -> Result<(), Problem> {
    let Some(limiter) = limiter else { return Ok(()) };
    limiter.check_key(&key).map_err(|until| {
        let wait = until.wait_time_from(limiter.clock().now());
        Problem::too_many(wait.as_secs() + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(method: &str, path: &str) -> usize {
        let limits = Limits::new(1);
        (0..200).take_while(|_| limits.check(Uuid::nil(), method, path).is_ok()).count()
    }

    #[test]
    fn each_kind_of_request_has_its_own_limit() {
        assert_eq!(passed("POST", "/bookings"), 30);
        assert_eq!(passed("POST", "/api/v2/bookings"), 30);
        assert_eq!(passed("PATCH", "/bookings/1/reschedule"), 10);
        assert_eq!(passed("POST", "/bookings/1/cancel"), 10);
        assert_eq!(passed("DELETE", "/bookings/1"), 10);
        assert_eq!(passed("POST", "/availability/next"), 60);
        assert_eq!(passed("GET", "/bookings"), 120);
    }

    #[test]
    fn a_factor_of_zero_switches_the_limits_off() {
        let limits = Limits::new(0);
        assert!((0..500).all(|_| limits.check(Uuid::nil(), "POST", "/bookings").is_ok()));
    }
}
