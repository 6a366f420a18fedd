"""The figures of the HTTP API, for tests/bench/run: wrk, a live stream and an export, while capture runs.

One log of --log-changes changes over 100,000 contacts; pgbench writes 5,000 changes/s into the same database (transactions of ten
updates) as long as the others measure. Everything shares the machine. The reader is an auditor with a token, over TCP on the
loopback, so that each answer is an access entry first, and masked. A warm-up of one second before each of wrk's measurements.
"""

import contextlib
import json
import random
import re
import socket
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path

from harness import POSTGRES_BIN, wait_until

CONTACTS = 100_000
CHANGES_PER_S, CHANGES_PER_TRANSACTION = 5_000, 10
CONNECTIONS = 8  # of wrk, each with one request at a time


class CaptureLoad:
    """pgbench at a fixed rate, from enter to exit."""

    def __init__(self, cluster, database, directory):
        script = Path(directory) / "load.sql"
        update = f"\\set id random(1, {CONTACTS})\n\\set v random(1, 1000000000)\nUPDATE contacts SET phone = (:v)::text WHERE id = :id;\n"
        script.write_text("BEGIN;\n" + update * CHANGES_PER_TRANSACTION + "COMMIT;\n")
        self.command = [f"{POSTGRES_BIN}/pgbench", "-n", "-M", "prepared", "-c", "4", "-j", "1", "-T", "3600",
                        "-R", str(CHANGES_PER_S // CHANGES_PER_TRANSACTION), "-f", str(script),
                        "-h", "127.0.0.1", "-p", str(cluster.port), "-U", "postgres", database]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/tmp")
        return self

    def __exit__(self, *_):
        assert self.process.poll() is None, "pgbench ended early"
        self.process.kill()
        self.process.wait()


def wrk(url, token, targets, seconds, directory):
    """(requests/s, p99 in ms) of GETs of random targets; every answer must be a 200."""
    script = Path(directory) / "wrk.lua"
    lines = ",\n".join(json.dumps(target) for target in targets)
    script.write_text(f"""
local targets = {{ {lines} }}
math.randomseed(7)
wrk.headers["Authorization"] = "Bearer {token}"
request = function() return wrk.format("GET", targets[math.random(#targets)]) end
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("result %d %d %f %d\\n", summary.requests, summary.duration, latency:percentile(99),
                         e.connect + e.read + e.write + e.status + e.timeout))
end
""")
    for duration in (1, seconds):
        done = subprocess.run(["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{duration}s", "-s", str(script), url],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    count, duration_us, p99_us, errors = map(float, re.search(r"^result (.*)$", done.stdout, re.MULTILINE)[1].split())
    assert errors == 0, done.stdout
    return count / (duration_us / 1e6), p99_us / 1000


class LiveReader(threading.Thread):
    """Server-sent events; remembers when each mark arrived."""

    def __init__(self, url, token, target):
        super().__init__(daemon=True)
        address = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((address.hostname, address.port))
        self.socket.sendall(f"GET {target} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        self.seen = {}

    def run(self):
        rest = b""
        with contextlib.suppress(OSError):
            while piece := self.socket.recv(1 << 16):
                now = time.monotonic()
                for mark in re.finditer(rb'"public\.marks"[^\n]*?"id":"(\d+)"', rest + piece):
                    self.seen.setdefault(int(mark[1]), now)
                rest = (rest + piece)[-4096:]

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)


def live_latencies(cluster, database, url, token, seconds):
    reader = LiveReader(url, token, "/v1/entries/stream?q=table:marks")
    reader.start()
    connection = cluster.connect(database)
    cursor = connection.cursor()
    cursor.execute("INSERT INTO marks VALUES (0)")
    wait_until(lambda: 0 in reader.seen, 30, "the first event")
    committed = {}
    for number in range(1, seconds * 100 + 1):
        cursor.execute("INSERT INTO marks VALUES (%s)", (number,))
        committed[number] = time.monotonic()
        time.sleep(0.01)
    wait_until(lambda: len(reader.seen) > len(committed), 30, "all events")
    reader.close()
    return [max(0.0, reader.seen[number] - at) * 1000 for number, at in committed.items()]


def export(rowledger, entries, directory):
    """(seconds, MB): of a CSV of everything, and by how much the daemon's memory grew for it at most."""
    pid = rowledger.process.pid
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # forgets the peak
    before = rowledger.peak_memory_mb()
    begin = time.monotonic()
    rowledger.must("export", "--format", "csv", "kind:*", "--all", "--output", Path(directory) / "export.csv", timeout_s=600)
    elapsed = time.monotonic() - begin
    said = dict(line.split(" ", 1) for line in (Path(directory) / "export.csv.manifest").read_text().splitlines() if " " in line)
    assert int(said["entries"]) >= entries, said
    return elapsed * 1e6 / int(said["entries"]), rowledger.peak_memory_mb() - before


def measure(cluster, rowledger, database, options, report, note):
    """rowledger serves `database`, whose log has been filled."""
    url = rowledger.status()["http"]["url"]
    token = rowledger.must("token", "create", "--name", "bench", "--role", "auditor").split()[-1]
    rng = random.Random(7)
    end = rowledger.status()["entries"]
    keys = [rng.randrange(1, CONTACTS + 1) for _ in range(2_000)]
    row = "/v1/rows/public.contacts/{}"
    searches = [f"via:flow field:name org:{rng.randrange(1, 51)}" for _ in range(200)]
    searches += [f"actor:{name} field:phone org:{rng.randrange(1, 51)}" for name in ("priya", "ravi", "asha") for _ in range(100)]
    groups = {
        "history": [row.format(key) + "/entries" for key in keys],
        "search": ["/v1/entries?limit=50&q=" + urllib.parse.quote(text) for text in searches],
        "at": [row.format(key) + f"/at?when=seq:{rng.randrange(CONTACTS, end)}" for key in keys],
    }
    directory = rowledger.parent
    with CaptureLoad(cluster, database, directory):
        for name, targets in groups.items():
            rps, p99_ms = wrk(url, token, targets, options.api_seconds, directory)
            note(f"api.{name}: {rps:,.0f} requests/s, p99 {p99_ms:.1f} ms")
            if name == "history":
                report("api.history.rps", round(rps))
            report(f"api.{name}.p99_ms", p99_ms)
        latencies = sorted(live_latencies(cluster, database, url, token, options.api_seconds))
        report("api.live.p99_ms", latencies[int(len(latencies) * 0.99)])
        lag = rowledger.status()["lag_seconds"]
        note(f"api: capture is {lag} s behind at the end")
    rowledger.sync(300)
    seconds, grown_mb = export(rowledger, options.log_changes, directory)
    report("api.export.s_per_million", seconds)
    report("api.export.memory_mb", grown_mb)
