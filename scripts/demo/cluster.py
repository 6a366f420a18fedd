"""A private PostgreSQL 15: its own directory, port and passwords, on 127.0.0.1 only.

PostgreSQL refuses to run as root; then it runs as the user postgres, in a directory that this user can
reach. The server is a child of this process: it ends with it.
"""
import ctypes
import os
import pathlib
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time

BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
DEFAULT_PORT = 15315  # below the range that the kernel hands out, so that it stays free until the server takes it
PR_SET_PDEATHSIG = 1  # prctl(2)
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "wal_level": "logical",
    "max_slot_wal_keep_size": "1GB",
    "shared_buffers": "64MB",
    "log_min_messages": "warning",
    # Nothing here is worth waiting for the disk; a server that matters has this on.
    "fsync": "off",
    # The clock leaps from day to day.
    "wal_sender_timeout": "0",
}


class ClusterError(Exception):
    """A message for a person."""


def die_with_parent(number):
    """For preexec_fn: the child gets the signal when its parent is gone, however that ended."""
    def ask():
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
    return ask


def write_private(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def server_user():
    """The user to run PostgreSQL as, or nothing for ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        raise ClusterError("PostgreSQL does not run as root, and there is no user postgres. "
                           "The package postgresql-15 makes it: ./dev setup demo") from None


def can_enter(directory, user):
    """Whether the user can reach what is in the directory."""
    probe = subprocess.run(["test", "-x", directory], user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd="/")
    return probe.returncode == 0


def port_is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_port(wanted):
    if wanted is not None:
        if not port_is_free(wanted):
            raise ClusterError(f"Port {wanted} is in use. Name another with --port, or leave it out.")
        return wanted
    for port in range(DEFAULT_PORT, DEFAULT_PORT + 100):
        if port_is_free(port):
            return port
    raise ClusterError(f"No port from {DEFAULT_PORT} on is free. Name one with --port.")


class Cluster:
    def __init__(self, directory, wanted_port, say, clock):
        self.clock = clock
        self.directory = directory
        self.user = server_user()
        # A former run's files, which may be elsewhere, are named in a file.
        self.elsewhere = directory / "postgresql-is-in"
        self.end_former()
        self.port = choose_port(wanted_port)
        if self.user and not can_enter(directory, self.user):
            self.home = pathlib.Path(tempfile.mkdtemp(prefix="rowledger-demo-", dir="/var/tmp"))
            self.elsewhere.write_text(str(self.home))
            say(f"the user postgres cannot enter {directory}: PostgreSQL's files are in {self.home}")
        else:
            self.home.mkdir(mode=0o700)
        self.log = directory / "postgresql.log"
        self.passfile = directory / "pgpass"
        self.process = None

    @property
    def data(self):
        return self.home / "data"

    def make(self, roles):
        """A fresh, empty cluster."""
        if self.user:
            os.chown(self.home, self.user.pw_uid, self.user.pw_gid)
        self.clock.keep_in(self.home)
        passwords = {role: secrets.token_hex(16) for role in ("postgres", *roles)}
        self.write_passfile(passwords)
        # initdb takes the password from a file only; it is gone again before the server starts.
        password_file = self.home / "password"
        write_private(password_file, passwords["postgres"] + "\n")
        if self.user:
            os.chown(password_file, self.user.pw_uid, self.user.pw_gid)
        done = subprocess.run(
            [BIN / "initdb", "-D", self.data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
             "--auth=scram-sha-256", f"--pwfile={password_file}"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, **self.identity())
        password_file.unlink()
        if done.returncode != 0:
            raise ClusterError(f"initdb failed:\n{done.stdout}{done.stderr}")
        return passwords

    def write_passfile(self, passwords):
        self.passfile.unlink(missing_ok=True)
        write_private(self.passfile, "".join(f"127.0.0.1:{self.port}:*:{role}:{password}\n"
                                             for role, password in passwords.items()))

    def identity(self):
        """Popen's arguments for running as the server's user, in a place that it can enter."""
        if not self.user:
            return {"cwd": "/"}
        return {"cwd": "/", "user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def start(self):
        options = [f"--{name}={value}" for name, value in SETTINGS.items()]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [BIN / "postgres", "-D", self.data, "-p", str(self.port), *options], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True, env={**os.environ, **self.clock.environment()},
                preexec_fn=die_with_parent(signal.SIGINT), **self.identity())
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            if self.is_ready():
                return
            time.sleep(0.05)
        raise ClusterError(f"PostgreSQL did not start; {self.log} says why:\n{self.log.read_text()[-2000:]}")

    def is_ready(self):
        # The last line of postmaster.pid is the server's state.
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def end_former(self):
        """Stops the server that a killed run left, and removes its files."""
        self.home = self.directory / "postgresql"
        if self.elsewhere.exists():
            self.home = pathlib.Path(self.elsewhere.read_text())
        if (self.data / "postmaster.pid").exists():
            subprocess.run([BIN / "pg_ctl", "stop", "-D", self.data, "-m", "immediate", "-t", "20"],
                           stdin=subprocess.DEVNULL, capture_output=True, **self.identity())
        self.remove()
        self.home = self.directory / "postgresql"

    def remove(self):
        shutil.rmtree(self.home, ignore_errors=True)
        self.elsewhere.unlink(missing_ok=True)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            # To a postmaster, SIGINT is the fast shutdown.
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait()
        if self.elsewhere.exists():
            self.remove()

    def url(self, role, database="glific"):
        """Without the password: PGPASSFILE has it."""
        return f"postgresql://{role}@127.0.0.1:{self.port}/{database}"

    def environment(self):
        """Ours alone: the caller's settings for PostgreSQL or Rowledger concern other servers."""
        others = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "ROWLEDGER_"))}
        return {**others, "PGPASSFILE": str(self.passfile), "PGCONNECT_TIMEOUT": "10"}
