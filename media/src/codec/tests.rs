//! Records as encoders made them: libx264, libx265, libaom, SVT-AV1, rav1e, libvpx,
//! VVenC, and ffmpeg's own
//! encoders of sound. Each is what the encoder was told to make.

use alloc::vec::Vec;

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let digits = core::str::from_utf8(&digits).unwrap();
    (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(&digits[2 * at..][..2], 16).unwrap())
        .collect()
}

const AVC_HIGH: &str = "0164001fffe1001a6764001facd9405005bb0110000003001000000303c0f183196001000668\
    ebe3cb22c0fdf8f800";
const AVC_INTERLACED: &str = "01640028ffe1001a67640028acd94078044fde0220000003002000000643e2c5b2c001\
    000668fba3cb22c0fdf8f800";
const AVC_422: &str = "017a0028ffe1001a677a0028b6cd940780227a8bc04400000fa40003a9803c60c6580100066\
    8ebe3cb22c0fefafa00";
const AVC_444: &str = "01f40016ffe1001a67f40016919b282a10f1f1f80880000003008000003c078b16cb0100086\
    8ebe3c44c000440fff8f800";
const AVC_BASELINE: &str = "0142c00bffe100186742c00bd90141fb0110000003001000000301e0f142a480010005\
    68cb83cb20";
const AVC_HRD: &str = "014d401effe10023674d401eeca05017fcb8088000000300800000183020007a12000f425261\
    803c58b65801000568ebe3cb20";
const HEVC_MAIN: &str = "0101600000009000000000007bf000fcfdf8f800000f03a00001001840010c01ffff016000\
    00030090000003000003007b959809a10001002a42010101600000030090000003000003007ba003c08010e596566924\
    caf0168080000003008000001e04a2000100074401c172b46240";
const HEVC_10: &str = "0102200000009000000000005df000fcfdfafa00000f03a00001001840010c01ffff02200000\
    030090000003000003005d959809a10001002b42010102200000030090000003000003005da00280802d1d5365959a49\
    395e02d01000003e900007530080a2000100074401c172b46240";
const HEVC_422: &str = "0104080000009d08000000003ff000fcfefafa00000f03a00001001740010c01ffff0408000\
    003009d0800000300003f959809a1000100344201010408000003009d0800000300003fb005020169365959a4932bc05\
    a0200000300020000030030c0292cbc001e848003d091a2000100074401c172b46240";

const VVC: &str = "ff00655f010220800000014000f00000018f00010095007900ab02208000008028203c7546a00737ffac213656304082\
    70032831610860c442064883521e8f56a4bc926a4b2445a88bc449a88914911264889351964842d4217842f56a4bc97a\
    865062c4031620204204040a8408081a4204040b1020204410102c820204840419020442040b2102048810682049041c\
    20c81168412421c43425c8e5433046714000000300400000064620";

/// A `(codec, record)` and what it says.
const VIDEO: [(Codec, &str, &str, &str); 19] = [
    (Codec::Avc, AVC_HIGH, "High 1280x720 30 fps", "3.1"),
    (Codec::Avc, AVC_INTERLACED, "High 1920x1080 25 fps", "4"),
    (Codec::Avc, AVC_422, "High 4:2:2 1918x1078 10 bit 4:2:2 29.97 fps", "4"),
    (Codec::Avc, AVC_444, "High 4:4:4 Predictive 322x242 4:4:4 60 fps", "2.2"),
    (Codec::Avc, AVC_BASELINE, "Constrained Baseline 320x240 15 fps", "1.1"),
    (Codec::Avc, AVC_HRD, "Main 640x360 24 fps", "3"),
    (Codec::Hevc, HEVC_MAIN, "Main 1920x1080 60 fps", "4.1"),
    (Codec::Hevc, HEVC_10, "Main 10 1278x718 10 bit 29.97 fps", "3.1"),
    (Codec::Hevc, HEVC_422, "Range Extensions 640x360 10 bit 4:2:2 24 fps", "2.1"),
    (Codec::Av1, "81050c000a0b0000002d4cffb3ccaf9004", "Main 1280x720", "3.1"),
    (Codec::Av1, "81084c000a0b00000042abbfc3700be101", "Main 1920x1080 10 bit", "4.0"),
    (Codec::Av1, "812000000a0a200000043cffbcdaf902", "High 320x240 4:4:4", "2.0"),
    (Codec::Av1, "811f0c000a0e000000fa1e7fde210a88101010a0", "Main 320x240", ""),
    (Codec::Vp9, "01000000001f820202020000", "profile 0", "3.1"),
    (Codec::Vp9, "010000000115840202020000", "profile 1 4:2:2", "2.1"),
    (Codec::Vp9, "0215a20202020000", "profile 2 10 bit", "2.1"),
    (Codec::Vvc, VVC, "Main 10 318x238 10 bit", "2"),
    // After ISO/IEC 14496-15: no parameter set.
    (Codec::Vvc, "ff00155f01023380000500 02d01e0000", "Main 10 1280x720 10 bit 30 fps", "3.1"),
    (Codec::Vvc, "fe", "", ""),
];

#[test]
fn video_records() {
    for (codec, hex, expected, level) in VIDEO {
        let video = video_header(codec, &bytes(hex)).unwrap_or_else(|| panic!("{codec} {hex}"));
        assert_eq!(video.to_string(), expected, "{codec} {hex}");
        assert_eq!(video.level.unwrap_or_default(), level, "{codec} {hex}");
    }
}

#[test]
fn keyframes_that_say_what_records_do_not() {
    for (codec, hex, expected) in [
        (Codec::Vp8, "b05a009d012a4001f000000708", "profile 0 320x240"),
        (Codec::Vp9, "82498342004ff02cf60638241c", "profile 0 1280x720"),
        (Codec::Vp9, "b124c1a102014080b4b061c120", "profile 3 642x362 10 bit 4:2:2"),
    ] {
        assert_eq!(video_keyframe(codec, &bytes(hex)).unwrap().to_string(), expected);
    }
    // Inter frames.
    assert_eq!(video_keyframe(Codec::Vp8, &bytes("b15a009d012a4001f0000007")), None);
    assert_eq!(video_keyframe(Codec::Vp9, &bytes("86498342004ff02cf6")), None);
    assert_eq!(video_keyframe(Codec::Avc, &bytes("82498342004ff02cf6")), None);
}

#[test]
fn audio_records() {
    let program = "1180 04c4010020000d4c61766335392e33372e313030 56e500";
    let flac = "1000100000000000000017700b70000000000000000000000000000000000000 0000";
    for (codec, hex, expected) in [
        (Codec::Aac, "119056e500", "48 kHz stereo"),
        (Codec::Aac, "1210", "44.1 kHz stereo"),
        (Codec::Aac, "138856e500", "22.05 kHz mono"),
        (Codec::Aac, "123056e500", "44.1 kHz 6 channels"),
        (Codec::Aac, program, "48 kHz 3 channels"),
        // Spectral band replication, said before and behind; parametric stereo.
        (Codec::Aac, "2b11 8800", "HE-AAC 48 kHz stereo"),
        (Codec::Aac, "131056e598", "HE-AAC 48 kHz stereo"),
        (Codec::Aac, "eb098800", "HE-AAC v2 48 kHz stereo"),
        (Codec::Opus, "4f707573486561640102380180bb0000000000", "48 kHz stereo"),
        (
            Codec::Opus,
            "4f707573486561640106380180bb00000000010402000401020305",
            "48 kHz 6 channels",
        ),
        (Codec::Flac, flac, "96 kHz 6 channels 24 bit"),
        (Codec::Flac, &format!("664c6143 00000022 {flac}"), "96 kHz 6 channels 24 bit"),
    ] {
        let audio = audio_header(codec, &bytes(hex)).unwrap_or_else(|| panic!("{codec} {hex}"));
        assert_eq!(audio.to_string(), expected, "{codec} {hex}");
    }
}

#[test]
fn audio_frames() {
    for (codec, hex, expected) in [
        (Codec::Ac3, "0b7728191e40ebf8403eff99c2084108", "48 kHz 6 channels"),
        (Codec::Ac3, "0b770b5b944043e106a0be79ff3abe7c", "32 kHz stereo"),
        (Codec::Eac3, "0b77037f3f87c0002000000002000000", "48 kHz 6 channels"),
        (Codec::Mp3, "fff340c40000000348000000004c414d", "22.05 kHz mono"),
        (Codec::Mp3, "fffb9064000ff0000069000000080000", "44.1 kHz stereo"),
    ] {
        assert_eq!(audio_frame(codec, &bytes(hex)).unwrap().to_string(), expected);
    }
    assert_eq!(audio_tag(Codec::Pcm, 0x3f).unwrap().to_string(), "44.1 kHz stereo 16 bit");
    assert_eq!(audio_tag(Codec::Speex, 0xb2).unwrap().to_string(), "16 kHz mono");
    assert_eq!(audio_tag(Codec::ALaw, 0x72).unwrap().to_string(), "8 kHz mono");
    assert_eq!(audio_tag(Codec::Aac, 0xaf), None);
}

/// Everything that reads bytes, on these bytes.
fn read_all(data: &[u8]) {
    for codec in [
        Codec::Avc,
        Codec::Hevc,
        Codec::Vvc,
        Codec::Av1,
        Codec::Vp8,
        Codec::Vp9,
        Codec::Aac,
        Codec::Opus,
        Codec::Flac,
        Codec::Ac3,
        Codec::Mp3,
    ] {
        let _ = video_header(codec, data).map(|video| video.to_string());
        let _ = video_keyframe(codec, data).map(|video| video.to_string());
        let _ = audio_header(codec, data).map(|audio| audio.to_string());
        let _ = audio_frame(codec, data).map(|audio| audio.to_string());
    }
}

#[test]
fn what_is_cut_off_or_wrong_is_left_open() {
    for (codec, hex, ..) in VIDEO {
        let data = bytes(hex);
        let whole = video_header(codec, &data).unwrap();
        for len in 0..data.len() {
            let Some(part) = video_header(codec, &data[..len]) else { continue };
            // The record of VVC has the size before cropping.
            let uncropped = codec == Codec::Vvc;
            let known = part.size.is_none() || part.size == whole.size || uncropped;
            assert!(known, "{codec} {hex}: {len}");
            read_all(&data[..len]);
        }
        for at in 0..data.len() {
            for bit in 0..8 {
                let mut data = data.clone();
                data[at] ^= 1 << bit;
                read_all(&data);
                data[at..].fill(0);
                read_all(&data);
                data[at..].fill(0xff);
                read_all(&data);
            }
        }
    }
}

#[test]
fn rates_are_for_people() {
    let text = |frames, seconds| Rate::new(frames, seconds).map(|rate| rate.to_string());
    assert_eq!(text(30_000, 1001).as_deref(), Some("29.97"));
    assert_eq!(text(100, 4).as_deref(), Some("25"));
    assert_eq!(text(60, 0), None);
    assert_eq!(text(0, 0), None);
    assert_eq!(text(u32::MAX, 1), None);
}
