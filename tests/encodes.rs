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
