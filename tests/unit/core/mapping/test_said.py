"""What a failure said of itself, beside the outcome that it is."""

from __future__ import annotations

import pytest

from afterbay.core.mapping.outcome import Cause, Failed, Said
from afterbay.core.mapping.response import KIND_CHARS_MAX, MESSAGE_CHARS_MAX, read_answer, said_in


def test_an_error_document_is_read() -> None:
    payload = b'{"errorType": "ValueError", "errorMessage": "poison", "stackTrace": ["x"]}'
    assert said_in(payload) == Said("ValueError", "poison")


@pytest.mark.parametrize("payload", [b"", b"null", b"{}", b"[", b'"text"', b'{"errorType": 1}', b"\xff"])
def test_what_says_nothing_is_nothing(payload: bytes) -> None:
    assert said_in(payload) is None


def test_a_long_text_is_cut() -> None:
    said = said_in(b'{"errorType": "%s", "errorMessage": "%s"}' % (b"t" * 5_000, b"m" * 5_000))
    assert said is not None and (len(said.kind), len(said.message)) == (KIND_CHARS_MAX, MESSAGE_CHARS_MAX)


def test_it_is_no_part_of_what_the_outcome_is() -> None:
    outcome = read_answer(
        b'{"errorMessage": "poison"}', function_error="Unhandled", executed_version="1", positions={}, partial=False
    )
    assert isinstance(outcome, Failed) and outcome.said == Said("", "poison")
    assert outcome == Failed(Cause.FUNCTION_ERROR, response=outcome.response)
