//! Other programs, bounded in time.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Longest that a program may take: far more than any needs, so that a busy machine fails nothing.
const DEADLINE: Duration = Duration::from_secs(120);

/// A program, by its name or path. Panics when it is not installed.
pub fn tool(name: impl AsRef<Path>) -> Command {
    let name = name.as_ref();
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Of an absolute path, `join` takes nothing else.
    let installed = std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    assert!(installed, "`{}` is not installed: run tests/install.sh", name.display());
    let mut command = Command::new(name);
    command.stdin(Stdio::null());
    command
}

/// A GStreamer pipeline. Panics when one of its `elements` is not installed.
pub fn gstreamer(elements: &[&str], pipeline: &str) -> Command {
    for element in elements {
        let found = tool("gst-inspect-1.0").arg("--exists").arg(element).status();
        let found = found.expect("gst-inspect-1.0 starts").success();
        assert!(found, "GStreamer's `{element}` is not installed: run tests/install.sh");
    }
    let mut command = tool("gst-launch-1.0");
    command.arg("-q").args(pipeline.split_whitespace());
    command
}

/// The build's target folder, from the path of this program: `<target>/<profile>/deps/behaviour-…`.
pub fn target() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this program");
    test.ancestors().nth(3).expect("the target folder").to_owned()
}

/// Runs a program to its end and returns what it wrote. Panics when it fails.
pub fn run(command: &mut Command) -> Output {
    let output = Running::start(command).output();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed with {}:\n{errors}", output.status);
    output
}

/// A program that is running. Dropping it ends it.
pub struct Running {
    child: Child,
    name: String,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

impl Running {
    /// Starts a program; what it writes is kept.
    pub fn start(command: &mut Command) -> Self {
        let name = format!("{command:?}");
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{name}: {error}"));
        let stdout = child.stdout.take().map(keep);
        let stderr = child.stderr.take().map(keep);
        Self { child, name, stdout, stderr }
    }

    /// Starts a program that reads what the test writes to it.
    pub fn fed(command: &mut Command) -> (Self, ChildStdin) {
        let mut running = Self::start(command.stdin(Stdio::piped()));
        let stdin = running.child.stdin.take().expect("stdin is piped");
        (running, stdin)
    }

    /// Ends it the hard way, as a crash or a power cut would.
    pub fn kill(mut self) {
        self.child.kill().expect("a program can be killed");
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a program can be signalled");
    }

    /// Waits for its end.
    pub fn output(mut self) -> Output {
        let status = wait(&mut self.child, &self.name);
        let text = |reader: &mut Option<JoinHandle<Vec<u8>>>| {
            reader.take().map(|reader| reader.join().expect("a reader")).unwrap_or_default()
        };
        Output { status, stdout: text(&mut self.stdout), stderr: text(&mut self.stderr) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails when it has ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Threads that keep cores busy, at a lower priority than everything else. Dropping it ends them.
pub struct BusyCores(Arc<AtomicBool>);

impl BusyCores {
    /// Starts `count` threads.
    pub fn start(count: usize) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        for _ in 0..count {
            let over = Arc::clone(&over);
            thread::spawn(move || {
                // On Linux this is the thread's own, not the process's.
                rustix::process::nice(10).expect("a thread can be nicer");
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        Self(over)
    }
}

impl Drop for BusyCores {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits for a condition, for far longer than it takes: a busy machine fails nothing.
pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what} takes too long");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Waits for the end of a child. Kills it and panics when that takes too long.
pub fn wait(child: &mut Child, name: &str) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return status;
        }
        if start.elapsed() > DEADLINE {
            let _ = child.kill();
            panic!("still running after {DEADLINE:?}: {name}");
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until a file has at least `len` bytes.
pub fn wait_for_len(path: &Path, len: u64) {
    let start = Instant::now();
    loop {
        let len_now = std::fs::metadata(path).map(|file| file.len()).unwrap_or_default();
        let have = len_now.saturating_sub(crate::flv::added(path));
        if have >= len {
            return;
        }
        let path = path.display();
        assert!(start.elapsed() < DEADLINE, "{path}: {have} bytes, {len} expected by now");
        thread::sleep(Duration::from_millis(10));
    }
}

fn keep(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut text = Vec::new();
        // An error ends it as the end does: what was read until then is what there is.
        let _ = pipe.read_to_end(&mut text);
        text
    })
}
