//! What all connections of a program share.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use core::fmt::Display;
use core::net::IpAddr;

use sluicebox_rules::account::Outcome;
use sluicebox_rules::clock::Moment;
use sluicebox_rules::places::{Full, Places};

use crate::flags::Settings;
use crate::log::{Level, Line};
use crate::recording::Recording;
use crate::system::System;

/// Least time between two log lines that say that connections were refused, or that they wait.
const QUIET: Moment = Moment::from_secs(1);

/// What all connections share: settings, the system, and what is counted.
pub struct Edge<S: System> {
    /// The runtime.
    pub system: S,
    /// What the program was told.
    pub settings: Settings,
    pub(crate) outcome: Outcome,
    /// Paths of the recordings that are being written, without start and extension.
    pub(crate) live: BTreeSet<String>,
    /// Bytes that all connections hold.
    pub(crate) held: usize,
    places: Places,
    seed: u64,
    /// The one publish of `--once` has begun.
    taken: bool,
    stop: bool,
    /// Refusals not told yet, and when the last ones were.
    refused: u64,
    told: Option<Moment>,
    /// Connections wait, as none can be accepted: when that was told.
    wait: Option<Moment>,
}

impl<S: System> Edge<S> {
    /// A program that has no connection yet.
    ///
    /// # Errors
    ///
    /// When the one file that was asked for cannot be made.
    pub fn new(settings: Settings, mut system: S) -> Result<Self, String> {
        if let Some(output) = &settings.output {
            Recording::may_be_made(output, &mut system)?;
        }
        let seed = system.random();
        Ok(Self {
            system,
            outcome: Outcome::default(),
            live: BTreeSet::new(),
            held: 0,
            places: Places::new(settings.max_connections, settings.max_per_address),
            settings,
            seed,
            taken: false,
            stop: false,
            refused: 0,
            told: None,
            wait: None,
        })
    }

    /// Takes a place for a connection from `address`. False: there is none, which has been logged.
    /// Each place taken is given back with [`leave`](Self::leave).
    pub fn enter(&mut self, address: IpAddr) -> bool {
        // Accepted: the next that cannot be is news, but not with each descriptor that comes free.
        let now = self.system.now();
        self.wait = self.wait.filter(|told| now.saturating_sub(*told) < QUIET);
        if self.held > self.settings.max_memory {
            self.refuse("memory is used up: --max-memory");
            return false;
        }
        match self.places.enter(address) {
            Ok(()) => return true,
            Err(Full::Server) => self.refuse("the server is full: --max-connections"),
            Err(Full::Address) => {
                self.refuse(format_args!("{address} has too many connections: --max-per-address"));
            }
        }
        false
    }

    /// Gives back a place.
    pub fn leave(&mut self, address: IpAddr) {
        self.places.leave(address);
    }

    /// Whether connections hold more memory together than they may.
    pub fn is_over_memory(&self) -> bool {
        self.held > self.settings.max_memory
    }

    /// Whether the program is to end: it was there for one publish, which has ended.
    pub fn stops(&self) -> bool {
        self.stop
    }

    /// Whether something was recorded and nothing of it is missing: the exit code.
    pub fn complete(&self) -> bool {
        self.outcome.complete()
    }

    /// Logs that the program listens, and what it does.
    pub fn listening(&mut self, address: impl Display, folder: &str) {
        let line = self.line(Level::Info, "listening").plain("addr", &address);
        let line = line.text("publish_to", format_args!("rtmp://{address}/live/STREAM"));
        self.say(line.text("records_to", folder));
    }

    /// Logs that no connection can be accepted at present. Those that come wait in the system, and are not
    /// refused: it is told once, until one is accepted again.
    pub fn cannot_accept(&mut self, why: impl Display) {
        if self.wait.is_none() {
            self.wait = Some(self.system.now());
            self.warn("connections wait", why);
        }
    }

    /// Logs that connections were refused: at most once a second.
    pub fn refuse(&mut self, why: impl Display) {
        self.refused += 1;
        let now = self.system.now();
        if self.told.is_none_or(|told| now.saturating_sub(told) >= QUIET) {
            let line = self.line(Level::Warn, "connections refused");
            let line = line.value("count", self.refused).text("why", why);
            (self.refused, self.told) = (0, Some(now));
            self.say(line);
        }
    }

    /// Logs that something does not work as it should.
    pub fn warn(&mut self, what: &str, why: impl Display) {
        let line = self.line(Level::Warn, what).text("why", why);
        self.say(line);
    }

    /// A number that differs between connections and runs.
    pub(crate) fn seed(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.seed
    }

    /// Whether one more publish is wanted.
    pub(crate) fn admit(&mut self) -> bool {
        let wanted = !self.settings.once || !self.taken;
        self.taken = true;
        wanted
    }

    /// The publish that was wanted could not be recorded: another one is wanted.
    pub(crate) fn give_up(&mut self) {
        self.taken = false;
    }

    /// A publish has ended.
    pub(crate) fn ended(&mut self) {
        self.stop |= self.settings.once;
    }

    /// The path of a recording for people: with the folder in front that was asked for.
    pub(crate) fn shown(&self, path: &str) -> String {
        match &self.settings.record_dir {
            Some(folder) => format!("{}/{path}", folder.trim_end_matches('/')),
            None => path.into(),
        }
    }

    pub(crate) fn line(&self, level: Level, message: &str) -> Line {
        Line::new(self.settings.json, self.system.date(), level, message)
    }

    pub(crate) fn say(&mut self, line: Line) {
        self.system.log(&line.end());
    }
}
