#!/usr/bin/env python3
"""What the stand-alone programs cost beside the server's binaries: the same loads, one form after another.

    cargo build --release -p sluicebox -p sluicebox-host -p sluicebox-bench --bins
    cargo edge && tests/edge/install.sh
    bench/edge.py                                  # everything: some ten minutes
    bench/edge.py --forms native,newest --loads 1 --repeats 1

CPU is user and system time of the server and all that it started, from start to end, less that of a start without
any publisher, for 10^9 bytes of media sent flat out. GB/s is what was received in that time. Recordings go to memory.
"""
import argparse, os, re, shutil, signal, statistics, subprocess, sys, tempfile, time
from pathlib import Path

root = Path(__file__).resolve().parent.parent
release, tools = root / "target/release", root / "target/edge-tools"
serve = lambda name: lambda folder, port: [tools / f"bin/serve-{name}", "--record-dir", folder, "--listen", f"127.0.0.1:{port}", "--max-per-address", "1000"]
own = lambda name: lambda folder, port: [release / name, "--quiet", "--record-dir", folder, "--listen", f"127.0.0.1:{port}", "--max-per-address", "1000"]

def filtered(folder, port):
    program = f"{tools}/bin/wasmtime-newest run --allow-precompiled --dir {folder} {tools}/filter.cwasm"
    return ["socat", f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,backlog=1024", f"EXEC:{program}"]

FORMS = {
    "native": own("sluicebox"),
    "sandboxed": own("sluicebox-host"),
    "oldest": serve("oldest"),
    "newest": serve("newest"),
    "p3": serve("p3"),
    "node": serve("node"),
    "filter": filtered,
}
NAMES = {
    "oldest": "WASI 0.2, wasmtime 36",
    "newest": "WASI 0.2, wasmtime 49",
    "p3": "WASI 0.3 sockets, wasmtime 49",
    "node": "WASI 0.2, Node",
    "filter": "preview 1, wasmtime 49, a process each",
}

def free_port():
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]

def children(pid):
    """The process and all below it, and their CPU so far."""
    total, todo = 0.0, [pid]
    while todo:
        pid = todo.pop()
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            todo += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
        # Its own, and that of those it has waited for.
        total += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return total

def run(form, connections, bytes_each):
    """CPU seconds, seconds and bytes of one run; without connections, of a start."""
    port, folder = free_port(), tempfile.mkdtemp(prefix="sluicebox-edge-", dir="/dev/shm")
    log = open(os.path.join(folder, "log"), "w")
    server = subprocess.Popen(list(map(str, FORMS[form](folder, port))), stderr=log, stdout=log)
    try:
        import socket
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        time.sleep(0.5)
        before = children(server.pid)
        if not connections:
            return before, 0, 0
        load = [release / "load", f"127.0.0.1:{port}", "--connections", str(connections), "--flat-out", str(bytes_each)]
        output = subprocess.run(list(map(str, load)), check=True, capture_output=True, text=True).stdout
        sent = int(re.search(r"body_bytes (\d+)", output)[1])
        took = float(re.search(r"seconds ([\d.]+)", output)[1])
        time.sleep(0.5)
        recorded = sum(f.stat().st_size for f in Path(folder).rglob("*.flv"))
        if recorded < sent:
            sys.exit(f"{form}, {connections} publishers: {recorded} bytes recorded of {sent}")
        return children(server.pid) - before, took, sent
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()
        shutil.rmtree(folder)

def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--forms", default=",".join(FORMS))
    parser.add_argument("--loads", default="1,50,200")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--bytes", type=int, default=1_000_000_000, help="of media in a run, all publishers together")
    args = parser.parse_args()
    compiled = [tools / "bin/wasmtime-newest", "compile", root / "target/edge/sluicebox-filter.wasm", "-o", tools / "filter.cwasm"]
    subprocess.run(list(map(str, compiled)), check=True)
    print("| publishers | form | CPU s/GB | x native | GB/s |\n|---:|---|---:|---:|---:|")
    for connections in map(int, args.loads.split(",")):
        native = None
        for form in args.forms.split(","):
            # Node is far slower: a tenth of the bytes says as much.
            total = args.bytes // 10 if form == "node" else args.bytes
            runs = [run(form, connections, total // connections) for _ in range(args.repeats)]
            cpu = statistics.median(cpu * 1e9 / sent for cpu, _, sent in runs)
            rate = statistics.median(sent / took / 1e9 for _, took, sent in runs)
            native = native or cpu
            print(f"| {connections} | {NAMES.get(form, form)} | {cpu:.2f} | {cpu / native:.2f} | {rate:.2f} |", flush=True)

main()
