"""Fixtures: a home made by the built binary, and a server on it. Nothing here may be skipped."""

import itertools

import pytest

import harness


def pytest_sessionstart(session):
    if not harness.BINARY.is_file():
        pytest.exit(f"no strongroom at {harness.BINARY}: build it, or set STRONGROOM_BINARY", 1)


def pytest_sessionfinish(session, exitstatus):
    """A skipped test is a failure: what is not shown is not known."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and (reporter.stats.get("skipped") or reporter.stats.get("xfailed")):
        session.exitstatus = 1


@pytest.fixture
def home(tmp_path):
    with harness.Home(tmp_path / "home") as made:
        yield made


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory):
    """One home for a module whose tests leave it as usable as they found it."""
    with harness.Home(tmp_path_factory.mktemp("shared") / "home") as made:
        yield made


@pytest.fixture(scope="module")
def server(shared_home):
    """A running server on the module's home."""
    return shared_home.serve()


@pytest.fixture
def admin(server):
    with server.client() as client:
        yield client


@pytest.fixture(scope="session")
def name():
    """Names of models that no other test uses."""
    numbers = itertools.count(1)
    return lambda stem="model": f"{stem}-{next(numbers)}"
