//! How many connections there may be: in all, and from one address.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use core::net::{IpAddr, Ipv6Addr};

/// Counts connections.
#[derive(Debug)]
pub struct Places {
    most: usize,
    most_of_one: usize,
    taken: usize,
    addresses: BTreeMap<IpAddr, usize>,
}

/// Which cap a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// That on all connections.
    Server,
    /// That on connections from one address.
    Address,
}

impl Places {
    /// At most `most` connections, and `most_of_one` from one address.
    pub fn new(most: usize, most_of_one: usize) -> Self {
        Self { most, most_of_one, taken: 0, addresses: BTreeMap::new() }
    }

    /// Takes a place for a connection from `address`.
    ///
    /// # Errors
    ///
    /// When there is none left.
    pub fn enter(&mut self, address: IpAddr) -> Result<(), Full> {
        if self.taken >= self.most {
            return Err(Full::Server);
        }
        let count = self.addresses.entry(counted(address)).or_default();
        if *count >= self.most_of_one {
            return Err(Full::Address);
        }
        *count += 1;
        self.taken += 1;
        Ok(())
    }

    /// Gives back a place of `address`.
    pub fn leave(&mut self, address: IpAddr) {
        if let Entry::Occupied(mut entry) = self.addresses.entry(counted(address)) {
            self.taken -= 1;
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }

    /// Connections at present.
    pub fn taken(&self) -> usize {
        self.taken
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
        let mut places = Places::new(3, 2);
        assert_eq!(places.enter(ip("192.0.2.1")), Ok(()));
        assert_eq!(places.enter(ip("::ffff:192.0.2.1")), Ok(()));
        assert_eq!(places.enter(ip("192.0.2.1")), Err(Full::Address));
        assert_eq!(places.enter(ip("2001:db8::1")), Ok(()));
        assert_eq!(places.enter(ip("2001:db8::2")), Err(Full::Server));
        places.leave(ip("192.0.2.1"));
        assert_eq!(places.taken(), 2);
        assert_eq!(places.enter(ip("192.0.2.1")), Ok(()));
    }

    #[test]
    fn a_network_of_64_bits_is_one_address() {
        let mut places = Places::new(10, 1);
        assert_eq!(places.enter(ip("2001:db8::1")), Ok(()));
        assert_eq!(places.enter(ip("2001:db8::2:1")), Err(Full::Address));
        assert_eq!(places.enter(ip("2001:db8:0:1::1")), Ok(()));
    }
}
