//! Publishes: taken, refused, made to wait, ended.

use std::sync::Arc;

use anyhow::Result;
use sluicebox_core::{End, Reject, StreamId, Unpublish};
use sluicebox_rules::clock::Phase;
use sluicebox_rules::name::PublishPoint;

use super::Connection;
use super::live::{Asker, Begun, Live};
use crate::events::{About, Event};
use crate::ingest::{Backend, Ingest as _};
use crate::moment::{Moment, now};

/// A publish that waits for its name.
pub(super) struct Asking {
    stream: StreamId,
    point: PublishPoint,
    since: Moment,
    /// What of the input the session has not taken in: it waits, too.
    pub(super) input: Vec<u8>,
}

impl<B: Backend> Connection<B> {
    /// Accepts a publish, or says why not, or makes it wait: nothing is promised to the peer before.
    pub(super) fn publish(&mut self, stream: StreamId, point: PublishPoint) -> Result<()> {
        if self.clock.publishes_too_often(now()) {
            let reason = "too many publishes on one connection";
            return self.refuse(stream, &point, Reject::Refused, reason);
        }
        self.ask(stream, point, now())
    }

    /// Asks again for the name that a publish waits for. False: it still does.
    pub(super) fn ask_again(&mut self) -> Result<bool> {
        let Some(Asking { stream, point, since, input }) = self.asking.take() else {
            return Ok(true);
        };
        self.ask(stream, point, since)?;
        if let Some(asking) = &mut self.asking {
            asking.input = input;
            return Ok(false);
        }
        self.poll(&input)?;
        Ok(self.asking.is_none())
    }

    fn ask(&mut self, stream: StreamId, point: PublishPoint, since: Moment) -> Result<()> {
        let about = Arc::new(self.about(&point));
        let asker = Asker { about, encoder: &self.encoder, pulse: &self.pulse, since };
        match Live::begin(stream, &point, &asker, &self.shared) {
            Begun::Live(live) => {
                self.streams.push(*live);
                self.clock.enter(Phase::Publishing, now());
                self.ingest.accept(stream)
            }
            Begun::Later => {
                self.asking = Some(Asking { stream, point, since, input: Vec::new() });
                Ok(())
            }
            Begun::Refused(why, reason) => self.refuse(stream, &point, why, &reason),
        }
    }

    fn refuse(
        &mut self,
        stream: StreamId,
        point: &PublishPoint,
        why: Reject,
        reason: &str,
    ) -> Result<()> {
        let about = self.about(point);
        tracing::warn!(
            peer = %self.peer, app = about.app, stream = about.stream, reason, "publish refused"
        );
        self.shared.services.events.tell(&about, &Event::Refused { reason });
        self.ingest.reject(stream, why)?;
        self.linger_if_alone();
        Ok(())
    }

    /// Ends the streams whose names go to other publishers.
    pub(super) fn make_way(&mut self, scratch: &[u8]) -> Result<()> {
        let leaving = |live: &Live| live.is_asked_to_leave().then_some(live.stream);
        let leaving: Vec<_> = self.streams.iter().filter_map(leaving).collect();
        for stream in leaving {
            self.ingest.reject(stream, Reject::Busy)?;
            self.poll(scratch)?;
        }
        Ok(())
    }

    pub(super) fn unpublish(&mut self, end: Unpublish) {
        let Some(at) = self.streams.iter().position(|live| live.stream == end.stream) else {
            return;
        };
        self.streams.swap_remove(at).end(end, &self.shared);
        if self.streams.is_empty() && self.publishes() {
            self.clock.enter(Phase::Setup, now());
        }
        if self.shared.once {
            self.shared.stop.raise();
        }
        if matches!(end.why, End::Rejected(_)) {
            self.linger_if_alone();
        }
    }

    /// A peer whose publish was refused, or ended from here, has nothing else to do here.
    fn linger_if_alone(&mut self) {
        if self.streams.is_empty() {
            self.clock.enter(Phase::Lingering, now());
        }
    }

    /// This connection, as events name it.
    pub(super) fn about(&self, point: &PublishPoint) -> About {
        self.about_app(point.app(), point.stream())
    }

    pub(super) fn about_app(&self, app: String, stream: String) -> About {
        About { session: format!("{:016x}", self.session), peer: self.peer, app, stream }
    }
}
