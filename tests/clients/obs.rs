//! OBS Studio, on a screen that nobody sees. A script that it runs itself stops the stream after
//! some frames; it records the same encodes at the same time, and that is what the server's recording
//! is compared with.
//!
//! `SLUICEBOX_TESTS_WITHOUT_OBS=1` leaves these tests out.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use sluicebox_tests::compatibility;
use sluicebox_tests::flv::{Tag, read};
use sluicebox_tests::media::{assert_plays, ffmpeg, media_tags};
use sluicebox_tests::peer::Peer;
use sluicebox_tests::proxy::Proxy;
use sluicebox_tests::server::Server;
use sluicebox_tests::tool::{Running, run, tool};
use sluicebox_tests::vector::{expected_tags, keep};
use tempfile::TempDir;

/// Longest that OBS may take: far more than it needs, so that a busy machine fails nothing.
const DEADLINE: Duration = Duration::from_secs(120);

/// What a run of OBS left behind.
struct Left {
    /// What the script wrote down.
    notes: Vec<String>,
    /// OBS's own recording.
    recording: PathBuf,
    _folder: TempDir,
}

/// Runs OBS: streams 60 frames of a clip to `<server>` under the key `cam`, and records them. `None`
/// when it is to be left out.
fn obs(server: &str) -> Option<Left> {
    if std::env::var_os("SLUICEBOX_TESTS_WITHOUT_OBS").is_some() {
        eprintln!("left out: OBS Studio");
        return None;
    }
    let folder = TempDir::with_prefix("obs-").expect("a folder for OBS");
    configure(folder.path(), server);
    let screen = Screen::start();
    let mut command = tool("obs");
    command.args(["--multi", "--minimize-to-tray", "--startstreaming", "--startrecording"]);
    command.env("HOME", folder.path()).env_remove("XDG_CONFIG_HOME");
    command.env("XDG_RUNTIME_DIR", folder.path()).env("DISPLAY", &screen.name);
    command.env("LIBGL_ALWAYS_SOFTWARE", "1").env("QT_QPA_PLATFORM", "xcb");
    let running = Running::start(&mut command);
    let file = folder.path().join("notes");
    let notes = || fs::read_to_string(&file).unwrap_or_default();
    let start = Instant::now();
    while !notes().contains("recording stopped\n") {
        if start.elapsed() > DEADLINE {
            panic!("OBS goes on after {DEADLINE:?}: {}", notes());
        }
        thread::sleep(Duration::from_millis(50));
    }
    // It may be showing a dialog to nobody: nothing is left for it to do.
    running.kill();
    let mut files = fs::read_dir(folder.path().join("recordings")).expect("a folder of OBS's own");
    let recording = files.next().expect("a recording of OBS's own").expect("a file").path();
    let notes = notes().lines().map(str::to_owned).collect();
    Some(Left { notes, recording, _folder: folder })
}

/// Writes what OBS reads when it starts: settings, a profile, and a scene with a clip in it.
fn configure(folder: &Path, server: &str) {
    let root = folder.join(".config/obs-studio");
    let (profile, scenes) = (root.join("basic/profiles/Test"), root.join("basic/scenes"));
    for made in [&profile, &scenes, &folder.join("recordings")] {
        fs::create_dir_all(made).expect("a folder for OBS");
    }
    let write = |file: &Path, text: &str| fs::write(file, text).expect("a file for OBS");
    write(&root.join("global.ini"), GLOBAL);
    let recordings = folder.join("recordings");
    let profile_text =
        format!("{PROFILE}\n[SimpleOutput]\n{OUTPUT}\nFilePath={}\n", recordings.display());
    write(&profile.join("basic.ini"), &profile_text);
    let service = json!({ "type": "rtmp_custom", "settings": { "server": server, "key": "cam" } });
    write(&profile.join("service.json"), &service.to_string());
    let clip = folder.join("clip.mkv");
    run(ffmpeg().args(CLIP.split_whitespace()).arg(&clip));
    write(&scenes.join("Test.json"), &scene(&clip, &folder.join("notes")).to_string());
}

/// A scene with a clip that plays for ever, and the script with its settings.
fn scene(clip: &Path, notes: &Path) -> serde_json::Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/obs.lua");
    let clip = json!({
        "id": "ffmpeg_source", "name": "Clip", "mixers": 255, "volume": 1.0,
        "settings": { "is_local_file": true, "local_file": clip, "looping": true },
    });
    let item = json!({
        "name": "Clip", "id": 1, "visible": true, "align": 5,
        "pos": { "x": 0.0, "y": 0.0 }, "scale": { "x": 1.0, "y": 1.0 },
    });
    let scene = json!({
        "id": "scene", "name": "Scene", "settings": { "id_counter": 1, "items": [item] },
    });
    let script = json!({ "path": script, "settings": { "frames": 60, "notes": notes } });
    json!({
        "name": "Test", "current_scene": "Scene", "current_program_scene": "Scene",
        "scene_order": [{ "name": "Scene" }], "sources": [clip, scene],
        "modules": { "scripts-tool": [script] },
    })
}

const GLOBAL: &str = "[General]
FirstRun=true
LastVersion=486539266
ConfirmOnExit=false
EnableAutoUpdates=false
[Basic]
Profile=Test
ProfileDir=Test
SceneCollection=Test
SceneCollectionFile=Test
[BasicWindow]
PreviewEnabled=false
";

const PROFILE: &str = "[General]
Name=Test
[Output]
Mode=Simple
Reconnect=false
[Video]
BaseCX=320
BaseCY=240
OutputCX=320
OutputCY=240
FPSCommon=30
[Audio]
SampleRate=48000";

/// A keyframe a second: the stream begins with one, while the recording already runs.
const OUTPUT: &str = "StreamEncoder=x264
VBitrate=500
ABitrate=96
Preset=ultrafast
UseAdvanced=true
x264Settings=keyint=30 scenecut=0
RecQuality=Stream
RecFormat=flv";

const CLIP: &str = "-f lavfi -i testsrc=size=320x240:rate=30 \
    -f lavfi -i sine=frequency=440:sample_rate=48000 -t 4 \
    -pix_fmt yuv420p -c:v libx264 -preset ultrafast -c:a aac";

/// An X server without a screen. Dropping it ends it.
struct Screen {
    child: Child,
    name: String,
}

impl Screen {
    fn start() -> Self {
        let mut command = tool("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "640x480x24", "-nolisten", "tcp"]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut number = String::new();
        let stdout = child.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut number).expect("Xvfb tells its number");
        Self { child, name: format!(":{}", number.trim()) }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn sixty_frames() {
    let server = Server::start(&["--raw"]);
    let proxy = Proxy::to(server.addr);
    let Some(left) = obs(&format!("rtmp://{}/live", proxy.addr)) else { return };
    assert_eq!(left.notes, ["streaming started", "streaming stopped: 0", "recording stopped"]);
    let recording = server.complete("cam");
    let sent = proxy.sent().expect("OBS closes in order");
    keep("obs", &sent);
    assert_eq!(read(&recording), expected_tags(&sent), "what OBS has sent");
    assert_plays(&recording);
    let (streamed, own) = (media_tags(&recording), media_tags(&left.recording));
    for (kind, at_least) in [(8, 50), (9, 50)] {
        assert_part(&of_kind(&streamed, kind), &of_kind(&own, kind), at_least);
    }
    compatibility::recorded_while_it_ran("OBS Studio", &version(), "H.264 and AAC");
}

fn version() -> String {
    compatibility::debian("obs-studio")
}

fn of_kind(tags: &[Tag], kind: u8) -> Vec<Tag> {
    tags.iter().filter(|tag| tag.kind == kind).cloned().collect()
}

/// Asserts that what was streamed is, frame by frame and without a hole, in OBS's own recording, from the
/// first frame that is in both: on a busy machine OBS may begin to record a little after it streams. The
/// recording ended after the stream. Only times are counted from another start, and rounded to
/// milliseconds from there.
fn assert_part(streamed: &[Tag], own: &[Tag], at_least: usize) {
    assert_eq!(streamed[0].body, own[0].body, "the sequence header");
    let is_in_own = |tag: &Tag| own.iter().position(|own| own.body == without_sei(&tag.body));
    let frames = streamed[1..].iter().enumerate();
    let both = frames.filter_map(|(n, tag)| Some((n, is_in_own(tag)?))).next();
    let (n, first) = both.expect("a frame of the stream");
    let streamed = &streamed[1 + n..];
    assert!(streamed.len() >= at_least, "{} frames after {n}", streamed.len());
    let shift = own[first].timestamp.wrapping_sub(streamed[0].timestamp);
    for (n, (streamed, own)) in streamed.iter().zip(&own[first..]).enumerate() {
        assert!(n == 0 || streamed.body == own.body, "frame {n}: {streamed:?}, not {own:?}");
        assert!(
            streamed.timestamp.wrapping_add(shift).abs_diff(own.timestamp) <= 1,
            "frame {n}: {own:?}"
        );
    }
    assert!(own.len() - first >= streamed.len(), "a hole at the end of OBS's own recording");
}

/// A keyframe without the encoder's name: OBS puts it before the first frame of each output.
fn without_sei(body: &[u8]) -> Vec<u8> {
    const HEADER: usize = 5;
    const SEI: u8 = 6;
    let nal = &body[HEADER..];
    if body[0] != 0x17 || nal[4] != SEI {
        return body.to_vec();
    }
    let len = u32::from_be_bytes([nal[0], nal[1], nal[2], nal[3]]) as usize;
    [&body[..HEADER], &nal[4 + len..]].concat()
}

/// What OBS calls an invalid stream: it tells its user to look at the key, and does not try again.
const INVALID_STREAM: &str = "streaming stopped: -3";

#[test]
fn a_name_that_is_taken() {
    let server = Server::start(&["--on-conflict", "reject"]);
    let mut first = Peer::publishing(server.addr, "live", "cam");
    let Some(left) = obs(&format!("rtmp://{}/live", server.addr)) else { return };
    assert_eq!(left.notes, [INVALID_STREAM, "recording stopped"]);
    first.send(|script| script.video(0, &[0x17, 0]).delete_stream(1.0));
    assert_eq!(read(&server.complete("cam")).len(), 1, "the first publisher is not disturbed");
    let shows = "stops, and asks its user to look at the stream key";
    compatibility::refused("OBS Studio", &version(), "a name that is taken", shows);
}

#[test]
fn an_application_that_is_not_taken() {
    let server = Server::start(&["--app", "studio"]);
    let Some(left) = obs(&format!("rtmp://{}/live", server.addr)) else { return };
    assert_eq!(left.notes, [INVALID_STREAM, "recording stopped"]);
    let shows = "stops, and asks its user to look at the stream key";
    compatibility::refused("OBS Studio", &version(), "an application that is not taken", shows);
}
