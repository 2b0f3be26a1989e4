"""What DescribePipe shows is a request that makes the same pipe: shown the same, and reading its source the same."""

from __future__ import annotations

from hypothesis import given

from unit.core.pipe.making import created

from .pipes import requests


@given(requests())
def test_what_a_pipe_is_described_as_can_be_created_again(params: dict) -> None:
    settings = created(params)
    again = created(settings.described())
    assert again.described() == settings.described()
    assert again.source_settings() == settings.source_settings()
    assert created(settings.request()) == settings
