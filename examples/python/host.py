"""An RTMP server that records, in Python: the guest, unchanged, behind docs/abi.md.

    pip install wasmtime
    cargo guest
    python host.py ../../target/guest/sluicebox_guest.wasm FOLDER [PORT]
"""
import random, sys
from wasmtime import Engine, Instance, Module, Store
from server import reads, send, serve

file, folder, port = (sys.argv + ["1935"])[1:4]
engine = Engine()
guest = Module.from_file(engine, file)
store = Store(engine)
version = Instance(store, guest, []).exports(store)["version"](store)
if version != 2:
    sys.exit(f"{file} has version {version} of the interface, and this host knows 2")

def connection(socket, recorder):
    store = Store(engine)
    exports = Instance(store, guest, []).exports(store)  # one for each connection
    memory = exports["memory"]
    # Addresses and numbers are unsigned. `slice` is what an address and a length, at `at`, point at.
    call = lambda name, *values: (exports[name](store, *values) or 0) & 0xFFFFFFFF
    u32 = lambda at: int.from_bytes(memory.read(store, at, at + 4), "little")
    slice = lambda at: memory.read(store, u32(at), u32(at) + u32(at + 4))

    call("open", 0, random.getrandbits(63))  # no settings: the defaults
    for data in reads(socket):  # None when the peer has been silent, b"" when it is gone
        if data:
            memory.write(store, data, call("space", len(data)))
            call("feed", len(data))
        elif data is None:
            call("idle")
        else:
            call("close", 1)
        while kind := u32(record := call("poll")):
            stream = u32(record + 4)
            if kind == 1:  # reply
                send(socket, slice(record + 32))
            elif kind == 3:  # publish: application, tcUrl, name
                recorder.begin(stream, slice(record + 32), slice(record + 48))
                call("accept", stream)
            elif kind == 4:  # tags
                recorder.append(stream, slice(record + 32))
            elif kind == 5:  # unpublish, with the ledger
                recorder.end(stream, u32(record + 40), u32(record + 56))
            elif kind == 6:  # failed: in words
                raise ConnectionError(slice(record + 48).decode())

serve(int(port), folder, connection)
