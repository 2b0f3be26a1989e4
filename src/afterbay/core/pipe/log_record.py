"""One record of a pipe's log: its members, and what is cut off when it is too long (X103 to X105).

Where records go is the engine's. Data are never redacted: who asks for execution data gets them.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from afterbay.core.pipe.log import Level, Step, lowest_level

__all__ = ["RECORD_BYTES_MAX", "LogRecord", "StepError", "fields_of"]

RECORD_BYTES_MAX = 262_144
"""X104: what CloudWatch Logs takes."""

_PAYLOAD = frozenset(
    {
        Step.EXECUTION_STARTED,
        Step.ENRICHMENT_TRANSFORMATION_SUCCEEDED,
        Step.ENRICHMENT_STAGE_SUCCEEDED,
        Step.TARGET_TRANSFORMATION_SUCCEEDED,
        Step.TARGET_STAGE_SUCCEEDED,
    }
)
_EXCHANGE = frozenset(
    {
        Step.ENRICHMENT_INVOCATION_FAILED,
        Step.ENRICHMENT_INVOCATION_SUCCEEDED,
        Step.TARGET_INVOCATION_FAILED,
        Step.TARGET_INVOCATION_PARTIALLY_FAILED,
        Step.TARGET_INVOCATION_SUCCEEDED,
    }
)
_CUT_IN_ORDER: tuple[str, ...] = ("payload", "awsRequest", "awsResponse")
"""X104: each wholly before the next."""


class StepError(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """``error`` of a step that failed (X105). What is not known is absent; ``details`` is a text and may be empty."""

    message: str
    http_status_code: int | None = None
    details: str | None = None
    aws_service: str | None = None
    request_id: str | None = None
    exception_type: str | None = None
    resource_arn: str | None = None


def fields_of(step: Step) -> tuple[str, ...]:
    """The members with execution data that a record of the step has, if the pipe logs those at all (X103)."""
    if step in _PAYLOAD:
        return ("payload",)
    return ("awsRequest", "awsResponse") if step in _EXCHANGE else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """A step as it happened. ``level`` is the pipe's: the guide says that ``logLevel`` is what was specified.

    ``payload``, ``aws_request`` and ``aws_response`` are texts, JSON or not; the record has those that its step takes
    (``fields_of``). None: not known, or execution data are not included.
    """

    execution_id: str
    timestamp_ms: int
    step: Step
    pipe_arn: str
    level: Level
    payload: str | None = None
    aws_request: str | None = None
    aws_response: str | None = None
    error: StepError | None = None

    def document(self, *, include_data: bool, bytes_max: int | None = None) -> dict[str, object]:
        """The record's members. ``bytes_max``: its JSON text is cut to that many bytes (X104), which is done where a
        Logs group is among the destinations; the others get the same record (X100).

        What is cut is cut from its end, no more than need be, and listed in ``truncatedFields``. A record whose fixed
        members alone are longer keeps them.
        """
        whole: dict[str, object] = {
            "executionId": self.execution_id,
            "timestamp": self.timestamp_ms,
            "messageType": self.step.value,
            "resourceArn": self.pipe_arn,
            "logLevel": self.level.value,
        }
        if include_data:
            given = dict(zip(_CUT_IN_ORDER, (self.payload, self.aws_request, self.aws_response), strict=True))
            whole |= {name: given[name] for name in fields_of(self.step) if given[name] is not None}
        if self.error is not None:
            assert lowest_level(self.step) is Level.ERROR, f"{self.step} is no failure"
            whole["error"] = msgspec.to_builtins(self.error)
        return whole if bytes_max is None else _cut(whole, bytes_max)


def _cut(whole: dict[str, object], bytes_max: int) -> dict[str, object]:
    cut: list[str] = []
    for name in _CUT_IN_ORDER:
        if _excess(whole, bytes_max) <= 0:
            break
        text = whole.get(name)
        if isinstance(text, str) and text:
            cut.append(name)
            whole = {**whole, "truncatedFields": list(cut)}
            whole[name] = _beginning(text, len(_json(text)) - _excess(whole, bytes_max))
    return whole


def _beginning(text: str, bytes_max: int) -> str:
    """As much of ``text`` as its JSON form has ``bytes_max`` bytes for; empty if there is room for nothing."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if len(_json(text[:middle])) <= bytes_max:
            low = middle
        else:
            high = middle - 1
    return text[:low]


def _excess(whole: dict[str, object], bytes_max: int) -> int:
    return len(_json(whole)) - bytes_max


def _json(value: object) -> bytes:
    return msgspec.json.encode(value)
