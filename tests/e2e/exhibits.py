"""A failed test shows the daemon's and the server's last lines."""

import pytest

import harness

_shown = []
_register = harness.Rowledger.__init__


def _registering(self, *arguments, **options):
    _register(self, *arguments, **options)
    _shown.append(("the daemon's log", self.log_path))
    _shown.append(("PostgreSQL's log", self.cluster.log_path))


harness.Rowledger.__init__ = _registering


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for name, path in dict.fromkeys(_shown):
            if path.exists() and path.stat().st_size:
                report.sections.append((f"{name} ({path.name})", harness.tail(path)))
    if call.when == "teardown":
        _shown.clear()
