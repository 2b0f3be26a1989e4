"""What a pipe logs, as documented (X101 to X104). A vector's kind is told by its members, never by its name."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from afterbay.core.pipe.execution import Execution, StageEnd, StageRun
from afterbay.core.pipe.group import read_group
from afterbay.core.pipe.log import Level, Step, is_logged, lowest_level, steps
from afterbay.core.pipe.log_record import RECORD_BYTES_MAX, LogRecord
from afterbay.core.pipe.log_settings import LogSettings
from vectors.loading import Reader, Vector, vectors

ENRICHMENT_ENDS = {"enrichment_error": StageEnd.FAILED}
TARGET_ENDS = {
    "ok": StageEnd.SUCCEEDED,
    "target_error": StageEnd.FAILED,
    "target_partial": StageEnd.PARTLY_FAILED,
    "enrichment_empty": StageEnd.SKIPPED,
}


def optional(given: Reader, name: str, otherwise: object) -> object:
    return given[name] if name in given.names else otherwise


def level_of_a_step(given: Reader, wanted: Reader) -> None:
    assert lowest_level(Step(given["step"])) == wanted["lowest_level"]


def order_of_steps(given: Reader, wanted: Reader) -> None:
    result, templated = given["result"], bool(optional(given, "templates", False))
    enrichment = None
    if optional(given, "enrichment", False):
        enrichment = StageRun(ENRICHMENT_ENDS.get(result, StageEnd.SUCCEEDED), templated)
    target = StageRun(TARGET_ENDS[result], templated) if result in TARGET_ENDS else None
    taken = steps(Execution(enrichment=enrichment, target=target))
    level = Level(given["level"])
    assert [one for one in taken if is_logged(one, level)] == wanted["steps"]


def record(step: Step, **data: str) -> LogRecord:
    return LogRecord(
        execution_id="e",
        timestamp_ms=1,
        step=step,
        pipe_arn="arn:aws:pipes:us-east-1:111122223333:pipe/p",
        level=Level.TRACE,
        **data,
    )


def members_of_records(given: Reader, wanted: Reader) -> None:
    log = read_group(LogSettings, {"Level": "TRACE", "IncludeExecutionData": given["IncludeExecutionData"]})
    data = {"payload": "p", "aws_request": "q", "aws_response": "a"}
    documents = {step: record(step, **data).document(include_data=log.includes_data) for step in Step}
    found = {step for step, document in documents.items() if given["field"] in document}
    assert found == set(wanted["steps"])


def order_of_cutting(given: Reader, wanted: Reader) -> None:
    limit = given["limit"]
    assert given["record_bytes_over_limit"] and limit == RECORD_BYTES_MAX
    seen: set[str] = set()
    for step in (Step.EXECUTION_STARTED, Step.TARGET_INVOCATION_FAILED):
        whole = record(step, payload="p" * limit, aws_request="q" * limit, aws_response="a" * limit)
        document = whole.document(include_data=True, bytes_max=limit)
        assert len(json.dumps(document, separators=(",", ":"))) <= limit
        cut = document[wanted["listed_in"]]
        assert cut == [one for one in wanted["order"] if one in cut]
        seen.update(cut)
    assert seen == set(wanted["order"])


KINDS: list[tuple[str, Callable[[Reader, Reader], None]]] = [
    ("step", level_of_a_step),
    ("result", order_of_steps),
    ("field", members_of_records),
    ("limit", order_of_cutting),
]


@pytest.mark.parametrize("vector", vectors("pipes/log-steps.json"))
def test_steps_are_logged_as_documented(vector: Vector) -> None:
    with vector.opened() as (given, wanted):
        (play,) = [play for member, play in KINDS if member in given.names]
        play(given, wanted)
