"""Each vector of ``pipes`` is driven by exactly one test, which fails on a member that it does not read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from vectors import test_pipes_api_responses as api_responses
from vectors import test_pipes_api_validation as api_validation
from vectors import test_pipes_batching as batching
from vectors import test_pipes_dead_letters as dead_letters
from vectors import test_pipes_dynamic_path as dynamic_path
from vectors import test_pipes_filters as filters
from vectors import test_pipes_input_template as input_template
from vectors import test_pipes_log_steps as log_steps
from vectors import test_pipes_running as running
from vectors import test_pipes_state_reasons as state_reasons
from vectors.test_esm_vectors_are_driven import check_driven_once

HERE = Path(__file__).parent / "pipes"
DRIVEN_BY: dict[str, list[Callable[..., object]]] = {
    "api-responses": [api_responses.test_an_operation_is_answered_as_documented],
    "api-validation": [api_validation.test_a_request_is_taken_or_refused_as_documented],
    "batching": [
        batching.test_a_batch_size_is_taken_as_documented,
        running.test_a_target_gets_a_batch_in_its_form,
    ],
    "dlq-documents": [dead_letters.test_a_letter_is_as_recorded],
    "dynamic-path": [dynamic_path.test_a_parameter_is_resolved_as_told],
    "enrichment-response": [running.test_an_enrichments_answer_replaces_the_batch],
    "eventbus-target": [running.test_a_bus_gets_an_entry_for_each_record],
    "filter": [filters.test_a_record_is_taken_in_as_documented],
    "input-template": [input_template.test_a_template_renders_as_told],
    "log-steps": [log_steps.test_steps_are_logged_as_documented],
    "partial-batch": [running.test_a_report_says_which_records_are_tried_again],
    "retry-and-bisect": [running.test_a_failing_target_is_tried_as_often_as_it_may],
    "state-reasons": [state_reasons.test_the_reason_is_told_with_the_state_it_led_to],
}


def test_every_file_has_its_test() -> None:
    assert {file.stem for file in HERE.glob("*.json")} == set(DRIVEN_BY)


@pytest.mark.parametrize("file", sorted(DRIVEN_BY))
def test_each_vector_is_driven_once_and_its_id_carries_name_and_source(file: str) -> None:
    check_driven_once(HERE / f"{file}.json", DRIVEN_BY[file])
