"""Runs tests/scenarios/*.scenario: SQL in, expected entries out. README.md describes the format."""

import json
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from harness import Cluster, Rowledger, Verbatim, parse_json, wait_until  # noqa: E402
from matching import difference  # noqa: E402

pytest_plugins = ["exhibits"]

DIRECTORY = Path(__file__).resolve().parent
DEFAULT_KINDS = {"insert", "update", "delete", "truncate", "gap"}


class Section:
    def __init__(self, name, arguments, line):
        self.name, self.arguments, self.line, self.lines = name, arguments, line, []

    @property
    def text(self):
        return "\n".join(self.lines).strip("\n")

    @property
    def without_comments(self):
        return [line for line in self.lines if line.strip() and not line.startswith("#")]


def read_sections(path):
    sections = [Section("about", "", 1)]
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        heading = re.fullmatch(r"=== (\w+) ?(.*)", line)
        if heading:
            sections.append(Section(heading[1], heading[2], number))
        else:
            sections[-1].lines.append(line)
    return sections


def read_expected(section):
    decoder = json.JSONDecoder(parse_float=Verbatim)
    text = "\n".join(section.without_comments).strip()
    entries = []
    while text:
        entry, end = decoder.raw_decode(text)
        entries.append(entry)
        text = text[end:].lstrip()
    return entries


class Difference(Exception):
    pass


class Scenario(pytest.Item):
    """Sections are carried out in their order."""

    cluster = None

    def runtest(self):
        if Scenario.cluster is None:
            # So little memory for decoding that a transaction of some hundred rows is streamed in progress.
            Scenario.cluster = Cluster(["logical_decoding_work_mem = 64kB", "max_prepared_transactions = 5"])
        self.sections = read_sections(self.path)
        self.rowledger = None
        self.seen = 0  # entries before it were compared by an earlier section
        self.tables, self.settings, self.database_options = [], "", ""
        self.database = None
        try:
            for section in self.sections:
                try:
                    getattr(self, f"do_{section.name}")(section)
                except (Difference, AssertionError) as error:
                    raise Difference(f"{self.path.name}:{section.line}: {error}") from None
        finally:
            if self.rowledger is not None:
                self.rowledger.close()
                self.cluster.drop_slots()

    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, Difference):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, 0, self.name

    # ---- sections ----

    def do_about(self, section):
        assert section.text, "a scenario begins with a sentence that says what it shows"

    def do_database(self, section):
        self.database_options = section.text

    def do_tables(self, section):
        self.tables = section.without_comments

    def do_config(self, section):
        self.settings = section.text

    def do_setup(self, section):
        self.database = self.database or self.cluster.create_database(self.database_options)
        self.cluster.psql(self.database, section.text, cwd=DIRECTORY)

    def start(self):
        if self.rowledger is None:
            self.rowledger = Rowledger(self.cluster, self.database)
            self.rowledger.init(self.tables, self.settings)
            self.rowledger.attach()
            self.rowledger.serve()
            self.seen = self.end_of_log() if "baseline" not in self.kinds_asked() else 0

    def kinds_asked(self):
        return {kind for section in self.sections if section.name == "entries" for kind in section.arguments.split()}

    def end_of_log(self):
        newest = self.rowledger.log(order="desc", limit=1)
        return newest[0]["seq"] + 1 if newest else 0

    def do_run(self, section):
        """Arguments: as ROLE, from APPLICATION, fails."""
        self.start()
        words = section.arguments.split()
        role = words[words.index("as") + 1] if "as" in words else "postgres"
        application = words[words.index("from") + 1] if "from" in words else None
        fails = "fails" in words
        done = self.cluster.psql(self.database, section.text, user=role, application=application, cwd=DIRECTORY,
                                 variables={"context_key": self.rowledger.context_key()}, check=not fails)
        assert not fails or done.returncode != 0, "this SQL should have failed"

    def do_stop(self, section):
        self.start()
        self.rowledger.stop()

    def do_kill(self, section):
        self.start()
        self.rowledger.kill()

    def do_serve(self, section):
        self.rowledger.serve()

    def do_entries(self, section):
        """Compares the entries since the last such section, in order; arguments: other kinds than the usual."""
        self.start()
        self.rowledger.sync()
        kinds = set(section.arguments.split()) or DEFAULT_KINDS
        everything = [entry for entry in self.rowledger.log(images=True) if entry["seq"] >= self.seen]
        self.seen = everything[-1]["seq"] + 1 if everything else self.seen
        actual = [entry for entry in everything if entry["kind"] in kinds]
        expected = read_expected(section)
        for index, (want, have) in enumerate(zip(expected, actual)):
            if found := difference(want, have):
                raise Difference(f"entry {index}: {found}\nexpected {json.dumps(want)}\nfound    {json.dumps(have)}"
                                 + self.listing(actual))
        if len(expected) != len(actual):
            raise Difference(f"expected {len(expected)} entries, found {len(actual)}" + self.listing(actual))

    def do_await(self, section):
        """Entries that come by themselves, in any order, of the kinds asked for (else of the usual ones)."""
        kinds = set(section.arguments.split()) or DEFAULT_KINDS

        def news():
            return [entry for entry in self.rowledger.log(images=True) if entry["seq"] >= self.seen and entry["kind"] in kinds]

        for want in read_expected(section):
            try:
                wait_until(lambda want=want: any(not difference(want, have) for have in news()), 15, "")
            except AssertionError:
                raise Difference(f"no entry came like {json.dumps(want)}" + self.listing(news())) from None
        self.seen = self.end_of_log()

    @staticmethod
    def listing(entries):
        shown = [json.dumps({key: value for key, value in entry.items()
                             if key not in ("tx", "received_at", "source", "db", "before", "after")})
                 for entry in entries]
        return "\nall entries compared:\n" + "\n".join(text[:1000] for text in shown[:60])

    def do_count(self, section):
        """Lines `NUMBER QUERY`: how many entries of the whole log the search finds (as people type it)."""
        self.start()
        self.rowledger.sync()
        for line in section.without_comments:
            number, _, query = line.partition(" ")
            found = len(self.rowledger.log(query, all=False))
            assert found == int(number), f"{query!r} finds {found} entries, not {number}"

    def do_at(self, section):
        """Lines `TABLE KEY WHEN JSON`: the row as it was."""
        self.rowledger.sync()
        for line in section.without_comments:
            table, key, when, row = line.split(" ", 3)
            found = parse_json(self.rowledger.must("at", table, key, when, "--json"))
            if differs := difference(parse_json(row), found):
                raise Difference(f"at {table} {key} {when}: {differs}\nfound {json.dumps(found)}")


class ScenarioFile(pytest.File):
    def collect(self):
        yield Scenario.from_parent(self, name=self.path.stem)


def pytest_collect_file(parent, file_path):
    if file_path.suffix == ".scenario":
        return ScenarioFile.from_parent(parent, path=file_path)
    return None


def pytest_sessionfinish():
    if Scenario.cluster is not None:
        Scenario.cluster.close()
