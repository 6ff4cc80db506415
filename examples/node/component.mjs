// An RTMP server that records, in Node: the typed component (wit/ingest.wit), made into JavaScript by jco.
//
//   npm ci && cargo edge
//   node component.mjs ../../target/edge/sluicebox-ingest.wasm FOLDER [PORT]
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { transpile } from '@bytecodealliance/jco-transpile';
import { serve } from './server.mjs';

const [component, folder, port = '1935'] = process.argv.slice(2);
const outDir = await mkdtemp(join(tmpdir(), 'sluicebox-'));
const { files } = await transpile(resolve(component), { name: 'ingest', outDir });
for (const [path, bytes] of Object.entries(files)) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}
await writeFile(join(outDir, 'package.json'), '{"type": "module"}');
const { 'sluicebox:ingest/sessions@0.2.0': sessions } = await import(join(outDir, 'ingest.js'));
await rm(outDir, { recursive: true }); // It is loaded.
if (!sessions) throw new Error(`${component} has no sluicebox:ingest/sessions@0.2.0`);

serve(port, folder, (socket, recorder) => {
  const session = new sessions.Session(undefined, BigInt(Date.now()));

  function act({ events, failed }) {
    for (const { tag, val } of events) {
      switch (tag) {
        case 'reply': socket.write(val); break;
        case 'publish':
          recorder.begin(val.stream, val.app, val.name);
          act(session.accept(val.stream));
          break;
        case 'tags': recorder.append(val.stream, val.bytes); break;
        case 'unpublish': recorder.end(val.stream, val.ledger.received.messages, val.ledger.written.messages);
      }
    }
    if (failed) throw new Error(failed.text);
  }

  return {
    feed: (bytes) => act(session.feed(bytes)),
    idle: () => act(session.idle()),
    close: () => act(session.close('gone')),
  };
});
