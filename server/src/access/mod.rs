//! Who may connect and publish: caps on connections, and one publisher for each name.

mod claims;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use claims::{Answer, Claim, Claims, OnConflict, Pulse, Rules};
pub(crate) use sluicebox_rules::places::Full;
use sluicebox_rules::places::Places;

/// Counts connections by address.
#[derive(Debug)]
pub(crate) struct Access {
    places: Mutex<Places>,
}

/// A connection's place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    access: Arc<Access>,
    address: IpAddr,
}

impl Access {
    pub(crate) fn new((max_connections, max_per_address): (usize, usize)) -> Arc<Self> {
        let places = Places::new(max_connections, max_per_address);
        Arc::new(Self { places: Mutex::new(places) })
    }

    /// A place for a connection from `address`.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Place, Full> {
        self.lock().enter(address)?;
        Ok(Place { access: self.clone(), address })
    }

    /// Connections at present.
    pub(crate) fn connections(&self) -> usize {
        self.lock().taken()
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        // Counts stay right when a thread dies while it holds them: nothing in between can panic.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.access.lock().leave(self.address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back_when_it_is_dropped() {
        let access = Access::new((1, 1));
        let place = access.enter([192, 0, 2, 1].into()).unwrap();
        assert_eq!(access.enter([192, 0, 2, 2].into()).err(), Some(Full::Server));
        drop(place);
        assert_eq!(access.connections(), 0);
        assert!(access.enter([192, 0, 2, 2].into()).is_ok());
    }
}
