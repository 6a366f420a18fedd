"""A slot that holds too much, one that PostgreSQL gave up, and a standby in the primary's place."""

import pytest

from conftest import CONTACTS
from harness import POSTGRES_BIN, Cluster, Rowledger, wait_until

QUICK = "[capture]\nwatch_interval_ms = 200\nwarn_retained_bytes = 10000000"


@pytest.fixture
def own_cluster():
    cluster = Cluster(["max_wal_size = 32MB", "min_wal_size = 32MB"])
    yield cluster
    cluster.close()


@pytest.fixture
def captured(own_cluster):
    database = own_cluster.create_database()
    own_cluster.sql(database, CONTACTS + "CREATE TABLE busy (t text)")
    rowledger = Rowledger(own_cluster, database)
    rowledger.init(["contacts tenant=organization_id"], QUICK)
    rowledger.attach()
    yield rowledger
    rowledger.close()


def write_wal(cluster, database, megabytes):
    for _ in range(megabytes):
        cluster.sql(database, "INSERT INTO busy SELECT repeat(md5(n::text), 32) FROM generate_series(1, 1000) n")


def reason(entry):
    return str(entry.get("detail", ""))


def found_by_comparison(rowledger, since):
    return {e["key"]["id"]: e for e in rowledger.log() if e["seq"] > since and e["kind"] == "gap" and "key" in e}


def test_a_slot_that_retains_much_is_told_early(make_rowledger, cluster, database):
    """Long before it is lost: here a transaction that does not end makes the source keep its WAL."""
    cluster.sql(database, "CREATE TABLE busy (t text)")
    rowledger = make_rowledger(config=QUICK)
    rowledger.sync()
    holder = cluster.connect(database, autocommit=False)
    try:
        with holder.cursor() as cursor:
            cursor.execute("INSERT INTO busy VALUES ('held')")
        write_wal(cluster, database, 15)
        entry = rowledger.wait_for_entry(lambda e: "slot-retains-wal" in reason(e))
        assert entry["kind"] == "control"
        assert any("MB of WAL" in warning for warning in rowledger.status()["warnings"])
        assert "warning" in rowledger.run("status").stdout
    finally:
        holder.rollback()
        holder.close()

    def relieved():
        cluster.sql(database, "CHECKPOINT; INSERT INTO busy VALUES ('on')")
        return rowledger.status()["warnings"] == []

    wait_until(relieved, 40, "the warning ends")
    assert len([e for e in rowledger.log() if "slot-retains-wal" in reason(e)]) == 1
    assert rowledger.status()["gaps"] == 0


def test_a_slot_that_was_lost_is_replaced(own_cluster, captured):
    """PostgreSQL drops the WAL that a slot needs when it is more than max_slot_wal_keep_size."""
    cluster, database = own_cluster, captured.database
    captured.serve()
    cluster.sql(database, "UPDATE contacts SET name = 'seen' WHERE id = 1")
    captured.sync()
    captured.stop()
    cluster.sql("postgres", "ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
    cluster.sql("postgres", "SELECT pg_reload_conf()")
    cluster.sql(database, "UPDATE contacts SET name = 'unseen' WHERE id = 2; DELETE FROM contacts WHERE id = 3; "
                          "INSERT INTO contacts (id, name) VALUES (100, 'unseen')")

    def lost():
        write_wal(cluster, database, 20)
        cluster.sql(database, "SELECT pg_switch_wal()")
        cluster.sql(database, "CHECKPOINT")
        return cluster.sql(database, "SELECT wal_status FROM pg_replication_slots")[0][0] == "lost"

    wait_until(lost, 60, "the slot is lost")
    captured.serve()
    gap = captured.wait_for_entry(lambda e: e["kind"] == "gap" and "slot-lost" in reason(e), timeout_s=20)
    captured.sync()
    assert gap["detail"]["from_lsn"]  # where it ends is said when the new slot is there
    differences = found_by_comparison(captured, gap["seq"])
    assert set(differences) == {"2", "3", "100"}
    assert [(c["field"], c["old"], c["new"]) for c in differences["2"]["changes"]] == [("name", "name 2", "unseen")]
    assert cluster.sql(database, "SELECT wal_status FROM pg_replication_slots") == [("reserved",)]
    cluster.sql(database, "UPDATE contacts SET name = 'seen again' WHERE id = 2")
    captured.sync()
    assert captured.log("op:modify", order="desc", limit=1)[0]["changes"] == [{"field": "name", "old": "unseen", "new": "seen again"}]
    assert captured.status()["problem"] is None


def test_a_standby_takes_over(own_cluster, captured):
    """It lacks the newest changes, as an asynchronous standby does, has no slot, and is on another timeline."""
    cluster, database = own_cluster, captured.database
    captured.serve()
    captured.sync()
    standby = cluster.directory / "standby"
    cluster._as_postgres([f"{POSTGRES_BIN}/pg_basebackup", "-d", cluster.url(), "-D", str(standby), "-X", "stream", "-R",
                          "--checkpoint=fast", "--no-sync"])
    cluster.sql(database, "UPDATE contacts SET name = 'lost in the failover' WHERE id = 1; UPDATE contacts SET name = 'too' WHERE id = 2")
    cluster.sql(database, "SELECT pg_switch_wal()")  # so that the standby's positions are ones that capture has passed
    captured.sync()
    cluster.stop("immediate")
    cluster.data = standby
    cluster.start()
    cluster.sql("postgres", "SELECT pg_promote()")
    wait_until(lambda: not cluster.sql("postgres", "SELECT pg_is_in_recovery()")[0][0], 20, "the standby is promoted")
    cluster.sql(database, "UPDATE contacts SET name = 'on the new primary' WHERE id = 3")
    gap = captured.wait_for_entry(lambda e: e["kind"] == "gap" and "timeline-changed" in reason(e), timeout_s=20)
    captured.sync()
    differences = found_by_comparison(captured, gap["seq"])
    restored = {key: entry["changes"][0]["new"] for key, entry in differences.items()}
    assert (restored["1"], restored["2"]) == ("name 1", "name 2"), restored
    cluster.sql(database, "UPDATE contacts SET name = 'captured' WHERE id = 3")
    captured.sync()
    newest = captured.log("op:modify", order="desc", limit=1)[0]
    assert newest["changes"] == [{"field": "name", "old": "on the new primary", "new": "captured"}]
    assert captured.status()["problem"] is None
