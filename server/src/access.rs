//! Who may connect and publish: caps on connections, and one publisher for each name.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts connections by address, and knows which publish points are live.
#[derive(Debug)]
pub(crate) struct Access {
    max_connections: usize,
    max_per_address: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    connections: usize,
    addresses: HashMap<IpAddr, usize>,
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

/// Which cap a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    Server,
    Address,
}

impl Access {
    pub(crate) fn new((max_connections, max_per_address): (usize, usize)) -> Arc<Self> {
        Arc::new(Self { max_connections, max_per_address, state: Mutex::default() })
    }

    /// A place for a connection from `address`.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Place, Full> {
        let address = counted(address);
        let mut state = self.lock();
        if state.connections >= self.max_connections {
            return Err(Full::Server);
        }
        let count = state.addresses.entry(address).or_default();
        if *count >= self.max_per_address {
            return Err(Full::Address);
        }
        *count += 1;
        state.connections += 1;
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
        self.lock().connections
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Counts stay right when a thread dies while it holds them: nothing in between can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.access.lock();
        state.connections -= 1;
        if let Entry::Occupied(mut entry) = state.addresses.entry(self.address) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.access.lock().live.remove(&self.path);
    }
}

/// What counts as one address: IPv4, however it is written; in IPv6 the network of 64 bits that
/// a household or a machine gets.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn places_are_counted_and_given_back() {
        let access = Access::new((3, 2));
        let one = access.enter(ip("192.0.2.1")).unwrap();
        let _two = access.enter(ip("::ffff:192.0.2.1")).unwrap();
        assert_eq!(access.enter(ip("192.0.2.1")).err(), Some(Full::Address));
        let _three = access.enter(ip("2001:db8::1")).unwrap();
        assert_eq!(access.enter(ip("2001:db8::2")).err(), Some(Full::Server));
        drop(one);
        assert_eq!(access.connections(), 2);
        let _again = access.enter(ip("192.0.2.1")).unwrap();
    }

    #[test]
    fn a_network_of_64_bits_is_one_address() {
        let access = Access::new((10, 1));
        let _one = access.enter(ip("2001:db8::1")).unwrap();
        assert_eq!(access.enter(ip("2001:db8::2:1")).err(), Some(Full::Address));
        assert!(access.enter(ip("2001:db8:0:1::1")).is_ok());
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
