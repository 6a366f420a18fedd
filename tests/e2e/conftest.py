import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import Cluster, Rowledger  # noqa: E402

pytest_plugins = ["exhibits"]


@pytest.fixture(scope="module")
def cluster():
    made = Cluster()
    yield made
    made.close()


CONTACTS = """
CREATE TABLE contacts (
  id bigint PRIMARY KEY, organization_id int NOT NULL DEFAULT 1, name text, phone text, note text,
  fields jsonb NOT NULL DEFAULT '{}');
INSERT INTO contacts (id, name, phone) SELECT n, 'name ' || n, '9190000' || n FROM generate_series(1, 20) n;
"""


@pytest.fixture
def database(cluster):
    """A database with twenty contacts."""
    name = cluster.create_database()
    cluster.sql(name, CONTACTS)
    return name


@pytest.fixture
def make_rowledger(cluster, database):
    """rowledger(...): a data directory over `database`, by default attached and served."""
    made = []

    def make(tables=("contacts tenant=organization_id",), config="", attach=True, serve=True, **options):
        rowledger = Rowledger(cluster, options.pop("database", database), **options)
        made.append(rowledger)
        rowledger.init(list(tables), config)
        if attach:
            rowledger.attach()
        if attach and serve:
            rowledger.serve()
        return rowledger

    yield make
    for rowledger in made:
        rowledger.close()
    if cluster.process is None:
        cluster.start()
    cluster.drop_slots()


@pytest.fixture
def rowledger(make_rowledger):
    return make_rowledger()


@pytest.fixture(scope="session")
def tlogcheck(tmp_path_factory):
    """The independent check, built as tests/tlog does: from Debian's packages, whatever Go settings the machine has."""
    directory = tmp_path_factory.mktemp("go")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GO")}
    environment |= {"GO111MODULE": "off", "GOPROXY": "off", "GOFLAGS": "", "GOPATH": "/usr/share/gocode", "GOENV": "off",
                    "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOCACHE": str(directory / "cache")}
    source = Path(__file__).resolve().parent.parent / "tlog" / "main.go"
    subprocess.run(["/usr/bin/go", "build", "-o", directory / "tlogcheck", source], env=environment, check=True)
    return directory / "tlogcheck"
