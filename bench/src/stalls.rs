//! How often a machine takes its processors away from who only reads the clock.

use std::thread;
use std::time::{Duration, Instant};

/// Shorter ones are interrupts.
const LEAST: Duration = Duration::from_micros(200);

/// What threads came to that read the clock in a loop, as many as there are processors, with nothing else
/// running: times in which they did not get to do so.
#[derive(Clone, Copy, Debug)]
pub struct Stalls {
    /// Longer than 0.2 ms, on all processors together, in a second.
    pub per_second: f64,
    /// The share of the time that they take.
    pub share: f64,
    /// The longest.
    pub most: Duration,
}

impl Stalls {
    /// Looks for so long.
    ///
    /// # Panics
    ///
    /// When a thread cannot be started.
    pub fn watch(time: Duration) -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let stalls: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..processors).map(|_| scope.spawn(|| watch(time))).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
        });
        let taken: Duration = stalls.iter().sum();
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let (count, processors) = (stalls.len() as f64, processors as f64);
        Self {
            per_second: count / time.as_secs_f64(),
            share: taken.as_secs_f64() / time.as_secs_f64() / processors,
            most: stalls.into_iter().max().unwrap_or_default(),
        }
    }
}

fn watch(time: Duration) -> Vec<Duration> {
    let begin = Instant::now();
    let (mut last, mut stalls) = (begin, Vec::new());
    while last.duration_since(begin) < time {
        let now = Instant::now();
        if now.duration_since(last) > LEAST {
            stalls.push(now.duration_since(last));
        }
        last = now;
    }
    stalls
}
