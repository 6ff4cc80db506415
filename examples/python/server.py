"""What has nothing to do with WebAssembly: connections and files."""
import pathlib, socketserver, time, urllib.parse

HEADER = bytes.fromhex("464c5601050000000900000000")

class Recorder:
    """The recordings of one connection."""

    def __init__(self, folder):
        self.folder, self.live = pathlib.Path(folder), {}
        self.folder.mkdir(parents=True, exist_ok=True)

    def begin(self, stream, app, name):
        """`app` and `name` are bytes as the peer sent them."""
        safe = lambda text: urllib.parse.quote(text, safe="").replace(".", "%2E")[:99] or "@"
        path = self.folder / f"{safe(app)}-{safe(name)}-{time.time_ns()}.flv"
        self.live[stream] = open(path, "xb")
        self.append(stream, HEADER)

    def append(self, stream, tags):
        self.live[stream].write(tags)
        self.live[stream].flush()

    def end(self, stream, received, written):
        print(received, "messages received,", written, "written", flush=True)
        self.live.pop(stream).close()

def reads(socket):
    """What the peer sends; None when it has been silent for 400 ms."""
    socket.settimeout(0.4)
    while True:
        try:
            data = socket.recv(65536)
        except TimeoutError:
            data = None
        except ConnectionError:
            return
        if data == b"":
            return
        yield data

def serve(port, connection):
    """Listens, and calls `connection` with the socket of each, in a thread of its own."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            try:
                connection(self.request)
            except Exception as error:  # It ends this connection only.
                print(error, flush=True)

    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", port), Handler) as server:
        print("listening on", server.server_address[1], flush=True)
        server.serve_forever()
