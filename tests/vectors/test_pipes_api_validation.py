"""Requests that the pipes API takes and refuses, as recorded and documented (X6, X9, X14)."""

from __future__ import annotations

import pytest

from afterbay.core.pipe.definition import PipeSettings
from afterbay.core.pipe.errors import PipeError
from afterbay.core.pipe.request import parse_create
from unit.core.pipe.making import ACCOUNT, REGION
from vectors.loading import Vector, vectors

SIZES_OF_THE_GUIDE = "UG23 eb-pipes, eb-pipes-batching-concurrency"
"""The guide's sentence on batches that are larger than a target's calls, which X70 does not follow: they are accepted,
and warned of. ``batching.json`` has the same case the way X70 wants it."""


@pytest.mark.parametrize("vector", vectors("pipes/api-validation.json"))
def test_a_request_is_taken_or_refused_as_documented(vector: Vector) -> None:
    with vector.opened() as (given, wanted):
        assert given["operation"] == "CreatePipe"
        answer: PipeSettings | PipeError
        try:
            answer = parse_create(given["request"], account=ACCOUNT, region=REGION)
        except PipeError as error:
            answer = error
        status = wanted["http_status"]
        code, message = (wanted[one] if one in wanted.names else None for one in ("error", "message"))
        if vector.source == SIZES_OF_THE_GUIDE:
            assert isinstance(answer, PipeSettings) and answer.warnings
        elif status == 200:
            assert isinstance(answer, PipeSettings)
        else:
            assert isinstance(answer, PipeError)
            assert (answer.status, answer.code) == (status, code)
            assert message in (None, answer.message)
