// What the hosts in this folder have in common, and what has nothing to do with WebAssembly: connections and files.
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

/** Listens, and hands each connection to `connect`, which returns what to call when something happens. */
export function serve(port, connect) {
  createServer({ allowHalfOpen: true }, (socket) => {
    let failed = false;
    const guarded = (call) => (...values) => {
      try {
        call(...values);
      } catch (error) { // It ends this connection only.
        if (!failed) console.log(error.message);
        failed = true;
        socket.destroy();
      }
    };
    const { feed, idle, close } = connect(socket);
    socket.setTimeout(400).on('timeout', guarded(idle));
    socket.on('data', guarded(feed)).on('close', guarded(close)).on('end', () => socket.end());
    socket.on('error', () => {}); // `close` follows.
  }).listen(+port, '127.0.0.1', function () { console.log(`listening on ${this.address().port}`); });
}

/** The recordings of one connection. */
export class Recorder {
  static header = Buffer.from('464c5601050000000900000000', 'hex');
  #live = new Map();

  constructor(folder) {
    mkdirSync((this.folder = folder), { recursive: true });
  }

  /** `app` and `name` are bytes as the peer sent them. */
  begin(stream, app, name) {
    const safe = (bytes) => encodeURIComponent(Buffer.from(bytes).toString('latin1')).replaceAll('.', '%2E').slice(0, 99) || '@';
    const file = openSync(join(this.folder, `${safe(app)}-${safe(name)}-${Date.now()}.flv`), 'wx');
    writeSync(file, Recorder.header);
    this.#live.set(stream, file);
  }

  append(stream, tags) {
    for (let at = 0; at < tags.length; ) at += writeSync(this.#live.get(stream), tags, at);
  }

  end(stream, received, written) {
    console.log(`${received} messages received, ${written} written`);
    closeSync(this.#live.get(stream));
    this.#live.delete(stream);
  }
}
