"""How a target or an enrichment is called: the parameters of each kind, typed (X10, X60, X61, X63, X65, X67 to X69).

A member that was not given is None and is not shown. A value that is a path stays as it was written: what it stands for
is found in each event (``core.template.dynamic``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import items, members, text
from afterbay.core.pipe.errors import Field
from afterbay.core.pipe.group import Group, read_group
from afterbay.core.pipe.group import shown as of_group
from afterbay.core.pipe.shape import MISSING, without_nulls
from afterbay.core.pipe.target_service import TargetKind, TargetService
from afterbay.core.target.measure import MEASURES_MAX

__all__ = [
    "BusParameters",
    "FilledParameters",
    "HttpParameters",
    "InvocationParameters",
    "InvocationType",
    "KinesisParameters",
    "LogsParameters",
    "QueueTargetParameters",
    "TargetParameters",
    "faults",
    "missing",
    "read",
    "shown",
]


class InvocationType(StrEnum):
    """X63: whether the answer is waited for."""

    REQUEST_RESPONSE = "REQUEST_RESPONSE"
    FIRE_AND_FORGET = "FIRE_AND_FORGET"


class InvocationParameters(Group, frozen=True, kw_only=True):
    """Of a Lambda function and of a state machine."""

    invocation_type: InvocationType | None = None

    @property
    def waits(self) -> bool:
        """True if the answer is waited for, which is the default (X63)."""
        return self.invocation_type is not InvocationType.FIRE_AND_FORGET


class QueueTargetParameters(Group, frozen=True, kw_only=True):
    message_group_id: str | None = None
    message_deduplication_id: str | None = None


class KinesisParameters(Group, frozen=True, kw_only=True):
    partition_key: str


class BusParameters(Group, frozen=True, kw_only=True):
    """What is None has the defaults of X65. ``time`` is a path (X61)."""

    endpoint_id: str | None = None
    detail_type: str | None = None
    source: str | None = None
    resources: tuple[str, ...] | None = None
    time: str | None = None


class LogsParameters(Group, frozen=True, kw_only=True):
    """``timestamp`` is a path to epoch milliseconds (X61, X68)."""

    log_stream_name: str | None = None
    timestamp: str | None = None


class HttpParameters(Group, frozen=True, kw_only=True):
    """Of an API destination and of API Gateway, as a target or an enrichment (X56)."""

    path_parameter_values: tuple[str, ...] | None = None
    header_parameters: dict[str, str] | None = None
    query_string_parameters: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class FilledParameters:
    """Of a target that is given nothing but parameters (X69), as they were written: ``core.target.run`` and
    ``core.target.measure`` know what they mean."""

    given: Mapping[str, JsonValue]


_Typed = (
    InvocationParameters | QueueTargetParameters | KinesisParameters | BusParameters | LogsParameters | HttpParameters
)
TargetParameters = _Typed | FilledParameters

_GROUPS: dict[str, type[_Typed]] = {
    "LambdaFunctionParameters": InvocationParameters,
    "StepFunctionStateMachineParameters": InvocationParameters,
    "SqsQueueParameters": QueueTargetParameters,
    "KinesisStreamParameters": KinesisParameters,
    "EventBridgeEventBusParameters": BusParameters,
    "CloudWatchLogsParameters": LogsParameters,
    "HttpParameters": HttpParameters,
}

_FIFO = ".fifo"


def shown(parameters: TargetParameters) -> dict[str, JsonValue]:
    """The members that were given, by their names on the wire."""
    return {**parameters.given} if isinstance(parameters, FilledParameters) else of_group(parameters)


def faults(service: TargetService | None, parameters: Mapping[str, JsonValue], where: str) -> Iterator[Field]:
    """What is wrong with ``where``, TargetParameters or EnrichmentParameters, once the model has nothing against them.

    Those of other services are refused: they would have no effect (ours). ``service`` None: there is no enrichment.
    """
    own = None if service is None else service.group
    for name, value in parameters.items():
        if name.endswith("Parameters") and name != own and value:
            called = "There is no enrichment" if service is None else f"This is {service.kind.value}"
            yield Field(f"{where}.{name}", f"{called}: these parameters have no effect")


def missing(service: TargetService, arn: str, parameters: TargetParameters | None) -> Iterator[Field]:
    """What a target cannot do without: Kinesis its partition key (X68), a FIFO queue its message group (X67), others
    their own parameters (X69), Timestream a measure and a time that is a number (ours)."""
    where = f"TargetParameters.{service.group}"
    if service.needs_group and parameters is None:
        yield Field(where, MISSING)
    if service.kind is TargetKind.QUEUE and arn.endswith(_FIFO):
        group = parameters.message_group_id if isinstance(parameters, QueueTargetParameters) else None
        if not group:
            yield Field(f"{where}.MessageGroupId", MISSING)
    if service.kind is TargetKind.TIMESTREAM and isinstance(parameters, FilledParameters):
        yield from _measure_faults(parameters.given, where)


def _measure_faults(given: Mapping[str, JsonValue], where: str) -> Iterator[Field]:
    if text(given, "TimeFieldType") == "TIMESTAMP_FORMAT" or given.get("TimestampFormat") is not None:
        yield Field(f"{where}.TimestampFormat", "times written in a format are not read: use TimeFieldType EPOCH")
    measures = sum(len(items(given, name) or ()) for name in ("SingleMeasureMappings", "MultiMeasureMappings"))
    if not measures:
        yield Field(where, "SingleMeasureMappings or MultiMeasureMappings must name a measure")
    if measures > MEASURES_MAX:
        yield Field(where, f"one call writes at most {MEASURES_MAX} measures, not {measures}")


def read(service: TargetService | None, parameters: Mapping[str, JsonValue]) -> TargetParameters | None:
    """The service's own group, typed, after ``faults`` found nothing; None if it has none, or none was given."""
    group = None if service is None else service.group
    given = None if group is None else members(parameters, group)
    if group is None or given is None:
        return None
    return read_group(_GROUPS[group], given) if group in _GROUPS else FilledParameters(without_nulls(given))
