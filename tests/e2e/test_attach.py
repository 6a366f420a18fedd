"""attach and detach: what is checked before, what is left behind."""

import contextlib
import re

import pytest

from harness import CANNOT_REACH, DONE, FOUND_WRONG, WRONG_USAGE, Cluster, CuttingProxy, Rowledger, wait_until

# Everything in the cluster and the database that attach could touch.
FOOTPRINT = """
SELECT 'role ' || rolname || coalesce(rolconfig::text, '') FROM pg_roles WHERE oid > 16383
UNION ALL SELECT 'schema ' || nspname || coalesce(nspacl::text, '') FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'
UNION ALL SELECT 'publication ' || pubname FROM pg_publication
UNION ALL SELECT 'slot ' || slot_name FROM pg_replication_slots
UNION ALL SELECT 'trigger ' || tgname || ' ' || tgrelid::regclass FROM pg_trigger
UNION ALL SELECT 'function ' || oid::regprocedure FROM pg_proc WHERE oid > 16383
UNION ALL SELECT 'relation ' || oid::regclass || ' ' || coalesce(relacl::text, '') || relreplident::text FROM pg_class
  WHERE oid > 16383 AND relkind <> 't' AND relnamespace <> 'pg_toast'::regnamespace
UNION ALL SELECT 'database ' || coalesce(datacl::text, '') FROM pg_database WHERE datname = current_database()
UNION ALL SELECT 'event trigger ' || evtname FROM pg_event_trigger
UNION ALL SELECT 'type ' || oid::regtype FROM pg_type WHERE oid > 16383 AND typtype <> 'c'
UNION ALL SELECT 'default acl ' || defaclacl::text FROM pg_default_acl
ORDER BY 1
"""


def footprint(cluster, database):
    return [row[0] for row in cluster.sql(database, FOOTPRINT)]


def test_detach_leaves_no_trace(make_rowledger, cluster, database):
    cluster.sql(database, "GRANT SELECT ON contacts TO analyst")
    before = footprint(cluster, database)
    rowledger = make_rowledger()
    assert footprint(cluster, database) != before
    cluster.sql(database, "UPDATE contacts SET name = 'x'")
    rowledger.sync()
    rowledger.stop()
    dry = rowledger.must("detach", "--dry-run")
    assert "DROP" in dry.upper()
    assert footprint(cluster, database) != before
    rowledger.must("detach")
    assert footprint(cluster, database) == before
    cluster.sql(database, "UPDATE contacts SET name = 'y'")
    rowledger.must("detach")  # nothing to do is no error
    assert footprint(cluster, database) == before
    # The log stays readable.
    assert len(rowledger.log("op:modify")) == 20


def test_dry_run_changes_nothing_and_shows_no_secret(make_rowledger, cluster, database):
    rowledger = make_rowledger(attach=False)
    before = footprint(cluster, database)
    shown = rowledger.must("attach", "--dry-run")
    assert footprint(cluster, database) == before
    for word in ("CREATE ROLE", "CREATE PUBLICATION", "CREATE TRIGGER", "FOR EACH STATEMENT", "GRANT SELECT", "slot"):
        assert re.search(word, shown, re.I), f"{word} is not in:\n{shown}"
    password = re.search(r'role_password = "(\w+)"', (rowledger.dir / "keys.toml").read_text())[1]
    assert password not in shown


def test_attach_twice_is_attach_once(make_rowledger, cluster, database):
    rowledger = make_rowledger(serve=False)
    once = footprint(cluster, database)
    entries = len(rowledger.log())
    again = rowledger.must("attach")
    assert footprint(cluster, database) == once
    assert "CREATE" not in again.upper()
    assert len([entry for entry in rowledger.log() if entry["kind"] == "baseline"]) == 20
    assert len(rowledger.log()) <= entries + 1
    rowledger.serve()
    cluster.sql(database, "UPDATE contacts SET name = 'x' WHERE id = 1")
    rowledger.sync()
    assert len(rowledger.log("op:modify")) == 1


def test_attach_mends_what_is_missing(make_rowledger, cluster, database):
    rowledger = make_rowledger(serve=False)
    whole = footprint(cluster, database)
    trigger = cluster.sql(database, "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")[0][0]
    cluster.sql(database, f"DROP TRIGGER {trigger} ON contacts; DROP PUBLICATION {rowledger.name}")
    rowledger.attach()
    assert footprint(cluster, database) == whole


def test_the_role_has_the_least_privileges(make_rowledger, cluster, database):
    cluster.sql(database, "CREATE TABLE private (id int PRIMARY KEY)")
    rowledger = make_rowledger()
    role = rowledger.name
    assert cluster.sql("postgres", "SELECT rolcanlogin, rolreplication, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls "
                                   "FROM pg_roles WHERE rolname = %s", (role,)) == [(True, True, False, False, False, False)]
    for table, privilege, granted in [("contacts", "SELECT", True), ("contacts", "UPDATE", False),
                                      ("contacts", "DELETE", False), ("contacts", "INSERT", False), ("private", "SELECT", False)]:
        assert cluster.sql(database, "SELECT has_table_privilege(%s, %s, %s)", (role, table, privilege)) == [(granted,)]
    # And the daemon is that role.
    def connected():
        return cluster.sql("postgres", "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = %s", (database,))

    # The server ends the connections that asked the above when it comes to it.
    wait_until(lambda: connected() == [(role,)], 10, "the daemon is connected, and nobody else")
    # The stamp's secret is not for the application's eyes.
    tables = cluster.sql(database, "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'rowledger'::regnamespace AND relkind = 'r'")
    assert tables
    for (table,) in tables:
        done = cluster.psql(database, f"SELECT * FROM {table}", user="glific", check=False)
        assert "permission denied" in done.stderr


def test_an_application_role_can_still_write(make_rowledger, cluster, database):
    """The trigger's function runs as its owner: the application needs no new privilege."""
    cluster.sql(database, "GRANT ALL ON contacts TO glific")
    rowledger = make_rowledger()
    cluster.psql(database, "UPDATE contacts SET name = 'x' WHERE id = 1; TRUNCATE contacts", user="glific")
    # Neither a search_path of its own nor objects that imitate built-in ones get in.
    cluster.psql(database, """
        CREATE TEMP TABLE t (id int);
        SET search_path = pg_temp, public;
        INSERT INTO public.contacts (id, name) VALUES (50, 'y')""", user="glific")
    rowledger.sync()
    assert rowledger.log("key:50 op:create")[0]["db"]["role"] == "glific"


REFUSALS = {
    "no primary key": ("ALTER TABLE contacts DROP CONSTRAINT contacts_pkey", "contacts", "primary key"),
    "unlogged": ("ALTER TABLE contacts SET UNLOGGED", "contacts", "SET LOGGED"),
    "replica identity nothing": ("ALTER TABLE contacts REPLICA IDENTITY NOTHING", "contacts", "REPLICA IDENTITY"),
    "a deferrable primary key": ("ALTER TABLE contacts DROP CONSTRAINT contacts_pkey, ADD PRIMARY KEY (id) DEFERRABLE INITIALLY DEFERRED",
                                 "contacts", "DEFERRABLE"),
    "an identity index that was dropped": ("CREATE UNIQUE INDEX ux ON contacts (id); ALTER TABLE contacts REPLICA IDENTITY USING INDEX ux; "
                                           "DROP INDEX ux", "contacts", "REPLICA IDENTITY DEFAULT"),
    "a partition without identity": ("ALTER TABLE contacts RENAME TO flat; CREATE TABLE contacts (id int PRIMARY KEY, name text) "
                                     "PARTITION BY LIST (id); CREATE TABLE first PARTITION OF contacts FOR VALUES IN (1); "
                                     "ALTER TABLE first REPLICA IDENTITY NOTHING", "contacts", "public.first"),
    "a view": ("CREATE VIEW people AS SELECT * FROM contacts", "people", "people"),
    "no such table": ("", "contakts", "contakts"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_preflight_refuses(make_rowledger, cluster, database, case):
    sql, table, remedy = REFUSALS[case]
    if sql:
        cluster.sql(database, sql)
    before = footprint(cluster, database)
    rowledger = make_rowledger(tables=[table], attach=False)
    for arguments in (["attach"], ["attach", "--dry-run"]):
        done = rowledger.run(*arguments)
        assert done.returncode == FOUND_WRONG, (done.returncode, done.stdout, done.stderr)
        assert remedy.lower() in (done.stdout + done.stderr).lower()
        assert footprint(cluster, database) == before, "a refused attach left something behind"
    # Nothing was published: the application's own statements still work.
    cluster.sql(database, "UPDATE contacts SET name = 'x'; DELETE FROM contacts WHERE id = 1")


def test_an_identity_index_is_a_key(make_rowledger, cluster, database):
    """Without a primary key: the rows are told apart by what REPLICA IDENTITY USING INDEX names."""
    cluster.sql(database, "CREATE TABLE cards (code text NOT NULL, holder text); CREATE UNIQUE INDEX ux ON cards (code); "
                          "ALTER TABLE cards REPLICA IDENTITY USING INDEX ux; INSERT INTO cards VALUES ('a', 'Asha'), ('b', 'Bina')")
    rowledger = make_rowledger(tables=["cards"])
    cluster.sql(database, "UPDATE cards SET holder = 'Chetan' WHERE code = 'a'; UPDATE cards SET code = 'c' WHERE code = 'b'; "
                          "DELETE FROM cards WHERE code = 'a'")
    rowledger.sync()
    entries = [entry for entry in rowledger.log() if entry["kind"] not in ("control", "schema")]
    assert [(entry["kind"], entry["key"]) for entry in entries] == [
        ("baseline", {"code": "a"}), ("baseline", {"code": "b"}), ("update", {"code": "a"}), ("update", {"code": "c"}),
        ("delete", {"code": "a"})], entries
    assert entries[2]["changes"] == [{"field": "holder", "old": "Asha", "new": "Chetan"}]
    assert entries[3]["old_key"] == {"code": "b"}
    assert rowledger.status()["gaps"] == 0 and rowledger.status()["warnings"] == []


def test_without_the_trigger_nothing_is_missing(make_rowledger, cluster, database):
    """attribution.trigger = false is a choice, not a fault."""
    rowledger = make_rowledger(config="[attribution]\ntrigger = false\n[capture]\nwatch_interval_ms = 200")
    cluster.sql(database, "UPDATE contacts SET name = 'x' WHERE id = 1")
    rowledger.sync()
    assert rowledger.status()["warnings"] == []
    assert not [entry for entry in rowledger.log() if "trigger" in str(entry.get("detail", ""))]
    assert "trigger" not in rowledger.log_path.read_text()


def test_preflight_refuses_without_privilege(make_rowledger, cluster, database):
    before = footprint(cluster, database)
    rowledger = make_rowledger(attach=False, url=cluster.url(database, user="glific"))
    done = rowledger.run("attach")
    assert done.returncode == FOUND_WRONG, done.stdout + done.stderr
    assert re.search("privilege|superuser|owner", done.stdout + done.stderr)
    assert footprint(cluster, database) == before


def test_preflight_refuses_when_slots_are_exhausted(make_rowledger, cluster, database):
    made = 0
    try:
        while True:
            cluster.sql(database, "SELECT pg_create_physical_replication_slot(%s)", (f"taken_{made}",))
            made += 1
    except Exception:
        pass
    done = make_rowledger(attach=False).run("attach")
    assert done.returncode == FOUND_WRONG, done.stdout + done.stderr
    assert "max_replication_slots" in done.stdout + done.stderr


def test_preflight_refuses_wal_level_replica():
    cluster = Cluster(["wal_level = replica"])
    try:
        database = cluster.create_database()
        cluster.sql(database, "CREATE TABLE contacts (id int PRIMARY KEY)")
        rowledger = Rowledger(cluster, database)
        rowledger.init(["contacts"])
        done = rowledger.run("attach")
        assert done.returncode == FOUND_WRONG, done.stdout + done.stderr
        assert "wal_level" in done.stdout + done.stderr and "logical" in done.stdout + done.stderr
    finally:
        cluster.close()


def test_preflight_notices_a_pooler(make_rowledger, cluster, database):
    """A pooler refuses the replication parameter of the startup message, as PgBouncer does."""

    class Pooler(CuttingProxy):
        def _pump(self, source, sink):
            if sink.getpeername()[1] == self.target_port:
                first = source.recv(1 << 16)
                if first[4:8] == b"\x04\xd2\x16\x2f":  # SSLRequest
                    source.sendall(b"N")
                    first = source.recv(1 << 16)
                if b"\0replication\0" in first:
                    text = b"SFATAL\0C08P01\0Munsupported startup parameter: replication\0\0"
                    source.sendall(b"E" + (len(text) + 4).to_bytes(4, "big") + text)
                    source.close()
                    sink.close()
                    return
                sink.sendall(first)
            super()._pump(source, sink)

    proxy = Pooler(cluster.port)
    try:
        rowledger = make_rowledger(attach=False, url=cluster.url(database, port=proxy.port))
        done = rowledger.run("attach")
        assert done.returncode == FOUND_WRONG, done.stdout + done.stderr
        assert "pooler" in (done.stdout + done.stderr).lower()
    finally:
        proxy.close()


def test_a_table_added_later_gets_a_baseline(make_rowledger, cluster, database):
    cluster.sql(database, "CREATE TABLE notes (id int PRIMARY KEY, note text); INSERT INTO notes VALUES (1, 'old')")
    rowledger = make_rowledger()
    cluster.sql(database, "UPDATE contacts SET name = 'x' WHERE id = 1")
    rowledger.sync()
    rowledger.stop()
    rowledger.write_config(["contacts tenant=organization_id", "notes"])
    rowledger.attach()
    rowledger.serve()
    rowledger.wait_for_entry(lambda e: e.get("table") == "public.notes" and e["kind"] == "baseline")
    cluster.sql(database, "UPDATE notes SET note = 'new' WHERE id = 1; UPDATE contacts SET name = 'y' WHERE id = 1")
    rowledger.sync()
    note = rowledger.log("table:public.notes op:modify")
    assert [(c["old"], c["new"]) for c in note[0]["changes"]] == [("old", "new")]
    assert [c["old"] for e in rowledger.log("table:public.contacts op:modify") for c in e["changes"]] == ["name 1", "x"]
    assert not [entry for entry in rowledger.log() if entry["kind"] == "gap"]


def test_baseline_and_stream_meet_without_a_hole(make_rowledger, cluster, database):
    """Writes go on while attach takes its snapshot."""
    import threading
    cluster.sql(database, "INSERT INTO contacts (id, name) SELECT n, 'x' FROM generate_series(1000, 20000) n")
    stop, counts = threading.Event(), []

    def write(client):
        done = 0
        # Each statement is a transaction: `with connection` would make one of all of them.
        with contextlib.closing(cluster.connect(database)) as connection, connection.cursor() as cursor:
            while not stop.is_set():
                done += 1
                cursor.execute("UPDATE contacts SET note = %s WHERE id = %s", (str(done), client))
        counts.append((client, done))

    writers = [threading.Thread(target=write, args=(client,)) for client in (1, 2)]
    for writer in writers:
        writer.start()
    try:
        rowledger = make_rowledger()
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    rowledger.sync()
    assert not [entry for entry in rowledger.log() if entry["kind"] == "gap"]
    for client, done in counts:
        story = rowledger.log(f"key:{client}")
        baseline = next(change["new"] for change in story[0]["changes"] if change["field"] == "note")
        values = [change["new"] for entry in story[1:] for change in entry["changes"]]
        assert story[0]["kind"] == "baseline"
        assert values == [str(n) for n in range(int(baseline or 0) + 1, done + 1)]


def test_killed_attach_can_be_repeated(make_rowledger, cluster, database):
    import os
    import subprocess
    import time

    import harness
    cluster.sql(database, "INSERT INTO contacts (id, name) SELECT n, 'x' FROM generate_series(1000, 60000) n")
    rowledger = make_rowledger(attach=False)
    for delay_s in (0.05, 0.15, 0.3):
        process = subprocess.Popen([harness.PROGRAM, "attach"], env=os.environ | {"ROWLEDGER_DIR": str(rowledger.dir)},
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay_s)
        process.kill()
        process.wait()
    rowledger.attach()
    rowledger.serve()
    cluster.sql(database, "UPDATE contacts SET name = 'y' WHERE id = 59999")
    rowledger.sync()
    keys = [entry["key"]["id"] for entry in rowledger.log("kind:baseline")]
    assert sorted(map(int, set(keys))) == [*range(1, 21), *range(1000, 60001)]
    assert len(rowledger.log("op:modify")) == 1
    assert not [entry for entry in rowledger.log() if entry["kind"] == "gap" and "key" in entry]
