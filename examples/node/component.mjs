// An RTMP server that records, in Node: the typed component (wit/ingest.wit), made into JavaScript by jco.
//
//   npm install && cargo edge
//   node component.mjs ../../target/edge/sluicebox-ingest.wasm FOLDER [PORT]
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { transpile } from '@bytecodealliance/jco-transpile';

const [component, folder, port = '1935'] = process.argv.slice(2);
const outDir = join(import.meta.dirname, 'ingest');
const { files } = await transpile(resolve(component), { name: 'ingest', outDir });
for (const [path, bytes] of Object.entries(files)) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}
const { sessions } = await import(join(outDir, 'ingest.js'));
const safe = (bytes) => encodeURIComponent(Buffer.from(bytes).toString('latin1')).replaceAll('.', '%2E').slice(0, 99) || '@';
mkdirSync(folder, { recursive: true });

createServer({ allowHalfOpen: true }, (socket) => {
  const session = new sessions.Session({}, BigInt(Date.now()));
  const live = new Map();
  const act = ({ events, failed }) => {
    for (const { tag, val } of events) {
      if (tag === 'reply') socket.write(val);
      if (tag === 'publish') {
        const fd = openSync(join(folder, `${safe(val.app)}-${safe(val.name)}-${Date.now()}.flv`), 'wx');
        writeSync(fd, sessions.flvHeader());
        live.set(val.stream, fd);
        act(session.accept(val.stream));
      }
      if (tag === 'tags') writeSync(live.get(val.stream), val.bytes);
      if (tag === 'unpublish') {
        console.log(`${val.ledger.received.messages} messages received, ${val.ledger.written.messages} written`);
        closeSync(live.get(val.stream));
        live.delete(val.stream);
      }
    }
    if (failed) socket.destroy(void console.log(failed.text));
  };
  socket.on('data', (bytes) => act(session.feed(bytes)));
  socket.on('error', () => {}).on('close', () => act(session.close('gone')));
  socket.on('end', () => socket.end());
}).listen(+port, '127.0.0.1', function () { console.log(`listening on ${this.address().port}`); });
