// An RTMP server that records, in Node: the guest, unchanged, behind docs/abi.md. Needs no package.
//
//   cargo guest
//   node host.mjs ../../target/guest/sluicebox_guest.wasm FOLDER [PORT]
import { readFileSync } from 'node:fs';
import { serve } from './server.mjs';

const [file, folder, port = '1935'] = process.argv.slice(2);
const guest = new WebAssembly.Module(readFileSync(file));
const version = new WebAssembly.Instance(guest).exports.version();
if (version !== 2) throw new Error(`${file} has version ${version} of the interface, and this host knows 2`);

serve(port, folder, (socket, recorder) => {
  const { memory, ...call } = new WebAssembly.Instance(guest).exports; // one for each connection
  // Memory may have grown since the last look. `slice` is what an address and a length, at `at`, point at.
  const u32 = (at) => new DataView(memory.buffer).getUint32(at, true);
  const slice = (at) => Buffer.from(memory.buffer, u32(at), u32(at + 4));

  function poll() {
    for (;;) {
      const record = call.poll() >>> 0; // addresses are unsigned
      const stream = u32(record + 4);
      switch (u32(record)) {
        case 0: return; // nothing more, until there is more input
        case 1: socket.write(Buffer.from(slice(record + 32))); break; // reply: copied, as it is sent later
        case 3: // publish: application, tcUrl, name
          recorder.begin(stream, slice(record + 32), slice(record + 48));
          call.accept(stream);
          break;
        case 4: recorder.append(stream, slice(record + 32)); break; // tags
        case 5: recorder.end(stream, u32(record + 40), u32(record + 56)); break; // unpublish, with the ledger
        case 6: throw new Error(slice(record + 48)); // failed: in words
      }
    }
  }

  call.open(0, BigInt(Date.now())); // no settings: the defaults
  return {
    feed(bytes) {
      const at = call.space(bytes.length) >>> 0;
      new Uint8Array(memory.buffer).set(bytes, at);
      call.feed(bytes.length);
      poll();
    },
    idle: () => (call.idle(), poll()),
    close: () => (call.close(1), poll()), // 1: the peer is gone
  };
});
