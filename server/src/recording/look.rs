//! What a tag is, as far as a recording has to know.

use sluicebox_core::flv::{Kind, Media, Packet, Plain, Tag};

/// A tag, looked at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Audio or video that a decoder turns into sound or pictures.
    Frame {
        /// Video, and not audio.
        video: bool,
        /// A decoder can start here: of the first of several tracks. Of audio, every frame is one.
        key: bool,
    },
    /// What decoders are set up with: a sequence header, and what belongs to it.
    Setup {
        /// Video, and not audio.
        video: bool,
    },
    /// Media without a frame: a pause, a command, what is cut off.
    Other {
        /// Video, and not audio.
        video: bool,
    },
    /// Neither audio nor video.
    Script,
}

impl Look {
    pub(crate) fn at(tag: &Tag<'_>) -> Self {
        match tag.plain() {
            Some(plain) => plain.into(),
            None => Self::of(tag.media().as_ref()),
        }
    }

    /// From what [`Tag::media`] says.
    pub(crate) fn of(media: Option<&Media<'_>>) -> Self {
        let Some(media) = media else { return Self::Script };
        let video = media.kind == Kind::Video;
        match media.packet {
            Packet::Frame if !video => Self::Frame { video, key: true },
            Packet::Frame => {
                let first = media.multitrack.is_none() || media.track(0).is_some();
                let key = media.is_keyframe() && first;
                Self::Frame { video, key }
            }
            Packet::SequenceHeader
            | Packet::Mpeg2TsSequenceHeader
            | Packet::Metadata
            | Packet::MultichannelConfig => Self::Setup { video },
            _ => Self::Other { video },
        }
    }

    /// Whether a decoder makes sound or a picture of it.
    #[inline]
    pub(crate) fn is_frame(self) -> bool {
        matches!(self, Self::Frame { .. })
    }
}

impl From<Plain> for Look {
    #[inline]
    fn from(plain: Plain) -> Self {
        match plain.kind {
            Kind::Audio => Self::Frame { video: false, key: true },
            Kind::Video => Self::Frame { video: true, key: plain.is_keyframe },
        }
    }
}
