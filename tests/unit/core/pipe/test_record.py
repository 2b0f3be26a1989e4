"""The forms in which a pipe hands records on (X19, X26)."""

from __future__ import annotations

import json

import pytest

from afterbay.core.change.source import SourceKind
from afterbay.core.pipe.record import FORMS, pipe_form

from .running import change, click


def test_a_tables_record_goes_as_it_is():
    body = change(1).body
    assert pipe_form(body, SourceKind.TABLE) is body


@pytest.mark.parametrize("data", [b"", b"{}", b'"},"eventSource":"', bytes(range(256))])
def test_a_kinesis_record_has_its_members_at_the_root_and_loses_none(data):
    whole = json.loads(click(7, data).body)
    flat = json.loads(pipe_form(click(7, data).body, SourceKind.KINESIS))
    assert flat == {**whole.pop("kinesis"), **whole}


def test_every_source_has_a_form():
    assert set(FORMS) == set(SourceKind)
