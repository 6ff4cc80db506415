// An RTMP server that records, in Node: the guest, unchanged, behind docs/abi.md. Needs no package.
//
//   cargo guest
//   node host.mjs ../../target/guest/sluicebox_guest.wasm FOLDER [PORT]
import { readFileSync, openSync, writeSync, closeSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { randomInt } from 'node:crypto';

const [file, folder, port = '1935'] = process.argv.slice(2);
const guest = new WebAssembly.Module(readFileSync(file));
const safe = (bytes) => encodeURIComponent(bytes.toString('latin1')).replaceAll('.', '%2E').slice(0, 99) || '@';
mkdirSync(folder, { recursive: true });

createServer({ allowHalfOpen: true }, (socket) => {
  const { memory, ...call } = new WebAssembly.Instance(guest).exports; // one for each connection
  const live = new Map();
  // Memory may have grown since the last look. `slice` of an address and a length, at `at`.
  const u32 = (at) => new DataView(memory.buffer).getUint32(at >>> 0, true);
  const slice = (at) => Buffer.from(memory.buffer, u32(at), u32(at + 4));
  const poll = () => {
    for (let r; u32((r = call.poll() >>> 0)) !== 0; ) {
      const [kind, stream] = [u32(r), u32(r + 4)];
      if (kind === 1) socket.write(Buffer.from(slice(r + 32))); // reply: copied, as it is sent later
      if (kind === 3) { // publish: application, tcUrl, name
        const name = `${safe(slice(r + 32))}-${safe(slice(r + 48))}-${Date.now()}.flv`;
        const fd = openSync(join(folder, name), 'wx');
        writeSync(fd, Buffer.from('464c5601050000000900000000', 'hex'));
        live.set(stream, fd);
        call.accept(stream);
      }
      if (kind === 4) writeSync(live.get(stream), slice(r + 32)); // tags
      if (kind === 5) { // unpublish, with the ledger: received and written
        console.log(`${u32(r + 40)} messages received, ${u32(r + 56)} written`);
        closeSync(live.get(stream));
        live.delete(stream);
      }
      if (kind === 6) return socket.destroy(console.log(slice(r + 48).toString()));
    }
  };
  call.open((call.space(0), 0), BigInt(randomInt(2 ** 47)));
  socket.on('data', (bytes) => {
    const at = call.space(bytes.length) >>> 0;
    new Uint8Array(memory.buffer).set(bytes, at);
    call.feed(bytes.length);
    poll();
  });
  socket.on('error', () => {}).on('close', () => (call.close(1), poll()));
  socket.on('end', () => socket.end());
}).listen(+port, '127.0.0.1', function () { console.log(`listening on ${this.address().port}`); });
