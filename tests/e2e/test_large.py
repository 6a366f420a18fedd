"""Huge transactions and values, within the daemon's memory."""

import os
import time

import pytest

from harness import Cluster, wait_until

ROWS = int(os.environ.get("ROWLEDGER_TEST_LARGE_ROWS", "2000000"))
PEAK_MB = 256


@pytest.fixture(scope="module")
def cluster():
    made = Cluster(["max_wal_size = 8GB", "checkpoint_timeout = 1h", "shared_buffers = 256MB"])
    yield made
    made.close()


@pytest.fixture
def rows_table(cluster, database):
    cluster.sql(database, "CREATE TABLE rows (id int PRIMARY KEY, v int)")


@pytest.mark.parametrize("trigger", [True, False], ids=["whole", "in progress"])
def test_two_million_rows_rolled_back_and_committed(make_rowledger, cluster, database, rows_table, trigger):
    rowledger = make_rowledger(tables=["rows"], config="" if trigger else "[attribution]\ntrigger = false")
    with cluster.connect(database, autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO rows SELECT n, 0 FROM generate_series(1, %s) n", (ROWS,))
        connection.rollback()
    cluster.sql(database, "INSERT INTO rows VALUES (0, 0)")
    rowledger.sync(timeout_s=120)
    changes = [entry for entry in rowledger.log() if entry["kind"] in ("insert", "update", "delete")]
    assert [entry["key"]["id"] for entry in changes] == ["0"], "a transaction that was rolled back left entries"

    cluster.sql(database, f"INSERT INTO rows SELECT n, 0 FROM generate_series(1, {ROWS}) n")
    rowledger.sync(timeout_s=240)
    status = rowledger.status()
    assert status["entries"] >= ROWS + 1
    newest = rowledger.log("op:create", order="desc", limit=1)[0]
    assert newest["key"]["id"] == str(ROWS)
    assert newest["tx"]["ordinal"] in (ROWS - 1, ROWS)
    assert rowledger.peak_memory_mb() <= PEAK_MB
    streamed, spilled = cluster.sql(database, "SELECT stream_txns, spill_txns FROM pg_stat_replication_slots "
                                              "JOIN pg_replication_slots USING (slot_name) WHERE database = current_database()")[0]
    # With the trigger, the server keeps what exceeds its memory on its own disk.
    assert (spilled if trigger else streamed) >= 1, (streamed, spilled)
    assert trigger or not spilled
    assert not list(rowledger.dir.rglob("*spool*/*")), "the spool is not emptied"


def test_a_value_of_300_mb(make_rowledger, cluster, database):
    cluster.sql(database, "CREATE TABLE big (id int PRIMARY KEY, v text); ALTER TABLE big ALTER COLUMN v SET STORAGE EXTERNAL")
    rowledger = make_rowledger(tables=["big"])
    cluster.sql(database, "INSERT INTO big VALUES (1, repeat('x', 300 * 1024 * 1024))")
    cluster.sql(database, "INSERT INTO big VALUES (2, 'small')")
    rowledger.sync(timeout_s=120)
    found = rowledger.log("key:2 op:create")
    assert [change["new"] for change in found[0]["changes"]] == [2, "small"]
    big = rowledger.log("key:1 op:create")
    assert len(big[0]["changes"][1]["new"]) == 300 * 1024 * 1024
    cluster.sql(database, "UPDATE big SET id = 3 WHERE id = 1")
    rowledger.sync(timeout_s=120)
    assert [change["field"] for change in rowledger.log("key:3 op:modify")[0]["changes"]] == ["id"]


def test_a_value_too_large_for_the_server_to_send(make_rowledger, cluster, database):
    """Status says so until something is captured again, and the remedy of docs/operations.md works."""
    cluster.sql(database, "CREATE TABLE big (id int PRIMARY KEY, v bytea); ALTER TABLE big ALTER COLUMN v SET STORAGE EXTERNAL;"
                          "INSERT INTO big VALUES (0, 'before')")
    rowledger = make_rowledger(tables=["big"])
    cluster.sql(database, "INSERT INTO big SELECT 1, string_agg(x, '') FROM (SELECT convert_to(repeat('y', 1024 * 1024), 'UTF8') x "
                          "FROM generate_series(1, 540)) q")
    cluster.sql(database, "INSERT INTO big VALUES (2, 'after')")
    wait_until(lambda: "too large" in str(rowledger.status()["problem"]), 60, "status says what is wrong")
    lags = []
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        status = rowledger.status()
        assert "too large" in str(status["problem"]), status
        assert status["phase"] == "waiting"
        lags.append(float(status["lag_seconds"]))
        time.sleep(0.2)
    assert lags == sorted(lags) and lags[-1] > 5, lags
    assert rowledger.log_path.read_text().count("capture waits") == 1, "logged once"

    cluster.sql(database, "DELETE FROM big WHERE id = 1")
    rowledger.stop()
    cluster.drop_slots()
    rowledger.serve()
    found = rowledger.wait_for_entry(lambda e: e["kind"] == "gap" and e.get("key") == {"id": "2"}, timeout_s=30)
    assert found["detail"]["reason"] == "reconcile"
    rowledger.sync()
    assert not rowledger.status()["problem"]
