//! ffmpeg's arguments, from the inputs to the codecs.

/// The case that recorders of this protocol once lost nine tenths of: 60 frames, video only.
pub(crate) const SEED: &str = "-f lavfi -i testsrc=size=320x240:rate=30 -t 2 \
    -c:v libx264 -preset ultrafast -g 30";

/// Three seconds of H.264 and AAC.
pub(crate) const H264_AAC: &str = "-f lavfi -i testsrc=size=320x240:rate=30 \
    -f lavfi -i sine=frequency=440:sample_rate=44100 -t 3 \
    -pix_fmt yuv420p -c:v libx264 -preset ultrafast -g 30 -c:a aac -b:a 128k";

/// As long as a test may take to break it off.
pub(crate) const LONG: &str = "-f lavfi -i testsrc=size=640x360:rate=30 \
    -f lavfi -i sine=frequency=440:sample_rate=44100 -t 20 \
    -pix_fmt yuv420p -c:v libx264 -preset ultrafast -g 30 -c:a aac -b:a 128k";

/// AAC alone.
pub(crate) const AUDIO: &str = "-f lavfi -i sine=frequency=440:sample_rate=44100 -t 3 \
    -c:a aac -b:a 64k";

/// Frames that are shown later than the ones after them.
pub(crate) const B_FRAMES: &str = "-f lavfi -i testsrc=size=320x240:rate=30 -t 2 \
    -pix_fmt yuv420p -c:v libx264 -preset veryfast -bf 3 -x264-params b-adapt=0 -g 30";

/// 60 frames a second, with sound.
pub(crate) const SIXTY: &str = "-f lavfi -i testsrc=size=320x240:rate=60 \
    -f lavfi -i sine=frequency=440:sample_rate=48000 -t 2 \
    -pix_fmt yuv420p -c:v libx264 -preset ultrafast -g 60 -c:a aac -b:a 128k";

/// Noise, which does not compress: keyframes of megabytes.
pub(crate) const HUGE: &str = "-f lavfi -i \
    testsrc=size=1920x1080:rate=10,noise=alls=100:allf=t:all_seed=7 -t 1 \
    -pix_fmt yuv420p -c:v libx264 -preset ultrafast -qp 4 -g 5";

// What Debian's ffmpeg cannot put into FLV; made by the current one.

/// HEVC with frames that are shown later, two seconds.
pub(crate) const HEVC: &str = "-f lavfi -i testsrc=size=128x96:rate=25 -t 2 -pix_fmt yuv420p \
    -c:v libx265 -preset ultrafast -x265-params log-level=none:bframes=2 -g 25";

/// HEVC in ten bits with the colours and the mastering display of HDR10.
pub(crate) const HDR: &str = "-f lavfi -i testsrc=size=128x96:rate=25 -t 2 -vf \
    format=yuv420p10le,setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc \
    -c:v libx265 -preset ultrafast -x265-params log-level=none:hdr10=1:master-display=\
    G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400 -g 25";

/// AV1.
pub(crate) const AV1: &str = "-f lavfi -i testsrc=size=128x96:rate=25 -t 1 -pix_fmt yuv420p \
    -c:v libaom-av1 -cpu-used 8 -g 25";

/// VP9.
pub(crate) const VP9: &str = "-f lavfi -i testsrc=size=128x96:rate=25 -t 2 -pix_fmt yuv420p \
    -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 25";

/// VVC, which no specification of Enhanced RTMP had when other recorders were written.
pub(crate) const VVC: &str = "-f lavfi -i testsrc=size=128x96:rate=25 -t 1 \
    -pix_fmt yuv420p10le -c:v libvvenc -preset faster -g 25";

/// A tone in the codec that is put behind this.
pub(crate) const TONE: &str = "-f lavfi -i sine=frequency=440:sample_rate=48000 -t 2 -c:a";

/// Six channels in the codec that is put behind this: the configuration of channels is sent too.
pub(crate) const SURROUND: &str = "-f lavfi -i \
    sine=frequency=440:sample_rate=48000,aformat=channel_layouts=5.1 -t 2 -c:a";

/// Two tracks of video and two of audio, each in another codec.
pub(crate) const MULTITRACK: &str = "-f lavfi -i testsrc=size=128x96:rate=25 \
    -f lavfi -i testsrc2=size=128x96:rate=25 -f lavfi -i sine=frequency=440:sample_rate=48000 \
    -f lavfi -i sine=frequency=880:sample_rate=48000 -map 0 -map 1 -map 2 -map 3 -t 2 \
    -pix_fmt yuv420p -c:v:0 libx264 -preset ultrafast -c:v:1 libx265 \
    -x265-params log-level=none -g 25 -c:a:0 aac -c:a:1 libopus";
