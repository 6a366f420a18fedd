"""Large transactions that the daemon is killed in the middle of, and a server that waits little for an answer."""

import signal
import time

import pytest

from harness import Cluster, SmallDisk, needs_root, wait_until

ROWS = 150_000


@pytest.fixture(scope="module")
def cluster():
    made = Cluster(["wal_sender_timeout = 2s"])
    yield made
    made.close()


def kill_in_the_middle(rowledger, query, of):
    """kill -9 when a part of the entries is there; answers how many are."""
    before = rowledger.status()["entries"]
    wait_until(lambda: rowledger.status()["entries"] > before + of // 10, 120, "the first part is in the log", longest_pause_s=0.02)
    rowledger.kill()
    done = len(rowledger.log(query))
    assert 0 < done < of, f"{done} entries: not in the middle"
    return done


@pytest.fixture
def rows_table(cluster, database):
    cluster.sql(database, "CREATE TABLE rows (id int PRIMARY KEY, v text)")


@pytest.mark.parametrize("trigger", [True, False], ids=["whole", "in progress"])
def test_killed_inside_a_transaction(make_rowledger, cluster, database, rows_table, trigger):
    """Many times larger than what is written at once."""
    rowledger = make_rowledger(tables=["rows"], config="" if trigger else "[attribution]\ntrigger = false")
    cluster.sql(database, f"INSERT INTO rows SELECT n, repeat('v', 100) FROM generate_series(1, {ROWS}) n")
    for _ in range(2):
        kill_in_the_middle(rowledger, "op:create", ROWS)
        rowledger.serve()
    rowledger.sync(timeout_s=120)
    entries = [entry for entry in rowledger.log() if entry["kind"] in ("insert", "gap")]
    assert [entry["kind"] for entry in entries] == ["insert"] * ROWS
    assert [int(entry["key"]["id"]) for entry in entries] == list(range(1, ROWS + 1))
    ordinals = [entry["tx"]["ordinal"] for entry in entries]
    assert len(set(ordinals)) == ROWS and ordinals == sorted(ordinals)


def test_killed_inside_a_truncate(make_rowledger, cluster, database, rows_table):
    """Each removed row is an entry, and so many are not written at once."""
    cluster.sql(database, f"INSERT INTO rows SELECT n, 'v' FROM generate_series(1, {ROWS}) n")
    rowledger = make_rowledger(tables=["rows"])
    rowledger.sync()
    cluster.sql(database, "BEGIN; INSERT INTO rows VALUES (0, 'before'); TRUNCATE rows; INSERT INTO rows VALUES (1, 'after'); COMMIT")
    for _ in range(2):
        kill_in_the_middle(rowledger, "op:remove", ROWS)
        rowledger.serve()
    rowledger.sync(timeout_s=120)
    entries = [entry for entry in rowledger.log() if entry["kind"] not in ("baseline", "schema", "control")]
    assert [entry["kind"] for entry in entries] == ["insert", "truncate", *["delete"] * (ROWS + 1), "insert"]
    assert len({entry["key"]["id"] for entry in entries if entry["kind"] == "delete"}) == ROWS + 1
    ordinals = [entry["tx"]["ordinal"] for entry in entries]
    assert len(set(ordinals)) == len(ordinals) and ordinals == sorted(ordinals)


@needs_root
def test_the_server_hears_from_capture_while_nothing_can_be_written(make_rowledger, cluster, database):
    """The builder waits for the disk longer than wal_sender_timeout: the connection stays."""
    rowledger = make_rowledger(attach=False)

    def walsender():
        return cluster.sql(database, "SELECT active_pid FROM pg_replication_slots WHERE database = current_database()")

    with SmallDisk(rowledger) as disk:
        rowledger.attach()
        rowledger.serve()
        rowledger.sync()
        before = walsender()
        disk.fill()
        # More than all the queues between the socket and the disk hold, so that the socket is not read either.
        cluster.sql(database, "DO $$ BEGIN FOR n IN 1..3000 LOOP UPDATE contacts SET note = (SELECT string_agg(md5(m::text || random()), '') "
                              "FROM generate_series(1, 100) m) WHERE id = 1; COMMIT; END LOOP; END $$")
        wait_until(lambda: "space" in str(rowledger.status()["problem"]).lower(), 20, "status says that the disk is full")
        deadline = time.monotonic() + 8
        while time.monotonic() < deadline:
            assert walsender() == before, "the server gave the connection up"
            time.sleep(0.2)
        disk.free()
        rowledger.sync(timeout_s=120)
        assert walsender() == before
        assert len(rowledger.log("op:modify key:1")) == 3000


def test_a_daemon_that_hangs_is_given_up_and_goes_on(make_rowledger, cluster, database):
    rowledger = make_rowledger()
    rowledger.process.send_signal(signal.SIGSTOP)
    try:
        cluster.sql(database, "UPDATE contacts SET name = 'while it hangs' WHERE id = 1")
        wait_until(lambda: not cluster.sql(database, "SELECT FROM pg_replication_slots WHERE active AND database = current_database()"),
                   15, "the server gives it up")
    finally:
        rowledger.process.send_signal(signal.SIGCONT)
    rowledger.sync()
    assert [change["new"] for entry in rowledger.log("op:modify key:1") for change in entry["changes"]] == ["while it hangs"]
