"""The SQL of docs/attribution/*.md, run as it stands there.

Before each ```sql block a comment says what the changes that it makes must be recorded with:
<!-- expect: {...} --> with the trigger, <!-- expect-without-trigger: {...} --> without. An object
holds for every change, a list for one change each.
"""

import json
import re
from pathlib import Path

import pytest

from harness import REPOSITORY, Rowledger

GUIDES = sorted((REPOSITORY / "docs" / "attribution").glob("*.md"))
BLOCK = re.compile(r"(?:<!-- expect(-without-trigger)?: (.*?) -->\n)?```sql\n(.*?)```", re.DOTALL)
TABLE = """
CREATE TABLE contacts (id bigint PRIMARY KEY, name text, phone text, bsp_status text DEFAULT 'session',
                       status text, language_id bigint, optin_status boolean, updated_at timestamp(0));
INSERT INTO contacts (id, name, phone) SELECT n, 'Contact ' || n, '91980000' || n FROM generate_series(40, 49) n;
GRANT SELECT, UPDATE ON contacts TO glific;
"""


def snippets(without_trigger):
    for guide in GUIDES:
        for match in BLOCK.finditer(guide.read_text()):
            expected = match[2] and json.loads(match[2])
            line = guide.read_text().count("\n", 0, match.start(3))
            if bool(match[1]) == without_trigger:
                yield pytest.param(expected, match[3], id=f"{guide.name}:{line}")


def captured(cluster, config=""):
    database = cluster.create_database()
    cluster.sql(database, TABLE)
    rowledger = Rowledger(cluster, database)
    rowledger.init(["contacts"], config)
    rowledger.attach()
    return rowledger.serve()


@pytest.fixture(scope="module")
def with_trigger(cluster):
    rowledger = captured(cluster)
    yield rowledger
    rowledger.close()


@pytest.fixture(scope="module")
def without_trigger(cluster):
    rowledger = captured(cluster, "[attribution]\ntrigger = false\n")
    yield rowledger
    rowledger.close()


def changes(rowledger):
    return [entry for entry in rowledger.log("table:contacts") if entry["kind"] == "update"]


def is_part_of(expected, actual):
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(is_part_of(value, actual.get(name)) for name, value in expected.items())
    return expected == actual


def run_snippet(rowledger, expected, sql, monkeypatch):
    assert expected is not None, "the snippet has no comment that says what to expect"
    monkeypatch.setenv("ROWLEDGER_CONTEXT_KEY", rowledger.context_key())
    rowledger.sync()
    before = len(changes(rowledger))
    rowledger.cluster.psql(rowledger.database, sql, user="glific")
    rowledger.sync()
    made = changes(rowledger)[before:]
    assert made
    if isinstance(expected, dict):
        expected = [expected] * len(made)
    assert len(made) == len(expected)
    for entry, wanted in zip(made, expected):
        assert is_part_of(wanted, entry), f"expected {wanted}\nin {entry}"


@pytest.mark.parametrize("expected, sql", snippets(without_trigger=False))
def test_snippet(with_trigger, expected, sql, monkeypatch):
    run_snippet(with_trigger, expected, sql, monkeypatch)


@pytest.mark.parametrize("expected, sql", snippets(without_trigger=True))
def test_snippet_without_trigger(without_trigger, expected, sql, monkeypatch):
    run_snippet(without_trigger, expected, sql, monkeypatch)


def test_every_guide_has_snippets():
    for guide in GUIDES:
        assert "```sql" in guide.read_text(), guide


def test_links_between_documents():
    documents = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")]
    for document in documents:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / Path(target)).exists(), f"{document.name}: {target}"
