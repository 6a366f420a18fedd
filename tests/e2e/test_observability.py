"""/metrics, health and the program's own log, from outside."""

import json
import re
from pathlib import Path

import pytest

from harness import REPOSITORY, wait_until

OPS = REPOSITORY / "ops"
SAMPLE = re.compile(r'^([a-z_0-9]+)(?:\{(.*)\})? (-?[0-9.e+-]+|NaN|[+-]Inf)$')


def metrics(rowledger):
    """{name: {labels: value}}"""
    status, body = rowledger.http_get("/metrics")
    assert status == 200, body
    found = {}
    for line in body.decode().splitlines():
        if not line.startswith("#"):
            name, labels, value = SAMPLE.match(line).groups()
            found.setdefault(name, {})[labels or ""] = float(value)
    return found


def names_in(body):
    return {line.split()[2] for line in body.decode().splitlines() if line.startswith("# TYPE")}


def used_names():
    """Every metric of ours that the dashboard and the rules name."""
    texts = []
    for file in OPS.glob("grafana/*.json"):
        dashboard = json.loads(file.read_text())
        for panel in dashboard["panels"]:
            texts += [target["expr"] for target in panel.get("targets", [])]
        texts += [variable["query"]["query"] for variable in dashboard["templating"]["list"] if variable["type"] == "query"]
    for file in OPS.glob("prometheus/*.rules.yml"):
        texts += [line for line in file.read_text().splitlines() if "runbook" not in line]
    return {name for text in texts for name in re.findall(r"\browledger_[a-z0-9_]+", text)}


def test_every_metric_of_dashboard_and_rules_is_there(rowledger, cluster, database):
    cluster.sql(database, "UPDATE contacts SET phone = '1' WHERE id = 1")
    rowledger.sync()
    rowledger.http_get("/v1/entries?limit=1")
    status, body = rowledger.http_get("/metrics")
    assert status == 200
    there = names_in(body)
    there |= {f"{name}_{part}" for name in there for part in ("bucket", "sum", "count")
              if f"# TYPE {name} histogram" in body.decode()}
    used = used_names()
    assert len(used) > 20
    assert used - there == set()
    # And the other way round: what nobody looks at is no use.
    looked_at = {re.sub(r"_(bucket|sum|count)$", "", name) for name in used}
    assert names_in(body) - looked_at == set()


def test_runbook_has_every_alert():
    rules = (OPS / "prometheus/rowledger.rules.yml").read_text()
    alerts = re.findall(r"- alert: (\w+)", rules)
    assert re.findall(r"docs/operations.md#(\w+)", rules) == [name.lower() for name in alerts]
    runbook = (REPOSITORY / "docs/operations.md").read_text()
    assert re.findall(r"^### (Rowledger\w+)$", runbook, re.MULTILINE) == alerts


def test_metrics_follow_what_happens(rowledger, cluster, database):
    rowledger.sync()
    before = metrics(rowledger)
    assert before["rowledger_capture_phase"]['phase="streaming"'] == 1
    assert before["rowledger_log_writable"][""] == 1
    cluster.sql(database, "UPDATE contacts SET phone = '1' WHERE id <= 7; DELETE FROM contacts WHERE id = 8")
    rowledger.sync()
    after = metrics(rowledger)
    grown = {labels: value - before["rowledger_entries_total"][labels]
             for labels, value in after["rowledger_entries_total"].items()}
    assert grown['kind="update"'] == 7 and grown['kind="delete"'] == 1
    assert after["rowledger_log_entries"][""] == rowledger.status()["entries"]
    assert after["rowledger_gaps_total"][""] == 0
    assert after["rowledger_slot_exists"][""] == 1
    # Whether somebody reads the slot is looked at every two seconds.
    wait_until(lambda: metrics(rowledger)["rowledger_slot_active"][""] == 1, 10, "the slot is read")
    assert after["rowledger_seal_enabled"][""] == 1
    assert after["rowledger_seal_keys"]['of="tenant",state="live"'] >= 1
    assert after["rowledger_disk_free_bytes"][""] > 0
    assert 0 <= after["rowledger_capture_lag_seconds"][""] < 60

    def signed():
        now = metrics(rowledger)
        return now["rowledger_checkpoint_entries"][""] >= after["rowledger_log_entries"][""]

    wait_until(signed, 10, "a checkpoint over all entries")


def test_a_stopped_source_shows_and_the_log_stays_readable(rowledger, cluster):
    cluster.stop("immediate")
    wait_until(lambda: metrics(rowledger)["rowledger_capture_problem"][""] == 1, 20, "the problem in /metrics")
    assert metrics(rowledger)["rowledger_capture_phase"]['phase="waiting"'] == 1
    assert rowledger.http_get("/readyz")[0] == 200
    assert rowledger.http_get("/healthz") == (200, b'{"status":"alive"}')


def test_requests_are_timed_by_pattern_without_ids(rowledger):
    for path in ("/v1/rows/public.contacts/17", "/v1/rows/public.contacts/18", "/v1/rows/public.contacts/4711",
                 "/v1/nothing/here/4711"):
        rowledger.http_get(path)
    counts = metrics(rowledger)["rowledger_http_request_duration_seconds_count"]
    row = 'route="/v1/rows/{table}/{key}",method="GET",status='
    assert counts[row + '"2xx"'] == 2
    assert counts[row + '"4xx"'] == 1
    assert counts['route="none",method="none",status="4xx"'] == 1
    _, body = rowledger.http_get("/metrics")
    assert b"4711" not in body and b"contacts/17" not in body


MARKS = ["Zaphodmark", "98765432123", "Secretnote"]


@pytest.mark.parametrize("seal", [True, False])
def test_the_programs_log_is_json_and_has_no_values(make_rowledger, cluster, database, seal):
    rowledger = make_rowledger(tables=["contacts tenant=organization_id subject=self"],
                               config="" if seal else "[privacy]\nseal = false")
    name, phone, note = MARKS
    cluster.sql(database, "UPDATE contacts SET name = %s, phone = %s, note = %s WHERE id = 1", (name, phone, note))
    cluster.sql(database, "INSERT INTO contacts (id, name, phone) VALUES (98765432123, %s, %s)", (name, phone))
    rowledger.sync()
    # Questions with values in them, right ones and wrong ones.
    for path in (f"/v1/entries?q={name}", f"/v1/entries?q=new:{phone}", f"/v1/entries?q=nokey:{phone}%20(",
                 f"/v1/rows/public.contacts/{phone}", f"/v1/rows/public.contacts/{phone}/at?when={name}",
                 f"/v1/rows/public.{name}/1", f"/v1/entries/{phone}", f"/v1/entries?cursor={note}",
                 f"/v1/evidence?q={name}", f"/v1/{note}", f"/v1/exports/{note}"):
        rowledger.http_get(path)
    # Things that the program has to tell: the source goes away and comes back, a column is redefined.
    cluster.stop("immediate")
    wait_until(lambda: metrics(rowledger)["rowledger_capture_problem"][""] == 1, 20, "the problem")
    cluster.start()
    wait_until(lambda: metrics(rowledger)["rowledger_capture_problem"][""] == 0, 20, "capture goes on")
    cluster.sql(database, "ALTER TABLE contacts ALTER COLUMN note TYPE varchar(80) USING upper(note)")
    cluster.sql(database, "UPDATE contacts SET name = %s || id", (name,))
    rowledger.sync()
    rowledger.stop()
    text = Path(rowledger.log_path).read_text()
    # The invitation of the first administrator, on standard output, is for whoever started the program.
    lines = [line for line in text.splitlines() if not re.match(r"Nobody has|\(later:|http://127\.0\.0\.1:\d+/#/", line)]
    assert len(lines) > 4
    for line in lines:
        entry = json.loads(line)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", entry["time"])
        assert entry["level"] in ("debug", "info", "warning", "error")
        assert entry["message"]
    for mark in MARKS:
        assert mark.lower() not in text.lower()


def test_a_start_tells_which_sections_were_configured_otherwise(make_rowledger):
    rowledger = make_rowledger(config="[http]\ntrusted_proxies = [\"192.0.2.7\"]")

    def start_with(config):
        rowledger.stop()
        rowledger.write_config(["contacts tenant=organization_id"], config)
        rowledger.serve()

    start_with("[retention]\nkeep_days = 250\n[[mask]]\ntable = \"public.contacts\"\nplain = [\"phone\"]")
    start_with("[retention]\nkeep_days = 250\n[[mask]]\ntable = \"public.contacts\"\nplain = [\"name\"]")
    start_with("[retention]\nkeep_days = 250\n[[mask]]\ntable = \"public.contacts\"\nplain = [\"name\"]")
    starts = [each["detail"] for each in rowledger.log("kind:control") if each["detail"].get("event") == "start"]
    assert [each.get("config_changed") for each in starts] == [None, ["http", "mask", "retention"], ["mask"], None]
    assert "192.0.2.7" not in json.dumps(starts) and "phone" not in json.dumps(starts), "which, not what"
