// The filter (a WASI preview 1 module) under Node's own WASI: one connection on standard input and
// output. Needs no package.
//
//   socat TCP-LISTEN:1935,fork EXEC:"node filter.mjs ../../target/edge/sluicebox-filter.wasm FOLDER"
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

const [module, folder, ...flags] = process.argv.slice(2);
const args = ['sluicebox-filter', ...flags];
const wasi = new WASI({ version: 'preview1', args, preopens: { [folder]: folder } });
const program = new WebAssembly.Module(readFileSync(module));
process.exitCode = wasi.start(new WebAssembly.Instance(program, wasi.getImportObject()));
