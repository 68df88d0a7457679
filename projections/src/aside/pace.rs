//! How much of the machine a rebuild takes from those who book meanwhile.

use std::time::{Duration, Instant};

/// How fast a rebuild goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Positions per page, each of which is committed; rows that are deleted at a time.
    pub(super) page: usize,
    /// How long is rested after each page, in hundredths of the time that it took.
    rest: u32,
}

impl Pace {
    /// Gives way: whoever books meanwhile meets a page that is over in two milliseconds, and nine of
    /// ten times none.
    pub const GENTLE: Self = Self { page: 30, rest: 900 };

    /// As fast as it can: for when nobody waits for anything else.
    pub const FULL: Self = Self { page: 4000, rest: 0 };

    /// Leaves the machine to others for as long as the pace says.
    #[expect(clippy::disallowed_methods, reason = "there is no signal to wait for")]
    pub(super) async fn rest(self, began: Instant) {
        let rest = began.elapsed() * self.rest / 100;
        if rest > Duration::ZERO {
            tokio::time::sleep(rest).await;
        }
    }
}
