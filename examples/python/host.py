"""An RTMP server that records, in Python: the guest, unchanged, behind docs/abi.md.

    pip install wasmtime
    cargo guest
    python host.py ../../target/guest/sluicebox_guest.wasm FOLDER [PORT]
"""
import pathlib, random, socketserver, struct, sys, time, urllib.parse
from wasmtime import Engine, Instance, Module, Store

folder, port = pathlib.Path(sys.argv[2]), int((sys.argv[3:] or ["1935"])[0])
folder.mkdir(parents=True, exist_ok=True)
engine = Engine()
guest = Module.from_file(engine, sys.argv[1])

class Connection(socketserver.BaseRequestHandler):
    def handle(self):
        store = Store(engine)  # one instance for each connection
        export = Instance(store, guest, []).exports(store)
        call = lambda name, *values: (export[name](store, *values) or 0) & 0xFFFFFFFF
        read = lambda at, length: bytes(export["memory"].read(store, at, at + length))
        u32 = lambda at: struct.unpack("<I", read(at, 4))[0]
        text = lambda at: read(u32(at), u32(at + 4))  # what a slice points at
        safe = lambda name: urllib.parse.quote(name, safe="").replace(".", "%2E")[:99] or "@"
        live = {}
        call("space", 0)
        call("open", 0, random.getrandbits(63))
        while data := self.request.recv(65536):
            export["memory"].write(store, data, call("space", len(data)))
            call("feed", len(data))
            self.poll(call, u32, text, safe, live)
        call("close", 1)  # the peer is gone
        self.poll(call, u32, text, safe, live)

    def poll(self, call, u32, text, safe, live):
        while kind := u32(r := call("poll")):
            stream = u32(r + 4)
            if kind == 1:  # reply
                self.request.sendall(text(r + 32))
            elif kind == 3:  # publish: application, tcUrl, name
                name = f"{safe(text(r + 32))}-{safe(text(r + 48))}-{time.time_ns()}.flv"
                live[stream] = open(folder / name, "xb", buffering=0)
                live[stream].write(bytes.fromhex("464c5601050000000900000000"))
                call("accept", stream)
            elif kind == 4:  # tags
                live[stream].write(text(r + 32))
            elif kind == 5:  # unpublish, with the ledger: received and written
                print(u32(r + 40), "messages received,", u32(r + 56), "written", flush=True)
                live.pop(stream).close()
            else:  # failed, or connect, which asks nothing of us
                if kind == 6:
                    raise ConnectionError(text(r + 48).decode())

socketserver.ThreadingTCPServer.allow_reuse_address = True
with socketserver.ThreadingTCPServer(("127.0.0.1", port), Connection) as server:
    print("listening on", server.server_address[1], flush=True)
    server.serve_forever()
