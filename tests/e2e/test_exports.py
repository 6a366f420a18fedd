"""Exports: every format, the signed list, parts of a file, what becomes of the files."""

import codecs
import csv
import gzip
import hashlib
import io
import json
import socket
import subprocess
import time
from pathlib import Path

import jsonschema
import pytest

from harness import DONE, WRONG_USAGE, PROGRAM, REPOSITORY, wait_until
from web import Web


def request(rowledger, method, target, headers=(), body=b""):
    """(status, headers in lower case, body)"""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(rowledger.socket_path()))
        head = [f"{method} {target} HTTP/1.0", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
        connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        answer = b""
        while piece := connection.recv(1 << 16):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}, body


def order(rowledger, headers=(), **members):
    status, _, body = request(rowledger, "POST", "/v1/exports", headers, json.dumps(members).encode())
    return status, json.loads(body)


def finished(rowledger, export):
    def look():
        status, _, body = request(rowledger, "GET", f"/v1/exports/{export['id']}")
        assert status == 200, body
        state = json.loads(body)
        return state if state["state"] in ("done", "failed") else None

    state = wait_until(look, 30, "the export is finished")
    assert state["state"] == "done", state
    return state


def exported(rowledger, **members):
    """The file of an export, fetched whole."""
    status, export = order(rowledger, **members)
    assert status == 202, export
    state = finished(rowledger, export)
    status, headers, body = request(rowledger, "GET", f"/v1/exports/{export['id']}/data")
    assert status == 200
    assert len(body) == state["bytes"]
    assert hashlib.sha256(body).hexdigest() == state["sha256"]
    assert headers["etag"] == f'"{state["sha256"]}"'
    return body


HOSTILE = ["=cmd|' /C calc'!A0", "+919812345678", "-2+3", "@SUM(1)", "\tx", "रुखसाना, \"बेगम\"\nline two"]


@pytest.fixture
def filled(rowledger, cluster, database):
    for number, text in enumerate(HOSTILE, 1):
        cluster.sql(database, "UPDATE contacts SET name = %s WHERE id = %s", (text, number))
    cluster.sql(database, "UPDATE contacts SET phone = NULL, note = '' WHERE id = 9")
    cluster.sql(database, "DELETE FROM contacts WHERE id = 20")
    rowledger.sync()
    return rowledger


def test_ndjson_is_what_log_shows(filled):
    lines = exported(filled, format="ndjson", q="op:modify").decode().splitlines()
    assert [json.loads(line) for line in lines] == json.loads(json.dumps(filled.log("op:modify")))
    assert len(lines) == len(HOSTILE) + 1


def test_csv_opens_in_a_spreadsheet(filled):
    body = exported(filled, format="csv", q="op:modify")
    assert body.startswith(codecs.BOM_UTF8)
    text = body.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    names = [row["new"] for row in rows if row["field"] == "name"]
    assert names == ["'" + text for text in HOSTILE[:5]] + HOSTILE[5:]
    assert not any(cell and cell[0] in "=+-@\t\r" for row in rows for cell in row.values())
    # NULL is nothing at all, an empty text is "".
    assert ',"note",,,"",' in text and ',"phone",,"91900009",,' in text
    assert {row["table"] for row in rows} == {"public.contacts"}


def test_cloud_events_and_ocsf_are_one_event_a_line(filled):
    events = [json.loads(line) for line in exported(filled, format="cloudevents", q="kind:*").splitlines()]
    assert {event["specversion"] for event in events} == {"1.0"}
    assert {event["type"] for event in events} >= {
        "org.rowledger.change.update.v1", "org.rowledger.change.delete.v1", "org.rowledger.baseline.v1",
        "org.rowledger.control.control.v1"}
    assert len({(event["source"], event["id"]) for event in events}) == len(events)
    ocsf = [json.loads(line) for line in exported(filled, format="ocsf", q="op:*").splitlines()]
    assert {event["class_uid"] for event in ocsf} == {6005}
    assert {event["activity_id"] for event in ocsf} == {2, 7}


def test_ocsf_is_what_its_schema_says(filled, cluster, database):
    cluster.sql(database, "INSERT INTO contacts (id, name, organization_id) VALUES (900, 'new', 1); TRUNCATE contacts")
    filled.sync()
    filled.http_get("/v1/rows/public.contacts/1")  # an entry about who looked
    schema = json.loads((REPOSITORY / "tests/golden/ocsf/datastore_activity.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    events = [json.loads(line) for line in exported(filled, format="ocsf", q="kind:*", all=True).splitlines()]
    for event in events:
        validator.validate(event)
    assert {event["activity_id"] for event in events} == {1, 2, 6, 7, 99}
    # The schema does refuse.
    event = next(event for event in events if event["activity_id"] == 2)
    assert not validator.is_valid(event | {"activity_id": 1}) and not validator.is_valid(event | {"severity_id": 7})
    assert not validator.is_valid(event | {"src_endpoint": {"ip": "nowhere"}}) and not validator.is_valid(event | {"entry": 1})
    for name in schema["required"]:
        assert not validator.is_valid({key: value for key, value in event.items() if key != name}), name


def test_the_manifest_is_signed_and_says_what_was_exported(filled, tmp_path):
    file = tmp_path / "out.csv"
    filled.must("export", "op:modify", "--format", "csv", "--output", file)
    manifest = (tmp_path / "out.csv.manifest").read_text()
    said = dict(line.split(" ", 1) for line in manifest.split("\n\n")[0].splitlines())
    body = file.read_bytes()
    entries = filled.log("op:modify")
    assert said["rowledger"] == "export v1"
    assert said["sha256"] == hashlib.sha256(body).hexdigest()
    assert int(said["bytes"]) == len(body)
    assert (int(said["entries"]), int(said["first"]), int(said["last"])) == (
        len(entries), entries[0]["seq"], entries[-1]["seq"])
    assert said["query"] == '"op:modify"' and said["format"] == "csv"
    assert json.loads(said["reader"].split(" ", 1)[0]).startswith("uid:")
    # The checkpoint covers all that could have been exported, and is the log's.
    size = int(said["checkpoint"].split()[0])
    assert size >= int(said["log-entries"]) >= entries[-1]["seq"]
    assert file.stat().st_mode & 0o777 == 0o600
    # The signature line is the log's own key's.
    name = filled.status()["verifier_key"].split("+")[0]
    assert manifest.split("\n\n")[1].startswith(f"— {name} ")


def test_parts_and_going_on(filled):
    _, export = order(filled, format="ndjson", q="kind:*")
    state = finished(filled, export)
    data = f"/v1/exports/{export['id']}/data"
    _, _, whole = request(filled, "GET", data)
    size = len(whole)

    def part(value, *more):
        status, headers, body = request(filled, "GET", data, [f"Range: {value}", *more])
        return status, headers.get("content-range"), body

    assert part("bytes=0-9") == (206, f"bytes 0-9/{size}", whole[:10])
    assert part("bytes=100-") == (206, f"bytes 100-{size - 1}/{size}", whole[100:])
    assert part("bytes=-7") == (206, f"bytes {size - 7}-{size - 1}/{size}", whole[-7:])
    assert part(f"bytes=5-{size * 2}") == (206, f"bytes 5-{size - 1}/{size}", whole[5:])
    assert part(f"bytes={size}-")[:2] == (416, f"bytes */{size}")
    for ignored in ("bytes=9-5", "bytes=a-", "lines=1-2", "bytes=0-1,5-6"):
        assert part(ignored) == (200, None, whole), ignored
    assert part("bytes=0-9", f'If-Range: "{state["sha256"]}"')[0] == 206
    assert part("bytes=0-9", 'If-Range: "another"') == (200, None, whole)
    # The file outlives the daemon.
    filled.stop()
    filled.serve()
    assert part("bytes=100-")[2] == whole[100:]


def test_it_is_compressed_for_who_takes_that(filled):
    web = Web(filled.status()["http"]["url"],
              token=filled.must("token", "create", "--name", "t", "--role", "auditor").split()[-1])
    export = web.post("/v1/exports", {"format": "ndjson", "q": "kind:*"}).json()
    data = f"/v1/exports/{export['id']}/data"
    state = wait_until(lambda: (s := web.get(f"/v1/exports/{export['id']}").json())["state"] == "done" and s, 30, "it is done")
    plain, packed = web.get(data), web.get(data, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers and packed.headers["Content-Encoding"] == "gzip"
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed.body) == plain.body and len(packed.body) * 3 < len(plain.body)
    assert hashlib.sha256(plain.body).hexdigest() == state["sha256"]
    # Whose parts are asked for is not compressed; what is compressed offers no parts.
    assert packed.headers["ETag"] == "W/" + plain.headers["ETag"] and "Accept-Ranges" not in packed.headers
    part = web.get(data, headers={"Accept-Encoding": "gzip", "Range": "bytes=10-19"})
    assert (part.status, part.body) == (206, plain.body[10:20]) and "Content-Encoding" not in part.headers
    part = web.get(data, headers={"Range": "bytes=10-19", "If-Range": packed.headers["ETag"]})
    assert (part.status, part.body) == (200, plain.body)


def test_what_comes_later_is_not_in_it(filled, cluster, database):
    _, export = order(filled, format="ndjson", q="op:modify")
    end = filled.status()["entries"]
    cluster.sql(database, "UPDATE contacts SET phone = '7' WHERE id <= 10")
    filled.sync()
    finished(filled, export)
    _, _, body = request(filled, "GET", f"/v1/exports/{export['id']}/data")
    assert all(json.loads(line)["seq"] < end for line in body.splitlines())


def test_orders_that_make_no_sense_are_refused(filled):
    for body, word in ((b"[]", "object"), (b"{}", "format"), (b'{"format":"xml"}', "format"),
                       (b'{"format":"csv","query":"x"}', "format, q"), (b'{"format":"csv","q":7}', "q"),
                       (b'{"format":"csv","images":true}', "images"), (b'{"format":"csv","q":"nokey:1"}', "nokey")):
        status, headers, answer = request(filled, "POST", "/v1/exports", (), body)
        assert status == 400 and word in json.loads(answer)["detail"], (body, answer)
        assert headers["content-type"] == "application/problem+json"
    assert request(filled, "GET", "/v1/exports/0123")[0] == 404
    assert request(filled, "GET", "/v1/exports/..%2F..%2Fkeys.toml/data")[0] == 404
    assert filled.run("export", "--format", "xml").returncode == WRONG_USAGE
    assert filled.run("export", "--format", "csv", "nokey:1").returncode == WRONG_USAGE


def test_the_same_idempotency_key_is_the_same_export(filled):
    ids = {order(filled, ["Idempotency-Key: abc"], format="csv")[1]["id"] for _ in range(3)}
    assert len(ids) == 1
    assert order(filled, format="csv")[1]["id"] not in ids


def test_standard_output_and_a_reader_that_goes_away(filled):
    done = filled.run("export", "--format", "csv", "op:modify", text=False)
    assert done.returncode == DONE
    assert done.stdout.startswith(codecs.BOM_UTF8)
    # `| head`
    with subprocess.Popen([PROGRAM, "export", "--format", "ndjson", "kind:*"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env={"ROWLEDGER_DIR": str(filled.dir)}) as process:
        process.stdout.close()
        assert process.wait(30) == DONE, process.stderr.read()


def test_without_a_daemon_it_is_the_same(filled, tmp_path):
    files = [tmp_path / "with.csv", tmp_path / "without.csv"]
    filled.must("export", "op:modify", "--format", "csv", "--output", files[0])
    waiting = sorted((filled.dir / "exports").iterdir())
    filled.stop()
    filled.must("export", "op:modify", "--format", "csv", "--output", files[1])
    assert files[0].read_bytes() == files[1].read_bytes()
    said = [dict(line.split(" ", 1) for line in Path(f"{file}.manifest").read_text().split("\n\n")[0].splitlines())
            for file in files]
    for name in ("sha256", "entries", "first", "last", "query", "tenant"):
        assert said[0][name] == said[1][name]
    assert said[1]["checkpoint"] != "none"
    assert filled.run("export", "--format", "ndjson", "op:modify").stdout.count("\n") == int(said[1]["entries"])
    assert filled.run("export", "--format", "csv", "nokey:1").returncode == WRONG_USAGE
    # Nothing of it stays, and what waited for the daemon's readers does.
    assert sorted((filled.dir / "exports").iterdir()) == waiting
    filled.serve()
    accesses = filled.log('kind:access', order="desc")
    assert sum(entry["detail"]["route"] == "exports" and entry["detail"]["reader"]["kind"] == "offline" for entry in accesses) == 2


def test_files_are_for_their_owner_only(filled):
    finished(filled, order(filled, format="csv")[1])
    directory = filled.dir / "exports"
    assert directory.stat().st_mode & 0o777 == 0o700
    assert [file.stat().st_mode & 0o777 for file in directory.iterdir()] == [0o600, 0o600]
