//! Who may connect and publish: caps on connections, and one publisher for each name.

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use sluicebox_rules::places::Full;
use sluicebox_rules::places::Places;

/// Counts connections by address, and knows which publish points are live.
#[derive(Debug)]
pub(crate) struct Access {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    places: Places,
    live: HashSet<PathBuf>,
}

/// A connection's place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    access: Arc<Access>,
    address: IpAddr,
}

/// A publish point's only publisher; given back when dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    access: Arc<Access>,
    path: PathBuf,
}

impl Access {
    pub(crate) fn new((max_connections, max_per_address): (usize, usize)) -> Arc<Self> {
        let places = Places::new(max_connections, max_per_address);
        Arc::new(Self { state: Mutex::new(State { places, live: HashSet::new() }) })
    }

    /// A place for a connection from `address`.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Place, Full> {
        self.lock().places.enter(address)?;
        Ok(Place { access: self.clone(), address })
    }

    /// Makes the caller the only publisher of a publish point, by the path of its recordings.
    /// `None`: it has one.
    pub(crate) fn claim(self: &Arc<Self>, path: PathBuf) -> Option<Claim> {
        let new = self.lock().live.insert(path.clone());
        new.then(|| Claim { access: self.clone(), path })
    }

    /// Connections at present.
    pub(crate) fn connections(&self) -> usize {
        self.lock().places.taken()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Counts stay right when a thread dies while it holds them: nothing in between can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.access.lock().places.leave(self.address);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.access.lock().live.remove(&self.path);
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

    #[test]
    fn one_publisher_for_each_name() {
        let access = Access::new((1, 1));
        let claim = access.claim("live/cam".into()).unwrap();
        assert!(access.claim("live/cam".into()).is_none());
        assert!(access.claim("live/cam2".into()).is_some());
        drop(claim);
        assert!(access.claim("live/cam".into()).is_some());
    }
}
