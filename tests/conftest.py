"""What holds for every test: no credentials or settings of the machine, and no silent skip in CI."""

from __future__ import annotations

import gc
import logging
import os
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, settings

import servers
import service_models

service_models.read_once()

# How long an example takes is the machine's affair: no property fails for it. In CI Hypothesis also draws the same
# examples each time, by a profile of its own that stands below this one.
settings.register_profile("afterbay", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("afterbay")

_servers = pytest.StashKey[ExitStack]()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Once, not in each worker: what the tests start does not outlive them."""
    if not hasattr(session.config, "workerinput"):
        session.config.stash[_servers] = stack = ExitStack()
        stack.enter_context(servers.session())


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _servers in session.config.stash:
        session.config.stash[_servers].close()


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Ten thousand tests and all that they import are no garbage: to look for some there was a third of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test must neither reach a real account nor depend on how the machine is set up."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "AFTERBAY_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)


@pytest.fixture(autouse=True)
def _a_test_hears_every_log() -> None:
    """A verb says what its process logs: one that an earlier test, or a fixture, called in this process must not say it
    for others."""
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("afterbay").setLevel(logging.NOTSET)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """With CI=true a skip is a failure: the machine must have what the tests need. An expected failure stays one."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where nothing may be missing: {report.longrepr}"
    return report
