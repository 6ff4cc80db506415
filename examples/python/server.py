"""What has nothing to do with WebAssembly: connections and files."""
import contextlib, pathlib, socketserver, time, urllib.parse

HEADER = bytes.fromhex("464c5601050000000900000000")

class Recorder:
    """The recordings of one connection."""

    def __init__(self, folder):
        self.folder, self.live = pathlib.Path(folder), {}
        self.folder.mkdir(parents=True, exist_ok=True)

    def begin(self, stream, app, name):
        """`app` and `name` are bytes as the peer sent them."""
        path = self.folder / f"{safe(app)}-{safe(name)}-{time.time_ns()}.flv"
        self.live[stream] = open(path, "xb")
        self.append(stream, HEADER)

    def append(self, stream, tags):
        self.live[stream].write(tags)
        self.live[stream].flush()

    def end(self, stream, received, written):
        print(received, "messages received,", written, "written", flush=True)
        self.live.pop(stream).close()

def safe(text):
    """What a peer says, as a part of a file name."""
    return urllib.parse.quote(bytes(text), safe="").replace(".", "%2E")[:99] or "@"

def reads(socket):
    """What the peer sends; None when it has been silent for 400 ms; at the end b""."""
    socket.settimeout(0.4)
    data = None
    while data != b"":
        try:
            data = socket.recv(65536)
        except TimeoutError:
            data = None
        except ConnectionError:
            data = b""
        yield data

def send(socket, reply):
    """Writes to the peer. One that is gone loses nothing that it sent."""
    with contextlib.suppress(OSError):
        socket.sendall(reply)

def serve(port, folder, connection):
    """Listens, and calls `connection` with the socket and a recorder of each, in a thread of its own."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            try:
                connection(self.request, Recorder(folder))
            except Exception as error:  # It ends this connection only.
                print(error, flush=True)

    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", port), Handler) as server:
        print("listening on", server.server_address[1], flush=True)
        server.serve_forever()
