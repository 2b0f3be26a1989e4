"""The local address that integration tests share: one for a test file."""

from collections.abc import Iterator

import pytest

from integration.running import Running, running_address


@pytest.fixture(scope="module")
def address() -> Iterator[Running]:
    with running_address() as running:
        yield running
