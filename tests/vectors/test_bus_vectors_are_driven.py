"""Each vector of ``bus`` is driven by exactly one test, which fails on a member that it does not read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from vectors import test_bus_api_errors as api_errors
from vectors import test_bus_archive_replay as archive_replay
from vectors import test_bus_dlq_messages as dlq_messages
from vectors import test_bus_envelope as envelope
from vectors import test_bus_input_path as input_path
from vectors import test_bus_input_transformer as input_transformer
from vectors import test_bus_put_events as events
from vectors import test_bus_retry_decisions as retry_decisions
from vectors import test_bus_rule_match as rule_match
from vectors.test_esm_vectors_are_driven import given_to

HERE = Path(__file__).parent / "bus"
DRIVEN_BY: dict[str, Callable[..., object]] = {
    "api-errors": api_errors.test_a_request_is_answered_as_recorded,
    "archive-replay": archive_replay.test_archives_and_replays_are_as_recorded,
    "dlq-messages": dlq_messages.test_a_dead_letter_says_what_is_documented,
    "entry-size": events.test_an_entry_counts_as_documented,
    "envelope": envelope.test_an_event_looks_as_recorded,
    "input-path": input_path.test_a_target_gets_its_input,
    "input-transformer": input_transformer.test_a_transformer_makes_what_was_recorded,
    "put-events": events.test_entries_are_answered_as_recorded,
    "retry-decisions": retry_decisions.test_an_outcome_is_followed_by_what_is_documented,
    "rule-match": rule_match.test_a_pattern_is_answered_as_recorded,
}


def test_every_file_has_its_test() -> None:
    assert {file.stem for file in HERE.glob("*.json")} == set(DRIVEN_BY)


@pytest.mark.parametrize("file", sorted(DRIVEN_BY))
def test_each_vector_is_driven_once_and_its_id_carries_name_and_source(file: str) -> None:
    wanted = Counter((one["name"], one["source"]) for one in json.loads((HERE / f"{file}.json").read_text()))
    driven = given_to(DRIVEN_BY[file])
    assert Counter((name, source) for name, source, _ in driven) == wanted
    assert all(name in told and source in told for name, source, told in driven)
