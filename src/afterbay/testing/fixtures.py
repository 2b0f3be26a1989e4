"""pytest fixtures. In the conftest.py at the top of your tests: ``pytest_plugins = ["afterbay.testing.fixtures"]``.

``afterbay_template`` in pytest's settings names a template, relative to the settings' own folder, that the address then
starts with.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from afterbay.sinks.memory import MemorySink
from afterbay.testing.address import Address, address

__all__ = ["afterbay_address", "afterbay_environment", "afterbay_sink", "pytest_addoption"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("afterbay_template", "The template that the local address of the tests starts with.", default="")


@pytest.fixture(scope="session")
def afterbay_address(pytestconfig: pytest.Config) -> Iterator[Address]:
    """The local address that the whole session shares."""
    template = str(pytestconfig.getini("afterbay_template"))
    with address(pytestconfig.rootpath / template if template else None) as running:
        yield running


@pytest.fixture
def afterbay_environment(afterbay_address: Address, monkeypatch: pytest.MonkeyPatch) -> Address:
    """The same; for this test, code that makes its own clients reaches the address too."""
    for name, value in afterbay_address.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    return afterbay_address


@pytest.fixture
def afterbay_sink() -> Iterator[MemorySink]:
    """An empty sink in memory for this test; ``str`` of it is its address, as in ``AFTERBAY_SINK``."""
    name = f"test-{uuid.uuid4().hex}"
    yield MemorySink.named(name)
    MemorySink.forget(name)
