// What the typed component costs beside the guest, under Node: the same session, fed in reads of several sizes.
//
//   cargo guest && cargo edge && tests/edge/install.sh
//   node bench/component.mjs
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const tools = join(root, 'target/edge-tools/node');
const { transpile } = await import(join(tools, 'node_modules/@bytecodealliance/jco-transpile/dist/index.js'));
const outDir = await mkdtemp(join(root, 'target/component-'));
const { files } = await transpile(join(root, 'target/edge/sluicebox-ingest.wasm'), { name: 'ingest', outDir });
for (const [path, bytes] of Object.entries(files)) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}
await writeFile(join(outDir, 'package.json'), '{"type": "module"}');
await symlink(join(tools, 'node_modules'), join(outDir, 'node_modules'));
const { sessions } = await import(join(outDir, 'ingest.js'));
const module = new WebAssembly.Module(readFileSync(join(root, 'target/guest/sluicebox_guest.wasm')));
await rm(outDir, { recursive: true });

// The commands of a captured session of ffmpeg's, up to its first media.
const captured = readFileSync(join(root, 'tests/vectors/ffmpeg-h264-aac/in.bin'));
const commands = captured.subarray(0, captured.indexOf('live', captured.indexOf('\0\x07publish')) + 4);
// Set Chunk Size 60000, and then video messages of 24000 bytes.
const size = Buffer.from([2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0xea, 0x60]);
const header = Buffer.from([6, 0, 0, 0, 0, 0x5d, 0xc0, 9, 1, 0, 0, 0]);
const message = Buffer.concat([header, Buffer.alloc(24000, 0x27)]);
const media = Buffer.concat([size, ...Array(40).fill(message)]);
const sink = Buffer.alloc(1 << 22);

function guest() {
  const { memory, ...call } = new WebAssembly.Instance(module).exports;
  const u32 = (at) => new DataView(memory.buffer).getUint32(at >>> 0, true);
  call.open((call.space(0), 0), 1n);
  return (bytes) => {
    const at = call.space(bytes.length) >>> 0;
    new Uint8Array(memory.buffer).set(bytes, at);
    call.feed(bytes.length);
    let out = 0;
    for (let r; u32((r = call.poll() >>> 0)) !== 0; ) {
      if (u32(r) === 3) call.accept(u32(r + 4));
      if (u32(r) === 4) {
        // Copied once, as a write to a file would.
        sink.set(new Uint8Array(memory.buffer, u32(r + 32), u32(r + 36)));
        out += u32(r + 36);
      }
      if (u32(r) === 6) throw new Error(Buffer.from(memory.buffer, u32(r + 48), u32(r + 52)).toString());
    }
    return out;
  };
}

function component() {
  const session = new sessions.Session(undefined, 1n);
  const act = ({ events, failed }) => {
    if (failed) throw new Error(failed.text);
    let out = 0;
    for (const { tag, val } of events) {
      if (tag === 'publish') out += act(session.accept(val.stream));
      if (tag === 'tags') {
        sink.set(val.bytes);
        out += val.bytes.length;
      }
    }
    return out;
  };
  return (bytes) => act(session.feed(bytes));
}

const BYTES = 64 << 20;
function best(subject, read) {
  let best = Infinity;
  for (let run = 0; run < 5; run++) {
    const feed = subject();
    feed(commands);
    let fed = 0, out = 0;
    const start = process.hrtime.bigint();
    while (fed < BYTES) {
      for (let at = 0; at < media.length; at += read) out += feed(media.subarray(at, at + read));
      fed += media.length;
    }
    best = Math.min(best, Number(process.hrtime.bigint() - start) / 1e9);
    if (out < fed * 0.99) throw new Error(`${out} bytes came out of ${fed}`);
  }
  return best;
}
console.log('| read, bytes | guest GB/s | component GB/s | time, component / guest |\n|---:|---:|---:|---:|');
for (const read of [1400, 4096, 16384, 65536]) {
  const [one, other] = [best(guest, read), best(component, read)];
  const rate = (time) => (BYTES / time / 1e9).toFixed(2);
  console.log(`| ${read} | ${rate(one)} | ${rate(other)} | ${(other / one).toFixed(2)} |`);
}
