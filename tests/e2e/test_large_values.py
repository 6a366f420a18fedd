"""Huge values, up to those that the server cannot send."""

import time

import pytest

from harness import Cluster, wait_until


@pytest.fixture(scope="module")
def cluster():
    made = Cluster(["max_wal_size = 8GB", "checkpoint_timeout = 1h", "shared_buffers = 256MB"])
    yield made
    made.close()


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
