"""Huge transactions, within the daemon's memory."""

import os

import pytest

from harness import Cluster

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
