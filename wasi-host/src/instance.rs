//! One instance of the guest: calls, each within its bounds.

use wasmtime::{Store, Trap, TypedFunc, UpdateDeadline, WasmParams, WasmResults};

use crate::error::Fault;
use crate::exports::Calls;
use crate::memory::Bound;
use crate::sandbox::Inner;
use crate::time::Allowance;

/// What an instance may take.
pub(crate) struct Bounds {
    pub(crate) memory: Bound,
    /// None: it waits for its session, and does not run.
    pub(crate) time: Option<Allowance>,
}

/// A guest in a memory of its own. After a fault it is not called again.
pub(crate) struct Instance {
    store: Store<Bounds>,
    calls: Calls,
}

impl Instance {
    pub(crate) fn new(sandbox: &Inner) -> Result<Self, Fault> {
        let memory = Bound::new(sandbox.settings.memory);
        let bounds = Bounds { memory, time: Some(allowance(sandbox)) };
        let mut store = Store::new(sandbox.guest.module().engine(), bounds);
        store.limiter(|bounds| &mut bounds.memory);
        store.epoch_deadline_callback(|mut store| {
            let more = store.data_mut().time.as_mut().is_some_and(Allowance::spend);
            Ok(if more { UpdateDeadline::Continue(1) } else { UpdateDeadline::Interrupt })
        });
        store.set_epoch_deadline(1);
        // A module may bring a function that runs now.
        let instance = sandbox.guest.instantiate(&mut store);
        let instance = instance.map_err(|error| fault(&error, store.data()))?;
        let calls = sandbox.exports.of(instance, &mut store).map_err(Fault::Export)?;
        Ok(Self { store, calls })
    }
}

fn allowance(sandbox: &Inner) -> Allowance {
    Allowance::new(sandbox.settings.deadline, sandbox.clock.ticket())
}

impl Instance {
    /// Puts it by, for a session to come: the clock does not go on for its sake.
    pub(crate) fn rest(&mut self) {
        self.store.data_mut().time = None;
    }

    /// Begins its session, with all the time that one has.
    pub(crate) fn begin(&mut self, sandbox: &Inner) {
        self.store.data_mut().time = Some(allowance(sandbox));
    }

    /// Calls an export.
    pub(crate) fn call<P: WasmParams, R: WasmResults>(
        &mut self,
        export: impl FnOnce(&Calls) -> &TypedFunc<P, R>,
        parameters: P,
    ) -> Result<R, Fault> {
        self.store.set_epoch_deadline(1);
        let result = export(&self.calls).call(&mut self.store, parameters);
        result.map_err(|error| fault(&error, self.store.data()))
    }

    /// Asks for the part of a message; 0: there is none, or the guest knows no parts.
    pub(crate) fn part(&mut self, least: u32) -> Result<u32, Fault> {
        let Some(part) = &self.calls.part else { return Ok(0) };
        self.store.set_epoch_deadline(1);
        part.call(&mut self.store, least).map_err(|error| fault(&error, self.store.data()))
    }

    pub(crate) fn version(&mut self) -> Result<u32, Fault> {
        self.call(|calls| &calls.version, ())
    }

    /// All of its memory. Nothing of the guest runs while it is borrowed.
    pub(crate) fn memory(&self) -> &[u8] {
        self.calls.memory.data(&self.store)
    }

    pub(crate) fn memory_mut(&mut self) -> &mut [u8] {
        self.calls.memory.data_mut(&mut self.store)
    }

    /// Lets it run for what `len` bytes of input earn.
    pub(crate) fn fed(&mut self, len: usize) {
        if let Some(time) = &mut self.store.data_mut().time {
            time.fed(len);
        }
    }
}

fn fault(error: &wasmtime::Error, bounds: &Bounds) -> Fault {
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => Fault::Time,
        Some(_) if bounds.memory.met => Fault::Memory,
        Some(trap) => Fault::Trap(*trap),
        None => Fault::Instance(format!("{error:#}")),
    }
}
