"""The keys: backed up, lost, put back; another master key; none at all."""

import os
import re
import shutil

from harness import DONE, FOUND_WRONG, parse_json, wait_until

WHY = ("--reason", "asked for it", "--basis", "GDPR Art. 17(1)(b)")
TABLE = "contacts tenant=organization_id subject=self"


def key_events(rowledger):
    """What was done with the keys, as the log tells it, and by whom."""
    details = [entry["detail"] for entry in rowledger.log("kind:control")]
    return [(each["event"], each["by"]["id"]) for each in details if each.get("event", "").startswith("keys-")]


def is_readable(rowledger, key):
    lines = rowledger.must("history", "contacts", key, "--json").splitlines()
    return all("erased" not in parse_json(line) and "locked" not in parse_json(line) for line in lines)


def test_drill(make_rowledger, cluster, database, tmp_path):
    """Backup, everything lost, restored, read again; what was erased since stays erased."""
    rowledger = make_rowledger(tables=[TABLE])
    status = parse_json(rowledger.must("keys", "status", "--json"))
    assert status["persons"] == {"live": 20, "destroyed": 0} and status["master_key"] == "file"
    assert status["verifier_key"] == rowledger.status()["verifier_key"]
    said = rowledger.must("keys", "backup", tmp_path / "keys.backup", "--recovery-key-file", tmp_path / "recovery")
    assert "which is new" in said and (tmp_path / "recovery").stat().st_mode & 0o077 == 0
    assert rowledger.run("keys", "backup", tmp_path / "keys.backup", "--recovery-key-file", tmp_path / "recovery").returncode != DONE
    rowledger.must("erase", "contacts", 4, *WHY)
    assert rowledger.run("keys", "restore", tmp_path / "keys.backup", "--recovery-key-file", tmp_path / "recovery").returncode == FOUND_WRONG
    rowledger.stop()

    master = next(rowledger.parent.glob("data.master-key"))
    shutil.rmtree(rowledger.dir / "keys")
    master.unlink()
    said = rowledger.must("keys", "restore", tmp_path / "keys.backup", "--recovery-key-file", tmp_path / "recovery")
    assert "1 that the log says are erased were destroyed again" in said
    rowledger.serve()
    assert is_readable(rowledger, 3) and not is_readable(rowledger, 4)
    cluster.sql(database, "UPDATE contacts SET phone = '1234' WHERE id IN (3, 4)")
    rowledger.sync()
    assert parse_json(rowledger.must("verify", "--json"))["ok"]
    assert parse_json(rowledger.must("keys", "status", "--json"))["persons"]["destroyed"] == 1
    me = f"uid:{os.geteuid()}"
    assert key_events(rowledger) == [("keys-backup", me), ("keys-restored", me)]


def test_a_backup_that_misses_newer_keys(make_rowledger, cluster, database, tmp_path):
    rowledger = make_rowledger(tables=[TABLE])
    arguments = ("keys", "restore", tmp_path / "keys.backup", "--recovery-key-file", tmp_path / "recovery")
    rowledger.must("keys", "backup", *arguments[2:])
    erased = {parse_json(line)["seq"] for line in rowledger.must("history", "contacts", 4, "--json").splitlines()}
    rowledger.must("erase", "contacts", 4, *WHY)
    cluster.sql(database, "INSERT INTO contacts (id, name, phone) VALUES (30, 'newer', '1'), (31, 'newer', '2')")
    cluster.sql(database, "UPDATE contacts SET phone = '9190' WHERE id = 3")
    rowledger.sync()
    seqs = {key: parse_json(rowledger.must("history", "contacts", key, "--json").splitlines()[0])["seq"] for key in (3, 30, 31)}
    rowledger.stop()
    shutil.rmtree(rowledger.dir / "keys")

    refused = rowledger.run(*arguments)
    assert refused.returncode == FOUND_WRONG and "--give-up-lost" in refused.stderr
    assert re.search(r"some of the entries from \d+ to \d+", refused.stderr), refused.stderr
    assert not (rowledger.dir / "keys" / "subjects.keys").exists(), "nothing was changed"
    said = rowledger.must(*arguments, "--give-up-lost")
    assert "1 that the log says are erased were destroyed again" in said
    named = re.search(r"because their keys are lost: ([0-9, -]+)", said)[1]
    lost = {seq for first, last in re.findall(r"(\d+)(?:-(\d+))?", named) for seq in range(int(first), int(last or first) + 1)}
    assert {seqs[30], seqs[31]} <= lost and seqs[3] not in lost
    rowledger.serve()
    assert is_readable(rowledger, 3) and not is_readable(rowledger, 4) and not is_readable(rowledger, 30)
    for entry in rowledger.log("kind:baseline OR kind:insert OR kind:update"):
        assert bool(entry.get("erased")) == (entry["seq"] in lost | erased), entry
    cluster.sql(database, "UPDATE contacts SET phone = '5' WHERE id IN (3, 30)")
    rowledger.sync()
    newest = parse_json(rowledger.must("history", "contacts", 30, "--json").splitlines()[0])
    assert "erased" not in newest and {"field": "phone", "unknown": True, "new": "5"} in newest["changes"]
    assert parse_json(rowledger.must("verify", "--json"))["ok"]


def test_a_restore_that_ends_early_brings_nobody_back(make_rowledger, cluster, database, tmp_path):
    rowledger = make_rowledger(tables=[TABLE])
    restore = ("keys", "restore", tmp_path / "keys.backup", "--recovery-key-file", tmp_path / "recovery")
    rowledger.must("keys", "backup", *restore[2:])
    rowledger.must("erase", "contacts", 4, *WHY)
    rowledger.stop()
    master = next(rowledger.parent.glob("data.master-key"))
    shutil.rmtree(rowledger.dir / "keys")
    command = "ROWLEDGER_PRIVACY_MASTER_KEY_COMMAND"
    refused = rowledger.run(*restore, **{command: f"echo {'ab' * 32}"})
    assert refused.returncode == FOUND_WRONG and "run this once more" in refused.stderr
    assert (rowledger.dir / "keys" / "subjects.keys").exists()

    rowledger.environment[command] = f"cat {master}"
    refused = rowledger.run("serve")
    assert refused.returncode != DONE and "rowledger keys restore" in refused.stderr, refused.stderr
    refused = rowledger.run("history", "contacts", 4)
    assert refused.returncode != DONE and not refused.stdout, "nor is anything read with these keys"
    said = rowledger.must(*restore)
    assert " 0 keys from the backup" in said and "1 that the log says are erased were destroyed again" in said
    rowledger.serve()
    assert is_readable(rowledger, 3) and not is_readable(rowledger, 4)


def test_a_hold_whose_key_is_lost(make_rowledger, cluster, database, tmp_path):
    """Of an organisation that the backup of the keys does not know. It stands in nobody else's way, and can be lifted."""
    rowledger = make_rowledger(tables=[TABLE])
    arguments = ("keys", "restore", tmp_path / "keys.backup", "--recovery-key-file", tmp_path / "recovery")
    rowledger.must("keys", "backup", *arguments[2:])
    cluster.sql(database, "INSERT INTO contacts (id, organization_id, name) VALUES (30, 9, 'newer')")
    rowledger.sync()
    held = parse_json(rowledger.must("hold", "contacts", 30, "--reason", "case 7", "--json"))
    rowledger.stop()
    shutil.rmtree(rowledger.dir / "keys")
    rowledger.must(*arguments, "--give-up-lost")
    rowledger.serve()
    assert f"{held['id']}  since {held['since']}  its reason and person cannot be read" in rowledger.must("hold", "--list")
    shown = parse_json(rowledger.must("hold", "--list", "--json"))["holds"]
    assert shown == [{"id": held["id"], "since": held["since"], "tenant": "9", "unreadable": True}]
    refused = rowledger.run("erase", "contacts", 30, *WHY)
    assert refused.returncode == FOUND_WRONG and "a hold stands" in refused.stderr
    rowledger.must("erase", "contacts", 3, *WHY)
    rowledger.must("hold", "--lift", held["id"], "--reason", "its key is lost")
    assert rowledger.must("hold", "--list") == "No hold stands.\n"
    rowledger.must("erase", "contacts", 30, *WHY)
    assert parse_json(rowledger.must("verify", "--json"))["ok"]


def test_another_master_key_while_running(make_rowledger, cluster, database):
    rowledger = make_rowledger(tables=[TABLE])
    master = next(rowledger.parent.glob("data.master-key"))
    before = master.read_bytes()
    rowledger.must("keys", "rotate")
    assert master.read_bytes() != before and list(rowledger.parent.glob("data.master-key*")) == [master]
    assert is_readable(rowledger, 3)
    assert key_events(rowledger) == [("keys-rotated", f"uid:{os.geteuid()}")]
    cluster.sql(database, "UPDATE contacts SET phone = '1234' WHERE id = 3")
    rowledger.sync()
    rowledger.kill()
    # As if it had been killed before the new one came to its place: it is found beside it.
    after = master.read_bytes()
    master.with_name(master.name + ".new").write_bytes(after)
    master.with_name(master.name + ".new").chmod(0o600)
    master.write_bytes(before)
    rowledger.serve()
    assert is_readable(rowledger, 3) and master.read_bytes() == after
    assert list(rowledger.parent.glob("data.master-key*")) == [master]


def test_without_the_master_key(make_rowledger, cluster, database):
    rowledger = make_rowledger(tables=[TABLE])
    rowledger.stop()
    master = next(rowledger.parent.glob("data.master-key"))
    away = rowledger.parent / "away"
    master.rename(away)
    rowledger.serve()
    status = rowledger.status()
    assert status["phase"] == "locked" and "keys are locked" in status["problem"]
    cluster.sql(database, "UPDATE contacts SET phone = 'while locked' WHERE id = 3")

    def waiting():
        said = rowledger.status()
        return said["slot"]["retained_bytes"] > 0 and said["lag_bytes"] > 0 and said
    said = wait_until(waiting, 20, "how much WAL waits")
    assert said["slot"]["exists"] and not said["slot"]["active"] and said["slot"]["wal_status"] == "reserved"
    assert any("max_slot_wal_keep_size is not set" in warning for warning in said["warnings"])
    shown = rowledger.run("status").stdout
    assert "not in use, keeps" in shown and "behind the source" in shown and "PROBLEM" in shown
    status, body = rowledger.http_get("/v1/entries?limit=100&all=1")
    assert status == 200 and b'"locked":true' in body and b"9190000" not in body
    status, body = rowledger.http_get("/v1/rows/public.contacts/3/entries")
    assert status == 403 and b"9190000" not in body
    assert rowledger.http_get("/tlog/checkpoint")[0] == 200
    assert rowledger.run("erase", "contacts", 3, *WHY).returncode != DONE
    away.rename(master)
    wait_until(lambda: rowledger.run("sync", "--timeout", "5").returncode == DONE, 20, "capture goes on with the key")
    newest = parse_json(rowledger.must("history", "contacts", 3, "--json").splitlines()[0])
    assert newest["changes"][0]["new"] == "while locked"
    routes = [entry["detail"] for entry in rowledger.log("kind:access") if entry["detail"].get("at")]
    assert [one["route"] for one in routes] == ["entries"], "who looked at the locked log is known, too"


def test_key_files_that_are_gone_are_no_lock(make_rowledger):
    """With the right master key the values are lost, not locked: verify says so, and what it did not look at."""
    rowledger = make_rowledger(tables=[TABLE])
    rowledger.sync()
    rowledger.stop()
    assert rowledger.must("verify").startswith("In order")
    subjects, master = rowledger.dir / "keys" / "subjects.keys", rowledger.parent / "data.master-key"
    subjects.rename(rowledger.parent / "subjects.keys")
    done = rowledger.run("verify")
    assert done.returncode == FOUND_WRONG and "keys cannot be had" in done.stdout and "subjects.keys" in done.stdout
    (rowledger.parent / "subjects.keys").rename(subjects)
    master.rename(rowledger.parent / "elsewhere")
    said = rowledger.must("verify")
    assert "The state was not looked at" in said and "cannot be read without the master key" in said
