"""Each vector of ``esm`` is driven by exactly one test, which fails on a member that it does not read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from unit.core.mapping import test_windows as windows
from unit.endpoint import test_mapping_vectors as api
from vectors import test_esm_failure_documents as failure_documents
from vectors import test_esm_filters as filters
from vectors import test_esm_metrics as metrics
from vectors import test_esm_partial_responses as partial_responses
from vectors import test_esm_record_shapes as record_shapes
from vectors import test_esm_sequences as sequences
from vectors.loading import Vector

HERE = Path(__file__).parent / "esm"
DRIVEN_BY: dict[str, list[Callable[..., object]]] = {
    "api_responses": [api.test_an_accepted_request_is_answered_as_recorded],
    "failure_documents": [failure_documents.test_a_destination_gets_the_document_that_was_recorded],
    "filters": [filters.test_a_filter_lets_through_what_was_recorded],
    "metrics": [metrics.test_metrics_are_told_as_recorded],
    "partial_responses": [partial_responses.test_an_answer_counts_as_recorded],
    "record_shapes": [record_shapes.test_a_function_gets_the_event_that_was_recorded],
    "sequences": [
        sequences.test_invocations_and_letters_come_as_recorded,
        windows.test_windows_carry_their_state_and_close_as_recorded,
        windows.test_a_state_that_grew_too_large_ends_its_window_at_once,
    ],
    "validation_errors": [api.test_a_refused_request_gets_the_recorded_code_and_text],
}


def given_to(test: Callable[..., object]) -> list[tuple[str, str, str]]:
    """Name, source and id of the vectors that a test is run with."""
    (values,) = [mark.args[1] for mark in test.pytestmark if mark.name == "parametrize" and mark.args[0] == "vector"]
    found = []
    for one in values:
        vector = one.values[0]
        whole = vector if isinstance(vector, Vector) else Vector(**vector)
        found.append((whole.name, whole.source, one.id))
    return found


def check_driven_once(file: Path, tests: list[Callable[..., object]]) -> None:
    wanted = Counter((one["name"], one["source"]) for one in json.loads(file.read_text()))
    driven = [one for test in tests for one in given_to(test)]
    assert Counter((name, source) for name, source, _ in driven) == wanted
    assert all(name in told and source in told for name, source, told in driven)


def test_every_file_has_its_test() -> None:
    assert {file.stem for file in HERE.glob("*.json")} == set(DRIVEN_BY)


@pytest.mark.parametrize("file", sorted(DRIVEN_BY))
def test_each_vector_is_driven_once_and_its_id_carries_name_and_source(file: str) -> None:
    check_driven_once(HERE / f"{file}.json", DRIVEN_BY[file])


def test_a_member_that_is_not_read_fails() -> None:
    vector = Vector("one", "us", {"seen": 1, "unseen": 2}, {"also": 3})
    with pytest.raises(AssertionError, match=r"input\.unseen', 'expect\.also"), vector.opened() as (given, _):
        assert given["seen"] == 1
