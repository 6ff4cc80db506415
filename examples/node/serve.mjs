// Runs the stand-alone server (a WASI 0.2 component) under Node, which has no sockets or files of its
// own for it: jco makes a module of JavaScript, its shim brings WASI.
//
//   npm ci
//   node serve.mjs ../../target/edge/sluicebox-serve.wasm RECORDINGS [FLAG]...
import { mkdtemp, mkdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { tmpdir } from 'node:os';
import { transpile } from '@bytecodealliance/jco-transpile';

const [component, recordings, ...flags] = process.argv.slice(2);
// The shim would look only when there is something to record.
if (!(await stat(recordings).catch(() => null))?.isDirectory()) {
  console.error(`error: ${recordings} is no folder to record to`);
  process.exit(1);
}
const folder = await mkdtemp(join(tmpdir(), 'sluicebox-'));
const { files } = await transpile(resolve(component), { name: 'serve', outDir: folder });
for (const [path, bytes] of Object.entries(files)) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}
await writeFile(join(folder, 'package.json'), '{"type": "module"}');
await symlink(resolve(import.meta.dirname, 'node_modules'), join(folder, 'node_modules'));

const { _clearPreopens, _addPreopen } = await import('@bytecodealliance/preview2-shim/filesystem');
const { _setArgs, _setEnv } = await import('@bytecodealliance/preview2-shim/cli');
_clearPreopens(); // Otherwise the whole file system is open to it.
_addPreopen(recordings, resolve(recordings));
_setArgs(['sluicebox-serve', ...flags]);
_setEnv({});
const { run } = await import(join(folder, 'serve.js'));
await rm(folder, { recursive: true }); // It is loaded; whatever ends it, nothing is left behind.
try {
  run.run();
} catch {
  process.exitCode = 1; // What went wrong is on standard error.
}
