// Runs what a peer sent through the typed component, and writes what comes out as one JSON object.
//
//   node session.mjs COMPONENT BYTES READ
//
// BYTES is a file, fed in reads of READ bytes. Every publish is accepted at once, and then the peer is asked to
// connect anew.
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { transpile } from '@bytecodealliance/jco-transpile';

const [component, file, read] = process.argv.slice(2);
const outDir = await mkdtemp(join(import.meta.dirname, 'session-'));
const { files } = await transpile(resolve(component), { name: 'ingest', outDir });
for (const [path, bytes] of Object.entries(files)) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}
const { sessions } = await import(join(outDir, 'ingest.js'));
await rm(outDir, { recursive: true });

const session = new sessions.Session(undefined, 1n);
const said = { connects: [], tags: '', replies: '', ledgers: [], asked: null, failed: null };
const act = (outcome) => {
  for (const { tag, val } of outcome.events) {
    if (tag === 'connect') said.connects.push(val);
    if (tag === 'publish') {
      act(session.accept(val.stream));
      const told = session.reconnect('rtmp://elsewhere.example/live');
      said.asked = told !== undefined;
      if (told) act(told);
    }
    if (tag === 'tags') said.tags += Buffer.from(val.bytes).toString('hex');
    if (tag === 'reply') said.replies += Buffer.from(val).toString('latin1');
    if (tag === 'unpublish') said.ledgers.push(val.ledger);
  }
  said.failed ??= outcome.failed ?? null;
};
const bytes = readFileSync(file);
for (let at = 0; at < bytes.length; at += +read) act(session.feed(bytes.subarray(at, at + +read)));
act(session.close('gone'));
const plain = (_, value) => {
  if (typeof value === 'bigint') return Number(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value;
};
console.log(JSON.stringify(said, plain));
