//! What a module imports and exports, and whether that is what a guest should.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context as _, Result, ensure};
use wasmparser::types::{EntityType, Types};
use wasmparser::{Encoding, MemoryType, Parser, Payload, Validator};

/// The imports and exports of a module.
#[derive(Debug)]
pub struct Interface {
    /// Names with their modules: `env.abort`.
    pub imports: Vec<String>,
    /// Types by name: `(i32, i64)` for `open`, `memory` for `memory`.
    pub exports: BTreeMap<String, String>,
    /// Whether code of it runs before anybody calls.
    pub starts: bool,
}

/// Reads the interface of a module.
///
/// # Errors
///
/// When this is not a valid module.
pub fn inspect(module: &[u8]) -> Result<Interface> {
    ensure!(Parser::is_core_wasm(module), "this is no wasm module");
    let types = Validator::new().validate_all(module).context("not a valid module")?;
    let mut interface = Interface { imports: Vec::new(), exports: BTreeMap::new(), starts: false };
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::Version { encoding, .. } => ensure!(encoding == Encoding::Module, "no module"),
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    let of = types.as_ref().entity_type_from_export(&export);
                    let of = of.map_or_else(|| "unknown".to_owned(), |of| name(&types, of));
                    interface.exports.insert(export.name.to_owned(), of);
                }
            }
            Payload::StartSection { .. } => interface.starts = true,
            _ => {}
        }
    }
    let imports = types.as_ref().core_imports().into_iter().flatten();
    interface.imports = imports.map(|(module, name, _)| format!("{module}.{name}")).collect();
    Ok(interface)
}

impl Interface {
    /// What is different from a guest's: nothing, one would hope.
    pub fn faults(&self) -> Vec<String> {
        let mut faults: Vec<_> =
            self.imports.iter().map(|import| format!("it imports {import}")).collect();
        if self.starts {
            faults.push("it has a start function".to_owned());
        }
        let wanted = wanted();
        for (name, of) in &wanted {
            match self.exports.get(*name) {
                None => faults.push(format!("it does not export {name}: {of}")),
                Some(found) if found != of => {
                    faults.push(format!("it exports {name}: {found} instead of {of}"));
                }
                Some(_) => {}
            }
        }
        let more = self.exports.iter().filter(|(name, _)| !wanted.contains_key(&***name));
        faults.extend(more.map(|(name, of)| format!("it exports {name}: {of}, unknown here")));
        faults
    }
}

/// The exports of a guest.
fn wanted() -> BTreeMap<&'static str, &'static str> {
    let functions = sluicebox_abi::FUNCTIONS.map(|name| (name, signature(name)));
    functions.into_iter().chain([("memory", "memory")]).collect()
}

/// The type of a function of the interface.
fn signature(function: &str) -> &'static str {
    match function {
        "version" | "poll" | "trim" => "() -> i32",
        "open" => "(i32, i64)",
        "space" | "part" | "reconnect" => "(i32) -> i32",
        "feed" | "accept" | "close" => "(i32)",
        "reject" => "(i32, i32)",
        "idle" => "()",
        // Then the list of functions has one that this list has not: no module has its type.
        _ => "a function that has no type here yet",
    }
}

fn name(types: &Types, of: EntityType) -> String {
    match of {
        EntityType::Func(id) | EntityType::FuncExact(id) => {
            let function = types[id].unwrap_func();
            let list = |types: &[_]| types.iter().map(ToString::to_string).collect::<Vec<_>>();
            let results = list(function.results()).join(", ");
            let arrow = if results.is_empty() { "" } else { " -> " };
            format!("({}){arrow}{results}", list(function.params()).join(", "))
        }
        EntityType::Memory(MemoryType { memory64: false, shared: false, .. }) => "memory".into(),
        EntityType::Memory(_) => "64-bit or shared memory".into(),
        EntityType::Table(_) => "table".into(),
        EntityType::Global(_) => "global".into(),
        EntityType::Tag(_) => "tag".into(),
    }
}

/// One line for each import and export.
impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.imports.is_empty() {
            writeln!(f, "imports nothing")?;
        }
        self.imports.iter().try_for_each(|import| writeln!(f, "imports {import}"))?;
        self.exports.iter().try_for_each(|(name, of)| writeln!(f, "exports {name}: {of}"))
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        CodeSection, ConstExpr, EntityType, ExportKind, ExportSection, Function, FunctionSection,
        GlobalSection, GlobalType, ImportSection, Instruction, MemorySection, MemoryType, Module,
        StartSection, TypeSection, ValType,
    };

    use super::*;

    /// A module that has these imports of a function `()`, and these exports by name and type.
    fn module(imports: &[&str], exports: &[(&str, &str)], starts: bool) -> Vec<u8> {
        let (mut types, mut functions) = (TypeSection::new(), FunctionSection::new());
        let (mut code, mut exported) = (CodeSection::new(), ExportSection::new());
        let mut imported = ImportSection::new();
        types.ty().function([], []);
        for name in imports {
            imported.import("env", name, EntityType::Function(0));
        }
        let mut next = imported.len();
        for (name, of) in exports {
            let kind = match *of {
                "memory" => ExportKind::Memory,
                "global" => ExportKind::Global,
                _ => ExportKind::Func,
            };
            let index = if kind == ExportKind::Func { next } else { 0 };
            exported.export(name, kind, index);
            if kind == ExportKind::Func {
                let (params, results) = of.split_once("->").unwrap_or((of, ""));
                types.ty().function(list(params), list(results));
                functions.function(types.len() - 1);
                let mut body = Function::new([]);
                body.instruction(&Instruction::Unreachable).instruction(&Instruction::End);
                code.function(&body);
                next += 1;
            }
        }
        let memory = MemoryType {
            minimum: 1,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        };
        let mut memories = MemorySection::new();
        memories.memory(memory);
        let mut globals = GlobalSection::new();
        let global = GlobalType { val_type: ValType::I32, mutable: false, shared: false };
        globals.global(global, &ConstExpr::i32_const(0));

        let mut module = Module::new();
        module.section(&types).section(&imported).section(&functions).section(&memories);
        module.section(&globals).section(&exported);
        if starts {
            module.section(&StartSection { function_index: 0 });
        }
        module.section(&code);
        module.finish()
    }

    fn list(types: &str) -> Vec<ValType> {
        let words = types.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.map(|word| if word == "i64" { ValType::I64 } else { ValType::I32 }).collect()
    }

    fn faults(imports: &[&str], exports: &[(&str, &str)], starts: bool) -> Vec<String> {
        inspect(&module(imports, exports, starts)).expect("a valid module").faults()
    }

    fn guest() -> Vec<(&'static str, &'static str)> {
        wanted().into_iter().collect()
    }

    #[test]
    fn a_guest_has_its_memory_and_the_functions_of_the_interface() {
        assert_eq!(guest().len(), sluicebox_abi::FUNCTIONS.len() + 1);
        assert!(guest().iter().all(|(_, of)| !of.contains("yet")), "{:?}", guest());
        assert_eq!(faults(&[], &guest(), false), [""; 0]);
        let interface = inspect(&module(&[], &guest(), false)).expect("a valid module");
        let text = interface.to_string();
        assert!(text.starts_with("imports nothing\nexports accept: (i32)\n"), "{text}");
        assert!(text.contains("\nexports open: (i32, i64)\n"), "{text}");
        assert!(text.ends_with("exports version: () -> i32\n"), "{text}");
    }

    #[test]
    fn whatever_else_it_has_is_a_fault() {
        assert_eq!(faults(&["abort"], &guest(), false), ["it imports env.abort"]);
        // A start function would run where no host has set limits yet.
        let start = faults(&["abort"], &guest(), true);
        assert_eq!(start, ["it imports env.abort", "it has a start function"]);
        for (name, of) in [("__heap_base", "global"), ("memcmp", "(i32, i32) -> i32")] {
            let more = [guest(), vec![(name, of)]].concat();
            assert_eq!(
                faults(&[], &more, false),
                [format!("it exports {name}: {of}, unknown here")]
            );
        }
    }

    #[test]
    fn whatever_it_lacks_or_has_otherwise_is_a_fault() {
        for at in 0..guest().len() {
            let mut less = guest();
            let (name, of) = less.remove(at);
            assert_eq!(faults(&[], &less, false), [format!("it does not export {name}: {of}")]);
            less.push((name, "(i64) -> i64"));
            let fault = format!("it exports {name}: (i64) -> i64 instead of {of}");
            assert_eq!(faults(&[], &less, false), [fault]);
        }
    }

    #[test]
    fn what_is_no_module_is_said_to_be_none() {
        assert!(inspect(b"").is_err());
        assert!(inspect(b"\x7fELF").is_err());
        let valid = module(&[], &guest(), false);
        assert!(inspect(&valid[..valid.len() - 1]).is_err());
    }
}
