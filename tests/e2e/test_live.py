"""The live stream under load, with connections that break: no entry twice, none left out."""

import json
import random
import socket
import threading
import time

from harness import wait_until


class Reader:
    """An EventSource: reads events, remembers the last id, connects again."""

    def __init__(self, rowledger, target, after=None):
        self.rowledger, self.target = rowledger, target
        self.last_id, self.seqs, self.connections = after, [], 0
        self._buffer = b""
        self._socket = None

    def connect(self):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(20)
        self._socket.connect(str(self.rowledger.socket_path()))
        last = f"Last-Event-ID: {self.last_id}\r\n" if self.last_id is not None else ""
        # HTTP/1.0: the body comes without chunks.
        self._socket.sendall(f"GET {self.target} HTTP/1.0\r\nHost: x\r\n{last}\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            piece = self._socket.recv(4096)
            assert piece, head
            head += piece
        head, _, self._buffer = head.partition(b"\r\n\r\n")
        assert b" 200 " in head, head
        assert b"text/event-stream" in head
        self.connections += 1

    def cut(self):
        """Whatever of an event had arrived is lost with the connection."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self._socket.close()
        self._buffer = b""

    def read(self, size=4096):
        # The first event may have come together with the head; waiting for more would wait for the next heartbeat.
        if b"\n\n" not in self._buffer:
            piece = self._socket.recv(size)
            assert piece, "the stream ended"
            self._buffer += piece
        while b"\n\n" in self._buffer:
            event, _, self._buffer = self._buffer.partition(b"\n\n")
            self.take(event.decode())

    def take(self, event):
        fields = [line.split(": ", 1) for line in event.split("\n") if not line.startswith(":")]
        data = "\n".join(value for name, value in fields if name == "data")
        for name, value in fields:
            if name == "id":
                self.last_id = int(value)
        if data:
            entry = json.loads(data)
            assert entry["seq"] == self.last_id
            self.seqs.append(entry["seq"])

    def read_until(self, seq):
        # Heartbeats come for ever, so that the socket's own time-out does not end this.
        deadline = time.monotonic() + 60
        while self.last_id is None or self.last_id < seq:
            assert time.monotonic() < deadline, f"entry {seq} did not come, only {self.last_id}"
            self.read()


class Load(threading.Thread):
    """For so many seconds, and until enough() on a machine that needs longer for it."""

    LONGEST_S = 60

    def __init__(self, cluster, database, seconds, enough):
        super().__init__(daemon=True)
        self.cluster, self.database, self.seconds, self.enough = cluster, database, seconds, enough

    def run(self):
        connection = self.cluster.connect(self.database)
        cursor = connection.cursor()
        began, n = time.monotonic(), 0
        while (lasted := time.monotonic() - began) < self.seconds or lasted < self.LONGEST_S and not self.enough():
            n += 1
            # Small transactions and a large one now and then.
            rows = 20 if n % 50 == 0 else 1
            cursor.execute("UPDATE contacts SET phone = %s, note = %s WHERE id %% 20 < %s", (str(n), "x" * (n % 3000), rows))
        connection.close()


def expected(rowledger, query, after):
    return [entry["seq"] for entry in rowledger.log(query) if entry["seq"] > after]


def test_cut_connections_lose_and_double_nothing(rowledger, cluster, database):
    rowledger.sync()
    after = rowledger.status()["entries"] - 1
    readers = [Reader(rowledger, "/v1/entries/stream?q=op:modify"),
               Reader(rowledger, "/v1/entries/stream?q=op:modify%20key:7"),  # seldom something, often cut
               Reader(rowledger, "/v1/entries/stream?q=op:modify&after=%d" % after)]

    def enough():
        return len(readers[0].seqs) > 500 and all(reader.connections > 5 for reader in readers)

    load = Load(cluster, database, 6, enough)
    for reader in readers:
        reader.connect()
        reader.read()  # the first word, with an id: from here on nothing may be missed
    load.start()
    stop = threading.Event()

    def run(reader, seed):
        rng = random.Random(seed)
        while not stop.is_set():
            for _ in range(rng.randrange(1, 15)):
                reader.read(rng.choice([1, 100, 4096, 65536]))
                if stop.is_set():
                    return
            reader.cut()
            reader.connect()

    threads = [threading.Thread(target=run, args=(reader, seed), daemon=True) for seed, reader in enumerate(readers)]
    for thread in threads:
        thread.start()
    load.join()
    rowledger.sync()
    # One more change that all see, so that each reader comes out of its waiting read.
    stop.set()
    cluster.sql(database, "UPDATE contacts SET name = 'the last' WHERE id = 7")
    rowledger.sync()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    last = rowledger.log("op:modify")[-1]["seq"]
    for reader, query in zip(readers, ("op:modify", "op:modify key:7", "op:modify")):
        reader.read_until(last)
        assert reader.seqs == expected(rowledger, query, after)
        assert reader.connections > 5
    assert len(readers[0].seqs) > 500


def test_a_slow_reader_gets_what_it_missed_from_the_log(rowledger, cluster, database):
    rowledger.sync()
    after = rowledger.status()["entries"] - 1
    slow, quick = Reader(rowledger, "/v1/entries/stream?q=op:modify"), Reader(rowledger, "/v1/entries/stream?q=op:modify")
    slow.connect()
    slow.read()
    quick.connect()
    quick.read()
    # Some 5 MB, of which a socket's buffer holds 0.2. No more than it takes: the slow reader is given up after 30 s.
    cluster.sql(database, """DO $$ BEGIN FOR n IN 1..100 LOOP
      UPDATE contacts SET note = repeat('x', 1000) || n; COMMIT; END LOOP; END $$""")
    rowledger.sync()
    last = rowledger.log("op:modify", order="desc", limit=1)[0]["seq"]
    begin = time.monotonic()
    quick.read_until(last)  # while the slow one takes nothing
    assert time.monotonic() - begin < 20
    slow.read_until(last)
    assert slow.seqs == quick.seqs == expected(rowledger, "op:modify", after)
    assert len(slow.seqs) == 2000


def test_goes_on_after_a_restart_of_the_daemon(rowledger, cluster, database):
    reader = Reader(rowledger, "/v1/entries/stream?q=op:modify")
    reader.connect()
    reader.read()
    cluster.sql(database, "UPDATE contacts SET phone = '1' WHERE id = 1")
    first = rowledger.wait_for_entry(lambda entry: entry["kind"] == "update")["seq"]
    reader.read_until(first)
    rowledger.kill()
    cluster.sql(database, "UPDATE contacts SET phone = '2' WHERE id = 2")
    rowledger.serve()
    cluster.sql(database, "UPDATE contacts SET phone = '3' WHERE id = 3")
    rowledger.sync()
    last = rowledger.log("op:modify")[-1]["seq"]
    reader.connect()
    reader.read_until(last)
    assert reader.seqs == [entry["seq"] for entry in rowledger.log("op:modify")]
    assert len(reader.seqs) == 3


def test_a_stream_that_sees_nothing_still_says_where_it_stands(rowledger, cluster, database):
    reader = Reader(rowledger, "/v1/entries/stream?q=op:remove")
    reader.connect()
    reader.read()
    assert reader.last_id is not None and reader.seqs == []
    reader.cut()
    cluster.sql(database, "DELETE FROM contacts WHERE id = 5")
    rowledger.sync()
    deleted = rowledger.log("op:remove")[-1]["seq"]
    reader.connect()
    reader.read_until(deleted)
    assert reader.seqs == [deleted]


def test_an_id_that_the_log_does_not_have_is_refused(rowledger):
    for bad in ("x", "-1", "99999999"):
        status, body = rowledger.http_get(f"/v1/entries/stream?after={bad}")
        assert status == 400 and b"after=" in body


def test_open_streams_are_counted(rowledger):
    def open_streams():
        _, body = rowledger.http_get("/metrics")
        return int(next(line for line in body.decode().splitlines() if line.startswith("rowledger_live_streams ")).split()[1])

    before = open_streams()
    reader = Reader(rowledger, "/v1/entries/stream")
    reader.connect()
    wait_until(lambda: open_streams() == before + 1, 10, "the stream is counted")
    reader.cut()
    wait_until(lambda: open_streams() == before, 30, "its end is noticed")
