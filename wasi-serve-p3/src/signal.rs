//! What one task tells another.

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::task::{Poll, Waker};

/// Tells one task that there is something to do. Given before anybody waits, it is kept.
#[derive(Default)]
pub(crate) struct Signal {
    given: Cell<bool>,
    waits: RefCell<Option<Waker>>,
}

impl Signal {
    pub(crate) fn give(&self) {
        self.given.set(true);
        if let Some(waker) = self.waits.take() {
            waker.wake();
        }
    }

    /// Waits until it is given, and takes it.
    pub(crate) async fn taken(&self) {
        poll_fn(|context| {
            if self.given.take() {
                return Poll::Ready(());
            }
            self.waits.replace(Some(context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}
