//! What a guest exports, as this host calls it.

use wasmtime::{
    AsContextMut, Extern, Instance, Memory, Module, ModuleExport, TypedFunc, WasmParams,
    WasmResults,
};

/// Where in the module its exports are: found once, not by name for each session.
pub(crate) struct Exports {
    memory: ModuleExport,
    version: ModuleExport,
    open: ModuleExport,
    space: ModuleExport,
    feed: ModuleExport,
    poll: ModuleExport,
    /// What a guest need not have.
    part: Option<ModuleExport>,
    accept: ModuleExport,
    reject: ModuleExport,
    reconnect: ModuleExport,
    idle: ModuleExport,
    close: ModuleExport,
    trim: ModuleExport,
}

/// The exports of one instance.
pub(crate) struct Calls {
    pub(crate) memory: Memory,
    pub(crate) version: TypedFunc<(), u32>,
    pub(crate) open: TypedFunc<(u32, u64), ()>,
    pub(crate) space: TypedFunc<u32, u32>,
    pub(crate) feed: TypedFunc<u32, ()>,
    pub(crate) poll: TypedFunc<(), u32>,
    pub(crate) part: Option<TypedFunc<u32, u32>>,
    pub(crate) accept: TypedFunc<u32, ()>,
    pub(crate) reject: TypedFunc<(u32, u32), ()>,
    pub(crate) reconnect: TypedFunc<u32, u32>,
    pub(crate) idle: TypedFunc<(), ()>,
    pub(crate) close: TypedFunc<u32, ()>,
    pub(crate) trim: TypedFunc<(), u32>,
}

impl Exports {
    /// # Errors
    ///
    /// The name that is missing.
    pub(crate) fn find(module: &Module) -> Result<Self, &'static str> {
        let find = |name| module.get_export_index(name).ok_or(name);
        Ok(Self {
            memory: find("memory")?,
            version: find("version")?,
            open: find("open")?,
            space: find("space")?,
            feed: find("feed")?,
            poll: find("poll")?,
            part: find("part").ok(),
            accept: find("accept")?,
            reject: find("reject")?,
            reconnect: find("reconnect")?,
            idle: find("idle")?,
            close: find("close")?,
            trim: find("trim")?,
        })
    }

    /// # Errors
    ///
    /// The name of the export that has not the type it has to have.
    pub(crate) fn of(
        &self,
        instance: Instance,
        mut store: impl AsContextMut,
    ) -> Result<Calls, &'static str> {
        let memory = instance.get_module_export(&mut store, &self.memory);
        let Some(Extern::Memory(memory)) = memory else { return Err("memory") };
        let mut part = None;
        if let Some(export) = &self.part {
            part = Some(call(instance, &mut store, export).ok_or("part")?);
        }
        Ok(Calls {
            memory,
            version: call(instance, &mut store, &self.version).ok_or("version")?,
            open: call(instance, &mut store, &self.open).ok_or("open")?,
            space: call(instance, &mut store, &self.space).ok_or("space")?,
            feed: call(instance, &mut store, &self.feed).ok_or("feed")?,
            poll: call(instance, &mut store, &self.poll).ok_or("poll")?,
            part,
            accept: call(instance, &mut store, &self.accept).ok_or("accept")?,
            reject: call(instance, &mut store, &self.reject).ok_or("reject")?,
            reconnect: call(instance, &mut store, &self.reconnect).ok_or("reconnect")?,
            idle: call(instance, &mut store, &self.idle).ok_or("idle")?,
            close: call(instance, &mut store, &self.close).ok_or("close")?,
            trim: call(instance, &mut store, &self.trim).ok_or("trim")?,
        })
    }
}

fn call<P: WasmParams, R: WasmResults>(
    instance: Instance,
    mut store: impl AsContextMut,
    export: &ModuleExport,
) -> Option<TypedFunc<P, R>> {
    let function = instance.get_module_export(&mut store, export)?.into_func()?;
    function.typed(&store).ok()
}
