"""Whatever can make capture miss something is in the log within ten seconds, with a baseline compared with the
state afterwards, and capture goes on where that is right."""

import contextlib
import json
import os
import shutil
import subprocess

import pytest

from harness import CANNOT_REACH, Cluster, Rowledger, wait_until

WITHIN_S = 10


def trouble(rowledger, since):
    """Gap and control entries, alerts not counted, from seq `since` on."""
    return [entry for entry in rowledger.log() if entry["seq"] >= since and entry["kind"] in ("gap", "control")]


def wait_for_trouble(rowledger, since, *words, kinds=("gap", "control")):
    """The first gap or control entry whose detail has one of the words."""
    def found():
        return next((entry for entry in trouble(rowledger, since) if entry["kind"] in kinds and
                     any(word in str(entry.get("detail", "")).lower() for word in words)), None)

    return wait_until(found, WITHIN_S, f"an entry that says one of {words}")


def end_of_log(rowledger):
    return rowledger.log(order="desc", limit=1)[0]["seq"] + 1


def wait_for_streaming(rowledger):
    """The stream is opened after the baseline is durable, which sync waits for."""
    wait_until(lambda: rowledger.status()["phase"] == "streaming", 10, "capture streams")


def check_that_capture_goes_on(rowledger, key=5, name="after the trouble"):
    """Also within the time: after the trouble the next change must be captured without help."""
    cluster, database = rowledger.cluster, rowledger.database
    since = end_of_log(rowledger)
    cluster.sql(database, "UPDATE contacts SET name = %s WHERE id = %s", (name, key))
    return rowledger.wait_for_entry(
        lambda entry: entry["seq"] >= since and entry["kind"] == "update" and entry["key"]["id"] == str(key)
        and entry["changes"][0]["new"] == name, timeout_s=20, what="the next change")


def slot_of(rowledger):
    return rowledger.cluster.sql(rowledger.database, "SELECT slot_name FROM pg_replication_slots WHERE database = current_database()")[0][0]


def publication_of(rowledger):
    return rowledger.cluster.sql(rowledger.database, "SELECT pubname FROM pg_publication")[0][0]


def drop_slot(rowledger):
    cluster, slot = rowledger.cluster, slot_of(rowledger)

    def dropped():
        cluster.sql("postgres", "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = %s", (slot,))
        try:
            cluster.sql(rowledger.database, "SELECT pg_drop_replication_slot(%s)", (slot,))
            return True
        except Exception:  # in use again
            return False

    wait_until(dropped, 10, "the slot is dropped")
    return slot


def test_slot_dropped(rowledger):
    cluster, database = rowledger.cluster, rowledger.database
    cluster.sql(database, "UPDATE contacts SET name = 'before' WHERE id = 1")
    rowledger.sync()
    since = end_of_log(rowledger)
    rowledger.stop()
    drop_slot(rowledger)
    cluster.sql(database, "UPDATE contacts SET name = 'unseen' WHERE id = 2")
    cluster.sql(database, "DELETE FROM contacts WHERE id = 3")
    cluster.sql(database, "INSERT INTO contacts (id, name) VALUES (100, 'unseen')")
    rowledger.serve()
    entry = wait_for_trouble(rowledger, since, "slot", kinds=("gap",))
    rowledger.sync()
    # The new baseline, compared with the state: each difference, and nothing else.
    differences = {entry["key"]["id"]: entry for entry in rowledger.log() if entry["kind"] == "gap" and entry["seq"] > entry_seq(entry) and "key" in entry}
    assert set(differences) == {"2", "3", "100"}, differences
    assert [(c["field"], c["old"], c["new"]) for c in differences["2"]["changes"]] == [("name", "name 2", "unseen")]
    assert entry["seq"] < min(gap["seq"] for gap in differences.values())
    assert rowledger.status()["gaps"] >= 1
    wait_for_streaming(rowledger)
    status, body = rowledger.http_get("/v1/integrity")
    integrity = json.loads(body)
    gaps = [gap["seq"] for gap in rowledger.log(order="desc") if gap["kind"] == "gap"]
    assert (status, integrity["gaps"]["count"]) == (200, len(gaps))
    assert [gap["seq"] for gap in integrity["gaps"]["newest"]] == gaps[:20] and integrity["phase"] == "streaming"
    check_that_capture_goes_on(rowledger)
    # The state is right again: the next change of such a row has the right old value.
    cluster.sql(database, "UPDATE contacts SET name = 'seen' WHERE id = 2")
    rowledger.wait_for_entry(lambda e: e["kind"] == "update" and e["changes"] == [{"field": "name", "old": "unseen", "new": "seen"}])


def entry_seq(entry):
    return -1 if "key" not in entry else entry["seq"] - 1


def test_status_tells_how_far_a_baseline_is(rowledger):
    cluster, database = rowledger.cluster, rowledger.database
    rowledger.stop()
    drop_slot(rowledger)
    holder = cluster.connect(database, autocommit=False)  # a new slot waits for transactions that have written
    try:
        with holder.cursor() as cursor:
            cursor.execute("CREATE TABLE held (n int)")
        rowledger.serve()
        wait_until(lambda: rowledger.status()["phase"] == "baseline", 10, "the baseline")
        assert "0 rows read so far" in rowledger.run("status").stdout
    finally:
        holder.rollback()
        holder.close()
    rowledger.sync()
    wait_for_streaming(rowledger)
    assert "rows read so far" not in rowledger.run("status").stdout


def test_slot_dropped_while_capturing(rowledger):
    since = end_of_log(rowledger)
    drop_slot(rowledger)
    wait_for_trouble(rowledger, since, "slot", kinds=("gap",))
    check_that_capture_goes_on(rowledger)


def test_slot_recreated(rowledger):
    """A slot of the same name that stands later than ours did: what lies between is missed."""
    cluster, database = rowledger.cluster, rowledger.database
    since = end_of_log(rowledger)
    rowledger.stop()
    slot = drop_slot(rowledger)
    cluster.sql(database, "UPDATE contacts SET name = 'unseen' WHERE id = 2")
    cluster.sql(database, "SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (slot,))
    rowledger.serve()
    wait_for_trouble(rowledger, since, "slot", kinds=("gap",))
    rowledger.wait_for_entry(lambda e: e["kind"] == "gap" and e.get("key") == {"id": "2"} and e["changes"][0]["new"] == "unseen")
    check_that_capture_goes_on(rowledger)


def test_slot_advanced_by_somebody(rowledger):
    cluster, database = rowledger.cluster, rowledger.database
    since = end_of_log(rowledger)
    rowledger.stop()
    cluster.sql(database, "UPDATE contacts SET name = 'unseen' WHERE id = 2")
    cluster.sql(database, "SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())", (slot_of(rowledger),))
    rowledger.serve()
    wait_for_trouble(rowledger, since, "slot", kinds=("gap",))
    rowledger.wait_for_entry(lambda e: e["kind"] == "gap" and e.get("key") == {"id": "2"})
    check_that_capture_goes_on(rowledger)


def test_publication_loses_the_table(rowledger):
    cluster, database = rowledger.cluster, rowledger.database
    since = end_of_log(rowledger)
    publication = publication_of(rowledger)
    cluster.sql(database, f"ALTER PUBLICATION {publication} DROP TABLE contacts")
    cluster.sql(database, "UPDATE contacts SET name = 'unseen' WHERE id = 2")
    wait_for_trouble(rowledger, since, "publi")
    since = end_of_log(rowledger)
    cluster.sql(database, f"ALTER PUBLICATION {publication} ADD TABLE contacts")
    # Put right: what was missed is found by comparing with the state.
    rowledger.wait_for_entry(lambda e: e["seq"] >= since and e["kind"] == "gap" and e.get("key") == {"id": "2"}, timeout_s=20)
    check_that_capture_goes_on(rowledger)


def test_source_put_back_to_an_older_copy(rowledger):
    """The same system, timeline and slot, but its WAL ends before what was captured."""
    cluster, database = rowledger.cluster, rowledger.database
    rowledger.sync()
    rowledger.stop()
    cluster.sql(database, "CHECKPOINT")
    cluster.stop()
    saved = cluster.directory / "saved"
    subprocess.run(["cp", "-a", str(cluster.data), str(saved)], check=True)
    cluster.start()
    rowledger.serve()
    cluster.sql(database, "CREATE TABLE filler AS SELECT n, repeat('x', 100) t FROM generate_series(1, 20000) n")
    cluster.sql(database, "UPDATE contacts SET name = 'never was' WHERE id = 1")
    rowledger.sync()
    since = end_of_log(rowledger)
    rowledger.stop()
    cluster.stop()
    shutil.rmtree(cluster.data)
    saved.rename(cluster.data)
    cluster.start()
    with contextlib.closing(cluster.connect(database, autocommit=False)) as holder:
        holder.cursor().execute("CREATE TABLE held (n int)")  # a new slot waits for transactions that have written
        rowledger.serve()
        wait_for_trouble(rowledger, since, "source-rewound", kinds=("gap",))
        # What the source had come to before says nothing about what it is now.
        done = rowledger.run("sync", "--timeout", 1)
        assert done.returncode == CANNOT_REACH and "has not begun anew" in done.stderr, done.stderr
    rowledger.sync()
    gaps = [e for e in rowledger.log() if e["seq"] >= since and e["kind"] == "gap" and e.get("key") == {"id": "1"}]
    assert [gap["changes"] for gap in gaps] == [[{"field": "name", "old": "never was", "new": "name 1"}]]
    check_that_capture_goes_on(rowledger)
    rowledger.sync()
    status = rowledger.status()
    assert status["lag_bytes"] < 1 << 20, status


def test_position_moved_on_behind_its_back(rowledger):
    """Whoever can write to the data directory, without the keys, does not make capture pass over changes unnoticed."""
    cluster, database = rowledger.cluster, rowledger.database
    cluster.sql(database, "UPDATE contacts SET name = 'before' WHERE id = 1")
    rowledger.sync()
    since = end_of_log(rowledger)
    rowledger.stop()
    cluster.sql(database, "UPDATE contacts SET name = 'passed over' WHERE id = 2")
    beyond = cluster.sql(database, "SELECT pg_current_wal_flush_lsn()::text")[0][0]
    subprocess.run([os.environ["ROWLEDGER_MOVE_POSITION"], rowledger.dir / "store", beyond], check=True)
    rowledger.serve()
    wait_for_trouble(rowledger, since, "position-altered", kinds=("gap",))
    found = rowledger.wait_for_entry(lambda e: e["seq"] >= since and e["kind"] == "gap" and e.get("key") == {"id": "2"}, timeout_s=20)
    assert [change["new"] for change in found["changes"] if change["field"] == "name"] == ["passed over"]
    check_that_capture_goes_on(rowledger)
    # Told once: from here on the position is capture's own again.
    since = end_of_log(rowledger)
    rowledger.stop()
    rowledger.serve()
    check_that_capture_goes_on(rowledger, name="later")
    assert not [entry for entry in trouble(rowledger, since) if entry["kind"] == "gap"]


def test_publication_altered_while_down(rowledger):
    """Out of the publication and back in while nobody looked: the same session that notices it compares."""
    cluster, database = rowledger.cluster, rowledger.database
    since = end_of_log(rowledger)
    rowledger.stop()
    publication = publication_of(rowledger)
    cluster.sql(database, f"ALTER PUBLICATION {publication} DROP TABLE contacts")
    cluster.sql(database, "UPDATE contacts SET name = 'unseen' WHERE id = 2")
    cluster.sql(database, f"ALTER PUBLICATION {publication} ADD TABLE contacts")
    rowledger.serve()
    wait_for_trouble(rowledger, since, "publication-altered", kinds=("gap",))
    rowledger.wait_for_entry(lambda e: e["seq"] >= since and e["kind"] == "gap" and e.get("key") == {"id": "2"})
    check_that_capture_goes_on(rowledger)


def test_publication_loses_an_operation(rowledger):
    cluster, database = rowledger.cluster, rowledger.database
    since = end_of_log(rowledger)
    publication = publication_of(rowledger)
    cluster.sql(database, f"ALTER PUBLICATION {publication} SET (publish = 'insert, update')")
    cluster.sql(database, "DELETE FROM contacts WHERE id = 3")
    wait_for_trouble(rowledger, since, "publi")
    since = end_of_log(rowledger)
    cluster.sql(database, f"ALTER PUBLICATION {publication} SET (publish = 'insert, update, delete, truncate')")
    rowledger.wait_for_entry(lambda e: e["seq"] >= since and e["kind"] == "gap" and e.get("key") == {"id": "3"}, timeout_s=20)
    check_that_capture_goes_on(rowledger)


def test_publication_altered_in_the_middle_of_a_look(rowledger):
    """What the catalogue says is of one moment: half of it from before would be told as another alteration."""
    cluster, database = rowledger.cluster, rowledger.database
    publication, since = publication_of(rowledger), end_of_log(rowledger)
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ~ 'pg_publication_rel'"
    with contextlib.closing(cluster.connect(database, autocommit=False)) as connection, connection.cursor() as cursor:
        cursor.execute("LOCK TABLE pg_catalog.pg_publication_rel IN ACCESS EXCLUSIVE MODE")
        wait_until(lambda: cluster.sql(database, waiting), WITHIN_S, "a look has begun")
        cursor.execute(f"ALTER PUBLICATION {publication} SET (publish = 'insert, update')")
        connection.commit()
    assert wait_for_trouble(rowledger, since, "publi")["detail"]["reason"] == "publication-operations"


@pytest.mark.parametrize("form", ["contacts (id, name)", "contacts WHERE (id < 10)"], ids=["column list", "row filter"])
def test_publication_is_narrowed(rowledger, form):
    cluster, database = rowledger.cluster, rowledger.database
    since = end_of_log(rowledger)
    publication = publication_of(rowledger)
    cluster.sql(database, f"ALTER PUBLICATION {publication} SET TABLE {form}")
    cluster.sql(database, "UPDATE contacts SET phone = 'unseen' WHERE id = 15")
    wait_for_trouble(rowledger, since, "publi", "column", "filter")
    since = end_of_log(rowledger)
    cluster.sql(database, f"ALTER PUBLICATION {publication} SET TABLE contacts")
    rowledger.wait_for_entry(lambda e: e["seq"] >= since and e["kind"] == "gap" and e.get("key") == {"id": "15"}, timeout_s=20)
    check_that_capture_goes_on(rowledger)


def test_publication_dropped(rowledger):
    cluster, database = rowledger.cluster, rowledger.database
    since = end_of_log(rowledger)
    publication = publication_of(rowledger)
    cluster.sql(database, f"DROP PUBLICATION {publication}")
    cluster.sql(database, "UPDATE contacts SET name = 'unseen' WHERE id = 2")
    wait_for_trouble(rowledger, since, "publication")
    since = end_of_log(rowledger)
    rowledger.attach()  # puts it back
    rowledger.wait_for_entry(lambda e: e["seq"] >= since and e["kind"] == "gap" and e.get("key") == {"id": "2"}, timeout_s=20)
    check_that_capture_goes_on(rowledger)


@pytest.mark.parametrize("statement", ["ALTER TABLE contacts DISABLE TRIGGER ALL", "DROP TRIGGER {trigger} ON contacts",
                                       "ALTER TABLE contacts ENABLE TRIGGER {trigger}"],
                         ids=["disabled", "dropped", "no longer always"])
def test_trigger_tampered_with(rowledger, statement):
    """The name is lost, the change is not."""
    cluster, database = rowledger.cluster, rowledger.database
    since = end_of_log(rowledger)
    trigger = cluster.sql(database, "SELECT tgname FROM pg_trigger WHERE tgrelid = 'contacts'::regclass AND NOT tgisinternal")[0][0]
    cluster.sql(database, statement.format(trigger=trigger))
    wait_for_trouble(rowledger, since, "trigger")
    check_that_capture_goes_on(rowledger)


def test_table_set_unlogged(rowledger):
    """A published table cannot be set unlogged: it goes out of the publication first."""
    cluster, database = rowledger.cluster, rowledger.database
    since = end_of_log(rowledger)
    publication = publication_of(rowledger)
    cluster.sql(database, f"ALTER PUBLICATION {publication} DROP TABLE contacts; ALTER TABLE contacts SET UNLOGGED")
    cluster.sql(database, "UPDATE contacts SET name = 'unseen' WHERE id = 2")
    wait_for_trouble(rowledger, since, "unlogged")
    since = end_of_log(rowledger)
    cluster.sql(database, f"ALTER TABLE contacts SET LOGGED; ALTER PUBLICATION {publication} ADD TABLE contacts")
    rowledger.wait_for_entry(lambda e: e["seq"] >= since and e["kind"] == "gap" and e.get("key") == {"id": "2"}, timeout_s=20)
    check_that_capture_goes_on(rowledger)


def test_replica_identity_changed(rowledger):
    cluster, database = rowledger.cluster, rowledger.database
    since = end_of_log(rowledger)
    cluster.sql(database, "ALTER TABLE contacts REPLICA IDENTITY FULL")
    wait_for_trouble(rowledger, since, "identity")
    check_that_capture_goes_on(rowledger)
    since = end_of_log(rowledger)
    cluster.sql(database, "ALTER TABLE contacts REPLICA IDENTITY DEFAULT")
    wait_for_trouble(rowledger, since, "identity")
    check_that_capture_goes_on(rowledger, name="and back")
    assert not [entry for entry in rowledger.log() if entry["kind"] == "gap" and "key" in entry]


def test_table_dropped_and_made_anew(rowledger):
    cluster, database = rowledger.cluster, rowledger.database
    since = end_of_log(rowledger)
    cluster.sql(database, "DROP TABLE contacts")
    wait_for_trouble(rowledger, since, "table", "publi")


PARTITIONED = """
CREATE TABLE m (id int, org int, body text, PRIMARY KEY (id, org)) PARTITION BY LIST (org);
CREATE TABLE m1 PARTITION OF m FOR VALUES IN (1); CREATE TABLE m2 PARTITION OF m FOR VALUES IN (2);
CREATE TABLE m3 PARTITION OF m FOR VALUES IN (3);
INSERT INTO m VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c')"""


# What is done to partitions by themselves; which rows are found to be gone or come.
UNSTREAMED = {
    "truncate": ("TRUNCATE m1", "written anew", {"1"}),
    "detach": ("ALTER TABLE m DETACH PARTITION m2", "detached", {"2"}),
    "drop": ("DROP TABLE m3", "dropped", {"3"}),
    "attach": ("CREATE TABLE m4 (id int NOT NULL, org int NOT NULL, body text); INSERT INTO m4 VALUES (4, 4, 'd'); "
               "ALTER TABLE m ATTACH PARTITION m4 FOR VALUES IN (4)", "added", {"4"}),
}


@pytest.mark.parametrize("case", UNSTREAMED)
def test_partitions_handled_by_themselves(make_rowledger, cluster, database, case):
    statement, says, keys = UNSTREAMED[case]
    cluster.sql(database, PARTITIONED)
    rowledger = make_rowledger(tables=["m"])
    rowledger.sync()
    since = end_of_log(rowledger)
    cluster.sql(database, statement)
    wait_for_trouble(rowledger, since, says)
    rowledger.wait_for_entry(lambda e: e["seq"] >= since and e["kind"] == "gap" and "key" in e, timeout_s=20)
    assert {e["key"]["id"] for e in rowledger.log() if e["seq"] >= since and "key" in e} == keys
    # The state is right again.
    cluster.sql(database, "INSERT INTO m VALUES (1, 1, 'again') ON CONFLICT DO NOTHING; UPDATE m SET body = 'z'")
    rowledger.sync()
    assert not [e for e in rowledger.log() if e["kind"] == "gap" and str(e["detail"]).count("-row")]


def test_what_changes_no_row_is_compared_and_leaves_no_gap(make_rowledger, cluster, database):
    """VACUUM FULL gives a partition another file, as a TRUNCATE does; a TRUNCATE of the whole table is in the stream."""
    cluster.sql(database, PARTITIONED)
    rowledger = make_rowledger(tables=["m", "contacts"])
    for number, statement in enumerate(["VACUUM FULL m1", "TRUNCATE m", "TRUNCATE contacts", "VACUUM FULL contacts"]):
        since = end_of_log(rowledger)
        cluster.sql(database, statement)
        cluster.sql(database, "INSERT INTO m VALUES (%s, 1, 'after'); INSERT INTO contacts (id) VALUES (%s)", (100 + number, 100 + number))
        if statement.endswith((" m", "m1")):
            wait_for_trouble(rowledger, since, "table-rewritten", kinds=("control",))
        wait_for_comparison(rowledger, min(number + 1, 2))
    assert rowledger.status()["gaps"] == 0, [e for e in rowledger.log() if e["kind"] == "gap"]


def wait_for_comparison(rowledger, number):
    """That many comparisons have been made since the daemon started, and none is under way."""
    def done():
        left = rowledger.cluster.sql(rowledger.database, "SELECT FROM pg_replication_slots WHERE slot_name = %s", (f"{rowledger.name}_baseline",))
        return rowledger.log_path.read_text().count("comparing") == number and rowledger.status()["phase"] == "streaming" and not left

    wait_until(done, 20, f"{number} comparisons")
    rowledger.sync()


def test_a_column_that_was_added_is_no_difference(make_rowledger, cluster, database):
    """Its default is in no row's change; a comparison takes it over, and blames nobody."""
    cluster.sql(database, PARTITIONED)
    rowledger = make_rowledger(tables=["m"])
    cluster.sql(database, "ALTER TABLE m ADD COLUMN note text DEFAULT 'none'; UPDATE m SET body = 'x' WHERE id = 1")
    rowledger.sync()
    since = end_of_log(rowledger)
    cluster.sql(database, "VACUUM FULL m2")
    wait_for_trouble(rowledger, since, "table-rewritten")
    wait_for_comparison(rowledger, 1)
    cluster.sql(database, "UPDATE m SET note = 'some' WHERE id = 3")
    rowledger.sync()
    assert rowledger.log("op:modify", order="desc", limit=1)[0]["changes"] == [{"field": "note", "old": "none", "new": "some"}]
    assert rowledger.log("kind:gap") == []


def test_values_computed_anew_by_ddl(rowledger):
    """ALTER TABLE ... USING writes every row, and none of that is in the stream."""
    cluster, database = rowledger.cluster, rowledger.database
    rowledger.sync()
    since = end_of_log(rowledger)
    cluster.sql(database, "ALTER TABLE contacts ALTER COLUMN name TYPE text USING upper(name)")
    wait_for_trouble(rowledger, since, "table-rewritten")
    rowledger.wait_for_entry(lambda e: e["seq"] >= since and e["kind"] == "gap" and e.get("key") == {"id": "7"}
                             and e["changes"] == [{"field": "name", "old": "name 7", "new": "NAME 7"}], timeout_s=20)


def test_table_made_anew_under_a_publication_of_all_tables(make_rowledger, cluster, database):
    rowledger = make_rowledger(attach=False)
    cluster.sql(database, f"CREATE PUBLICATION {rowledger.name} FOR ALL TABLES WITH (publish_via_partition_root = true)")
    rowledger.attach()
    rowledger.serve()
    rowledger.sync()
    since = end_of_log(rowledger)
    # In one transaction: nobody sees the time between.
    cluster.sql(database, "DROP TABLE contacts; CREATE TABLE contacts (id bigint PRIMARY KEY, name text); "
                          f"GRANT SELECT ON contacts TO {rowledger.name}; INSERT INTO contacts VALUES (500, 'new')")
    wait_for_trouble(rowledger, since, "table-recreated", kinds=("gap",))
    rowledger.wait_for_entry(lambda e: e["seq"] >= since and e["kind"] == "gap" and e.get("key") == {"id": "20"}, timeout_s=20)
    assert "500" in rowledger.must("at", "contacts", "500", "now")
    assert "was not there" in rowledger.must("at", "contacts", "2", "now")


def test_identity_lost_while_capturing(rowledger):
    """The application's own UPDATE fails then: the log says why, and goes on with inserts."""
    cluster, database = rowledger.cluster, rowledger.database
    rowledger.sync()
    since = end_of_log(rowledger)
    cluster.sql(database, "ALTER TABLE contacts DROP CONSTRAINT contacts_pkey, ADD PRIMARY KEY (id) DEFERRABLE")
    with pytest.raises(Exception, match="replica identity"):
        cluster.sql(database, "UPDATE contacts SET name = 'x' WHERE id = 1")
    wait_for_trouble(rowledger, since, "deferrable")
    cluster.sql(database, "INSERT INTO contacts (id, name) VALUES (30, 'x'), (31, 'y')")
    rowledger.sync()
    assert [e["key"] for e in rowledger.log("op:create")] == [{"id": "30"}, {"id": "31"}]
    cluster.sql(database, "ALTER TABLE contacts DROP CONSTRAINT contacts_pkey, ADD PRIMARY KEY (id)")
    check_that_capture_goes_on(rowledger)
    assert not [e for e in rowledger.log() if e["kind"] == "gap" and "key" in e]


def test_key_changed(rowledger):
    """Other columns are the primary key: the rows move to their new keys, and their histories with them."""
    cluster, database = rowledger.cluster, rowledger.database
    # The new keys are other rows' old keys.
    cluster.sql(database, "ALTER TABLE contacts ADD COLUMN uid bigint; UPDATE contacts SET uid = id + 1")
    rowledger.sync()
    since = end_of_log(rowledger)
    cluster.sql(database, "BEGIN; ALTER TABLE contacts DROP CONSTRAINT contacts_pkey; ALTER TABLE contacts ADD PRIMARY KEY (uid); COMMIT; "
                          "UPDATE contacts SET name = 'z' WHERE id = 1; DELETE FROM contacts WHERE id = 2")
    wait_for_trouble(rowledger, since, "key-changed", kinds=("control",))
    rowledger.sync()
    later = [e for e in rowledger.log() if e["seq"] >= since and e["kind"] not in ("control", "schema")]
    moves = [e for e in later if e.get("old_key")]
    assert {(e["old_key"]["id"], e["key"]["uid"]) for e in moves} == {(str(n), str(n + 1)) for n in range(1, 21)}
    assert [(e["kind"], e["key"], e.get("changes", [{}])[0].get("old")) for e in later if not e.get("old_key")] == [
        ("update", {"uid": "2"}, "name 1"), ("delete", {"uid": "3"}, "2")], later
    assert rowledger.status()["gaps"] == 0
    # Row 1 was key 1 and is key 2; key 21 is nobody's old key.
    assert '"z"' in rowledger.must("at", "contacts", "2", "now", "--json")
    assert [e["kind"] for e in map(json.loads, rowledger.must("history", "contacts", "21", "--json").splitlines())][0] == "update"
    assert "was not there" in rowledger.must("at", "contacts", "1", "now")
    # A restart inside or after changes nothing.
    rowledger.kill()
    rowledger.serve()
    cluster.sql(database, "UPDATE contacts SET name = 'last' WHERE uid = 21")
    rowledger.sync()
    assert rowledger.log("op:modify", order="desc", limit=1)[0]["changes"] == [{"field": "name", "old": "name 20", "new": "last"}]
    assert rowledger.status()["gaps"] == 0


def test_killed_while_rows_move_to_their_new_keys(make_rowledger, cluster, database):
    rows = 60_000
    cluster.sql(database, f"CREATE TABLE big (id int PRIMARY KEY, uid int NOT NULL UNIQUE); INSERT INTO big SELECT n, n + 1 FROM generate_series(1, {rows}) n")
    rowledger = make_rowledger(tables=["big"])
    rowledger.sync()
    before = rowledger.status()["entries"]
    cluster.sql(database, "BEGIN; ALTER TABLE big DROP CONSTRAINT big_pkey; ALTER TABLE big ADD PRIMARY KEY (uid); COMMIT; "
                          "DELETE FROM big WHERE uid = 2")
    wait_until(lambda: rowledger.status()["entries"] > before + 2_000, 60, "rows are moving", longest_pause_s=0.02)
    moved = rowledger.status()["entries"] - before
    rowledger.kill()
    assert moved < rows, "killed too late to show anything"
    rowledger.serve()
    rowledger.sync()
    moves = [e for e in rowledger.log() if e.get("old_key")]
    assert len(moves) == rows == len({e["key"]["uid"] for e in moves})
    assert [e["key"] for e in rowledger.log("op:remove")] == [{"uid": "2"}]
    assert rowledger.status()["gaps"] == 0


def test_key_changed_to_a_column_that_was_never_seen(rowledger):
    """Then the known rows end, with a gap entry each, and the rows are found under their new keys."""
    cluster, database = rowledger.cluster, rowledger.database
    rowledger.sync()
    since = end_of_log(rowledger)
    cluster.sql(database, "ALTER TABLE contacts DROP CONSTRAINT contacts_pkey; ALTER TABLE contacts ADD COLUMN uid bigserial PRIMARY KEY")
    wait_for_trouble(rowledger, since, "key-changed", kinds=("control",))
    rowledger.wait_for_entry(lambda e: e["seq"] >= since and e.get("key") == {"uid": "20"}, timeout_s=20)
    ended = [e for e in rowledger.log() if e["seq"] >= since and e["kind"] == "gap" and e.get("key", {}).get("id")]
    assert {e["key"]["id"] for e in ended} == {str(n) for n in range(1, 21)}
    cluster.sql(database, "UPDATE contacts SET name = 'z' WHERE uid = 3")
    rowledger.sync()
    assert rowledger.log("op:modify", order="desc", limit=1)[0]["changes"] == [{"field": "name", "old": "name 3", "new": "z"}]
    rowledger.must("verify")


def test_another_system_behind_the_url(make_rowledger, cluster, database):
    """The same URL, but a copy of the cluster under another system identifier: the log must not go on as if nothing was."""
    rowledger = make_rowledger()
    rowledger.sync()
    since = end_of_log(rowledger)
    rowledger.stop()
    other = Cluster(new_system=True)
    try:
        slot = slot_of(rowledger)
        role = cluster.sql(database, "SELECT rolname, rolpassword FROM pg_authid WHERE rolreplication AND rolname LIKE 'rl_%'")
        other.sql("postgres", f"CREATE DATABASE {database}")
        other.psql(database, _dump(cluster, database))
        other.sql(database, "UPDATE contacts SET name = 'elsewhere' WHERE id = 2")
        other.sql(database, f"SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')")
        assert role is not None
        ports = (cluster.port, other.port)
        for path in (rowledger.dir / "rowledger.toml", rowledger.dir / "keys.toml"):
            if path.exists():
                path.write_text(path.read_text().replace(f":{ports[0]}/", f":{ports[1]}/"))
        rowledger.serve()
        entry = wait_for_trouble(rowledger, since, "system", kinds=("gap",))
        assert entry["kind"] == "gap"
        # It may be a mistake, such as the URL of a copy: capture waits until a person says that it is meant.
        rowledger.stop()
        rowledger.attach()
        rowledger.serve()
        rowledger.wait_for_entry(lambda e: e["kind"] == "gap" and e.get("key") == {"id": "2"} and e["changes"][0]["new"] == "elsewhere")
        since = end_of_log(rowledger)
        other.sql(database, "UPDATE contacts SET name = 'new system' WHERE id = 5")
        rowledger.wait_for_entry(lambda e: e["seq"] >= since and e["kind"] == "update" and e["key"]["id"] == "5")
    finally:
        rowledger.close()
        other.close()


def _dump(cluster, database):
    import subprocess
    roles = subprocess.run(["pg_dumpall", "--roles-only", "-h", "127.0.0.1", "-p", str(cluster.port), "-U", "postgres"],
                           capture_output=True, text=True, check=True).stdout
    roles = "\n".join(line for line in roles.splitlines() if not line.endswith((" postgres;", " glific;", " analyst;"))
                      and "ROLE postgres" not in line and "ROLE glific" not in line and "ROLE analyst" not in line)
    return roles + subprocess.run(["pg_dump", "-h", "127.0.0.1", "-p", str(cluster.port), "-U", "postgres", database],
                                  capture_output=True, text=True, check=True).stdout


def test_a_quiet_table_pins_no_wal_of_a_busy_database(rowledger):
    cluster, database = rowledger.cluster, rowledger.database
    cluster.sql(database, "CREATE TABLE busy (n int)")
    rowledger.sync()
    entries = end_of_log(rowledger)

    def confirmed_beyond(lsn):
        cluster.sql(database, "INSERT INTO busy SELECT generate_series(1, 1000)")
        return cluster.sql(database, "SELECT confirmed_flush_lsn >= %s FROM pg_replication_slots WHERE database = current_database()", (lsn,))[0][0]

    for _ in range(2):
        cluster.sql(database, "INSERT INTO busy SELECT generate_series(1, 100000)")
        now = cluster.sql(database, "SELECT pg_current_wal_lsn()")[0][0]
        wait_until(lambda: confirmed_beyond(now), 20, "the slot's confirmed_flush_lsn goes on")
    assert end_of_log(rowledger) == entries
