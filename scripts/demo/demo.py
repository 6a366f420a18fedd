#!/usr/bin/python3
"""./dev demo: a private PostgreSQL, Rowledger attached to it, a week of changes, and a tour of the answers."""
import argparse
import contextlib
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
import tomllib

from clock import DemoClock
from cluster import Cluster, ClusterError, die_with_parent, port_is_free
from session import Session
from tour import Tour
from week import Week

HERE = pathlib.Path(__file__).resolve().parent
MARK = ".rowledger-demo"
ROLES = ("glific", "meera")
HTTP_PORT = 7070
# Who may look: name, role, organisation.
PEOPLE = (("kamala", "admin", None), ("devika", "auditor", None), ("ravi", "viewer", "1"))

# What numbers stand for.
LABELS = 'labels = ["language_id=languages.label", "organization_id=organizations.name"]'
LABEL_TABLES = """
[[table]]
name = "public.languages"

[[table]]
name = "public.organizations"
tenant_column = "id"

[[mask]]
table = "public.languages"
plain = ["label", "label_locale", "locale"]

[[mask]]
table = "public.organizations"
plain = ["name", "shortcode", "default_language_id", "timezone"]
"""


class Stopped(Exception):
    """Ctrl-C, or a request to end."""


def say(text):
    print(text, flush=True)


class Clock:
    """Prints each step with the seconds since the start, so that nobody wonders."""

    def __init__(self):
        self.start = time.monotonic()

    def __call__(self, text):
        say(f"{time.monotonic() - self.start:5.1f} s  {text}")


def claim_directory(directory):
    """Ours alone: new, empty, or marked by a former run, whose files go."""
    directory.mkdir(parents=True, exist_ok=True)
    mark = directory / MARK
    if any(directory.iterdir()) and not mark.exists():
        raise ClusterError(f"{directory} holds other files. Name an empty or a new directory with --dir.")
    with contextlib.suppress(OSError, ValueError):
        other = int(mark.read_text())
        if b"demo.py" in pathlib.Path(f"/proc/{other}/cmdline").read_bytes() and other != os.getpid():
            raise ClusterError(f"A demo already runs in {directory} (process {other}). End it with Ctrl-C there, "
                               "or use another --dir.")
    mark.write_text(str(os.getpid()))


class Daemon:
    """rowledger serve, with its log in a file."""

    def __init__(self, program, data, log, environment):
        self.log = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen(
                [program, "serve"], stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                env={"ROWLEDGER_HTTP_PORT": "0", **environment, "ROWLEDGER_DIR": str(data)}, preexec_fn=die_with_parent(signal.SIGTERM))

    def check(self):
        if self.process.poll() is not None:
            raise ClusterError(f"rowledger serve ended with {self.process.returncode}; {self.log} says:\n"
                               f"{self.log.read_text(errors='replace')[-2000:]}")

    def stop(self):
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Demo:
    def __init__(self, arguments):
        self.program = arguments.program.resolve()
        self.directory = pathlib.Path(arguments.dir).resolve()
        self.data = self.directory / "rowledger"
        self.still, self.ready = arguments.still, arguments.ready
        self.step = Clock()
        claim_directory(self.directory)
        self.clock = DemoClock()
        self.cluster = Cluster(self.directory, arguments.port, self.step, self.clock)
        self.http_port = free_http_port(arguments.http_port)
        self.user_environment = {**self.cluster.environment(), "ROWLEDGER_DIR": str(self.data),
                                 "ROWLEDGER_HTTP_PORT": str(self.http_port)}

    @property
    def environment(self):
        return {**self.user_environment, **self.clock.environment()}

    def rowledger(self, *arguments, given=""):
        done = subprocess.run([self.program, *arguments], input=given, capture_output=True, text=True, env=self.environment,
                              cwd=self.directory)
        if done.returncode != 0:
            raise ClusterError(f"rowledger {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def make_database(self):
        self.step(f"starting a private PostgreSQL 15 on 127.0.0.1:{self.cluster.port}")
        passwords = self.cluster.make(ROLES)
        self.clock.go_to("Mon 08:00")
        self.cluster.start()
        admin = Session(self.cluster, "postgres", database="postgres")
        for role in ROLES:
            admin.run(f"CREATE ROLE {role} LOGIN PASSWORD '{passwords[role]}'")
        admin.run("CREATE DATABASE glific")
        admin.close()
        self.step("filling it: three organisations, 6,000 contacts")
        owner = Session(self.cluster, "postgres")
        owner.run((HERE / "schema.sql").read_text())
        owner.run((HERE / "data.sql").read_text())
        owner.close()

    def attach(self):
        shutil.rmtree(self.data, ignore_errors=True)
        # What a former run's log kept beside its directory.
        for beside in self.directory.glob(f"{self.data.name}.*"):
            beside.unlink()
        self.step("rowledger init --preset glific; rowledger attach: the rows as they are now begin the log\n"
                  "         (this is called the baseline: what a change is compared with, until the next one)")
        self.rowledger("init", "--source", self.cluster.url("postgres"), "--preset", "glific")
        self.name_numbers()
        self.rowledger("attach")

    def name_numbers(self):
        """Languages and organisations are captured, too, so that they are called as they were, as an administrator would have it."""
        file = self.data / "rowledger.toml"
        file.write_text(file.read_text().replace("#labels = []", LABELS, 1) + LABEL_TABLES)

    def context_key(self):
        """The key with which an application signs who acts, as attach's owner would copy it."""
        with open(self.data / "keys.toml", "rb") as file:
            key = tomllib.load(file).get("context_hmac_key")
        return bytes.fromhex(key) if key else None

    def tell(self, text):
        """A step of the week: the clock first, then the words."""
        self.clock.go_to(text)
        self.step(text)

    def wait_for_fresh_status(self):
        """The slot is looked at every two seconds; the first look came before the stream was open."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            status = json.loads(self.rowledger("status", "--json"))
            if status["slot"] and status["slot"]["active"] and status["lag_bytes"] == 0:
                return
            time.sleep(0.1)

    def add_people(self):
        """One of each kind: their passwords, and links that sign in once."""
        people = {}
        for name, role, tenant in PEOPLE:
            password = secrets.token_urlsafe(12)
            self.rowledger("user", "add", name, "--role", role, *(("--tenant", tenant) if tenant else ()), "--password-stdin",
                           given=password + "\n")
            link = re.search(r"http://\S+", self.rowledger("user", "link", name))
            people[role] = {"name": name, "tenant": tenant, "password": password, "link": link.group(0)}
        return people

    def run(self, stack, leave_after_tour):
        stack.callback(self.cluster.stop)
        self.make_database()
        self.attach()
        self.step("rowledger serve")
        daemon = Daemon(self.program, self.data, self.directory / "serve.log", self.environment)
        stack.callback(daemon.stop)
        if self.clock.library:
            self.step("a week passes, told in seconds: this server's clock leaps from day to day (libfaketime)")
        else:
            self.step("a week's work, played in some seconds: all of it carries today's time")
        week = Week(self.cluster, self.context_key(), self.tell)
        stack.callback(week.close)
        week.run()
        daemon.check()
        self.clock.go_to_now()
        self.step("rowledger sync: waiting until all of it is in the log")
        self.rowledger("sync", "--timeout", "60")
        self.wait_for_fresh_status()
        tour = Tour(self.program, self.environment, self.directory, self.clock)
        failures = tour.run(say)
        if leave_after_tour:
            return failures
        self.linger(week, daemon, self.add_people())
        return failures

    def linger(self, week, daemon, people):
        say(f"\nThe web page is at http://127.0.0.1:{self.http_port}/. Open one of these to be signed in; each works once, within\n"
            "ten minutes, and name and password always:\n")
        for role, person in people.items():
            where = f"organisation {person['tenant']}" if person["tenant"] else "all organisations"
            say(f"  {role} of {where}: {person['link']}\n      name {person['name']}, password {person['password']}")
        if self.ready is not None:
            self.tell_ready(people)
        say("\nThe demo goes on, with a message every two seconds and an edit now and then. To try things yourself,\n"
            "in another terminal:\n\n"
            f"  export ROWLEDGER_DIR={self.data} PGPASSFILE={self.cluster.passfile}\n"
            f"  {self.program} log --follow\n"
            f"  {self.program} user link {people['admin']['name']}    # another link to sign in with\n"
            f"  psql {self.cluster.url('meera')}\n\n"
            "Ctrl-C here ends all of it.\n")
        beat = 0
        while True:
            time.sleep(2)
            daemon.check()
            if self.still:
                continue
            beat += 1
            done = week.linger(beat)
            if done:
                self.step(done)


    def tell_ready(self, people):
        fresh = self.ready.with_suffix(".new")
        fresh.write_text(json.dumps({
            "url": f"http://127.0.0.1:{self.http_port}", "people": people, "database": self.cluster.url("postgres"),
            "environment": self.user_environment, "monday": self.clock.day("Mon"), "days": self.clock.library is not None,
            "program": str(self.program),
        }))
        fresh.rename(self.ready)


def free_http_port(wanted):
    if wanted is not None:
        return wanted
    for port in range(HTTP_PORT, HTTP_PORT + 100):
        if port_is_free(port):
            return port
    raise ClusterError(f"No port from {HTTP_PORT} on is free. Name one with --http-port.")


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./dev demo")
    parser.add_argument("--dir", default=".demo", help="where everything lives (default: %(default)s)")
    parser.add_argument("--port", type=int, help="PostgreSQL's port")
    parser.add_argument("--http-port", type=int, help="the web page's port (default: 7070, or the next free one)")
    parser.add_argument("--still", action="store_true", help="after the tour, nothing changes by itself (for tests)")
    parser.add_argument("--ready", type=pathlib.Path, metavar="FILE", help="write here how to reach everything, once it is there (for tests)")
    parser.add_argument("--exit", action="store_true", help="end after the tour")
    parser.add_argument("--program", type=pathlib.Path, default=HERE.parent.parent / "build/rowledger",
                        help="the program (default: build/rowledger)")
    return parser.parse_args()


def stop_on_signal(number, frame):
    # A second Ctrl-C must not interrupt the clearing up.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise Stopped


def main():
    arguments = parse_arguments()
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, stop_on_signal)
    try:
        with contextlib.ExitStack() as stack:
            failures = Demo(arguments).run(stack, arguments.exit)
        return 1 if failures else 0
    except Stopped:
        say("ended")
        return 0 if not arguments.exit else 130
    except ClusterError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
