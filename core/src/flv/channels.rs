//! Which speaker a channel is for: the data of a multichannel configuration (Enhanced RTMP v2,
//! "Enhanced Audio").

/// The channels of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channels<'a> {
    /// How many.
    pub count: u8,
    /// Which is which.
    pub order: ChannelOrder<'a>,
}

/// How channels are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelOrder<'a> {
    /// Nobody says.
    Unspecified,
    /// In the order of the bits set: `FrontLeft` is bit 0, `FrontRight` bit 1, `FrontCenter` bit 2
    /// and so on, as in `AudioChannelMask`.
    Native(u32),
    /// A speaker for each, numbered as in `AudioChannel`; 254 is unused, 255 unknown.
    Custom(&'a [u8]),
    /// Another number.
    Unknown(u8),
}

impl<'a> Channels<'a> {
    /// Reads the data of a [`MultichannelConfig`](super::Packet::MultichannelConfig). `None`: it is
    /// cut off.
    pub fn read(data: &'a [u8]) -> Option<Self> {
        let ([order, count], rest) = data.split_first_chunk()?;
        let order = match order {
            0 => ChannelOrder::Unspecified,
            1 => ChannelOrder::Native(u32::from_be_bytes(*rest.first_chunk()?)),
            2 => ChannelOrder::Custom(rest.get(..usize::from(*count))?),
            other => ChannelOrder::Unknown(*other),
        };
        Some(Self { count: *count, order })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_is_read_or_cut() {
        let read = |data| Channels::read(data).map(|channels| (channels.count, channels.order));
        assert_eq!(read(&[0, 6]), Some((6, ChannelOrder::Unspecified)));
        assert_eq!(read(&[1, 2, 0, 0, 0, 3]), Some((2, ChannelOrder::Native(3))));
        assert_eq!(read(&[2, 3, 1, 0, 254]), Some((3, ChannelOrder::Custom(&[1, 0, 254]))));
        assert_eq!(read(&[7, 1, 9]), Some((1, ChannelOrder::Unknown(7))));
        for cut in [&[][..], &[0], &[1, 2, 0, 0, 0], &[2, 3, 1, 0]] {
            assert_eq!(read(cut), None);
        }
    }
}
