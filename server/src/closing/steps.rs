//! What follows for one finished file: its sidecar, and the operator's program.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use serde_json::Value;

use super::file::{File, variables};
use crate::events::{About, Event, Events};
use crate::hook::{Hook, Job};
use crate::recording::Pending;
use crate::sidecar::{self, Detail};

/// What is to be done with every file.
#[derive(Debug)]
pub(super) struct Steps {
    pub(super) detail: Detail,
    pub(super) digest: bool,
    pub(super) hook: Option<Arc<Hook>>,
    pub(super) events: Arc<Events>,
}

/// A finished file, and what of it is done.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) path: PathBuf,
    about: Option<Arc<About>>,
    content: Value,
    /// The file has been read once more, where that is wanted.
    whole: bool,
    sidecar: Option<PathBuf>,
    /// The program has run for it already.
    ran: bool,
    /// The program has it, or is not to have it.
    given: bool,
    pending: Option<Arc<Pending>>,
}

impl Steps {
    /// Begins with a file.
    ///
    /// # Errors
    ///
    /// When the file has no name.
    pub(super) fn begin(&self, file: &File) -> Result<Task> {
        let sidecar = file.written();
        Ok(Task {
            path: file.path().to_owned(),
            about: file.about(),
            content: file.content()?,
            whole: sidecar.is_some(),
            sidecar,
            ran: file.ran(),
            given: false,
            pending: file.pending(),
        })
    }

    /// Writes the sidecar, if there is to be one and it is not there.
    ///
    /// # Errors
    ///
    /// When it cannot be written: it can be tried again.
    pub(super) fn write_sidecar(&self, task: &mut Task) -> Result<()> {
        if self.detail != Detail::None && task.sidecar.is_none() {
            if !task.whole {
                sidecar::add(&task.path, &mut task.content, self.detail, self.digest)?;
                task.whole = true;
            }
            task.sidecar = Some(sidecar::write(&task.path, &task.content)?);
        } else if self.hook.is_some() && task.sidecar.is_none() {
            // The next start is to know it, should the program not get to its end.
            task.keep();
        }
        task.has_sidecar();
        Ok(())
    }

    /// Lets the program run, if that is still to be done.
    pub(super) fn run_program(&self, task: &mut Task) {
        if std::mem::replace(&mut task.given, true) {
            return;
        }
        let Some(hook) = self.hook.as_ref().filter(|_| !task.ran) else {
            return task.pending.iter().for_each(|pending| pending.has_run());
        };
        hook.give(Job {
            about: task.about.clone(),
            path: task.path.display().to_string(),
            variables: variables(&task.path, &task.content, task.sidecar.as_deref()),
            pending: task.pending.clone(),
        });
    }

    /// Tells that the sidecar could not be written.
    pub(super) fn tell(&self, task: &Task, error: &anyhow::Error) {
        let (path, error) = (task.path.display().to_string(), format!("{error:#}"));
        tracing::error!(path, error, "no sidecar");
        let failed = Event::Failed { what: "sidecar", error: &error, path: Some(&path) };
        self.events.note(task.about.as_deref(), &failed);
    }
}

impl Task {
    /// Keeps what is known where the next start finds it.
    pub(super) fn keep(&self) {
        if let Some(pending) = &self.pending {
            pending.keep(&self.content);
        }
    }

    /// It has its sidecar, or will not have any.
    pub(super) fn has_sidecar(&self) {
        if let Some(pending) = &self.pending {
            pending.has_sidecar();
        }
    }

    /// Whether another file is where its sidecar should be.
    pub(super) fn is_in_the_way(&self) -> bool {
        sidecar::path_of(&self.path).symlink_metadata().is_ok()
    }

    /// Whether the recording itself is not there any more.
    pub(super) fn is_gone(&self) -> bool {
        let meta = self.path.symlink_metadata();
        meta.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    }

    /// Nothing more is to be done with it.
    pub(super) fn drop_it(&self) {
        tracing::warn!(path = %self.path.display(), "the file is gone, nothing follows");
        if let Some(pending) = &self.pending {
            pending.done();
        }
    }
}
