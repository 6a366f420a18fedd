"""The source, the network and the disk fail; nothing is lost and nothing doubled."""

import contextlib
import signal
import threading
import time

from harness import CuttingProxy, SmallDisk, needs_root, wait_until


class Counter:
    """Updates one row again and again: name becomes 1, 2, 3 ... after the prefix, until stopped; knows what committed."""

    def __init__(self, cluster, database, prefix="", pause_s=0.002):
        self.committed = []
        self._prefix = prefix
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(cluster, database, pause_s), daemon=True)
        self._thread.start()

    def _run(self, cluster, database, pause_s):
        number = 0
        connection = None
        while not self._stop.wait(pause_s):
            with contextlib.suppress(Exception):
                if connection is None or connection.closed:
                    connection = cluster.connect(database)
                number += 1
                name = f"{self._prefix}{number}"
                with connection.cursor() as cursor:
                    cursor.execute("UPDATE contacts SET name = %s WHERE id = 1", (name,))
                self.committed.append(name)

    def stop(self):
        self._stop.set()
        self._thread.join()
        return self.committed


def names_of(rowledger):
    return [change["new"] for entry in rowledger.log("op:modify key:1")
            for change in entry["changes"] if change["field"] == "name"]


def check_chain(rowledger):
    """Each update's old value is the one before."""
    updates = rowledger.log("op:modify key:1")
    before = "name 1"
    for entry in updates:
        change = next(change for change in entry["changes"] if change["field"] == "name")
        assert change["old"] == before, entry
        before = change["new"]
    assert not [entry for entry in rowledger.log() if entry["kind"] == "gap"]


def test_postgresql_restarts(rowledger):
    cluster, database = rowledger.cluster, rowledger.database
    committed = []
    for mode in ("immediate", "fast"):
        load = Counter(cluster, database, prefix=f"before {mode} ")
        wait_until(lambda: len(load.committed) > 200, 20, "load")
        cluster.stop(mode)
        committed.append(load.stop())
        cluster.start()
        cluster.sql(database, "UPDATE contacts SET name = %s WHERE id = 1", (f"after {mode}",))
        committed.append([f"after {mode}"])
        wait_until(lambda: rowledger.run("sync", "--timeout", "5").returncode == 0, 40, "capture goes on")
    recorded = names_of(rowledger)
    # The very last statement before a stop may have committed without an answer.
    expected = [name for part in committed for name in part]
    assert [name for name in recorded if name in set(expected)] == expected
    assert len(recorded) <= len(expected) + 2
    check_chain(rowledger)


def test_network_cuts(make_rowledger, cluster, database):
    proxy = CuttingProxy(cluster.port)
    try:
        rowledger = make_rowledger(url=cluster.url(database, port=proxy.port))
        load = Counter(cluster, database)
        for _ in range(8):
            time.sleep(0.4)
            proxy.cut()
        proxy.refusing = True
        proxy.cut()
        wait_until(lambda: rowledger.status()["phase"] != "streaming", 15, "status says that the source is away")
        proxy.refusing = False
        committed = load.stop()
        wait_until(lambda: rowledger.run("sync", "--timeout", "5").returncode == 0, 40, "capture goes on")
        assert names_of(rowledger) == committed
        check_chain(rowledger)
    finally:
        proxy.close()


def count_up(cluster, database, first, last):
    """One transaction for each number; the note is too long to be compressed away."""
    cluster.sql(database, f"""
        DO $$ BEGIN FOR n IN {first}..{last} LOOP
          UPDATE contacts SET name = n, note = (SELECT string_agg(md5(n::text || m), '') FROM generate_series(1, 20) m) WHERE id = 1;
          COMMIT;
        END LOOP; END $$""")


@needs_root
def test_disk_full(make_rowledger, cluster, database):
    rowledger = make_rowledger(attach=False)
    with SmallDisk(rowledger) as disk:
        rowledger.attach()
        rowledger.serve()
        cluster.sql(database, "UPDATE contacts SET name = '1' WHERE id = 1")
        rowledger.sync()
        disk.fill()
        count_up(cluster, database, 2, 2001)

        wait_until(lambda: "space" in str(rowledger.status()["problem"]).lower(), 20, "status says that the disk is full")
        # Who looks cannot be recorded, so nothing is shown.
        status, body = rowledger.http_get("/v1/rows/public.contacts/2/entries")
        assert status == 503 and b"cannot be recorded" in body and b"name 2" not in body
        disk.free()
        wait_until(lambda: rowledger.run("sync", "--timeout", "10").returncode == 0, 60, "capture goes on when there is room")
        assert names_of(rowledger) == [str(n) for n in range(1, 2002)]
        check_chain(rowledger)
        # And once more killed while full.
        disk.fill()
        count_up(cluster, database, 2002, 3000)
        time.sleep(1)
        rowledger.kill()
        disk.free()
        rowledger.serve()
        rowledger.sync()
        assert names_of(rowledger) == [str(n) for n in range(1, 3001)]


def test_application_is_not_blocked_while_the_daemon_is_down_or_hangs(rowledger):
    cluster, database = rowledger.cluster, rowledger.database
    rowledger.process.send_signal(signal.SIGSTOP)
    try:
        cluster.sql(database, "SET statement_timeout = '10s'; UPDATE contacts SET name = 'while it hangs' WHERE id = 1")
    finally:
        rowledger.process.send_signal(signal.SIGCONT)
    rowledger.sync()
    assert names_of(rowledger) == ["while it hangs"]
