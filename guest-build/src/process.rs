//! Running programs.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

/// How often a program with a time limit is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What a program writes to standard output, without the end of the line.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = name(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("no {name}"))?;
    let error = String::from_utf8_lossy(&output.stderr);
    let last = error.trim_end().lines().last().unwrap_or("no message");
    ensure!(output.status.success(), "{name}: {last}");
    Ok(String::from_utf8(output.stdout).with_context(|| name)?.trim_end().to_owned())
}

/// Runs a program to its end. What it says is for the user, on standard error: standard output
/// belongs to the caller, and in a build script to cargo.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = name(command);
    let status = quiet(command).status().with_context(|| format!("no {name}"))?;
    well(&name, status)
}

/// The same, but ends the program and all that it started when it takes longer than `limit`.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> Result<()> {
    let name = name(command);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let mut child = quiet(command).spawn().with_context(|| format!("no {name}"))?;
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return well(&name, status);
        }
        if Instant::now() >= end {
            kill(&mut child)?;
            child.wait()?;
            bail!("{name}: not done in {} s", limit.as_secs_f32());
        }
        thread::sleep(LOOK);
    }
}

/// Kills a program that leads a process group, and the group.
#[cfg(unix)]
fn kill(child: &mut Child) -> Result<()> {
    use rustix::process::{Pid, Signal, kill_process_group};
    // It has not been waited for, so that its number is still its own.
    kill_process_group(Pid::from_child(child), Signal::KILL).context("cannot kill it")
}

#[cfg(not(unix))]
fn kill(child: &mut Child) -> Result<()> {
    child.kill().context("cannot kill it")
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null())
}

fn well(name: &str, status: ExitStatus) -> Result<()> {
    ensure!(status.success(), "{name}: {status}, its message is above");
    Ok(())
}

/// The program and its first words, for messages.
fn name(command: &Command) -> String {
    let words = command.get_args().take(2).map(|word| word.to_string_lossy());
    let program = command.get_program().to_string_lossy();
    format!("`{}`", [program].into_iter().chain(words).collect::<Vec<_>>().join(" "))
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_takes_too_long_is_ended_with_all_that_it_started() {
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        // The process behind holds the pipe too, as whatever is started by rustup would.
        let mut command = shell("(sleep 20; echo alive >&2) & wait");
        command.stderr(writer);
        let error = run_within(&mut command, Duration::from_millis(200)).expect_err("too long");
        assert_eq!(
            error.to_string(),
            "`sh -c (sleep 20; echo alive >&2) & wait`: not done in 0.2 s"
        );
        drop(command);
        // It ends when nobody is left who could write to it.
        let mut said = String::new();
        reader.read_to_string(&mut said).expect("the end");
        assert_eq!(said, "");
    }

    #[test]
    fn what_is_done_in_time_says_how_it_went() {
        let limit = Duration::from_secs(600);
        assert!(run_within(&mut shell("exit 0"), limit).is_ok());
        assert!(run_within(&mut shell("exit 3"), limit).is_err());
        assert!(run(&mut shell("exit 3")).is_err());
    }

    #[test]
    fn output_is_one_value_and_errors_are_one_line() {
        assert_eq!(output(&mut shell("echo a; echo b")).expect("output"), "a\nb");
        let error = output(&mut shell("echo x >&2; echo y >&2; exit 1")).expect_err("failed");
        assert!(error.to_string().ends_with(": y"), "{error}");
        let error = output(&mut Command::new("/no/such/program")).expect_err("not there");
        assert_eq!(error.to_string(), "no `/no/such/program`");
    }
}
