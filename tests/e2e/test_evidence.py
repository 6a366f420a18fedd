"""The log proves itself: verify, proofs, exports, evidence; also to code that is not Rowledger's."""

import json
import os
import shutil
import subprocess

import pytest

from harness import DONE, PROGRAM, Rowledger, parse_json

FOUND_WRONG, WRONG_USAGE = 1, 2


def begin_log(cluster):
    database = cluster.create_database()
    cluster.sql(database, __import__("conftest").CONTACTS)
    rowledger = Rowledger(cluster, database)
    # As `init` names them.
    rowledger.environment = {"ROWLEDGER_PRIVACY_MASTER_KEY_FILE": "../data.master-key",
                             "ROWLEDGER_LEDGER_SECOND_CHECKPOINT": "../data.checkpoint"}
    rowledger.init(["contacts tenant=organization_id subject=self housekeeping=note"])
    rowledger.attach()
    rowledger.serve()
    return rowledger


@pytest.fixture(scope="module")
def log(cluster):
    rowledger = begin_log(cluster)
    cluster.psql(rowledger.database, """
        INSERT INTO contacts (id, organization_id, name, phone)
          SELECT n, 1 + n % 3, 'person ' || n, n::text FROM generate_series(1000, 1699) n;
        UPDATE contacts SET phone = '91' || phone WHERE id < 1100;
        UPDATE contacts SET name = 'Asha' WHERE id = 1005;
        UPDATE contacts SET name = 'Asha Kulkarni' WHERE id = 1005;
        UPDATE contacts SET id = 5000 WHERE id = 1006;
        DELETE FROM contacts WHERE id = 1007;
        """)
    rowledger.sync()
    rowledger.wait_until_signed()
    yield rowledger
    rowledger.close()
    cluster.drop_slots()


@pytest.fixture
def somewhere(tmp_path):
    """A directory without data, where nothing but the program is."""
    def run(*arguments):
        env = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "ROWLEDGER_"))}
        return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, cwd=tmp_path,
                              env=env | {"NO_COLOR": "1"}, timeout=60)
    run.path = tmp_path
    return run


def verifier_key(log):
    return log.status()["verifier_key"]


def test_verify_beside_the_daemon_and_without_it(log):
    said = log.must("verify")
    assert said.startswith("In order: ") and "Signed: " in said
    report = parse_json(log.must("verify", "--json", "--threads", 2))
    assert report["ok"] and report["findings"] == []
    assert report["entries"] > 800 and report["values"] == report["headers"] == report["entries"]
    assert report["rows"] > 700 and report["rows_unproven"] == 0 and report["links"] > 100
    newer = parse_json(log.must("verify", "--json", "--since", 512))
    assert newer["ok"] and newer["headers"] == newer["entries"] - 512
    fast = parse_json(log.must("verify", "--json", "--headers-only"))
    assert fast["ok"] and fast["values"] == 0
    log.stop()
    try:
        here = parse_json(log.must("verify", "--json"))
        assert here["ok"] and here["entries"] >= report["entries"] and here["unsigned_entries"] == 0
    finally:
        log.serve()


def test_verify_route_answers_one_json_value(log):
    status, body = log.http_get("/v1/integrity/verify?since=0")
    assert status == 200 and json.loads(body)["ok"] is True
    assert log.http_get("/v1/integrity/verify?since=x")[0] == 400


def test_export_tlog_is_accepted_by_others(log, tlogcheck, tmp_path):
    log.must("export", "--tlog", tmp_path / "tlog")
    done = subprocess.run([tlogcheck, tmp_path / "tlog", verifier_key(log)], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("ok: "), done.stdout
    # Proofs made later are of later checkpoints of the same log.
    (tmp_path / "tlog/proofs").mkdir()
    for seq in (0, 255, 256, 700):
        proof = log.must("show", seq, "--proof")
        (tmp_path / f"tlog/proofs/{seq}.tlog-proof").write_text(proof)
    done = subprocess.run([tlogcheck, tmp_path / "tlog", verifier_key(log)], capture_output=True, text=True)
    assert done.returncode == 0 and "4 proofs" in done.stdout, done.stdout
    again = log.run("export", "--tlog", tmp_path / "tlog")
    assert again.returncode == WRONG_USAGE and "not empty" in again.stderr


def test_tlog_without_daemon(log, tlogcheck, tmp_path):
    log.stop()
    try:
        log.must("export", "--tlog", tmp_path / "tlog")
        key = verifier_key(log)
    finally:
        log.serve()
    done = subprocess.run([tlogcheck, tmp_path / "tlog", key], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_proof_of_an_entry_just_recorded(log, cluster):
    cluster.sql(log.database, "UPDATE contacts SET name = 'just now' WHERE id = 1010")
    log.sync()
    log.wait_until_signed()
    newest = log.log(order="desc", limit=1)[0]["seq"]
    assert log.must("show", newest, "--proof").startswith("c2sp.org/tlog-proof@v1\n")
    refused = log.run("show", 10_000_000, "--proof")
    assert refused.returncode == FOUND_WRONG and "no entry" in refused.stderr


def test_evidence_of_a_row_is_checked_without_the_log(log, somewhere):
    file = somewhere.path / "row.evidence"
    said = log.must("export", "--evidence", file, "--row", "contacts", 1005)
    assert "entries with their proofs" in said
    assert file.stat().st_mode & 0o077 == 0
    for key in ([], ["--key", verifier_key(log)]):
        done = somewhere("verify", "--evidence", file, *key)
        assert done.returncode == DONE, done.stdout + done.stderr
        assert "Asha Kulkarni" in done.stdout and "NOT PROVEN" not in done.stdout
        assert ("The key is the one in the file itself" in done.stdout) == (not key)
    *entries, last = [json.loads(line) for line in somewhere("verify", "--json", "--evidence", file).stdout.splitlines()]
    # Whether row or subject, it is the same person's.
    assert [entry["entry"]["kind"] for entry in entries] == ["insert", "update", "update", "update"]
    assert all(entry["proven"] for entry in entries)
    summary = last["summary"]
    assert summary["entries"] == summary["proven"] == 4 and summary["links_outside"] == 0
    assert summary["key_from_file"] is True and summary["verifier_key"] == verifier_key(log)
    assert summary["checkpoint"]["size"] > 800 and summary["checkpoint"]["origin"] and summary["checkpoint"]["root"]
    known = somewhere("verify", "--json", "--evidence", file, "--key", verifier_key(log)).stdout.splitlines()
    assert json.loads(known[-1])["summary"]["key_from_file"] is False


@pytest.mark.parametrize("what", [["--subject", "public.contacts/1005"], ["op:remove"], ["--entry", "3"], ["actor:nobody OR op:create", "--all"]])
def test_evidence_of_other_things(log, somewhere, what):
    file = somewhere.path / "some.evidence"
    log.must("export", "--evidence", file, *what)
    done = somewhere("verify", "--evidence", file, "--key", verifier_key(log))
    assert done.returncode == DONE, done.stdout + done.stderr


def test_altered_evidence(log, somewhere):
    file = somewhere.path / "row.evidence"
    log.must("export", "--evidence", file, "--entry", 700)
    content = file.read_bytes()
    for at in range(0, len(content), 23):
        file.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1:])
        done = somewhere("verify", "--evidence", file)
        assert done.returncode == FOUND_WRONG, (at, done.stdout)
    file.write_bytes(content)
    other = verifier_key(log)[:-3] + "AA="
    assert somewhere("verify", "--evidence", file, "--key", other).returncode in (FOUND_WRONG, WRONG_USAGE)
    assert somewhere("verify", "--evidence", somewhere.path / "none").returncode == WRONG_USAGE


def refused_to_serve(rowledger):
    """What it says on its way out."""
    rowledger.serve(wait=False)
    assert rowledger.process.wait(20) == FOUND_WRONG
    rowledger.process = None
    return rowledger.log_path.read_text().splitlines()[-1]


def test_an_older_copy_is_refused_also_where_the_second_checkpoint_is_gone(make_rowledger, cluster, database):
    rowledger = make_rowledger()
    rowledger.stop()
    second, older = rowledger.parent / "data.checkpoint", rowledger.parent / "older"
    shutil.copytree(rowledger.dir, older)
    rowledger.serve()
    cluster.sql(database, "UPDATE contacts SET name = 'Asha' WHERE id = 5")
    rowledger.sync()
    rowledger.stop()
    newest = rowledger.parent / "newest"
    rowledger.dir.rename(newest)
    older.rename(rowledger.dir)
    assert "older copy" in refused_to_serve(rowledger)
    second.rename(rowledger.parent / "elsewhere")
    said = refused_to_serve(rowledger)
    assert str(second) in said and "--without-second-checkpoint" in said
    assert "second checkpoint" in rowledger.must("verify") and not second.exists()

    # The newest copy, where the file is lost for good.
    shutil.rmtree(rowledger.dir)
    newest.rename(rowledger.dir)
    assert str(second) in refused_to_serve(rowledger)
    rowledger.serve("--without-second-checkpoint")
    rowledger.wait_for_entry(lambda entry: entry.get("detail", {}).get("event") == "second-checkpoint-lost")
    rowledger.stop()
    assert second.exists() and "second checkpoint" not in rowledger.must("verify")
    rowledger.serve()


def test_evidence_is_not_written_over_a_file(log, tmp_path):
    (tmp_path / "file").write_text("mine")
    done = log.run("export", "--evidence", tmp_path / "file", "--entry", 1)
    assert done.returncode == WRONG_USAGE and (tmp_path / "file").read_text() == "mine"


def second_checkpoint(log):
    return log.parent / "data.checkpoint"


def put_back(log, copy):
    """The data directory, or a copy of it, and its second checkpoint: what a backup of the machine has."""
    shutil.rmtree(log.dir)
    shutil.copytree(copy, log.dir)
    shutil.copy(copy / "second", second_checkpoint(log))


def test_a_log_written_anew_with_its_own_key(cluster, tmp_path):
    log = begin_log(cluster)
    try:
        key = verifier_key(log)
        cluster.sql(log.database, "INSERT INTO contacts (id, organization_id, name) SELECT n, 1, 'before' FROM generate_series(2000, 2299) n")
        log.sync()
        log.stop()
        early, late = tmp_path / "early", tmp_path / "late"
        shutil.copy(second_checkpoint(log), early)
        copy = shutil.copytree(log.dir, tmp_path / "copy")
        shutil.copy(early, copy / "second")
        log.serve()
        cluster.sql(log.database, "UPDATE contacts SET name = 'not to be known' WHERE id BETWEEN 2000 AND 2010")
        log.sync()
        log.stop()
        shutil.copy(second_checkpoint(log), late)
        # It goes on from before the changes, as if they had never been, and signs.
        put_back(log, copy)
        log.serve()
        cluster.sql(log.database, "UPDATE contacts SET name = 'instead' WHERE id BETWEEN 2000 AND 2100")
        log.sync()
        for runs in (True, False):
            if not runs:
                log.stop()
            assert log.must("verify").startswith("In order: ")
            held = log.must("verify", "--key", key, "--checkpoint", early)
            assert "It holds what the checkpoint signs that was kept elsewhere." in held
            found = log.run("verify", "--key", key, "--checkpoint", early, "--checkpoint", late)
            assert found.returncode == FOUND_WRONG, found.stdout
            assert "are not those that were signed (a checkpoint that was kept elsewhere)" in found.stdout
            assert parse_json(log.run("verify", "--json", "--checkpoint", late).stdout)["findings_total"] == 1
            another = log.run("verify", "--key", "other" + key.replace("+", "2+", 1), "--checkpoint", early)
            assert another.returncode == WRONG_USAGE, another.stderr
        # With a key of its own it does not pass either.
        others = begin_log(cluster)
        try:
            found = log.run("verify", "--key", verifier_key(others))
            assert found.returncode == FOUND_WRONG and "cannot be believed" in found.stdout
            found = log.run("verify", "--checkpoint", second_checkpoint(others))
            assert found.returncode == FOUND_WRONG and "say that one by --key" in found.stderr
        finally:
            others.close()
        missing = log.run("verify", "--checkpoint", tmp_path / "none")
        assert missing.returncode == WRONG_USAGE and "cannot read" in missing.stderr
        assert log.run("verify", "--checkpoint", early, "--evidence", early).returncode == WRONG_USAGE
    finally:
        log.close()


def test_tlog_resources(log):
    status, note = log.http_get("/tlog/checkpoint")
    assert status == 200 and int(note.split(b"\n")[1]) > 800
    assert len(log.http_get("/tlog/tile/0/000")[1]) == 8192
    assert len(log.http_get("/tlog/tile/1/000.p/2")[1]) == 64
    assert log.http_get("/tlog/tile/entries/000")[0] == 200
    for missing in ("tile/0/999", "tile/9/000", "tile/entries/x999/999", "tile/0/0", "nothing"):
        assert log.http_get("/tlog/" + missing)[0] == 404, missing
