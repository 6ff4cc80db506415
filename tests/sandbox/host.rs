//! The server's binary with the core in a sandbox, and what it holds of its machine.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use sluicebox_tests::tool::Running;
use tempfile::{NamedTempFile, TempDir};

/// Far more than anything takes, so that a busy machine fails nothing.
const DEADLINE: Duration = Duration::from_secs(30);

/// A running server. Dropping it kills it.
pub(super) struct Host {
    child: Child,
    pub(super) addr: SocketAddr,
    folder: TempDir,
}

/// What a process holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    /// Bytes of resident memory.
    pub(super) memory: u64,
    /// Memory mappings.
    pub(super) mappings: usize,
    /// Open files.
    pub(super) files: usize,
    /// Threads.
    pub(super) threads: usize,
}

impl Host {
    /// Starts a server with a folder of its own for recordings.
    pub(super) fn start(arguments: &[&str]) -> Self {
        let folder = TempDir::with_prefix("sluicebox-").expect("a folder");
        let log = File::create(folder.path().join("log")).expect("a log");
        let mut command = Command::new(binary());
        command.args(["--listen", "127.0.0.1:0", "--log", "json", "--record-dir"]);
        command.arg(folder.path().join("recordings")).args(arguments).stdin(Stdio::null());
        let child = command.stdout(Stdio::null()).stderr(log).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut host = Self { child, addr: ([127, 0, 0, 1], 0).into(), folder };
        let line = host.wait(|line| line["message"] == "listening");
        host.addr = line["addr"].as_str().and_then(|addr| addr.parse().ok()).expect("an address");
        host
    }

    /// Runs a server that does not start with this guest, and returns what it says.
    pub(super) fn refusing(module: &[u8]) -> String {
        let file = guest_file(module);
        let mut command = Command::new(binary());
        command.args(["--listen", "127.0.0.1:0", "--guest"]).arg(file.path());
        let output = Running::start(command.stdin(Stdio::null())).output();
        assert_eq!(output.status.code(), Some(1), "it takes this guest");
        String::from_utf8(output.stderr).expect("text")
    }

    /// As [`start`](Self::start), with another guest than the one built in.
    pub(super) fn with_guest(module: &[u8], arguments: &[&str]) -> Self {
        let file = guest_file(module);
        let path = file.path().to_str().expect("a path in UTF-8");
        // It has been read when the server listens.
        Self::start(&[&["--guest", path], arguments].concat())
    }

    /// The lines of the log so far.
    pub(super) fn lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.path().join("log")).expect("a log");
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits for a line of the log.
    pub(super) fn wait(&self, find: impl Fn(&Value) -> bool) -> Value {
        self.wait_until("a line", || self.lines().into_iter().find(|line| find(line)))
    }

    /// Waits until the log says that the connection with this peer failed with this fault. A port may
    /// be used again, so there can be other lines about the same peer.
    pub(super) fn failed(&self, peer: SocketAddr, fault: &str) {
        let peer = peer.to_string();
        self.wait(|line| {
            let error = line["error"].as_str().unwrap_or_default();
            line["message"] == "connection failed" && line["peer"] == peer && error.contains(fault)
        });
    }

    /// The errors of all connections that failed.
    pub(super) fn failures(&self) -> Vec<String> {
        let lines = self.lines().into_iter().filter(|line| line["message"] == "connection failed");
        lines.map(|line| line["error"].as_str().expect("an error").to_owned()).collect()
    }

    /// Waits until `stream` has ended, asserts that nothing is missing, and returns its recording.
    pub(super) fn complete(&self, stream: &str) -> PathBuf {
        let line = self.wait(|line| line["message"] == "ended" && line["stream"] == stream);
        assert_eq!(line["complete"], true, "{line}");
        line["path"].as_str().expect("a path").into()
    }

    /// Waits until `find` finds something.
    pub(super) fn wait_until<T>(&self, what: &str, mut find: impl FnMut() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = find() {
                return found;
            }
            if start.elapsed() > DEADLINE {
                panic!("no {what}; the log: {:#?}", self.lines());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// What it holds now.
    pub(super) fn held(&self) -> Held {
        Held::by(&format!("/proc/{}", self.child.id()))
    }

    /// Asserts that it runs, and that no bug of its own ended a connection.
    pub(super) fn assert_well(&mut self) {
        assert_eq!(self.child.try_wait().expect("a child can be asked"), None, "it has ended");
        let lines = self.lines();
        let bugs: Vec<_> = lines.iter().filter(|line| line.to_string().contains("a bug")).collect();
        assert!(bugs.is_empty(), "{bugs:#?}");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Fails when it has ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Held {
    /// What the process of this folder in `/proc` holds.
    pub(super) fn by(process: &str) -> Self {
        let count =
            |folder: &str| fs::read_dir(format!("{process}/{folder}")).expect("it runs").count();
        // The server's own lock stays from the first recording on.
        let lock = |file: &fs::DirEntry| {
            fs::read_link(file.path()).is_ok_and(|path| path.extension() == Some("lock".as_ref()))
        };
        let files = fs::read_dir(format!("{process}/fd")).expect("it runs").flatten();
        let maps = fs::read_to_string(format!("{process}/maps")).expect("it runs");
        Self {
            memory: kibibytes(process, "VmRSS:"),
            mappings: maps.lines().count(),
            files: files.filter(|file| !lock(file)).count(),
            threads: count("task"),
        }
    }

    /// Asserts that no more is held than before, but for `memory` bytes and a few mappings.
    pub(super) fn assert_no_more_than(&self, before: &Self, memory: u64) {
        let what = format!("before: {before:?}, now: {self:?}");
        assert!(self.memory <= before.memory + memory, "memory; {what}");
        assert!(self.mappings <= before.mappings + 40, "mappings; {what}");
        assert!(self.files <= before.files, "files; {what}");
        assert!(self.threads <= before.threads + 1, "threads; {what}");
    }
}

fn guest_file(module: &[u8]) -> NamedTempFile {
    let file = NamedTempFile::with_suffix(".wasm").expect("a file");
    fs::write(&file, module).expect("a file can be written");
    file
}

/// A number of KiB in `status`, in bytes.
fn kibibytes(process: &str, field: &str) -> u64 {
    let text = fs::read_to_string(format!("{process}/status")).expect("it runs");
    let line = text.lines().find_map(|line| line.strip_prefix(field)).expect(field);
    let number = line.trim().trim_end_matches(" kB");
    number.parse::<u64>().expect("a number of KiB") << 10
}

/// The binary: `SLUICEBOX_COMPILER_BIN`, or what lies beside this build's other binaries.
fn binary() -> PathBuf {
    let own = || {
        // <target>/<profile>/deps/behaviour-…
        let test = std::env::current_exe().expect("the path of this program");
        let profile = test.ancestors().nth(2).expect("the profile's folder");
        profile.join("sluicebox-host-compiler")
    };
    let path = std::env::var_os("SLUICEBOX_COMPILER_BIN").map_or_else(own, PathBuf::from);
    assert!(
        path.exists(),
        "{} is missing: cargo build -p sluicebox-host --features compiler, and copy the binary there",
        path.display()
    );
    path
}

/// The guest that this workspace built: `SLUICEBOX_BUILD_GUEST`, or where `cargo guest` puts it.
pub(super) fn real_guest() -> Vec<u8> {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/guest/sluicebox_guest.wasm");
    let path = std::env::var_os("SLUICEBOX_BUILD_GUEST").map_or_else(own, PathBuf::from);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}: run `cargo guest`", path.display()))
}
