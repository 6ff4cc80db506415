//! Programs that the operator names, and what becomes of them.
//!
//! A command is split into words once, when the server starts, and never goes through a shell. What
//! peers say reaches a program in environment variables only. Every program is the head of a process
//! group of its own: Ctrl-C is for the server, and whatever a program started ends with it.

use std::ffi::OsString;
use std::io::{self, Read};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sluicebox_core::Text;

/// Last bytes of what a program writes that are kept for the log.
const TAIL: usize = 4 << 10;
/// Time that a program has between being asked to end and being ended.
const MERCY: Duration = Duration::from_millis(500);
/// Longest time between two looks at whether a program has ended.
const LOOK: Duration = Duration::from_millis(50);
/// Variables of this kind are the server's own: a program gets those that are meant for it.
const OWN: &str = "SLUICEBOX_";

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    name: String,
    arguments: Vec<String>,
}

/// Variables for a program, by name.
pub(crate) type Variables = Vec<(&'static str, OsString)>;

impl FromStr for Program {
    type Err = String;

    /// Splits as a shell does: blanks part words, quotes and backslashes keep them together. Nothing
    /// is expanded.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = shell_words::split(text).map_err(|error| error.to_string())?.into_iter();
        let name = words.next().filter(|name| !name.is_empty()).ok_or("names no program")?;
        Ok(Self { name, arguments: words.collect() })
    }
}

impl Program {
    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Starts it. Its output and its errors are read, and the last of them kept.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub(crate) fn start(&self, variables: &Variables, stdin: Stdio) -> io::Result<Running> {
        let (reader, writer) = io::pipe()?;
        let mut command = Command::new(&self.name);
        command.args(&self.arguments).stdin(stdin).stdout(writer.try_clone()?).stderr(writer);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with(OWN)) {
                command.env_remove(name);
            }
        }
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn()?;
        // The command holds ends of the pipe for writing: with them it would never run dry.
        drop(command);
        let tail = Arc::<Mutex<Vec<u8>>>::default();
        let keep = tail.clone();
        let read =
            thread::Builder::new().name("output".into()).spawn(move || read_all(reader, &keep));
        let mut running = Running { child, tail, reader: None, over: false };
        // Without a reader it would block in its first line. It is ended with `running`.
        running.reader = Some(read?);
        Ok(running)
    }
}

/// A program that runs. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    tail: Arc<Mutex<Vec<u8>>>,
    /// Fills the tail.
    reader: Option<JoinHandle<()>>,
    /// It has ended, and was waited for.
    over: bool,
}

impl Running {
    /// Its standard input, if that is a pipe and was not taken before.
    pub(crate) fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Waits for its end, as long as it may go on.
    pub(crate) fn wait_while(&mut self, mut may_go_on: impl FnMut() -> bool) -> Option<ExitStatus> {
        let mut look = Duration::from_millis(1);
        loop {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            if !may_go_on() {
                return None;
            }
            thread::sleep(look);
            look = (look * 2).min(LOOK);
        }
    }

    /// Its end, if it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        // Where SIGCHLD is ignored, nobody can tell how it ended, only that it did.
        let status = self.child.try_wait().unwrap_or_else(|_| Some(ExitStatus::default()));
        self.over |= status.is_some();
        status
    }

    /// Ends it and all that it started: asks first.
    pub(crate) fn end(&mut self) {
        if self.over {
            return;
        }
        self.signal(false);
        let deadline = Instant::now() + MERCY;
        if self.wait_while(|| Instant::now() < deadline).is_none() {
            self.signal(true);
            let _ = self.child.wait();
            self.over = true;
        }
    }

    /// The last lines that it wrote, made safe for a log. When it has ended, all that it wrote is read
    /// before, unless somebody else holds on to its output.
    pub(crate) fn last_words(&self) -> String {
        let deadline = Instant::now() + MERCY;
        let reads = || self.reader.as_ref().is_some_and(|reader| !reader.is_finished());
        while self.over && reads() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = tail.split(|byte| b"\n\r".contains(byte)).filter(|line| !line.is_empty());
        lines.map(|line| Text(line).to_string()).collect::<Vec<_>>().join(" | ")
    }

    /// `what` became of it, and the last lines that it wrote, if it wrote any.
    pub(crate) fn says(&self, what: &str) -> String {
        match self.last_words() {
            words if words.is_empty() => what.to_owned(),
            words => format!("{what}: {words}"),
        }
    }

    #[cfg(unix)]
    fn signal(&self, hard: bool) {
        use rustix::process::{Pid, Signal, kill_process_group};
        let signal = if hard { Signal::KILL } else { Signal::TERM };
        // Fails when all of them are gone.
        let _ = kill_process_group(Pid::from_child(&self.child), signal);
    }

    #[cfg(not(unix))]
    fn signal(&mut self, _hard: bool) {
        let _ = self.child.kill();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Reads until nobody can write any more, and keeps the end of it.
fn read_all(mut reader: impl Read, tail: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 1024];
    while let Ok(len @ 1..) = reader.read(&mut buffer) {
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend_from_slice(&buffer[..len]);
        let surplus = tail.len().saturating_sub(TAIL);
        tail.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(text: &str) -> Program {
        text.parse().unwrap()
    }

    fn run(text: &str, variables: &Variables) -> (ExitStatus, String) {
        let mut running = program(text).start(variables, Stdio::null()).unwrap();
        let status = running.wait_while(|| true).unwrap();
        (status, running.last_words())
    }

    #[test]
    fn words_are_split_once_and_nothing_is_expanded() {
        let parsed = program(r#"mv -n "a b" '$HOME' c\ d *"#);
        assert_eq!(parsed.name(), "mv");
        assert_eq!(parsed.arguments, ["-n", "a b", "$HOME", "c d", "*"]);
        for wrong in ["", "  ", "''", "\"open"] {
            assert!(wrong.parse::<Program>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn peers_speak_in_variables_only() {
        let evil = "$(touch /tmp/x); `id` \"'\n";
        let (status, words) = run("printenv NAME", &vec![("NAME", evil.into())]);
        assert!(status.success());
        assert_eq!(words, "$(touch /tmp/x); `id` \"'");
    }

    #[test]
    fn what_it_writes_is_kept_up_to_a_bound_and_made_safe() {
        let (_, words) = run(r"printf 'one\ntwo\033[2J'", &Vec::new());
        assert_eq!(words, "one | two\\u{1b}[2J");
        let (_, words) = run("seq 100000", &Vec::new());
        assert!(words.len() < 2 * TAIL && words.ends_with("99999 | 100000"), "{words}");
    }

    #[cfg(unix)]
    #[test]
    fn it_ends_with_all_that_it_started() {
        let mut running = program("sh -c 'sleep 1000 & echo $!; wait'")
            .start(&Vec::new(), Stdio::null())
            .unwrap();
        let start = Instant::now();
        while running.last_words().is_empty() {
            assert!(start.elapsed() < Duration::from_secs(20));
            thread::sleep(Duration::from_millis(5));
        }
        let path = format!("/proc/{}/stat", running.last_words());
        assert!(std::path::Path::new(&path).exists());
        assert_eq!(running.wait_while(|| false), None);
        running.end();
        let alive = || std::fs::read_to_string(&path).is_ok_and(|stat| !stat.contains(") Z "));
        while alive() {
            assert!(start.elapsed() < Duration::from_secs(20), "it goes on");
            thread::sleep(Duration::from_millis(5));
        }
    }
}
