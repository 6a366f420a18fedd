"""Logs of many sizes pass tlogcheck; a log with one altered bit anywhere does not."""
import os
import pathlib
import subprocess

import pytest

WRITE_LOG = os.environ["ROWLEDGER_WRITE_LOG"]
CACHE = pathlib.Path(os.environ["ROWLEDGER_GO_CACHE"])
SOURCE = pathlib.Path(__file__).parent / "main.go"


@pytest.fixture(scope="session")
def tlogcheck():
    """Built from Debian's packages, whatever Go settings and modules the machine has."""
    program = CACHE / "tlogcheck"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GO")}
    environment |= {"GO111MODULE": "off", "GOPROXY": "off", "GOFLAGS": "", "GOPATH": "/usr/share/gocode",
                    "GOENV": "off", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOCACHE": str(CACHE / "cache")}
    subprocess.run(["/usr/bin/go", "build", "-o", program, SOURCE], env=environment, check=True)
    return program


class Log:
    def __init__(self, tlogcheck, directory, size, old_size=None):
        self.tlogcheck, self.directory = tlogcheck, directory
        self.old = [] if old_size is None else ["--old", directory / "old_checkpoint"]
        command = [WRITE_LOG, directory, str(size)] + ([] if old_size is None else [str(old_size)])
        self.key = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def check(self, key=None):
        done = subprocess.run([self.tlogcheck, *self.old, self.directory, key or self.key],
                              capture_output=True, text=True)
        return done.returncode, done.stdout

    def assert_accepted(self):
        status, said = self.check()
        assert status == 0 and said.startswith("ok: "), said
        return said

    def assert_refused(self, because):
        status, said = self.check()
        assert status == 1 and said.startswith("refused: "), said
        assert because in said
        assert said.count("\n") == 1


# The files that the specification says a log of this size has.
FILES = {
    0: set(),
    1: {"tile/0/000.p/1", "tile/entries/000.p/1"},
    255: {"tile/0/000.p/255", "tile/entries/000.p/255"},
    256: {"tile/0/000", "tile/1/000.p/1", "tile/entries/000"},
    257: {"tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/1"},
}


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 1000, 65_536, 70_000])
def test_accepted(tlogcheck, tmp_path, size):
    log = Log(tlogcheck, tmp_path / "log", size)
    said = log.assert_accepted()
    assert said.startswith(f"ok: {size} entries, ")
    found = {str(p.relative_to(log.directory)) for p in log.directory.glob("tile/**/*") if p.is_file()}
    if size in FILES:
        assert found == FILES[size]


def test_tiles_of_three_levels(tlogcheck, tmp_path):
    log = Log(tlogcheck, tmp_path / "log", 70_000)
    assert "277 tiles, 17 proofs" in log.assert_accepted()
    assert (log.directory / "tile/2/000.p/1").stat().st_size == 32


@pytest.mark.parametrize("old,new", [(0, 0), (0, 300), (1, 300), (256, 300), (300, 300), (65_535, 65_536), (257, 70_000)])
def test_continues_older_checkpoints(tlogcheck, tmp_path, old, new):
    assert "1 older checkpoints" in Log(tlogcheck, tmp_path / "log", new, old).assert_accepted()


def flip(path, at=0):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def position_of(path, part):
    return path.read_bytes().index(part)


@pytest.fixture
def log(tlogcheck, tmp_path):
    out = Log(tlogcheck, tmp_path / "log", 700, 300)
    out.assert_accepted()
    return out


@pytest.mark.parametrize("tile", ["tile/0/000", "tile/0/001", "tile/0/002.p/188", "tile/1/000.p/2"])
def test_altered_tile(log, tile):
    for at in (0, 33, -1):
        flip(log.directory / tile, at)
        log.assert_refused(f"{tile} does not follow")
        flip(log.directory / tile, at)
    log.assert_accepted()


def test_altered_entry(log):
    path = log.directory / "tile/entries/001"
    flip(path, position_of(path, b"entry 300") + 8)
    log.assert_refused("signed is")


def test_entry_moved_across_a_border(log):
    path = log.directory / "tile/entries/000"
    content = path.read_bytes()
    assert content.startswith(b"\x00\x07entry 0\x00\x08entry 1.")
    path.write_bytes(b"\x00\x08entry 0e\x00\x07ntry 1." + content[19:])
    log.assert_refused("signed is")


@pytest.mark.parametrize("part", [b"rowledger", b"700", b"=\n\n", "— ".encode()])
def test_altered_checkpoint(log, part):
    path = log.directory / "checkpoint"
    flip(path, position_of(path, part))
    log.assert_refused("checkpoint: ")


def test_altered_signature(log):
    path = log.directory / "checkpoint"
    flip(path, -10)
    log.assert_refused("checkpoint: ")


def test_altered_proof(log):
    path = log.directory / "proofs/255.tlog-proof"
    flip(path, position_of(path, b"index 255\n") + 12)
    log.assert_refused("255.tlog-proof")


def test_another_key(log, tlogcheck, tmp_path):
    other = Log(tlogcheck, tmp_path / "other", 1)
    status, said = log.check(other.key)
    assert status == 1 and said.startswith("refused: checkpoint: ")


def test_altered_older_checkpoint(log):
    path = log.directory / "old_checkpoint"
    flip(path, position_of(path, b"300"))
    log.assert_refused("old_checkpoint")


def test_rewritten_history(log):
    """Somebody holds a checkpoint that the same key signed over other entries: the log was rewritten since."""
    log.old = ["--old", log.directory / "forked_checkpoint"]
    log.assert_refused("does not continue")


def test_older_checkpoint_of_a_longer_log(log):
    log.old = ["--old", log.directory / "longer_checkpoint"]
    log.assert_refused("only 700")


def test_missing_and_surplus_files(log):
    surplus = log.directory / "tile/0/003"
    surplus.write_bytes(b"x" * 8192)
    log.assert_refused("tile/0/003 is no part")
    surplus.unlink()
    (log.directory / "tile/0/001").unlink()
    log.assert_refused("tile/0/001")
