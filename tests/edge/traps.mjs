// Whether the guest traps where docs/abi.md says so, and nowhere else.
//
//   node traps.mjs GUEST
import { readFileSync } from 'node:fs';

const guest = new WebAssembly.Module(readFileSync(process.argv[2]));
const put = (call, ...bytes) => {
  const at = call.space(bytes.length) >>> 0; // Memory may have grown: its base is taken after that.
  new Uint8Array(call.memory.buffer).set(bytes, at);
};
const cases = {
  'before open': {
    traps: [
      (call) => call.poll(), (call) => call.accept(1), (call) => call.reject(1, 1), (call) => call.reconnect(0),
      (call) => call.idle(), (call) => call.close(1), (call) => call.trim(),
      (call) => call.open(56, 1n), (call) => call.feed(1),
    ],
    goes: [
      (call) => call.version(), (call) => call.space(56), (call) => call.open(0, 1n),
      (call) => (call.space(56), call.open(56, 1n)), (call) => (put(call, 1, 0, 0, 0), call.open(4, -1n)),
    ],
  },
  'after open': {
    traps: [
      (call) => call.open(0, 1n), (call) => call.feed(1), (call) => (call.space(8), call.feed(1 << 20)),
      (call) => call.reconnect(1), (call) => (call.space(8), call.reconnect(1 << 20)),
      (call) => (put(call, 0xff), call.reconnect(1)),
      (call) => call.space(0xffffffff), (call) => call.space(1 << 31),
      ...[0, 5].map((why) => (call) => call.reject(1, why)), ...[0, 4].map((why) => (call) => call.close(why)),
    ],
    goes: [
      (call) => (put(call, 3), call.feed(1)), (call) => call.space(1 << 24), (call) => call.accept(7),
      (call) => call.reject(7, 4), (call) => call.reconnect(0), (call) => (put(call, 0x61), call.reconnect(1)),
      (call) => (call.close(1), call.close(3), call.idle(), call.accept(1), call.reconnect(0), call.trim(), call.poll()),
    ],
  },
};
for (const [when, { traps, goes }] of Object.entries(cases)) {
  for (const act of [...traps, ...goes]) {
    const call = new WebAssembly.Instance(guest).exports;
    if (when === 'after open') call.open(0, 1n);
    let trapped = false;
    try {
      act(call);
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      trapped = true;
    }
    if (trapped !== traps.includes(act)) throw new Error(`${when}: ${act} ${trapped ? 'traps' : 'does not trap'}`);
  }
}
