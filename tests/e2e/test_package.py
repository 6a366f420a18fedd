"""The Debian package: built, installed into a root of its own, run there against a PostgreSQL, removed, purged.

dpkg works on a directory (--root), with its maintainer scripts run for that directory (DPKG_ROOT) instead of in it: nothing of
this machine is touched, and nobody needs to be root.
"""

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

import harness
from harness import Rowledger

# What dpkg and systemd-sysusers keep for themselves.
NOT_THE_PACKAGES = re.compile(r"(var/lib/dpkg|var/log|etc/(passwd|group|shadow|gshadow)-?|etc/\.pwd\.lock|etc/\.#.*)(/.*)?$")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    directory = tmp_path_factory.mktemp("package")
    done = subprocess.run(["cpack", "-G", "DEB", "-B", str(directory), "--config", os.environ["ROWLEDGER_CPACK_CONFIG"],
                           # Packing tightly takes longer than the rest of the test.
                           "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=none"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = directory.glob("*.deb")
    return file


class Root:
    def __init__(self, path):
        self.path = path
        for directory in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "etc", "run"):
            (path / directory).mkdir(parents=True)
        (path / "var/lib/dpkg/status").touch()

    def dpkg(self, *arguments):
        # The libraries are this machine's, which the root's dpkg knows nothing of.
        done = subprocess.run(["dpkg", f"--root={self.path}", "--force-script-chrootless", "--force-not-root",
                               "--force-depends", f"--log={self.path}/var/log/dpkg.log", *map(str, arguments)],
                              capture_output=True, text=True,
                              env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def files(self):
        found = (path.relative_to(self.path) for path in self.path.rglob("*") if not path.is_dir() or path.is_symlink())
        return sorted(str(path) for path in found if not NOT_THE_PACKAGES.fullmatch(str(path)))


@pytest.fixture
def root(tmp_path):
    (tmp_path / "root/var/log").mkdir(parents=True)
    return Root(tmp_path / "root")


def test_says_what_it_needs(package):
    fields = subprocess.run(["dpkg-deb", "--field", str(package)], capture_output=True, text=True, check=True).stdout
    depends = re.search(r"^Depends: (.*)$", fields, re.MULTILINE)[1]
    for library in ("libc6", "libpq5", "librocksdb", "libssl3", "libsodium23", "libzstd1", "tzdata"):
        assert re.search(rf"\b{re.escape(library)}", depends), depends
    assert re.search(r"^Maintainer: .+<.+>$", fields, re.MULTILINE)
    listing = subprocess.run(["dpkg-deb", "--contents", str(package)], capture_output=True, text=True, check=True).stdout
    # Everything is root's, and nobody else may write it.
    for line in listing.splitlines():
        mode, owner = line.split()[:2]
        assert owner == "root/root", line
        assert mode.startswith("l") or mode[5] != "w" and mode[8] != "w", line


def test_installs_runs_and_goes_without_a_trace(package, root, cluster, database, monkeypatch):
    root.dpkg("--install", package)
    program = root.path / "usr/bin/rowledger"
    unit = (root.path / "usr/lib/systemd/system/rowledger.service").read_text()
    (started,) = re.findall(r"^ExecStart=(\S+)", unit, re.MULTILINE)
    assert root.path / started.lstrip("/") == program and os.access(program, os.X_OK)
    user = re.search(r"^rowledger:.*$", (root.path / "etc/passwd").read_text(), re.MULTILINE)[0].split(":")
    assert re.search(r"^User=rowledger$", unit, re.MULTILINE) and user[6] == "/usr/sbin/nologin"
    state = root.path / "var/lib/rowledger"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    if os.geteuid() == 0:
        assert (state.stat().st_uid, state.stat().st_gid) == (int(user[2]), int(user[3]))
    for example in ("prometheus/rowledger.rules.yml", "grafana/rowledger.json", "proxy/nginx.conf", "proxy/Caddyfile"):
        assert (root.path / "usr/share/rowledger" / example).exists()
    installed = root.files()

    # The installed program, where the unit has it work.
    monkeypatch.setattr(harness, "PROGRAM", str(program))
    rowledger = Rowledger(cluster, database)
    rowledger.dir = state / re.search(r"^Environment=ROWLEDGER_DIR=/var/lib/rowledger/(\S+)$", unit, re.MULTILINE)[1]
    try:
        rowledger.init(["contacts tenant=organization_id"])
        rowledger.attach()
        rowledger.serve()
        cluster.sql(database, "UPDATE contacts SET phone = '4711' WHERE id = 3")
        rowledger.sync()
        (entry,) = rowledger.log("op:modify")
        assert entry["changes"][0]["new"] == "4711"
        rowledger.stop()

        # Again over what is there: an upgrade. The data stays.
        root.dpkg("--install", package)
        assert "pg_drop_replication_slot" in root.dpkg("--remove", "rowledger")
        assert not program.exists()
        assert (rowledger.dir / "rowledger.toml").exists() and (root.path / "etc/default/rowledger").exists()
    finally:
        rowledger.close()
        cluster.drop_slots()
    root.dpkg("--purge", "rowledger")
    assert root.files() == []
    assert not state.exists()
    assert len(installed) > 20


def test_purging_at_once_leaves_nothing_either(package, root):
    root.dpkg("--install", package)
    root.dpkg("--purge", "rowledger")
    assert root.files() == []
    assert [path for path in (root.path / "usr").rglob("*") if path.is_file()] == []
