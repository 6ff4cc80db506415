//! The guest's code, and the pool that its instances come from.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sluicebox_abi as abi;
use sluicebox_core::Config;
use wasmtime::{
    Engine, InstanceAllocationStrategy, InstancePre, Linker, Module, PoolingAllocationConfig,
};

use crate::error::{Error, LoadError};
use crate::exports::Exports;
use crate::instance::{Bounds, Instance};
use crate::memory::TABLE;
use crate::session::Session;
use crate::time::Clock;

include!("code.rs");

/// The guest of this build, compiled by its build script with [`code_settings`].
static GUEST: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/guest.cwasm"));

/// Length of a page of WebAssembly memory, in bytes.
const PAGE: usize = 64 << 10;

/// What guests may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Sessions at a time. Address space is reserved for all of them, memory is not.
    pub sessions: u32,
    /// Memory of one guest, in bytes. With the core's default limits, a peer can make the guest
    /// take up to some 100 MiB; one that sends a usual stream makes it take less than 2.
    pub memory: usize,
    /// How long a guest may run at a stretch. What it may run in the long term follows from what
    /// it is fed: several times what any input takes, and a hundredth of all time.
    pub deadline: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { sessions: 10_000, memory: 128 << 20, deadline: Duration::from_millis(200) }
    }
}

/// A guest that is ready to be instantiated; one for the process.
pub struct Sandbox {
    inner: Arc<Inner>,
    /// An instance that waits for its session, which so need not wait for it.
    spare: Mutex<Option<Instance>>,
}

/// What sessions share.
pub(crate) struct Inner {
    pub(crate) guest: InstancePre<Bounds>,
    pub(crate) exports: Exports,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
}

impl Sandbox {
    /// With the guest that is built in.
    ///
    /// # Errors
    ///
    /// When address space for so many sessions cannot be had.
    pub fn new(settings: &Settings) -> Result<Self, LoadError> {
        let engine = engine(settings)?;
        // SAFETY: made by wasmtime's compiler in the build script, and part of this program.
        #[allow(unsafe_code, reason = "machine code of our own making")]
        let module = unsafe { Module::deserialize(&engine, GUEST) };
        Self::load(&engine, &module.map_err(LoadError::Module)?, settings)
    }

    /// With another guest: a module in WebAssembly's binary format that speaks the interface of
    /// `docs/abi.md`. It may do whatever it likes to the session that it is for, and nothing else.
    ///
    /// # Errors
    ///
    /// When it is no module, or no guest.
    #[cfg(feature = "compiler")]
    pub fn with_guest(module: &[u8], settings: &Settings) -> Result<Self, LoadError> {
        let engine = engine(settings)?;
        let module = Module::from_binary(&engine, module).map_err(LoadError::Module)?;
        Self::load(&engine, &module, settings)
    }

    fn load(engine: &Engine, module: &Module, settings: &Settings) -> Result<Self, LoadError> {
        if let Some(import) = module.imports().next() {
            let name = format!("`{}` from `{}`", import.name(), import.module());
            return Err(LoadError::Import(name));
        }
        let exports = Exports::find(module).map_err(LoadError::Export)?;
        let guest = Linker::new(engine).instantiate_pre(module).map_err(LoadError::Module)?;
        let clock = Clock::start(engine).map_err(LoadError::Clock)?;
        let inner = Arc::new(Inner { guest, exports, clock, settings: *settings });
        // It leaves its place: there may be no other.
        let version = Instance::new(&inner)?.version();
        match version {
            Ok(abi::VERSION) => {
                let sandbox = Self { inner, spare: Mutex::default() };
                sandbox.prepare();
                Ok(sandbox)
            }
            Ok(guest) => Err(LoadError::Version { guest }),
            Err(fault) => Err(LoadError::Start(fault)),
        }
    }

    /// A session that has seen nothing yet, in an instance of its own; `seed` varies its handshake.
    ///
    /// # Errors
    ///
    /// When [`Settings::sessions`] are open, or the guest fails.
    pub fn open(&self, config: &Config, seed: u64) -> Result<Session, Error> {
        let instance = match self.take_spare() {
            Some(spare) => spare,
            // The last place of all may have become the spare one meanwhile.
            None => Instance::new(&self.inner).or_else(|fault| self.take_spare().ok_or(fault))?,
        };
        Session::open(instance, config, seed)
    }

    /// Makes an instance for the next session that is opened, at a time when nobody waits for it. There
    /// is one at most.
    pub fn prepare(&self) {
        // Held while it is made: whoever finds no place is to find this one.
        let mut spare = self.spare();
        if spare.is_none()
            // When it fails, who opens a session is told.
            && let Ok(mut instance) = Instance::new(&self.inner)
        {
            instance.rest();
            *spare = Some(instance);
        }
    }

    fn take_spare(&self) -> Option<Instance> {
        let mut instance = self.spare().take()?;
        instance.begin(&self.inner);
        Some(instance)
    }

    fn spare(&self) -> MutexGuard<'_, Option<Instance>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn engine(settings: &Settings) -> Result<Engine, LoadError> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(settings.sessions)
        .total_memories(settings.sessions)
        .total_tables(settings.sessions)
        .max_memories_per_module(1)
        .max_tables_per_module(1)
        .table_elements(TABLE)
        .max_memory_size(settings.memory.next_multiple_of(PAGE))
        // What a session leaves behind is given back at once, not kept for the next one, nor until
        // some more have ended: it may be all that a guest can have.
        .linear_memory_keep_resident(0)
        .max_unused_warm_slots(256)
        .decommit_batch_size(1);
    let mut config = code_settings();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config).map_err(LoadError::Pool)
}
