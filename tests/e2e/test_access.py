"""Who reads the log is in the log, before he sees anything."""

import getpass
import os
import re

from harness import parse_json


def accesses(rowledger):
    return rowledger.log("kind:access")


def test_each_look_leaves_an_entry(rowledger, cluster):
    cluster.sql(rowledger.database, "UPDATE contacts SET phone = '9198' WHERE id = 3")
    rowledger.sync()
    rowledger.must("history", "contacts", 3)
    rowledger.must("log", "field:phone")
    rowledger.must("at", "contacts", 3, "now")
    assert rowledger.run("history", "contacts", 4711).returncode != 0
    said = [entry["detail"] for entry in accesses(rowledger)]
    who = {"kind": "socket", "id": f"uid:{os.getuid()}", "name": getpass.getuser(), "role": "owner"}
    assert [(one["route"], one.get("query"), one.get("table"), one.get("key"), one.get("entries")) for one in said[-4:]] == [
        ("row.entries", None, "public.contacts", "3", 2),
        ("entries", "field:phone", None, None, 1),
        ("row.at", "when=now", "public.contacts", "3", None),
        ("row.entries", None, "public.contacts", said[-1]["key"], None)]
    assert re.fullmatch("#[0-9a-f]{6}", said[-1]["key"]), "the key of no row may be anything"
    assert all(one["reader"] == who for one in said)
    # The question after accesses is itself among them now, and nowhere else.
    newest = accesses(rowledger)[-1]
    assert newest["detail"]["query"] == "kind:access" and newest["actor"]["trust"] == "verified"
    assert not [entry for entry in rowledger.log() if entry["kind"] == "access"]
    assert parse_json(rowledger.must("verify", "--json"))["ok"]


def test_following_and_exporting_leave_one_each(rowledger, tmp_path):
    rowledger.wait_until_signed()
    rowledger.must("export", "--evidence", tmp_path / "some.evidence", "--row", "contacts", 5)
    before = len(accesses(rowledger))
    connection_status, _ = rowledger.http_get("/v1/status")
    assert connection_status == 200
    rowledger.must("verify")
    rowledger.must("show", 1, "--proof")
    assert len(accesses(rowledger)) == before + 1, "what shows no value leaves no entry"
    assert [entry["detail"]["key"] for entry in rowledger.log("kind:access") if entry["detail"]["route"] == "evidence"] == ["5"]


def test_without_the_daemon_it_is_noted_and_taken_over(rowledger):
    rowledger.stop()
    rowledger.must("history", "contacts", 7)
    rowledger.must("verify")
    note = rowledger.dir / "offline-access"
    assert note.stat().st_mode & 0o777 == 0o600
    rowledger.serve()
    assert not note.exists()
    taken = [entry for entry in accesses(rowledger) if entry["detail"]["reader"]["kind"] == "offline"]
    assert [(one["detail"]["route"], one["detail"].get("key")) for one in taken] == [
        ("open", None), ("row.entries", "7"), ("open", None)]
    assert all(one["detail"]["at"] < one["received_at"] and one["actor"]["trust"] == "claimed" for one in taken)
