"""SIGTERM ends the daemon promptly whatever it waits for, and nothing is lost by it."""

import signal
import subprocess
import time

from harness import DONE, SmallDisk, needs_root, tail, wait_until
from test_gaps import drop_slot, end_of_log, wait_for_trouble

WITHIN_S = 3


def stop_promptly(rowledger):
    began = time.monotonic()
    rowledger.process.send_signal(signal.SIGTERM)
    try:
        code = rowledger.process.wait(20)
    except subprocess.TimeoutExpired:
        raise AssertionError("still running 20 s after SIGTERM:\n" + tail(rowledger.log_path)) from None
    rowledger.process = None
    assert code == DONE, tail(rowledger.log_path)
    took = time.monotonic() - began
    assert took < WITHIN_S, f"stopped after {took:.1f} s"


def test_while_the_slot_waits_for_an_open_transaction(rowledger):
    """The gap is in the log before, and status says what is waited for, with the time since all was captured."""
    cluster, database = rowledger.cluster, rowledger.database
    since = end_of_log(rowledger)
    rowledger.stop()
    drop_slot(rowledger)
    cluster.sql(database, "UPDATE contacts SET name = 'unseen' WHERE id = 2")
    with cluster.connect(database, autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE open (i int)")
        rowledger.serve()
        wait_for_trouble(rowledger, since, "slot-missing", kinds=("gap",))
        status = wait_until(lambda: (s := rowledger.status())["problem"] and s, 10, "status tells of the wait")
        assert str(connection.info.backend_pid) in status["problem"], status
        assert float(status["lag_seconds"]) > 0, status
        stop_promptly(rowledger)
        rowledger.serve()
        wait_until(lambda: rowledger.status()["problem"], 10, "it waits again")
        connection.rollback()
    rowledger.wait_for_entry(lambda e: e["seq"] >= since and e["kind"] == "gap" and e.get("key") == {"id": "2"})
    rowledger.sync()
    gaps = [entry for entry in rowledger.log() if entry["seq"] >= since and entry["kind"] == "gap" and "key" not in entry]
    assert len(gaps) == 1, "the gap is told once, however often the slot is tried"
    assert rowledger.status()["problem"] in (None, "")


def test_while_a_baseline_runs(make_rowledger, cluster, database):
    rowledger = make_rowledger(serve=False)
    cluster.sql(database, "INSERT INTO contacts (id, name, note) SELECT n, 'x', repeat('y', 500) FROM generate_series(1000, 300000) n")
    drop_slot(rowledger)
    rowledger.serve()
    wait_until(lambda: rowledger.status()["phase"] == "baseline", 10, "the baseline runs")
    stop_promptly(rowledger)
    # A walsender that was cancelled drops the slot that it was making when it comes to it.
    wait_until(lambda: not cluster.sql(database, "SELECT FROM pg_replication_slots"), 10, "no slot without its baseline is left")
    rowledger.serve()
    wait_until(lambda: rowledger.status()["phase"] == "streaming", 300, "the baseline is done again")
    rowledger.sync()
    assert len(rowledger.log("key:300000")) == 1


@needs_root
def test_while_the_disk_is_full(make_rowledger, cluster, database):
    rowledger = make_rowledger(attach=False)
    with SmallDisk(rowledger) as disk:
        rowledger.attach()
        rowledger.serve()
        rowledger.sync()
        disk.fill()
        for n in range(300):
            cluster.sql(database, "UPDATE contacts SET name = %s, note = (SELECT string_agg(md5(m::text || random()), '') "
                                  "FROM generate_series(1, 100) m) WHERE id = 1", (str(n),))
        wait_until(lambda: "space" in str(rowledger.status()["problem"]).lower(), 20, "status says that the disk is full")
        stop_promptly(rowledger)
        disk.free()
        rowledger.serve()
        rowledger.sync()
        names = [change["new"] for entry in rowledger.log("op:modify key:1") for change in entry["changes"] if change["field"] == "name"]
        assert names == [str(n) for n in range(300)]


def test_a_comparison_does_not_wait_for_an_open_transaction(rowledger):
    """The stream goes on, status says what is put off, and it is made up for."""
    cluster, database = rowledger.cluster, rowledger.database
    publication = cluster.sql(database, "SELECT pubname FROM pg_publication")[0][0]
    with cluster.connect(database, autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE open (i int)")
        since = end_of_log(rowledger)
        cluster.sql(database, f"ALTER PUBLICATION {publication} DROP TABLE contacts")
        wait_for_trouble(rowledger, since, "table-unpublished")
        cluster.sql(database, "UPDATE contacts SET name = 'unseen' WHERE id = 2")
        cluster.sql(database, f"ALTER PUBLICATION {publication} ADD TABLE contacts")
        wait_for_trouble(rowledger, since, "restored")
        cluster.sql(database, "UPDATE contacts SET name = 'seen' WHERE id = 5")
        rowledger.wait_for_entry(lambda e: e["kind"] == "update" and e["key"] == {"id": "5"}, timeout_s=15)
        wait_until(lambda: any("compared" in warning for warning in rowledger.status()["warnings"]), 15, "status tells of it")
        connection.rollback()
    rowledger.wait_for_entry(lambda e: e["seq"] >= since and e["kind"] == "gap" and e.get("key") == {"id": "2"}, timeout_s=60)
    wait_until(lambda: not any("compared" in warning for warning in rowledger.status()["warnings"]), 15, "nothing is put off")
