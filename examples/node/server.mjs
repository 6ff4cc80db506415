// What the hosts in this folder have in common, and what has nothing to do with WebAssembly: connections and files.
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

/** Listens, and hands each connection and its recorder to `connect`, which returns what to call when something happens. */
export function serve(port, folder, connect) {
  createServer({ allowHalfOpen: true }, (socket) => {
    const recorder = new Recorder(folder);
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
    const { feed, idle, close } = connect(socket, recorder);
    socket.setTimeout(400).on('timeout', guarded(idle));
    socket.on('data', guarded(feed)).on('end', () => socket.end());
    socket.on('close', guarded(close)).on('close', () => recorder.close());
    socket.on('error', () => {}); // `close` follows.
  }).listen(+port, '127.0.0.1', function () { console.log(`listening on ${this.address().port}`); });
}

/** The recordings of one connection. */
export class Recorder {
  static header = Buffer.from('464c5601050000000900000000', 'hex');
  #files = new Map();

  constructor(folder) {
    mkdirSync((this.folder = folder), { recursive: true });
  }

  /** `app` and `name` are bytes as the peer sent them. */
  begin(stream, app, name) {
    this.#files.set(stream, openSync(join(this.folder, `${safe(app)}-${safe(name)}-${Date.now()}.flv`), 'wx'));
    this.append(stream, Recorder.header);
  }

  append(stream, tags) {
    writeFileSync(this.#files.get(stream), tags);
  }

  end(stream, received, written) {
    console.log(`${received} messages received, ${written} written`);
    closeSync(this.#files.get(stream));
    this.#files.delete(stream);
  }

  /** Closes what has no end of its own: of a connection that failed. */
  close() {
    for (const file of this.#files.values()) closeSync(file);
    this.#files.clear();
  }
}

/** What a peer says, as a part of a file name: byte by byte, as it need not be text. */
function safe(bytes) {
  const escaped = (char) => '%' + char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');
  return Buffer.from(bytes).toString('latin1').replace(/[^\w-]/g, escaped).slice(0, 99) || '@';
}
