"""A private PostgreSQL and the built program, for tests from outside.

Everything started here ends with the test process, however that ends: servers and daemons get a signal
when their parent dies, and a detached shell removes the directory.
"""

import contextlib
import ctypes
import json
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import tomllib
from pathlib import Path

import psycopg2
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("ROWLEDGER_PROGRAM", str(REPOSITORY / "build" / "rowledger"))
POSTGRES_BIN = os.environ.get("ROWLEDGER_TEST_POSTGRES_BIN", "/usr/lib/postgresql/15/bin")

# Exit codes of the command line.
DONE, FOUND_WRONG, WRONG_USAGE, CANNOT_REACH = 0, 1, 2, 3

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def scratch_directory():
    """A directory below /tmp that is removed after this process, even a killed one."""
    path = Path(tempfile.mkdtemp(prefix="rowledger-e2e-", dir="/tmp"))
    path.chmod(0o755)
    read_end, write_end = os.pipe()
    script = (
        'read -r never; tries=0; '
        'while [ -e "$1/data/postmaster.pid" ] && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done; '
        'rm -rf "$1"'
    )
    subprocess.run(
        ["setsid", "--fork", "sh", "-c", script, "sh", str(path)],
        stdin=read_end, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
    )
    os.close(read_end)
    scratch_directory.alive.append(write_end)  # its end is the signal to remove
    return path


scratch_directory.alive = []


def wait_until(condition, timeout_s, what, longest_pause_s=0.25):
    """Polls until condition() gives something true, and returns that. What has not come for long is looked for less
    often: most conditions start a process, and other tests run beside this one. Where the moment matters, a short
    longest_pause_s does not miss it."""
    began = time.monotonic()
    while True:
        found = condition()
        if found:
            return found
        waited = time.monotonic() - began
        if waited > timeout_s:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(min(max(waited / 8, 0.02), longest_pause_s))


class Verbatim(str):
    """A number with a fraction or exponent, kept as it was written: 1.10 is not 1.1."""

    def __eq__(self, other):
        return isinstance(other, Verbatim) and str.__eq__(self, other)

    __hash__ = str.__hash__


def parse_json(text):
    return json.loads(text, parse_float=Verbatim)


class Cluster:
    """A PostgreSQL 15 cluster of its own: data directory, port, loopback only."""

    def __init__(self, settings=(), durable=False, new_system=False):
        """new_system: with a system identifier that no other cluster of the tests has."""
        self.directory = scratch_directory()
        self.data = self.directory / "data"
        self.log_path = self.directory / "server.log"
        self.process = None
        self._databases = 0
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.directory, owner.pw_uid, owner.pw_gid)
        if new_system or not self._copy_template():
            self._initdb()
        lines = [
            "listen_addresses = '127.0.0.1'", f"unix_socket_directories = '{self.directory}'",
            "wal_level = logical", "max_replication_slots = 20", "max_wal_senders = 20",
            "max_connections = 100", "log_min_messages = warning", "autovacuum = off", *settings]
        if not durable:
            lines += ["fsync = off", "full_page_writes = off"]
        with open(self.data / "postgresql.conf", "a") as conf:
            conf.write("\n" + "\n".join(lines) + "\n")
        self._port_lock, self.port = self._take_port()
        self.start()
        self.sql("postgres", "CREATE ROLE glific LOGIN; CREATE ROLE analyst LOGIN")

    def _initdb(self):
        self._as_postgres([
            f"{POSTGRES_BIN}/initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust",
            "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"])

    def _copy_template(self):
        """initdb takes a second; ctest names a folder where the first cluster is kept, for every other test to copy."""
        folder = os.environ.get("ROWLEDGER_TEST_TEMPLATES")
        if not folder:
            return False
        template = Path(folder) / POSTGRES_BIN.strip("/").replace("/", "-")
        if not template.exists():
            self._initdb()
            template.parent.mkdir(parents=True, exist_ok=True)
            copy = template.with_name(f"{template.name}.{os.getpid()}")
            if subprocess.run(["cp", "-a", str(self.data), str(copy)]).returncode == 0:
                with contextlib.suppress(OSError):  # another process was faster
                    copy.rename(template)
            shutil.rmtree(copy, ignore_errors=True)
            return True
        subprocess.run(["cp", "-a", str(template), str(self.data)], check=True)
        return True

    @staticmethod
    def _take_port():
        # An abstract Unix socket is the lock; the same names as the C++ tests use.
        for _ in range(100):
            port = random.SystemRandom().randrange(20_000, 32_000)
            lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                lock.bind(f"\0rowledger-test-port-{port}")
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
                return lock, port
            except OSError:
                lock.close()
        raise AssertionError("no free port between 20000 and 32000")

    @staticmethod
    def _user_prefix():
        if os.geteuid() != 0:
            return []
        # Unlike runuser it becomes the command, which so stays our child.
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig", "QUIT"]

    def _as_postgres(self, command):
        done = subprocess.run(self._user_prefix() + command, cwd="/tmp", capture_output=True, text=True)
        assert done.returncode == 0, f"{command[0]} failed:\n{done.stdout}{done.stderr}"

    def start(self):
        assert self.process is None
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self._user_prefix() + [f"{POSTGRES_BIN}/postgres", "-D", str(self.data), "-p", str(self.port)],
                cwd="/tmp", stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=None if os.geteuid() == 0 else _die_with_parent)

        def ready():
            assert self.process.poll() is None, "PostgreSQL does not start:\n" + tail(self.log_path)
            # The last line of postmaster.pid is the server's state.
            with contextlib.suppress(OSError):
                lines = (self.data / "postmaster.pid").read_text().splitlines()
                return len(lines) > 7 and lines[0] == str(self.process.pid) and lines[7].strip() == "ready"
            return False

        wait_until(ready, 60, "PostgreSQL accepts connections")

    def stop(self, mode="fast"):
        if self.process is None:
            return
        self.process.send_signal({"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode])
        self.process.wait(60)
        self.process = None

    def close(self):
        self.stop("immediate")
        self._port_lock.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def url(self, database="postgres", user="postgres", port=None):
        return f"postgresql://{user}@127.0.0.1:{port or self.port}/{database}"

    def connect(self, database, user="postgres", application="e2e", autocommit=True):
        connection = psycopg2.connect(self.url(database, user), application_name=application)
        connection.autocommit = autocommit
        return connection

    def sql(self, database, sql, parameters=None):
        """Statements on a connection of their own; the last one's rows, if it has any."""
        with contextlib.closing(self.connect(database)) as connection, connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []

    def psql(self, database, sql, user="postgres", application=None, variables=None, cwd=None, check=True):
        command = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1"]
        for name, value in (variables or {}).items():
            command += ["-v", f"{name}={value}"]
        environment = {**os.environ, "PGCLIENTENCODING": "UTF8"}  # of the text given here, whatever the database has
        if application:
            environment["PGAPPNAME"] = application
        done = subprocess.run(command + [self.url(database, user)], input=sql + "\n", capture_output=True,
                              text=True, env=environment, cwd=cwd)
        if check:
            assert done.returncode == 0, f"psql failed:\n{done.stderr}\nin:\n{sql}"
        return done

    def create_database(self, options=""):
        self._databases += 1
        name = f"db{self._databases}"
        self.sql("postgres", f"CREATE DATABASE {name} {options}")
        return name

    def drop_slots(self):
        """Ends what walsenders are left and drops all slots, so that the next test has them all."""
        self.sql("postgres", "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active")

        def dropped():
            try:
                self.sql("postgres", "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
                return True
            # Some vanish with the walsender that made them.
            except (psycopg2.errors.ObjectInUse, psycopg2.errors.UndefinedObject):
                return False

        wait_until(dropped, 10, "slots can be dropped")


def tail(path, lines=60):
    try:
        return "\n".join(Path(path).read_text(errors="replace").splitlines()[-lines:])
    except OSError as error:
        return f"({error})"


class Rowledger:
    """One data directory, its source, and the daemon over it."""

    def __init__(self, cluster, database, name="rl", url=None):
        self.cluster = cluster
        self.database = database
        # Slots and roles belong to the cluster, so that each data directory has its own.
        self.name = f"{name}_{database}"
        self.url = url or cluster.url(database)
        self.parent = Path(tempfile.mkdtemp(prefix="rl-", dir=cluster.directory))
        self.dir = self.parent / "data"
        self.log_path = self.parent / "serve.log"
        self.process = None
        self.environment = {}

    # ---- the command line ----

    def run(self, *arguments, timeout_s=120, text=True, stdin=None, **environment):
        env = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "ROWLEDGER_"))}
        env |= {"ROWLEDGER_DIR": str(self.dir), "NO_COLOR": "1"} | self.environment | environment
        given = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=text, env=env,
                              cwd=self.parent, timeout=timeout_s, **given)

    def must(self, *arguments, **options):
        done = self.run(*arguments, **options)
        assert done.returncode == DONE, (
            f"rowledger {' '.join(map(str, arguments))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def init(self, tables, config=""):
        """tables: ["contacts tenant=organization_id subject=self housekeeping=a,b actor=updated_by"]; config:
        further sections of rowledger.toml. `init` makes the directory and the keys; its configuration is replaced."""
        self.must("init", "--source", self.url, "--table", "public.placeholder")
        self.write_config(tables, config)

    def write_config(self, tables, config=""):
        lines = ["[source]", f"name = {json.dumps(self.database)}", f"url = {json.dumps(self.url)}"]
        lines += [f"{key} = {json.dumps(self.name)}" for key in ("role", "slot", "publication")]
        for table in tables:
            name, *settings = re.split(r" +(?=\w+=)", table)
            lines += ["[[table]]", f"name = {json.dumps(name if '.' in name else 'public.' + name)}"]
            for setting in settings:
                key, _, value = setting.partition("=")
                if key == "subject" and value != "self" and "." not in value:
                    value = "public." + value
                key = {"tenant": "tenant_column", "actor": "actor_column"}.get(key, key)
                lines.append(f"{key} = {json.dumps(value.split(',') if key == 'housekeeping' else value)}")
        (self.dir / "rowledger.toml").write_text("\n".join(lines) + "\n" + config + "\n")

    def context_key(self):
        """What the application signs contexts with."""
        with open(self.dir / "keys.toml", "rb") as file:
            return tomllib.load(file)["context_hmac_key"]

    def attach(self, *arguments):
        return self.must("attach", *arguments)

    # ---- the daemon ----

    def serve(self, *arguments, wait=True, memory_limit=None, port=0, **environment):
        """port: of HTTP, 0 any that is free, None as configured."""
        assert self.process is None
        env = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "ROWLEDGER_"))}
        env |= {"ROWLEDGER_DIR": str(self.dir)} | ({} if port is None else {"ROWLEDGER_HTTP_PORT": str(port)})
        env |= self.environment | environment
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([PROGRAM, "serve", *arguments], cwd=self.parent, env=env, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, preexec_fn=_die_with_parent)
        if wait:
            wait_until(self.is_up, 60, "the daemon answers\n" + tail(self.log_path))
        return self

    def is_up(self):
        assert self.process.poll() is None, (
            f"the daemon ended with {self.process.returncode}:\n{tail(self.log_path)}")
        with contextlib.suppress(OSError, StopIteration):  # it does not listen yet
            status, body = self.http_get("/v1/status")
            return status == 200 and parse_json(body)["daemon"]
        return False

    def kill(self):
        """kill -9"""
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the daemon does not stop on SIGTERM:\n" + tail(self.log_path)) from None
        self.process = None
        assert code == DONE, f"the daemon stopped with {code}:\n{tail(self.log_path)}"

    def close(self):
        if self.process is not None:
            self.kill()

    def peak_memory_mb(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
        raise AssertionError("no VmHWM")

    # ---- what it says ----

    def status(self):
        """What `status --json` prints; asked without the verb, where there is a daemon."""
        if self.process is None:
            return parse_json(self.must("status", "--json"))
        status, body = self.http_get("/v1/status")
        assert status == 200, body
        return parse_json(body)

    def sync(self, timeout_s=60):
        self.must("sync", "--timeout", timeout_s, timeout_s=timeout_s + 30)

    def wait_until_signed(self):
        """Until a checkpoint covers all entries; there is one each 200 ms, and a proof waits no longer than a second."""
        entries = self.status()["entries"]

        def signed():
            checkpoint = self.status()["checkpoint"]
            return checkpoint is not None and checkpoint["size"] >= entries

        wait_until(signed, 20, f"a checkpoint over {entries} entries")

    def log(self, query="", images=False, order="asc", limit=1_000_000, all=True):
        arguments = ["log"] + ([query] if query else [])
        arguments += ["--json", "--order", order, "--limit", limit]
        arguments += ["--all"] if all else []
        arguments += ["--images"] if images else []
        return [parse_json(line) for line in self.must(*arguments).splitlines()]

    def wait_for_entry(self, condition, timeout_s=10, what="an entry"):
        return wait_until(lambda: next((entry for entry in self.log() if condition(entry)), None), timeout_s, what)

    # ---- its Unix socket ----

    def http_get(self, target):
        """One HTTP request over the socket; (status, body)."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(120)
            connection.connect(str(self.socket_path()))
            connection.sendall(f"GET {target} HTTP/1.1\r\nHost: rowledger\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while piece := connection.recv(1 << 16):
                answer += piece
        if not answer:
            raise ConnectionError("the connection was closed without an answer")
        head, _, body = answer.partition(b"\r\n\r\n")
        if b"transfer-encoding: chunked" in head.lower():
            body = b"".join(_chunks(body))
        return int(head.split()[1]), body

    def socket_path(self):
        return next(self.dir.glob("*.sock"))


class SmallDisk:
    """A file system of 128 MB that the data directory, not attached yet, is moved to; for root only. Half of it is for the
    store's WAL, which is removed only when it is larger than 64 MB.

        with SmallDisk(rowledger) as disk:
            rowledger.attach()
            ...
            disk.fill()
            ...
            disk.free()
    """

    def __init__(self, rowledger):
        self.rowledger = rowledger
        self.directory = rowledger.parent / "small"
        self.filler = self.directory / "filler"

    def __enter__(self):
        self.directory.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128m", "tmpfs", str(self.directory)], check=True)
        # The master key stands beside the data directory.
        subprocess.run(["cp", "-a", str(self.rowledger.dir), *map(str, self.rowledger.parent.glob("data.*")), str(self.directory)],
                       check=True)
        self.rowledger.dir = self.directory / "data"
        return self

    def __exit__(self, *_):
        self.rowledger.close()
        subprocess.run(["umount", "-l", str(self.directory)])

    def fill(self):
        with open(self.filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"\0" * (1 << 12)):
                pass

    def free(self):
        self.filler.unlink()


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="a small file system is mounted, which needs root")


def _chunks(body):
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            return
        yield body[:length]
        body = body[length + 2:]


class CuttingProxy:
    """A TCP proxy to the cluster whose connections can be cut, and which can refuse new ones."""

    def __init__(self, target_port):
        self.target_port = target_port
        self.refusing = False
        self._connections = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                if self.refusing:
                    raise OSError
                server = socket.create_connection(("127.0.0.1", self.target_port))
            except OSError:
                client.close()
                continue
            with self._lock:
                if self.refusing:  # since then; whoever sets it and cuts must not miss this one
                    client.close()
                    server.close()
                    continue
                self._connections |= {client, server}
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source, sink):
        with contextlib.suppress(OSError):
            while piece := source.recv(1 << 16):
                sink.sendall(piece)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        with self._lock:
            self._connections -= {source, sink}

    def cut(self):
        """Resets every connection that there is."""
        with self._lock:
            connections = list(self._connections)
        for end in connections:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._listener.close()
        self.cut()
