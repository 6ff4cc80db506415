//! The server's binary: started on a free port, its log read line by line, its end waited for.

use std::io::{BufRead as _, BufReader, ErrorKind};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::Value;
use tempfile::TempDir;

use crate::tool;

/// Longest wait for a line of the log: far more than it takes, so that a busy machine fails nothing.
const DEADLINE: Duration = Duration::from_secs(30);

/// A running server. Dropping it kills it.
pub struct Server {
    child: Child,
    log: Arc<Log>,
    /// Where it listens.
    pub addr: SocketAddr,
    /// Where its recordings go.
    pub folder: TempDir,
}

/// A line of the server's log.
#[derive(Clone, Debug)]
pub struct Line(Value);

/// What the server's log says at the end of a stream.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The recording.
    pub path: PathBuf,
    /// Who ended it.
    pub why: String,
    /// Whether everything that was received is in the recording.
    pub complete: bool,
    /// Messages received.
    pub received: u64,
    /// Messages in the recording.
    pub written: u64,
    /// Messages that are not.
    pub refused: u64,
}

impl Server {
    /// Starts a server that records to a folder of its own.
    pub fn start(arguments: &[&str]) -> Self {
        Self::of(&binary(), arguments)
    }

    /// Starts another program with the same flags.
    pub fn of(program: &Path, arguments: &[&str]) -> Self {
        Self::spawn(program, arguments, Stdio::null())
    }

    /// Starts a server for one stream that goes to standard output, and returns that too.
    pub fn piped() -> (Self, ChildStdout) {
        let mut server = Self::spawn(&binary(), &["--once", "--output", "-"], Stdio::piped());
        let stdout = server.child.stdout.take().expect("stdout is piped");
        (server, stdout)
    }

    /// Starts a server for one stream that goes to standard output, which is a file.
    pub fn into_file(path: &Path) -> Self {
        let file = std::fs::File::create(path).expect("a file");
        Self::spawn(&binary(), &["--once", "--output", "-"], file.into())
    }

    /// Starts a server that records to a folder where another has been.
    pub fn again(arguments: &[&str], folder: TempDir) -> Self {
        Self::spawn_in(&binary(), folder, arguments, Stdio::null())
    }

    /// Kills it, and gives its folder.
    pub fn kill(mut self) -> TempDir {
        self.signal(Signal::KILL);
        self.exit();
        let new = TempDir::with_prefix("sluicebox-").expect("a folder");
        std::mem::replace(&mut self.folder, new)
    }

    /// Runs a subcommand to its end.
    pub fn tool(arguments: &[&str]) -> Output {
        let mut command = Command::new(binary());
        tool::Running::start(command.args(arguments).stdin(Stdio::null())).output()
    }

    /// The same, with files that may grow no longer than `len` bytes.
    pub fn tool_with_short_files(len: u64, arguments: &[&str]) -> Output {
        let mut command = tool::tool("prlimit");
        command.arg(format!("--fsize={len}")).arg(binary()).args(arguments);
        tool::Running::start(command.stdin(Stdio::null())).output()
    }

    /// Starts a server that records to a folder, and returns its standard output too.
    pub fn with_stdout(arguments: &[&str]) -> (Self, ChildStdout) {
        let mut server = Self::spawn(&binary(), arguments, Stdio::piped());
        let stdout = server.child.stdout.take().expect("stdout is piped");
        (server, stdout)
    }

    /// Runs a server that is expected to end by itself, at once.
    pub fn refusing(arguments: &[&str]) -> Output {
        let mut command = Command::new(binary());
        command.args(["--listen", "127.0.0.1:0"]).args(arguments).stdin(Stdio::null());
        tool::Running::start(&mut command).output()
    }

    fn spawn(program: &Path, arguments: &[&str], stdout: Stdio) -> Self {
        let folder = TempDir::with_prefix("sluicebox-").expect("a folder for recordings");
        Self::spawn_in(program, folder, arguments, stdout)
    }

    fn spawn_in(program: &Path, folder: TempDir, arguments: &[&str], stdout: Stdio) -> Self {
        let mut command = Command::new(program);
        command.args(["--listen", "127.0.0.1:0", "--log", "json"]);
        if !arguments.contains(&"--output") && !arguments.contains(&"--record-dir") {
            command.arg("--record-dir").arg(folder.path());
        }
        if !["--sidecar", "--keep", "--on-closed"].iter().any(|flag| arguments.contains(flag)) {
            // Tests of names count the files that there are.
            command.args(["--sidecar", "none"]);
        }
        if !arguments.contains(&"--grace") {
            // Tests of lost publishers wait for the end of their recordings.
            command.args(["--grace", "0.5"]);
        }
        command.args(arguments).stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped());
        let mut child = spawn(&mut command);
        let log = Log::follow(child.stderr.take().expect("stderr is piped"));
        // What does not come to listen is killed too.
        let mut server = Self { child, log, addr: ([0; 4], 0).into(), folder };
        let listening = server.log.wait("listening", "");
        server.addr = listening.text("addr").parse().expect("the address it listens on");
        server
    }

    /// The address of a stream, for encoders.
    pub fn url(&self, stream: &str) -> String {
        format!("rtmp://{}/live/{stream}", self.addr)
    }

    /// Waits until the log says that somebody publishes `stream`, and returns the recording's path.
    pub fn publishing(&self, stream: &str) -> PathBuf {
        self.log.wait("publishing", stream).text("path").into()
    }

    /// Waits until the log says that `stream` has ended.
    pub fn ended(&self, stream: &str) -> Ended {
        let line = self.log.wait("ended", stream);
        let ended = Ended {
            path: line.text("path").into(),
            why: line.text("why").to_owned(),
            complete: line.0["complete"] == true,
            received: line.number("messages_received"),
            written: line.number("tags_written"),
            refused: line.number("messages_refused"),
        };
        assert_eq!(ended.received, ended.written + ended.refused, "the account: {line:?}");
        ended
    }

    /// Waits until `stream` has ended, and asserts that nothing of it is missing.
    pub fn complete(&self, stream: &str) -> PathBuf {
        let ended = self.ended(stream);
        assert!(ended.complete, "{ended:?}");
        assert_eq!(ended.refused, 0, "{ended:?}");
        ended.path
    }

    /// Waits for any line with this message.
    pub fn wait(&self, message: &str) -> Line {
        self.log.wait(message, "")
    }

    /// Waits for a line with this message about this peer.
    pub fn wait_about(&self, message: &str, peer: SocketAddr) -> Line {
        self.log.wait_where(message, "peer", &peer.to_string())
    }

    /// Waits for a line with this message about this file.
    pub fn wait_for_path(&self, message: &str, path: &Path) -> Line {
        self.log.wait_where(message, "path", path.to_str().expect("a plain path"))
    }

    /// Bounds the length of the files that it writes from now on, in bytes.
    pub fn limit_files(&self, len: u64) {
        let limit = Rlimit { current: Some(len), maximum: Some(len) };
        prlimit(Some(Pid::from_child(&self.child)), Resource::Fsize, limit).expect("a limit");
    }

    /// Waits until there are `count` lines with this message, and returns them.
    pub fn wait_for_lines(&self, message: &str, count: usize) -> Vec<Line> {
        self.log.until(&format!("{count} times \"{message}\""), |lines| {
            let found = lines.iter().filter_map(|line| Line::parse(line));
            let found: Vec<_> = found.filter(|line| line.0["message"] == message).collect();
            (found.len() >= count).then_some(found)
        })
    }

    /// The log so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Memory in use now, in bytes.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS")
    }

    /// The most memory that was ever in use, in bytes.
    pub fn peak_memory(&self) -> u64 {
        self.status("VmHWM")
    }

    /// Waits until the process has ended but for threads that the system does not let go.
    pub fn wait_until_gone(&self) {
        let stat = format!("/proc/{}/stat", self.child.id());
        let start = Instant::now();
        loop {
            let text = std::fs::read_to_string(&stat).expect("nobody has waited for it yet");
            let (_, state) = text.rsplit_once(") ").expect("a state behind the name");
            if state.starts_with('Z') {
                return;
            }
            assert!(start.elapsed() < DEADLINE, "the server goes on: {state}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn status(&self, field: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let text = std::fs::read_to_string(path).expect("the server runs");
        let line = text.lines().find_map(|line| line.strip_prefix(field)).expect(field);
        let kibibytes = line.trim_matches(|c: char| !c.is_ascii_digit());
        kibibytes.parse::<u64>().expect("a number of KiB") << 10
    }

    /// Marks of files of which something is still to be done, with their notes.
    pub fn marks(&self) -> usize {
        let entries = std::fs::read_dir(self.folder.path().join(".unfinished"));
        let names = entries.into_iter().flatten().flatten().map(|entry| entry.path());
        names.filter(|path| path.extension().is_none_or(|it| it != "lock")).count()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("the server can be signalled");
    }

    /// Waits for the server's end.
    pub fn exit(&mut self) -> ExitStatus {
        tool::wait(&mut self.child, "the server")
    }
}

/// Starts a program. One that a test has just written may still be open in a process that another test is
/// about to start.
fn spawn(command: &mut Command) -> Child {
    let start = Instant::now();
    loop {
        match command.spawn() {
            Err(error)
                if error.kind() == ErrorKind::ExecutableFileBusy && start.elapsed() < DEADLINE =>
            {
                thread::sleep(Duration::from_millis(10));
            }
            child => return child.unwrap_or_else(|error| panic!("{command:?}: {error}")),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails when it has ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("the server's log:\n{}", self.log.text());
        }
    }
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok().map(Self)
    }

    /// A text field. Panics when it is not there.
    pub fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_else(|| panic!("no text `{field}` in {}", self.0))
    }

    /// A number field. Panics when it is not there.
    pub fn number(&self, field: &str) -> u64 {
        self.0[field].as_u64().unwrap_or_else(|| panic!("no number `{field}` in {}", self.0))
    }
}

/// The lines so far, and whether more can come.
#[derive(Default)]
struct Log {
    lines: Mutex<(Vec<String>, bool)>,
    changed: Condvar,
}

impl Log {
    fn follow(stderr: ChildStderr) -> Arc<Self> {
        let log = Arc::new(Self::default());
        let writer = Arc::clone(&log);
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                writer.change(|(lines, _)| lines.push(line));
            }
            writer.change(|(_, over)| *over = true);
        });
        log
    }

    fn change(&self, change: impl FnOnce(&mut (Vec<String>, bool))) {
        change(&mut self.lines.lock().expect("no panic while it is locked"));
        self.changed.notify_all();
    }

    /// Waits for a line with this message, and this stream if that is not empty.
    fn wait(&self, message: &str, stream: &str) -> Line {
        if stream.is_empty() {
            self.wait_where(message, "message", message)
        } else {
            self.wait_where(message, "stream", stream)
        }
    }

    /// Waits for a line with this message, and this text in `field`.
    fn wait_where(&self, message: &str, field: &str, text: &str) -> Line {
        self.until(&format!("\"{message}\" with {field} {text}"), |lines| {
            let mut lines = lines.iter().filter_map(|line| Line::parse(line));
            lines.find(|line| line.0["message"] == message && line.0[field] == text)
        })
    }

    /// Waits until `find` finds something in the lines.
    fn until<T>(&self, what: &str, find: impl Fn(&[String]) -> Option<T>) -> T {
        let start = Instant::now();
        let mut guard = self.lines.lock().expect("no panic while it is locked");
        loop {
            let (lines, over) = &*guard;
            if let Some(found) = find(lines) {
                return found;
            }
            if *over || start.elapsed() > DEADLINE {
                drop(guard);
                panic!("no {what} in the log:\n{}", self.text());
            }
            let (again, _) = self
                .changed
                .wait_timeout(guard, Duration::from_secs(1))
                .expect("no panic while it is locked");
            guard = again;
        }
    }

    fn text(&self) -> String {
        self.lines.lock().expect("no panic while it is locked").0.join("\n")
    }
}

/// The binary: `SLUICEBOX_BIN`, or this build's own, built first so that it is never an old one.
pub fn binary() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    let find = || std::env::var_os("SLUICEBOX_BIN").map(PathBuf::from).unwrap_or_else(build);
    BINARY.get_or_init(find).clone()
}

fn build() -> PathBuf {
    // <target>/<profile>/deps/behaviour-…
    let test = std::env::current_exe().expect("the path of this program");
    let mut folders = test.ancestors().skip(2);
    let profile = folders.next().expect("the profile's folder");
    let target = folders.next().expect("the target folder");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--package", "sluicebox", "--target-dir"]).arg(target);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo starts");
    assert!(status.success(), "{cargo:?}: {status}");
    profile.join("sluicebox")
}
