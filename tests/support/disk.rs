//! Disks that are full, hung or read-only: the real thing, mounted for one test.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use tempfile::TempDir;

use crate::tool::{run, tool};

/// Leaves out what needs root, when it is set to 1.
pub(crate) const WITHOUT_ROOT: &str = "SLUICEBOX_TESTS_WITHOUT_ROOT";

/// A file system, mounted until this is dropped.
pub struct Disk {
    at: PathBuf,
    janitor: Child,
    /// The disk that its image is on, if that is one of ours.
    below: Option<Box<Self>>,
    /// The folder of its image, if it has one.
    _image: Option<TempDir>,
}

/// Whether a test may mount disks. Panics when it may not, unless tests without root are asked for.
pub fn may_mount() -> bool {
    if std::env::var_os(WITHOUT_ROOT).is_some_and(|value| value == "1") {
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        // Past the test runner, which keeps what passing tests print.
        let _ = writeln!(std::io::stderr(), "left out, as {WITHOUT_ROOT} is set: {test}");
        return false;
    }
    let root = rustix::process::geteuid().is_root();
    assert!(root, "this test mounts disks: run it as root, or leave it out with {WITHOUT_ROOT}=1");
    true
}

impl Disk {
    /// A disk in memory, with these options for `mount`.
    pub fn tmpfs(at: &Path, options: &str) -> Self {
        Self::mount(at, &["-t", "tmpfs", "-o", options, "tmpfs"], None)
    }

    /// A disk of 256 MiB in a sparse file: it can hang.
    pub fn ext4(at: &Path) -> Self {
        let folder = TempDir::with_prefix("sluicebox-disk-").expect("a folder for an image");
        let image = folder.path().join("image");
        let file = std::fs::File::create(&image).expect("an image");
        file.set_len(256 << 20).expect("a sparse file");
        run(tool("mkfs.ext4").args(["-q", "-m", "0"]).arg(&image));
        let image = image.to_str().expect("the path of an image is text").to_owned();
        Self::mount(at, &["-t", "ext4", "-o", "loop", &image], Some(folder))
    }

    /// A disk of 64 MiB of which two are there: a write to the others fails, once the system does it.
    pub fn failing(at: &Path) -> Self {
        let folder = TempDir::with_prefix("sluicebox-disk-").expect("a folder for an image");
        let below = Self::tmpfs(folder.path(), "size=3m");
        let image = folder.path().join("image");
        let file = std::fs::File::create(&image).expect("an image");
        file.set_len(64 << 20).expect("a sparse file");
        let lean = ["-q", "-m", "0", "-N", "64", "-O", "^has_journal", "-e", "remount-ro"];
        run(tool("mkfs.ext4").args(lean).arg(&image));
        let image = image.to_str().expect("the path of an image is text").to_owned();
        let mut disk = Self::mount(at, &["-t", "ext4", "-o", "loop", &image], Some(folder));
        disk.below = Some(Box::new(below));
        disk
    }

    fn mount(at: &Path, arguments: &[&str], image: Option<TempDir>) -> Self {
        std::fs::create_dir_all(at).expect("a folder to mount at");
        run(tool("mount").args(arguments).arg(at));
        Self { at: at.to_owned(), janitor: janitor(at), below: None, _image: image }
    }

    /// Makes every write to it hang, until [`thaw`](Self::thaw).
    pub fn freeze(&self) {
        run(tool("fsfreeze").arg("--freeze").arg(&self.at));
    }

    /// Lets the writes go on.
    pub fn thaw(&self) {
        run(tool("fsfreeze").arg("--unfreeze").arg(&self.at));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(self.janitor.stdin.take());
        let _ = self.janitor.wait();
        drop(self.below.take());
    }
}

/// Thaws and unmounts as soon as its input ends, or after two minutes: nobody can kill a process
/// that writes to a frozen disk, so this has to happen even if the test is killed.
fn janitor(at: &Path) -> Child {
    const CLEAN: &str = r#"timeout 120 cat; fsfreeze --unfreeze "$0"; umount --lazy "$0""#;
    let mut command = tool("sh");
    // A group of its own: Ctrl-C is for the tests.
    command.args(["-c", CLEAN]).arg(at).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("sh starts")
}
