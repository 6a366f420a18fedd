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


def test_two_million_rows_rolled_back_and_committed(make_rowledger, cluster, database, rows_table):
    rowledger = make_rowledger(tables=["rows"])
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
    streamed = cluster.sql(database, "SELECT stream_txns FROM pg_stat_replication_slots JOIN pg_replication_slots USING (slot_name) "
                                     "WHERE database = current_database()")
    assert streamed[0][0] >= 1, "the server did not stream in progress"
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
