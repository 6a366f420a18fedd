"""A person is erased: the values are gone for good, everything else still proves itself."""

import contextlib
import datetime
import json
import os
import random
import re
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path

import pytest

from harness import DONE, FOUND_WRONG, parse_json, wait_until

PHONE, NAME = "917700112233", "Zebulon Quuxwell"
WHY = ("--reason", "asked for it", "--basis", "GDPR Art. 17(1)(b)")


@pytest.fixture
def log(make_rowledger, cluster, database):
    rowledger = make_rowledger(tables=["contacts tenant=organization_id subject=self"])
    cluster.psql(database, f"""
        INSERT INTO contacts (id, organization_id, name, phone, note) VALUES (100, 1, '{NAME}', '{PHONE}', repeat('{NAME} ', 2000));
        UPDATE contacts SET phone = phone || '44' WHERE id = 100;
        UPDATE contacts SET id = 101 WHERE id = 100;
        UPDATE contacts SET organization_id = 2 WHERE id = 101;
        UPDATE contacts SET name = 'somebody else' WHERE id = 3;
        """)
    rowledger.sync()
    rowledger.wait_until_signed()
    return rowledger


def everything_in(directory):
    """By path. What the daemon removes meanwhile is not there."""
    found = {}
    for folder, _, names in os.walk(directory):
        for path in (Path(folder, name) for name in names):
            with contextlib.suppress(FileNotFoundError):
                if path.is_file():
                    found[path] = path.read_bytes()
    return found


def files_with(directory, *needles):
    """Those that hold one of the needles, every byte of them looked at."""
    return [path for path, content in everything_in(directory).items() if any(needle in content for needle in needles)]


def entries_of(tlog):
    """All entries as the tree has them, of a log of less than 256,000."""
    return b"".join(path.read_bytes() for path in sorted((tlog / "tile/entries").rglob("*")) if path.is_file())


def live_slots(rowledger):
    content = (rowledger.dir / "keys" / "subjects.keys").read_bytes()
    return {content[at + 4:at + 64] for at in range(4096, len(content), 64) if content[at] == 0xA5}


def assert_found_without_values(log, erased):
    """By who, how and when, but by no value that the entries had."""
    for query in (f"new:{PHONE}", f"old:{PHONE}", f"{PHONE}44", f'"{NAME}"', NAME.split()[0], "key:101 op:modify"):
        assert not log.log(query), query
    seqs = {entry["seq"] for entry in erased}
    for query in ("table:contacts", "created:now-1h..now", f"role:{erased[0]['db']['role']}", "via:sql trust:database"):
        assert seqs <= {entry["seq"] for entry in log.log(query)}, query


def test_nothing_is_left_and_everything_is_proven(log, cluster, tmp_path):
    history = [parse_json(line) for line in log.must("history", "contacts", 101, "--json").splitlines()]
    assert len(history) == 4 and "erased" not in history[0]
    evidence = {"row": ["--row", "contacts", 101], "subject": ["--subject", "public.contacts/100"],
                "search": ["op:create key:100", "--all"], "entry": ["--entry", history[-1]["seq"]]}
    for name, what in evidence.items():
        log.must("export", "--evidence", tmp_path / name, *what)
    log.must("export", "--format", "ndjson", "key:100", "--output", tmp_path / "before.ndjson")
    assert PHONE in (tmp_path / "before.ndjson").read_text()
    before = live_slots(log)

    answer = parse_json(log.must("erase", "contacts", 101, *WHY, "--json"))
    assert answer["entries"] == 4 and answer["in_clear"] == 0
    said = parse_json(log.must("show", answer["seq"], "--json"))
    assert said["kind"] == "erase" and said["detail"]["basis"] == "GDPR Art. 17(1)(b)" and said["actor"]["id"].startswith("uid:")

    # Erased, not missing.
    history = [parse_json(line) for line in log.must("history", "contacts", 101, "--json").splitlines()]
    assert [entry["seq"] for entry in history] == sorted((entry["seq"] for entry in history), reverse=True)
    assert len(history) == 4 and all(entry["erased"] for entry in history)
    now = parse_json(log.must("at", "contacts", 101, "now", "--json"))
    assert now["exists"] and now["erased"] and "row" not in now
    assert_found_without_values(log, history)
    assert len(log.log("key:3")) > 1, "others are as they were"
    assert len(before - live_slots(log)) == 3, "as 100 in 1, as 101 in 1, as 101 in 2"

    for _ in range(2):
        report = parse_json(log.must("verify", "--json"))
        assert report["ok"] and report["values_erased"] == 4, report
        log.stop()
        log.serve()
        assert_found_without_values(log, history)
    for name in evidence:
        done = log.run("verify", "--evidence", tmp_path / name)
        assert done.returncode == DONE and NAME in done.stdout and "NOT PROVEN" not in done.stdout, done.stdout
    log.wait_until_signed()
    log.must("export", "--evidence", tmp_path / "after", "--row", "contacts", 101)
    done = log.run("verify", "--evidence", tmp_path / "after", "--json")
    *entries, _ = [parse_json(line) for line in done.stdout.splitlines()]
    assert done.returncode == DONE and len(entries) == 4 and all(one["proven"] and one["entry"]["erased"] for one in entries)

    # PostgreSQL's row stands. Its next change begins with a new key.
    cluster.sql(log.database, "UPDATE contacts SET phone = '91888' WHERE id = 101")
    log.sync()
    newest = parse_json(log.must("history", "contacts", 101, "--json").splitlines()[0])
    phone = next(change for change in newest["changes"] if change["field"] == "phone")
    assert phone["new"] == "91888" and phone["unknown"] and "erased" not in newest
    assert parse_json(log.must("at", "contacts", 101, "now", "--json"))["row"]["phone"] == "91888"
    assert parse_json(log.must("at", "contacts", 101, f"seq:{newest['prev']}", "--json"))["erased"]
    again = parse_json(log.must("erase", "contacts", 101, *WHY, "--json"))
    assert again["entries"] == 1
    log.kill()
    log.serve()
    assert parse_json(log.must("verify", "--json"))["ok"]


def test_no_byte_is_left_in_any_file(log, cluster, tmp_path):
    """Of the values and of the keys: in the database's files and its WAL, the key files, what exports and spools left."""
    # A key stands in clear in what is logged of the state: that tells whether the scan reads such a file.
    witness = 7700112233445566
    cluster.sql(log.database, f"INSERT INTO contacts (id, name) VALUES ({witness}, 'who stays')")
    log.sync()
    log.must("export", "--format", "ndjson", "key:100", "--output", tmp_path / "before.ndjson")
    before = live_slots(log)
    assert {path.parent.name for path in files_with(log.parent, PHONE.encode(), NAME.encode())} == {"exports"}
    assert files_with(log.parent, *before) == [log.dir / "keys" / "subjects.keys"]
    assert ".log" in {path.suffix for path in files_with(log.dir / "store", str(witness).encode())}, "RocksDB's WAL"

    log.must("erase", "contacts", 101, *WHY)
    gone = before - live_slots(log)
    assert len(gone) == 3

    def assert_gone():
        assert not files_with(log.parent, PHONE.encode(), NAME.encode(), *gone)
        assert not [path for path in everything_in(log.dir / "exports") if path.suffix != ".lock"]

    assert_gone()
    assert [path for path, content in everything_in(log.dir / "store").items() if path.suffix == ".log" and content], "a WAL was among the files"
    log.stop()
    assert_gone()
    log.serve()
    log.kill()
    assert_gone()
    assert ".sst" in {path.suffix for path in files_with(log.dir / "store", str(witness).encode())}
    log.serve()


def test_what_was_looked_for_is_not_kept(log, tmp_path):
    """Neither in the entries about who read the log, unsealed, nor anywhere else; but who looked for it is known."""
    searches = [f"new:{PHONE}", f'field:phone "{NAME}"', f"old:{PHONE[:9]}*", f"-value:{PHONE} key:{PHONE}"]
    for search in searches:
        log.log(search)
    assert log.run("history", "contacts", PHONE).returncode == FOUND_WRONG
    log.must("export", "--evidence", tmp_path / "evidence", f"new:{PHONE}")
    log.must("export", "--format", "ndjson", f"new:{PHONE}", "--output", tmp_path / "export")
    log.stop()
    log.must("log", f"new:{PHONE}")
    noted = (log.dir / "offline-access").read_text()
    assert "new:#" in noted and PHONE not in noted
    log.serve()

    def looks_for(value):
        status, body = log.http_get(f"/v1/access?limit=1000&value={urllib.parse.quote(value)}")
        assert status == 200
        return [entry["detail"] for entry in json.loads(body)["access"] if entry["detail"]["route"] != "access"]

    def assert_known():
        found = looks_for("+91 77001-12233")
        assert [one["route"] for one in found if one["route"] != "entries"] == ["exports.data", "exports", "evidence", "row.entries"]
        assert len([one for one in found if one["route"] == "entries"]) == 4
        assert len({re.search("new:(#[0-9a-f]{6})", one["query"])[1] for one in found if "new:" in one.get("query", "")}) == 1
        assert looks_for(NAME.upper())[0]["query"].startswith("field:phone #") and not looks_for("919900112233")
        assert all(one["reader"]["id"].startswith("uid:") for one in found)

    assert_known()
    log.must("erase", "contacts", 101, *WHY)
    assert_known()
    read = log.must("log", "kind:access OR kind:control OR kind:erase OR key:*", "--all", "--json", "--limit", 1_000_000)
    assert '"kind":"access"' in read and '"kind":"erase"' in read
    for value in (PHONE, PHONE[:9], NAME):
        assert value not in read
    log.stop()
    assert not files_with(log.parent, PHONE.encode(), NAME.encode())


def test_accepted_by_others_after_an_erasure(log, tlogcheck, tmp_path):
    """Code that is not ours finds that the log with erased persons continues the one that had their values."""
    log.must("export", "--tlog", tmp_path / "before")
    key = log.status()["verifier_key"]
    seqs = [parse_json(line)["seq"] for line in log.must("history", "contacts", 101, "--json").splitlines()]
    for person in (101, 7):
        log.must("erase", "contacts", person, *WHY)

    def is_signed():
        return int(log.http_get("/tlog/checkpoint")[1].splitlines()[1]) > max(seqs)

    def check(directory):
        wait_until(is_signed, 10, "a checkpoint of all that was written; there is one each 200 ms")
        log.must("export", "--tlog", directory)
        (directory / "proofs").mkdir()
        for seq in seqs:
            (directory / f"proofs/{seq}.tlog-proof").write_text(log.must("show", seq, "--proof"))
        done = subprocess.run([tlogcheck, "--old", tmp_path / "before/checkpoint", directory, key], capture_output=True, text=True)
        assert done.returncode == DONE and f"{len(seqs)} proofs, 1 older checkpoints" in done.stdout, done.stdout

    check(tmp_path / "after")
    log.stop()
    log.serve()
    check(tmp_path / "restarted")
    assert entries_of(tmp_path / "after").startswith(entries_of(tmp_path / "before"))


def test_reasons_are_sealed_and_kept_and_whoever_writes_one_is_told(log):
    """They show that it was right to erase."""
    log.must("hold", "contacts", 5, "--reason", "Quuxwell against Rowledger")
    answer = parse_json(log.must("erase", "contacts", 101, *WHY, "--json"))
    log.stop()
    assert not files_with(log.parent, WHY[1].encode(), WHY[3].encode(), b"Quuxwell against")
    log.serve()
    assert parse_json(log.must("show", answer["seq"], "--json"))["detail"]["reason"] == WHY[1]
    for verb in ("erase", "hold"):
        assert "do not name the person" in " ".join(log.must(verb, "--help").split())
    schemas = json.loads(log.http_get("/v1/openapi.json")[1])["components"]["schemas"]
    for order in ("ErasureOrder", "HoldOrder"):
        assert "do not name the person" in schemas[order]["properties"]["reason"]["description"]


def test_a_transaction_in_progress_waits_encrypted(make_rowledger, cluster, database):
    cluster.sql("postgres", "ALTER SYSTEM SET logical_decoding_work_mem = '64kB'")
    cluster.sql("postgres", "SELECT pg_reload_conf()")
    log = make_rowledger(tables=["contacts tenant=organization_id subject=self"], config="[attribution]\ntrigger = false")
    spool = log.dir / "spool"
    with contextlib.closing(cluster.connect(database, autocommit=False)) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO contacts (id, name, phone) SELECT n, %s, %s FROM generate_series(100, 4000) n", (NAME, PHONE))
        wait_until(lambda: any(everything_in(spool).values()), 20, "the transaction is sent while it is in progress")
        assert not files_with(log.parent, PHONE.encode(), NAME.encode())
        connection.commit()
    log.sync()
    assert log.log(f"key:4000 new:{PHONE}")
    log.must("erase", "contacts", 4000, *WHY)
    assert not list(spool.iterdir()) and not files_with(log.parent, PHONE.encode(), NAME.encode())


def test_refusals(log, make_rowledger):
    for arguments, code, says in [(["contacts", 4711, *WHY], FOUND_WRONG, "knows no row"),
                                  (["nothing", 1, *WHY], FOUND_WRONG, "not captured"),
                                  (["contacts", 3, "--reason", "x"], 2, "basis")]:
        done = log.run("erase", *arguments)
        assert done.returncode == code and says in done.stderr, done.stderr
    assert not [entry for entry in log.log() if entry["kind"] == "erase"]


def test_a_hold_prevents_it_until_it_is_lifted(log):
    held = parse_json(log.must("hold", "contacts", 101, "--reason", "court order 7", "--json"))
    assert "court order 7" in log.must("hold", "--list")
    log.stop()
    log.serve()
    refused = log.run("erase", "contacts", 101, *WHY)
    assert refused.returncode == FOUND_WRONG and "hold stands" in refused.stderr
    log.must("erase", "contacts", 5, *WHY)
    assert log.run("hold", "--lift", 1).returncode == FOUND_WRONG
    log.must("hold", "--lift", held["id"], "--reason", "closed")
    assert log.must("hold", "--list") == "No hold stands.\n"
    log.must("erase", "contacts", 101, *WHY)
    events = [entry["detail"].get("event") for entry in log.log("kind:control") if "hold" in str(entry["detail"])]
    assert events == ["hold", "hold-lifted"]


def test_what_was_recorded_before_the_subject_was_configured_is_not_passed_over(make_rowledger, cluster, database):
    """Such values cannot be erased alone: whoever erases is told how many there are, and until when."""
    cluster.sql(database, "CREATE TABLE messages (id int PRIMARY KEY, contact_id bigint, organization_id int, body text);"
                          "INSERT INTO messages VALUES (1, 5, 1, 'before'), (2, 6, 1, 'another person''s'), (3, 7, 5, 'likewise')")
    log = make_rowledger(tables=["contacts tenant=organization_id", "messages tenant=organization_id"])
    cluster.sql(database, "UPDATE messages SET body = 'again' WHERE id = 1")
    log.sync()
    log.stop()
    with_subjects = ["contacts tenant=organization_id subject=self",
                     "messages tenant=organization_id subject=contacts subject_column=contact_id"]
    log.write_config(with_subjects)
    log.serve()
    told = log.wait_for_entry(lambda entry: entry.get("detail", {}).get("event") == "subject-changed" and
                              entry["table"] == "public.messages", what="that other rows are persons' now")
    assert (told["detail"]["before"], told["detail"]["after"]) == ("nobody", "public.contacts by contact_id")
    cluster.sql(database, "UPDATE contacts SET phone = '917700' WHERE id = 5; UPDATE messages SET body = 'after' WHERE id = 1")
    log.sync()

    done = log.run("erase", "contacts", 5, *WHY)
    assert done.returncode == FOUND_WRONG and "values of 2 entries about" in done.stdout, done.stdout + done.stderr
    assert "NOT erased: the values of 3 entries" in done.stdout and "no retention is configured" in done.stdout
    ordered = log.log("kind:erase")[-1]["detail"]
    assert (ordered["entries"], ordered["without_subject"]) == (2, 3)
    history = [parse_json(line) for line in log.must("history", "contacts", 5, "--json").splitlines()]
    assert [entry.get("erased", False) for entry in history] == [True, False], "as it was said"

    log.stop()
    log.write_config(with_subjects, "[retention]\nerase_after_days = 400\n")
    log.serve()
    done = log.run("erase", "contacts", 5, *WHY, "--json")
    answer = parse_json(done.stdout)
    assert done.returncode == FOUND_WRONG and answer["without_subject"] == 3
    recorded = datetime.date.fromisoformat(history[1]["received_at"][:10])
    assert answer["without_subject_until"] == str(recorded + datetime.timedelta(days=400))
    # Of a person about whom nothing was recorded before.
    cluster.sql(database, "INSERT INTO contacts (id, name) VALUES (500, 'new')")
    log.sync()
    assert parse_json(log.must("erase", "contacts", 500, *WHY, "--json"))["without_subject"] == 0
    assert len([entry for entry in log.log("kind:control") if entry["detail"].get("event") == "subject-changed"]) == 2


def test_that_an_erased_row_went_is_told_to_its_organisation(make_rowledger, cluster, database):
    """Nothing but headers says whose it was: by DELETE, by TRUNCATE, and found missing by a comparison."""
    cluster.sql(database, "CREATE TABLE cards (contact_id bigint, nr int, organization_id int, PRIMARY KEY (contact_id, nr));"
                          "INSERT INTO cards SELECT n, 1, 1 FROM generate_series(1, 3) n; UPDATE contacts SET organization_id = 2 WHERE id = 6")
    log = make_rowledger(tables=["contacts tenant=organization_id subject=self",
                                 "cards tenant=organization_id subject=contacts subject_column=contact_id"],
                         config="[attribution]\ntrigger = false\n")
    publication = cluster.sql(database, "SELECT pubname FROM pg_publication")[0][0]
    for person in range(1, 7):
        log.must("erase", "contacts", person, *WHY)
    cluster.sql(database, "DELETE FROM contacts WHERE id IN (5, 6); DELETE FROM cards WHERE contact_id = 3; TRUNCATE cards")
    log.sync()
    cluster.sql(database, f"ALTER PUBLICATION {publication} DROP TABLE contacts")
    log.wait_for_entry(lambda entry: entry.get("detail", {}).get("reason") == "table-unpublished")
    cluster.sql(database, "DELETE FROM contacts WHERE id = 4")
    cluster.sql(database, f"ALTER PUBLICATION {publication} ADD TABLE contacts")
    log.wait_for_entry(lambda entry: entry.get("detail", {}).get("reason") == "reconcile")

    def whose(kind, table):
        return {",".join(map(str, entry["key"].values())): (entry.get("tenant"), entry.get("subject"))
                for entry in log.log(f"kind:{kind} table:{table}") if "key" in entry}

    assert whose("delete", "contacts") == {"5": ("1", "public.contacts/5"), "6": ("2", "public.contacts/6")}
    assert whose("delete", "cards") == {f"{n},1": ("1", f"public.contacts/{n}") for n in (1, 2, 3)}
    assert whose("gap", "contacts") == {"4": ("1", "public.contacts/4")}


def test_another_primary_key_does_not_fetch_erased_values_again(make_rowledger, cluster, database):
    """The table is compared with the log then, and nothing but the table tells the new keys of erased rows."""
    cluster.sql(database, "CREATE TABLE cards (contact_id bigint, nr int, organization_id int, pin text, PRIMARY KEY (contact_id, nr));"
                          f"INSERT INTO cards SELECT n, 100 + n, 1, '{PHONE}' FROM generate_series(1, 6) n")
    log = make_rowledger(tables=["contacts tenant=organization_id subject=self",
                                 "cards tenant=organization_id subject=contacts subject_column=contact_id"],
                         config="[attribution]\ntrigger = false\n")
    publication = cluster.sql(database, "SELECT pubname FROM pg_publication")[0][0]
    for person in (4, 5, 6):
        log.must("erase", "contacts", person, *WHY)
    since = log.log(order="desc", limit=1)[0]["seq"] + 1
    cluster.sql(database, "CREATE SEQUENCE uids START 1001; ALTER TABLE contacts DROP CONSTRAINT contacts_pkey,"
                          "ADD COLUMN uid bigint DEFAULT nextval('uids') PRIMARY KEY; DELETE FROM contacts WHERE id = 6;"
                          "BEGIN; ALTER TABLE cards DROP CONSTRAINT cards_pkey; ALTER TABLE cards ADD PRIMARY KEY (nr); COMMIT;"
                          "UPDATE cards SET nr = nr WHERE contact_id = 1; DELETE FROM cards WHERE contact_id = 6")

    def later(condition):
        return [entry for entry in log.log() if entry["seq"] >= since and condition(entry)]

    def move_of(table, old_key):
        found = later(lambda entry: entry["table"] == table and entry.get("old_key", {}).get("id") == old_key or
                      list(entry.get("old_key", {}).values()) == old_key)
        return found[0] if found else None

    def assert_still_erased():
        report = [entry for entry in log.log("key:1005 OR key:105 OR key:1004 OR key:104") if "erased" not in entry]
        assert PHONE not in json.dumps(report) and "9190000" not in json.dumps(report) and "name " not in json.dumps(report)
        for table, key in (("contacts", 1005), ("cards", 105)):
            now = parse_json(log.must("at", table, key, "now", "--json"))
            assert now["exists"] and now["erased"], now

    wait_until(lambda: move_of("public.contacts", ["5"]), 20, "the comparison moves the rows")
    log.sync()
    moved = move_of("public.contacts", ["5"])
    assert moved["key"] == {"uid": "1005"} and moved["tenant"] == "1" and moved["kind"] == "update" and not moved["changes"]
    assert move_of("public.cards", ["5", "105"])["key"] == {"nr": "105"}
    gone = later(lambda entry: entry.get("key") == {"id": "6"})
    assert [(entry["kind"], entry["detail"]["reason"], entry["tenant"]) for entry in gone] == [("gap", "key-changed", "1")]
    assert_still_erased()
    assert parse_json(log.must("at", "contacts", 1003, "now", "--json"))["row"]["phone"] == "91900003", "others are fetched"
    history = [parse_json(line) for line in log.must("history", "contacts", 1005, "--json").splitlines()]
    assert [entry.get("erased", False) for entry in history] == [False, True]

    # Neither by a comparison later on, whatever is left in memory.
    log.kill()
    log.serve()
    assert_still_erased()
    for table in ("contacts", "cards"):
        cluster.sql(database, f"ALTER PUBLICATION {publication} DROP TABLE {table}")
    log.wait_for_entry(lambda entry: entry.get("table") == "public.cards" and entry.get("detail", {}).get("reason") == "table-unpublished")
    cluster.sql(database, f"UPDATE cards SET pin = 'missed' WHERE nr = 101; ALTER PUBLICATION {publication} ADD TABLE contacts, cards")
    log.wait_for_entry(lambda entry: "missed" in json.dumps(entry.get("changes", "")))
    log.sync()
    assert_still_erased()
    # Until it changes.
    cluster.sql(database, "UPDATE contacts SET phone = '91888' WHERE uid = 1005; DELETE FROM contacts WHERE uid = 1004")
    log.sync()
    assert parse_json(log.must("at", "contacts", 1005, "now", "--json"))["row"]["phone"] == "91888"
    assert [entry["tenant"] for entry in log.log("op:remove key:1004")] == ["1"]
    assert parse_json(log.must("verify", "--json"))["ok"]


def test_killed_in_the_middle(log):
    """Whatever the moment: what was ordered is done when the daemon runs again, and the log is whole."""
    rng = random.Random(11)
    for person in range(6, 14):
        ordering = threading.Thread(target=log.run, args=("erase", "contacts", person, *WHY))
        ordering.start()
        time.sleep(rng.random() * 0.06)
        log.kill()
        ordering.join()
        log.serve()
        ordered = [entry for entry in log.log("kind:erase") if entry["detail"]["key"] == str(person)]
        history = [parse_json(line) for line in log.must("history", "contacts", person, "--json").splitlines()]
        assert history and all(entry.get("erased", False) == bool(ordered) for entry in history)
        assert bool(log.log(f"value:9190000{person}")) != bool(ordered)
    assert parse_json(log.must("verify", "--json"))["ok"]
