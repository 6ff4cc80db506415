//! Points in time, as the rules count them.

use std::sync::LazyLock;
use std::time::Instant;

pub(crate) use sluicebox_rules::clock::Moment;

/// The span from any first call to a point in time.
pub(crate) fn moment(at: Instant) -> Moment {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    at.saturating_duration_since(*START)
}

pub(crate) fn now() -> Moment {
    moment(Instant::now())
}
