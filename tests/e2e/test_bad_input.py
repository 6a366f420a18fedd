"""Wrong configuration, addresses, keys and queries: a clear error with the right exit code, nothing lost."""

import re
import subprocess

import pytest

from harness import CANNOT_REACH, DONE, FOUND_WRONG, WRONG_USAGE, wait_until


def must_fail(rowledger, code, *arguments, says=(), timeout_s=30, **environment):
    done = rowledger.run(*arguments, timeout_s=timeout_s, **environment)
    output = done.stdout + done.stderr
    assert done.returncode == code, f"{arguments}: {done.returncode} instead of {code}\n{output}"
    for text in says:
        assert re.search(text, output, re.I), f"{text!r} is not said by {arguments}:\n{output}"
    assert "terminate called" not in output and "boost::" not in output
    return output


BROKEN_CONFIGURATIONS = {
    "no toml": ("[source\nname = 1", ["line 1|:1:"]),
    "unknown key": ('[source]\nname = "a"\nurl = "postgresql://x"\nslott = "b"\n[[table]]\nname = "public.c"', ["slott", "slot\\b", "4"]),
    "unknown section": ('[sauce]\nname = "a"', ["sauce", "source"]),
    "wrong type": ('[source]\nname = "a"\nurl = 7\n[[table]]\nname = "public.c"', ["url", "text"]),
    "no tables": ('[source]\nname = "a"\nurl = "postgresql://x"\n', ["table"]),
    "a table twice": ('[source]\nname = "a"\nurl = "postgresql://x"\n[[table]]\nname = "public.c"\n[[table]]\nname = "public.c"', ["public.c"]),
    "no such via": ('[source]\nname = "a"\nurl = "postgresql://x"\n[[table]]\nname = "public.c"\n[[via]]\nvia = "telepathy"', ["telepathy"]),
    "subject without its column": ('[source]\nname = "a"\nurl = "postgresql://x"\n[[table]]\nname = "public.c"\nsubject = "public.d"', ["subject_column"]),
}


@pytest.mark.parametrize("case", BROKEN_CONFIGURATIONS)
def test_broken_configuration(make_rowledger, case):
    text, says = BROKEN_CONFIGURATIONS[case]
    rowledger = make_rowledger(attach=False)
    (rowledger.dir / "rowledger.toml").write_text(text)
    for verb in ("attach", "serve"):
        must_fail(rowledger, WRONG_USAGE, verb, says=["rowledger.toml", *says])


def test_environment_wins_over_the_file(make_rowledger, cluster):
    rowledger = make_rowledger(attach=False)
    must_fail(rowledger, CANNOT_REACH, "attach", ROWLEDGER_SOURCE_URL="postgresql://postgres@127.0.0.1:1/x")
    must_fail(rowledger, WRONG_USAGE, "attach", says=["watch_interval_ms|WATCH_INTERVAL_MS"], ROWLEDGER_CAPTURE_WATCH_INTERVAL_MS="soon")


def test_wrong_url(make_rowledger, cluster, database):
    rowledger = make_rowledger(attach=False)
    for url, says in [("postgresql://postgres:s3cret@127.0.0.1:1/x", ["127.0.0.1", "refused"]),
                      (cluster.url("nowhere"), ["nowhere"]),
                      ("postgresql://nobody_here@127.0.0.1:%d/%s" % (cluster.port, database), ["nobody_here"])]:
        output = must_fail(rowledger, CANNOT_REACH, "attach", says=says, ROWLEDGER_SOURCE_URL=url)
        assert "s3cret" not in output
    must_fail(rowledger, WRONG_USAGE, "attach", ROWLEDGER_SOURCE_URL="not a url")


def test_usage(make_rowledger):
    rowledger = make_rowledger(attach=False)
    must_fail(rowledger, WRONG_USAGE, "frobnicate", says=['unknown verb "frobnicate"', "attach"])
    must_fail(rowledger, WRONG_USAGE, "histroy", "contacts", "1", says=['unknown verb "histroy", did you mean "history"'])
    must_fail(rowledger, WRONG_USAGE, "log", "--limitt", "3", says=["unknown option --limitt of log, did you mean --limit"])
    must_fail(rowledger, WRONG_USAGE, "log", "--order=asc", "--jsn", says=["did you mean --json"])
    must_fail(rowledger, WRONG_USAGE, "--dirr", "x", "status", says=["did you mean --dir"])
    must_fail(rowledger, WRONG_USAGE, "status", "now", says=['status does not take "now"'])
    must_fail(rowledger, WRONG_USAGE)
    must_fail(rowledger, WRONG_USAGE, "log", "--order", "sideways")
    must_fail(rowledger, WRONG_USAGE, "show", "seven")
    must_fail(rowledger, WRONG_USAGE, "history", "contacts")
    must_fail(rowledger, WRONG_USAGE, "init")
    must_fail(rowledger, WRONG_USAGE, "init", "--source", rowledger.url, "--preset", "glyphic", says=["glific"])
    assert rowledger.run("--help").returncode == DONE
    for verb in ("init", "attach", "detach", "serve", "status", "log", "history", "show", "at", "diff", "sync", "user", "token"):
        done = rowledger.run(verb, "--help")
        assert done.returncode == DONE and verb in done.stdout


def test_status_as_json_has_its_fields(rowledger):
    fields = {"captured_lsn": str, "source_lsn": str, "lag_bytes": int, "lag_seconds": str, "entries": int, "gaps": int, "slot": dict,
              "http": dict, "checkpoint": dict, "disk_bytes": int}
    rowledger.sync()
    running = wait_until(lambda: (status := rowledger.status())["checkpoint"] and status, 20, "a checkpoint is signed")
    assert {name: type(running[name]).__mro__[-2] if running[name] is not None else type(None) for name in fields} == fields
    assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+", running["http"]["url"])
    wait_until(lambda: rowledger.status()["slot"]["active"], 10, "the slot is in use")
    rowledger.stop()
    stopped = rowledger.status()
    assert set(fields) <= set(stopped) and stopped["source_lsn"] is None


def test_init_does_not_overwrite(make_rowledger):
    rowledger = make_rowledger(attach=False)
    keys = (rowledger.dir / "keys.toml").read_text()
    must_fail(rowledger, FOUND_WRONG, "init", "--source", rowledger.url, "--table", "public.contacts")
    assert (rowledger.dir / "keys.toml").read_text() == keys
    assert (rowledger.dir / "keys.toml").stat().st_mode & 0o777 == 0o600


def test_broken_and_open_keys(make_rowledger):
    rowledger = make_rowledger(serve=False)
    file = rowledger.dir / "keys.toml"
    good = file.read_text()
    file.write_text(good.replace("ref_key", "reef_key"))
    output = must_fail(rowledger, WRONG_USAGE, "serve", says=["keys.toml", "ref_key"])
    assert not any(word in output for word in re.findall(r'"(\w{16,})"', good))
    file.write_text(good)
    file.chmod(0o644)
    must_fail(rowledger, WRONG_USAGE, "serve", says=["keys.toml", "chmod"])
    file.chmod(0o600)
    rowledger.serve()


def test_without_a_daemon(make_rowledger, cluster, database):
    rowledger = make_rowledger(serve=False)
    must_fail(rowledger, CANNOT_REACH, "sync", "--timeout", "2", says=["serve"])
    # The store is opened for reading instead.
    assert len(rowledger.log("kind:baseline")) == 20
    assert rowledger.status()["daemon"] is False
    rowledger.serve()
    cluster.sql(database, "UPDATE contacts SET name = 'x' WHERE id = 1")
    rowledger.sync()
    rowledger.stop()
    assert len(rowledger.log("op:modify")) == 1


def test_without_a_directory(make_rowledger):
    rowledger = make_rowledger(attach=False)
    for arguments in (["serve"], ["attach"], ["log"], ["status"]):
        must_fail(rowledger, WRONG_USAGE, *arguments, says=["init"], ROWLEDGER_DIR="/tmp/there/is/no/such/directory")


def test_two_daemons(rowledger):
    must_fail(rowledger, FOUND_WRONG, "serve", says=["running|another|in use"])
    rowledger.sync()


def test_not_attached(make_rowledger, cluster, database):
    """serve before attach says what to do, and does not spin in silence."""
    rowledger = make_rowledger(attach=False)
    rowledger.serve(wait=False)

    def says_attach():
        if rowledger.process.poll() is not None:
            return "attach" in rowledger.log_path.read_text()
        done = rowledger.run("status", "--json")
        return done.returncode == DONE and "attach" in done.stdout

    wait_until(says_attach, 10, "that it is not attached")


UNPARSABLE = {
    "tennant:1": (0, "tenant"),
    "field:phone actr:7": (12, "actor"),
    "(field:phone": (0, "never closed"),
    'old:"never closed': (4, '"|quote'),
    "created:>=yesterdayish": (8, "date|time"),
    "op:frobnicate": (3, "create|modify|remove"),
    "is:houskeeping": (3, "housekeeping"),
    "field:phone OR": (None, "OR|end"),
}


@pytest.mark.parametrize("query", UNPARSABLE)
def test_query_syntax_errors_tell_the_position(rowledger, query):
    position, says = UNPARSABLE[query]
    output = must_fail(rowledger, WRONG_USAGE, "log", query, says=[says])
    if position is not None:
        assert re.search(rf"position {position}\b", output), output
    must_fail(rowledger, WRONG_USAGE, "log", query, "--json")


def test_questions_about_what_is_not_there(rowledger):
    must_fail(rowledger, FOUND_WRONG, "history", "nonsense", "1", says=["nonsense"])
    must_fail(rowledger, FOUND_WRONG, "history", "contacts", "999999", says=["999999"])
    must_fail(rowledger, FOUND_WRONG, "show", "999999", says=["999999"])
    must_fail(rowledger, FOUND_WRONG, "at", "contacts", "1", "2001-01-01", says=["2001-01-01"])
    must_fail(rowledger, WRONG_USAGE, "at", "contacts", "1", "whenever", says=["whenever"])
    assert rowledger.log("name-that-nobody-has") == []


def test_wrong_key_shape(rowledger):
    """A key of two parts for a table whose key is one column is not silently another row."""
    must_fail(rowledger, FOUND_WRONG, "history", "contacts", "1,2")


def test_a_reader_that_goes_away_disturbs_nothing(rowledger, cluster, database):
    cluster.sql(database, "UPDATE contacts SET name = name || 'x'")
    rowledger.sync()
    import os

    import harness
    for _ in range(5):
        process = subprocess.Popen([harness.PROGRAM, "log", "--follow", "--json"], stdout=subprocess.PIPE,
                                   env=os.environ | {"ROWLEDGER_DIR": str(rowledger.dir)})
        process.stdout.close()
        cluster.sql(database, "UPDATE contacts SET name = name || 'y' WHERE id = 1")
        process.kill()
        process.wait()
    rowledger.sync()
    status, body = rowledger.http_get("/v1/entries?limit=99999999")
    assert status == 400, body
    status, _ = rowledger.http_get("/v1/nothing")
    assert status == 404
    status, _ = rowledger.http_get("/v1/entries?q=" + "(" * 5000)
    assert status == 400
    rowledger.sync()
