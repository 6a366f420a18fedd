"""kill -9 at a hundred random moments under load: each committed change is in the log exactly once, in commit
order, with the right old and new values. The oracle is a trigger-filled table of the same database; the order of
the commits comes from the WAL itself, read by pg_waldump."""

import json
import os
import random
import re
import subprocess
import time
from pathlib import Path

import pytest

from harness import POSTGRES_BIN, Cluster, Rowledger, parse_json, tail

SCRIPTS = Path(__file__).resolve().parent / "kill"
KILLS = int(os.environ.get("ROWLEDGER_TEST_KILLS", "100"))
# script: weight
MIX = {"small": 80, "update": 120, "delete": 20, "savepoints": 30, "rolled_back": 3, "key_move": 20, "large": 1, "truncate": 1}
TRANSACTIONS_PER_S = 400


@pytest.fixture
def cluster():
    # WAL is kept for pg_waldump; transactions of some hundred rows are streamed in progress.
    made = Cluster(["logical_decoding_work_mem = 64kB", "wal_keep_size = 20GB", "max_wal_size = 20GB",
                    "checkpoint_timeout = 1h", "deadlock_timeout = 100ms"])
    yield made
    made.close()


def start_load(cluster, database, seed, directory):
    log = open(directory / "pgbench.log", "wb")
    command = [f"{POSTGRES_BIN}/pgbench", "-n", "-c", "6", "-j", "1", "-T", "600", "-R", str(TRANSACTIONS_PER_S),
               "--max-tries=20", f"--random-seed={seed}", "-h", "127.0.0.1", "-p", str(cluster.port), "-U", "postgres"]
    for script, weight in MIX.items():
        command += ["-f", f"{SCRIPTS / script}.sql@{weight}"]
    return subprocess.Popen(command + [database], stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def commit_order(cluster):
    """xid to its place among the commits, from the WAL."""
    first = min(path.name for path in (cluster.data / "pg_wal").iterdir() if re.fullmatch("[0-9A-F]{24}", path.name))
    start = f"{first[8:16]}/{first[22:24]}000000"
    # It ends with an error where the WAL ends.
    done = subprocess.run([f"{POSTGRES_BIN}/pg_waldump", "--rmgr=Transaction", "-p", str(cluster.data / "pg_wal"), "-s", start],
                          capture_output=True, text=True, cwd="/tmp")
    xids = re.findall(r"tx: +(\d+), lsn: \S+ prev \S+ desc: COMMIT", done.stdout)
    assert xids, done.stderr
    return {int(xid): place for place, xid in enumerate(xids)}


def resolve(document, pointer):
    """The container and the last step of a JSON pointer."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    for step in steps[:-1]:
        document = document[step]
    return document, steps[-1]


class Replay:
    """Applies the log's entries to an empty table, and answers each row as it was before and after."""

    def __init__(self):
        self.rows = {}

    def apply(self, entry):
        key = (entry["table"], tuple(entry["key"].values()))
        old_key = (entry["table"], tuple(entry.get("old_key", entry["key"]).values()))
        kind = entry["kind"]
        assert not any("unknown" in change for change in entry.get("changes", [])), entry
        if kind in ("baseline", "insert"):
            assert key not in self.rows, f"an insert of a row that is there: {entry}"
            self.rows[key] = {change["field"]: change["new"] for change in entry["changes"]}
            return None, dict(self.rows[key])
        before = self.rows.pop(old_key)
        if kind == "delete":
            assert {change["field"]: change["old"] for change in entry["changes"]} == before, entry
            return before, None
        after = json.loads(json.dumps(before))
        for change in entry.get("changes", []):
            self.apply_change(after, change, entry)
        assert key not in self.rows, f"a row moved onto another: {entry}"
        self.rows[key] = after
        return before, json.loads(json.dumps(after))

    @staticmethod
    def apply_change(row, change, entry):
        container, step = (resolve(row[change["field"]], change["path"]) if "path" in change else (row, change["field"]))
        if "old" in change:
            assert container[step] == change["old"], f"the old value of {change['field']} is wrong: {entry}"
        else:
            assert step not in container, f"an old value is missing: {entry}"
        if "new" in change:
            container[step] = change["new"]
        else:
            del container[step]


def plain(row):
    """The oracle's row in the log's forms."""
    if row is None:
        return None
    row = dict(row)
    if "fields" in row:
        row["fields"] = parse_json(row["fields"])
    return row


def read_oracle(cluster, database, order):
    rows = cluster.sql(database, "SELECT n, xid, op, relation, before::text, after::text FROM oracle")
    rows.sort(key=lambda row: (order[row[1]], row[0]))
    for _, xid, op, relation, before, after in rows:
        yield xid, op, f"public.{relation}", plain(json.loads(before or "null")), plain(json.loads(after or "null"))


def compare(rowledger, cluster, database):
    entries = rowledger.log()
    assert [entry["seq"] for entry in entries] == list(range(len(entries))), "the seqs have holes"
    assert not [entry for entry in entries if entry["kind"] == "gap"]

    replay = Replay()
    stream = []
    for entry in entries:
        if entry["kind"] == "baseline":
            replay.apply(entry)
        elif entry["kind"] in ("insert", "update", "delete", "truncate"):
            stream.append(entry)
    places = [(int(a, 16), int(b, 16), entry["tx"]["ordinal"]) for entry in stream for a, b in [entry["tx"]["lsn"].split("/")]]
    assert places == sorted(set(places)), "the entries are not in the order of (commit LSN, ordinal), or double"

    expected = list(read_oracle(cluster, database, commit_order(cluster)))
    for number, (entry, (xid, op, table, before, after)) in enumerate(zip(stream, expected)):
        where = f"change {number}: the log has {json.dumps(entry)}, the oracle {xid, op, table, before, after}"
        assert (int(entry["tx"]["xid"]), entry["kind"], entry["table"]) == (xid, op, table), where
        if op != "truncate":
            assert replay.apply(entry) == (before, after), where
        if op == "update":
            changed = {field for field in after if before[field] != after[field]}
            assert {change["field"] for change in entry.get("changes", [])} == changed, where
    assert len(stream) == len(expected), f"the log has {len(stream)} changes, the oracle {len(expected)}"
    return len(stream)


@pytest.mark.parametrize("trigger", [True, False], ids=["whole", "in progress"])
def test_a_hundred_kills_lose_nothing_and_double_nothing(cluster, capsys, trigger):
    """Half of them where large transactions come whole, half where they come while in progress."""
    kills = KILLS // 2
    seed = int(os.environ.get("ROWLEDGER_TEST_SEED", random.SystemRandom().randrange(1 << 31)))
    with capsys.disabled():
        print(f" seed {seed}", end="", flush=True)
    moments = random.Random(seed)
    database = cluster.create_database()
    cluster.psql(database, (SCRIPTS / "schema.sql").read_text())
    cluster.sql(database, "TRUNCATE oracle")
    rowledger = Rowledger(cluster, database)
    rowledger.init(["contacts", "tags"], "" if trigger else "[attribution]\ntrigger = false")
    rowledger.attach()
    load = start_load(cluster, database, seed, rowledger.parent)
    try:
        for _ in range(kills):
            rowledger.serve(wait=False)
            time.sleep(moments.uniform(0.05, 0.8))
            assert rowledger.process.poll() is None, "the daemon ended by itself:\n" + tail(rowledger.log_path)
            rowledger.kill()
        assert load.poll() is None, tail(rowledger.parent / "pgbench.log")
    finally:
        load.terminate()
        load.wait()
    rowledger.serve()
    try:
        rowledger.sync(timeout_s=120)
        changes = compare(rowledger, cluster, database)
    finally:
        rowledger.close()
    with capsys.disabled():
        print(f" {kills} kills, {changes} changes", end="", flush=True)
    assert changes > kills, "the load was no load"
