"""An RTMP server that records, in Python: the guest, unchanged, behind docs/abi.md.

    pip install wasmtime
    cargo guest
    python host.py ../../target/guest/sluicebox_guest.wasm FOLDER [PORT]
"""
import contextlib, random, struct, sys
from wasmtime import Engine, Instance, Module, Store
from server import Recorder, reads, serve

file, folder, port = (sys.argv + ["1935"])[1:4]
engine = Engine()
guest = Module.from_file(engine, file)

class Guest:
    def __init__(self):  # one for each connection
        self.store = Store(engine)
        self.exports = Instance(self.store, guest, []).exports(self.store)
        self.memory = self.exports["memory"]

    def call(self, name, *values):  # addresses and numbers are unsigned
        return (self.exports[name](self.store, *values) or 0) & 0xFFFFFFFF

    def u32(self, at):
        return struct.unpack("<I", self.memory.read(self.store, at, at + 4))[0]

    def slice(self, at):  # what an address and a length, at `at`, point at
        return bytes(self.memory.read(self.store, self.u32(at), self.u32(at) + self.u32(at + 4)))

def connection(socket):
    guest, recorder = Guest(), Recorder(folder)
    guest.call("space", 0)  # no settings: the defaults
    guest.call("open", 0, random.getrandbits(63))
    for data in reads(socket):
        if data is None:
            guest.call("idle")
        else:
            guest.memory.write(guest.store, data, guest.call("space", len(data)))
            guest.call("feed", len(data))
        poll(guest, socket, recorder)
    guest.call("close", 1)  # the peer is gone
    poll(guest, socket, recorder)

def poll(guest, socket, recorder):
    while kind := guest.u32(record := guest.call("poll")):
        stream = guest.u32(record + 4)
        if kind == 1:  # reply
            with contextlib.suppress(ConnectionError):  # a peer that is gone loses nothing that it sent
                socket.sendall(guest.slice(record + 32))
        elif kind == 3:  # publish: application, tcUrl, name
            recorder.begin(stream, guest.slice(record + 32), guest.slice(record + 48))
            guest.call("accept", stream)
        elif kind == 4:  # tags
            recorder.append(stream, guest.slice(record + 32))
        elif kind == 5:  # unpublish, with the ledger
            recorder.end(stream, guest.u32(record + 40), guest.u32(record + 56))
        elif kind == 6:  # failed: in words
            raise ConnectionError(guest.slice(record + 48).decode())

if (version := Guest().call("version")) != 2:
    sys.exit(f"{file} has version {version} of the interface, and this host knows 2")
serve(int(port), connection)
