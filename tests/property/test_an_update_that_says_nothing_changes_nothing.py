"""An UpdatePipe that names the role alone leaves every other setting as it was, and so does one that says it all again
(X10)."""

from __future__ import annotations

from hypothesis import given

from afterbay.core.pipe.request import parse_update
from unit.core.pipe.making import ROLE, created

from .pipes import requests


@given(requests())
def test_an_update_that_says_nothing_changes_nothing(params: dict) -> None:
    settings = created(params)
    assert parse_update(settings, {"RoleArn": ROLE}) == settings
    assert parse_update(settings, settings.request()) == settings
