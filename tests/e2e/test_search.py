"""Each key of the search finds by index what a scan finds."""

import json
import re

import pytest

PRIYA = '{"actor_id": "7", "actor_name": "Priya Raman", "via": "app", "request_id": "r-17", "reason": "caller asked for it"}'
WORKLOAD = f"""
BEGIN; SELECT set_config('rowledger.context', '{PRIYA}', true);
UPDATE contacts SET phone = '91 98123-45678', name = 'Asha Kulkarni' WHERE id = 3; COMMIT;
BEGIN; SELECT set_config('rowledger.context', '{{"actor_id": "8", "via": "import"}}', true);
INSERT INTO contacts (id, organization_id, name, phone) SELECT n, 1 + n % 3, 'import ' || n, n::text FROM generate_series(200, 699) n; COMMIT;
UPDATE contacts SET fields = '{{"age_group": {{"value": "19 or above"}}}}' WHERE id BETWEEN 200 AND 210;
UPDATE contacts SET fields = '{{"age_group": {{"value": "18 or below"}}}}' WHERE id BETWEEN 205 AND 206;
DELETE FROM contacts WHERE id BETWEEN 690 AND 699;
INSERT INTO notes VALUES (1, 'one note about Asha');
UPDATE notes SET note = NULL;
UPDATE contacts SET id = 5000 WHERE id = 4;
"""


@pytest.fixture(scope="module")
def log(cluster, request):
    from harness import Rowledger
    database = cluster.create_database()
    cluster.sql(database, __import__("conftest").CONTACTS)
    cluster.sql(database, "CREATE TABLE notes (id int PRIMARY KEY, note text)")
    cluster.sql(database, "GRANT ALL ON ALL TABLES IN SCHEMA public TO analyst")
    rowledger = Rowledger(cluster, database)
    rowledger.init(["contacts tenant=organization_id subject=self housekeeping=note", "notes"])
    rowledger.attach()
    rowledger.serve()
    cluster.psql(database, WORKLOAD)
    cluster.psql(database, "UPDATE contacts SET name = 'by the analyst' WHERE id = 9; UPDATE contacts SET note = 'quiet' WHERE id = 10",
                 user="analyst", application="report_tool")
    rowledger.sync()
    yield rowledger
    rowledger.close()
    cluster.drop_slots()


def changes(entry):
    return entry.get("changes", [])


def op(entry, kind):
    return entry["kind"] == kind


def mentions(entry, side, text):
    """A whole value, or one word of it."""
    def words(value):
        plain = value if isinstance(value, str) else json.dumps(value)
        digits = re.sub(r"[ ()+-]", "", plain)
        found = {plain.lower(), *re.findall(r"\w+", plain.lower())}
        return found | {digits} if digits.isdigit() else found

    def values(value):
        if isinstance(value, dict):
            return [inner for item in value.values() for inner in values(item)]
        return [value]

    return any(text in words(value) for change in changes(entry) if side in change for value in values(change[side]))


# query: what a scan of the entries must find
QUERIES = {
    "table:public.notes": lambda e: e.get("table") == "public.notes",
    "table:notes": lambda e: e.get("table") == "public.notes",
    "key:3": lambda e: "3" in e.get("key", {}).values(),
    "key:3 table:public.contacts": lambda e: "3" in e.get("key", {}).values() and e["table"] == "public.contacts",
    "key:5000": lambda e: "5000" in e.get("key", {}).values(),
    "field:phone": lambda e: op(e, "update") and any(c["field"] == "phone" for c in changes(e)),  # what has every field says nothing
    "field:fields op:modify": lambda e: op(e, "update") and any(c["field"] == "fields" for c in changes(e)),
    "op:create": lambda e: op(e, "insert"),
    "op:insert": lambda e: op(e, "insert"),
    "op:modify": lambda e: op(e, "update"),
    "op:remove": lambda e: op(e, "delete"),
    "op:create,remove": lambda e: op(e, "insert") or op(e, "delete"),
    "op:create op:remove": lambda e: op(e, "insert") or op(e, "delete"),
    "kind:baseline": lambda e: op(e, "baseline"),
    "actor:7": lambda e: e.get("actor", {}).get("id") == "7",
    'actor:"Priya Raman"': lambda e: e.get("actor", {}).get("name") == "Priya Raman",
    "actor:7,8": lambda e: e.get("actor", {}).get("id") in ("7", "8"),
    "via:import": lambda e: e.get("via") == "import",
    "via:sql op:modify": lambda e: e.get("via") == "sql" and op(e, "update"),
    "trust:claimed": lambda e: e.get("actor", {}).get("trust") == "claimed",
    "trust:database op:modify": lambda e: e.get("actor", {}).get("trust") == "database" and op(e, "update"),
    "role:analyst": lambda e: e.get("db", {}).get("role") == "analyst",
    "org:2": lambda e: e.get("tenant") == "2",
    "org:2 op:create": lambda e: e.get("tenant") == "2" and op(e, "insert"),
    "request:r-17": lambda e: e.get("context", {}).get("request_id") == "r-17",
    "reason:caller": lambda e: "caller" in e.get("context", {}).get("reason", ""),
    "new:kulkarni": lambda e: mentions(e, "new", "kulkarni"),
    "old:9190000" + "3": lambda e: mentions(e, "old", "91900003"),
    "919812345678": lambda e: mentions(e, "new", "919812345678") or mentions(e, "old", "919812345678"),
    "+91-98123-45678": lambda e: mentions(e, "new", "919812345678") or mentions(e, "old", "919812345678"),
    'new.fields.age_group.value:"19 or above"': lambda e: "19 or above" in json.dumps([c.get("new") for c in changes(e)]),
    "is:housekeeping": lambda e: e.get("housekeeping") is True and op(e, "update"),
    "is:bulk op:create": lambda e: op(e, "insert") and e.get("actor", {}).get("id") == "8",
    "is:unattributed op:modify": lambda e: op(e, "update") and e.get("actor", {}).get("trust") in ("database", "unknown"),
    "-op:create op:create,remove": lambda e: op(e, "delete"),
    "NOT op:modify (new:kulkarni OR op:create)": lambda e: op(e, "insert"),
    "(op:remove OR via:app) org:1": lambda e: (op(e, "delete") or e.get("via") == "app") and e.get("tenant") == "1",
    "op:remove OR via:app org:1": lambda e: op(e, "delete") or (e.get("via") == "app" and e.get("tenant") == "1"),
    "created:>=2020-01-01 op:remove": lambda e: op(e, "delete"),
    "created:<2020-01-01": lambda e: False,
    "created:now-1h..now op:remove": lambda e: op(e, "delete"),
    "actor:nobody": lambda e: False,
}


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_search_finds_what_a_scan_finds(log, query, order):
    everything = log.log(order=order)
    expected = [entry["seq"] for entry in everything if QUERIES[query](entry)]
    found = log.log(query, order=order)
    assert [entry["seq"] for entry in found] == expected
    assert log.log(query, order=order, limit=2) == found[:2]


def test_transaction_is_found(log):
    entry = log.log("request:r-17")[0]
    same = [e["seq"] for e in log.log() if e.get("tx", {}).get("xid") == entry["tx"]["xid"]]
    assert [e["seq"] for e in log.log(f"tx:{entry['tx']['xid']}")] == same


def test_pages_join_without_hole_or_overlap(log):
    target, found = "/v1/entries?q=op:create&limit=70&order=asc", []
    while target:
        status, body = log.http_get(target)
        assert status == 200
        page = json.loads(body)
        found += [entry["seq"] for entry in page["entries"]]
        target = page.get("next_cursor") and f"/v1/entries?q=op:create&limit=70&order=asc&cursor={page['next_cursor']}"
    assert found == [entry["seq"] for entry in log.log("op:create")]


def test_history_is_the_rows_entries_newest_first(log):
    for key in ("3", "205", "695", "5000"):
        history = [json.loads(line) for line in log.must("history", "contacts", key, "--json").splitlines()]
        assert [e["seq"] for e in history] == sorted((e["seq"] for e in history), reverse=True)
        scanned = [e["seq"] for e in log.log() if key in e.get("key", {}).values() or key in e.get("old_key", {}).values()
                   if e["table"] == "public.contacts"]
        assert set(scanned) <= {e["seq"] for e in history}
    # The row's life under its former key belongs to it.
    moved = [json.loads(line) for line in log.must("history", "contacts", "5000", "--json").splitlines()]
    assert [e["kind"] for e in moved] == ["update", "baseline"]


def test_the_past(log):
    entries = [e for e in log.log(images=True) if e.get("key") == {"id": "205"}]
    inserted, first, second = entries
    for entry in entries:
        row = json.loads(log.must("at", "contacts", "205", f"seq:{entry['seq']}", "--json"))
        assert json.dumps(row.get("row", row)).count("205") >= 1
        assert (row.get("row", row))["fields"] == entry["after"]["fields"]
    assert "was not there" in log.must("at", "contacts", "205", f"seq:{inserted['seq'] - 1}")
    assert json.loads(log.must("at", "contacts", "695", "now", "--json"))["exists"] is False
    difference = log.must("diff", "contacts", "205", f"seq:{first['seq']}", f"seq:{second['seq']}")
    assert "19 or above" in difference and "18 or below" in difference
    shown = json.loads(log.must("show", str(second["seq"]), "--json"))
    assert shown["seq"] == second["seq"] and shown["key"] == {"id": "205"}


def test_times_are_read_as_they_are_printed(cluster):
    """In the zone of display.time_zone: what the log prints can be given back, and a date is that day there."""
    from datetime import datetime, timedelta, timezone

    from harness import Rowledger
    database = cluster.create_database()
    cluster.sql(database, __import__("conftest").CONTACTS)
    rowledger = Rowledger(cluster, database)
    rowledger.init(["contacts"], '[display]\ntime_zone = "Pacific/Kiritimati"')  # +14:00
    rowledger.attach()
    rowledger.serve()
    try:
        cluster.sql(database, "UPDATE contacts SET name = 'first' WHERE id = 1")
        rowledger.sync()
        entry = rowledger.log("op:modify")[0]
        committed = datetime.fromisoformat(entry["tx"]["committed_at"].replace("Z", "+00:00"))
        text = rowledger.must("log", "op:modify")
        printed = re.search(r"\d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d\d:\d\d", text)[0]
        assert printed.endswith("+14:00")
        assert "first" in rowledger.must("at", "contacts", "1", printed)
        local = committed.astimezone(timezone(timedelta(hours=14)))
        for query in (f'created:"{printed}"', f"created:{local:%Y-%m-%d}", f"created:{local:%Y-%m-%dT%H:%M:%S}",
                      f"created:>={local:%Y-%m-%d}", f"created:{local:%Y-%m}", "created:now-1h"):
            assert len(rowledger.log(f"{query} op:modify")) == 1, query
        for query in (f"created:{committed:%Y-%m-%dT%H:%M:%S}", f"created:{local - timedelta(days=1):%Y-%m-%d}"):
            assert rowledger.log(f"{query} op:modify") == [], query
        second = local.replace(microsecond=0) + timedelta(seconds=1)
        assert "first" in rowledger.must("at", "contacts", "1", f"{second:%Y-%m-%dT%H:%M:%S}")
        assert rowledger.run("at", "contacts", "1", f"{local - timedelta(days=1):%Y-%m-%d}").returncode == 1
    finally:
        rowledger.close()
        cluster.drop_slots()
