//! A network with one other machine in it, whose cable can be cut.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::process::Command;

use crate::disk::WITHOUT_ROOT;
use crate::tool::{run, tool};

/// A link to a network namespace: another machine, as far as TCP can tell. Dropping it takes both away.
pub struct Link {
    namespace: String,
    inner: String,
    /// This machine's address on it.
    pub addr: Ipv4Addr,
}

impl Link {
    /// Makes one. None, and a line about it: that is not wished, or this system does not let us.
    pub fn new() -> Option<Self> {
        let id = std::process::id();
        let (namespace, outer, inner) =
            (format!("sluicebox-{id}"), format!("sbx{id}"), format!("sby{id}"));
        let unwished = std::env::var_os(WITHOUT_ROOT).is_some_and(|value| value == "1");
        let made = || {
            let made = tool("ip").args(["netns", "add", &namespace]).output();
            made.is_ok_and(|output| output.status.success())
        };
        if unwished || !made() {
            let test = std::thread::current().name().unwrap_or_default().to_owned();
            let why = if unwished { WITHOUT_ROOT } else { "no network namespace can be made" };
            // Past the test runner, which keeps what passing tests print.
            let _ = writeln!(std::io::stderr(), "LEFT OUT ({why}): {test}");
            return None;
        }
        let place = u8::try_from(id % 250 + 2).expect("less than 252");
        let [addr, there] = [1, 2].map(|host| Ipv4Addr::new(169, 254, place, host));
        let link = Self { namespace, inner, addr };
        let name = &link.namespace;
        let pair = ["link", "add", &outer, "type", "veth", "peer", "name", &link.inner];
        run(tool("ip").args(pair).args(["netns", name]));
        run(tool("ip").args(["addr", "add", &format!("{addr}/30"), "dev", &outer]));
        run(tool("ip").args(["link", "set", &outer, "up"]));
        let inside = ["-n", name];
        let address = format!("{there}/30");
        run(tool("ip").args(inside).args(["addr", "add", &address, "dev", &link.inner]));
        run(tool("ip").args(inside).args(["link", "set", &link.inner, "up"]));
        Some(link)
    }

    /// The same command, run on the other machine.
    pub fn there(&self, command: &Command) -> Command {
        let mut there = tool("ip");
        there.args(["netns", "exec", &self.namespace]).arg(command.get_program());
        there.args(command.get_args());
        there
    }

    /// Cuts the cable: nobody hears of the other any more, and nobody is told.
    pub fn cut(&self) {
        run(tool("ip").args(["-n", &self.namespace, "link", "set", &self.inner, "down"]));
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // The interfaces go with it.
        let _ = tool("ip").args(["netns", "del", &self.namespace]).status();
    }
}
