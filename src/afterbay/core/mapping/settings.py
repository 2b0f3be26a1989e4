"""Every knob of a mapping, checked (R1 to R20), and how a Create or an Update request becomes settings.

Decides what a request means and which is refused, with AWS's own code and text where AWS has one. Whether the function
and the stream exist is for whoever can look (E2, E4): it comes after everything here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import TypeVar

from afterbay.core.change.arn import is_pipe
from afterbay.core.change.source import SourceKind, is_fifo, source_kind
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.admission import (
    UNSUPPORTED,
    check_destination,
    check_metrics,
    check_on_success,
    check_source,
    check_unsupported,
)
from afterbay.core.mapping.constraints import (
    RANGES,
    boolean,
    check_model,
    integer,
    items,
    members,
    moment,
    text,
    validation_error,
)
from afterbay.core.mapping.filters import check_pattern
from afterbay.errors import SettingsError

__all__ = [
    "CreateRequest",
    "MappingSettings",
    "StartingPosition",
    "UpdateRequest",
    "check_starting_moment",
    "parse_create",
    "parse_tags",
    "parse_update",
    "unknown_parameters",
    "update_members",
]

_T = TypeVar("_T")

RECORD_AGE_MIN_S = 60
RECORD_AGE_MAX_S = 604_800  # seven days (R9)
FILTERS_MAX = 5  # R16: AWS's quota, which it raises to 10 on request
TAGS_MAX = 50
BATCH_SIZE_OF_QUEUES = 10  # Q1
BATCH_AT_ONCE_MAX = 10  # Q1: more than one receipt gives needs a window to gather them in


class StartingPosition(Enum):
    """Where a mapping's first start begins (R7)."""

    TRIM_HORIZON = "TRIM_HORIZON"
    LATEST = "LATEST"
    AT_TIMESTAMP = "AT_TIMESTAMP"


PIPE_HIDES_S = 7 * 60 + 30
"""X87: beside its window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingSettings:
    """The settings of one mapping as the machine acts on them; ``None`` stands for AWS's -1, "without limit".

    ``function_arn`` is the FunctionName as it was given until ``CreateRequest.resolved`` puts the ARN there; the
    qualifier stays (R29). ``filters`` are the patterns byte for byte (R24). ``event_count``: MetricsConfig asks for the
    EventCount group (R140). A queue has no ``starting_position``; ``concurrency_max`` is its alone (Q3).
    """

    event_source_arn: str
    function_arn: str
    starting_position: StartingPosition | None
    starting_at: datetime | None = None
    batch_size: int = 100
    batching_window_s: int = 0
    parallelization_factor: int = 1
    record_age_max_s: int | None = None
    retry_attempts_max: int | None = None
    bisect: bool = False
    report_batch_item_failures: bool = False
    tumbling_window_s: int = 0
    on_failure: str | None = None
    filters: tuple[str, ...] = ()
    event_count: bool = False
    kms_key_arn: str | None = None
    concurrency_max: int | None = None

    def __post_init__(self) -> None:
        given = self._numbers()
        outside = [sentence for bounds in RANGES if (sentence := bounds.violation(given[bounds.name]))]
        if outside:
            raise validation_error(outside)
        if self.kind is SourceKind.QUEUE:
            self._check_queue()
        if self.starting_at is not None and self.starting_position is not StartingPosition.AT_TIMESTAMP:
            raise SettingsError("Timestamp only valid with StartingPosition AT_TIMESTAMP")  # E10
        if self.tumbling_window_s and self.parallelization_factor > 1:
            raise SettingsError(
                "Parallelization factor must be equal to 1 when tumbling window period is configured"
            )  # E6
        if self.tumbling_window_s and self.filters:
            raise SettingsError("Filter criteria are not supported when tumbling window period is configured")  # E13
        if len(self.filters) > FILTERS_MAX:
            raise SettingsError(
                f"FilterCriteria holds {len(self.filters)} filters; at most {FILTERS_MAX} are allowed"
            )  # R16

    def _check_queue(self) -> None:
        """Rules: Q1 the first text is recorded, Q2 the second is the guide's sentence."""
        if self.batch_size > BATCH_AT_ONCE_MAX and not self.batching_window_s:
            raise SettingsError(
                "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
            )
        if is_fifo(self.event_source_arn) and self.batching_window_s:
            raise SettingsError("Batching window is not supported for FIFO queues")

    @property
    def kind(self) -> SourceKind:
        """What is read."""
        return source_kind(self.event_source_arn)

    @property
    def is_pipe(self) -> bool:
        """True for the source of a pipe: its ARN stands where a function's would."""
        return is_pipe(self.function_arn)

    @property
    def hides_s(self) -> int | None:
        """How long a message that is received stays hidden; None: as long as its queue says.

        X87: a pipe with a batching window says it, so that nothing comes again while its batch gathers and runs.
        """
        if not (self.is_pipe and self.batching_window_s and self.kind is SourceKind.QUEUE):
            return None
        return PIPE_HIDES_S + self.batching_window_s

    def _numbers(self) -> dict[str, int]:
        """The values of ``RANGES``, by AWS's names and in AWS's terms."""
        return {
            "BatchSize": self.batch_size,
            "MaximumBatchingWindowInSeconds": self.batching_window_s,
            "ParallelizationFactor": self.parallelization_factor,
            "MaximumRecordAgeInSeconds": -1 if self.record_age_max_s is None else self.record_age_max_s,
            "MaximumRetryAttempts": -1 if self.retry_attempts_max is None else self.retry_attempts_max,
            "TumblingWindowInSeconds": self.tumbling_window_s,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRequest:
    """A CreateEventSourceMapping that is right in itself. ``function_name`` may be any of R2's forms."""

    settings: MappingSettings
    function_name: str
    enabled: bool = True
    tags: dict[str, str] = field(default_factory=dict[str, str])

    def resolved(self, function_arn: str) -> MappingSettings:
        """The settings once somebody has found the function."""
        return replace(self.settings, function_arn=function_arn)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRequest:
    """An UpdateEventSourceMapping that is right in itself. ``None``: the request does not say (R21).

    ``settings`` are the whole new ones; only a new function is left for the caller to resolve.
    """

    settings: MappingSettings
    function_name: str | None = None
    enabled: bool | None = None


def parse_create(params: Mapping[str, JsonValue]) -> CreateRequest:
    """Read the members of a Create request. Raises ``SettingsError``.

    Members that AWS does not know are passed over, as AWS does; ``unknown_parameters`` names them where a person wrote
    the request.

    Rules: R25 what the model says comes first, then the source (E1), then what the service says.
    """
    check_model(params, required=("FunctionName",))
    source = check_source(text(params, "EventSourceArn"))
    check_on_success(params, source_kind(source))
    name = text(params, "FunctionName") or ""
    base = _defaults(params, source, name)
    return CreateRequest(
        settings=_changed(base, params),
        function_name=name,
        enabled=boolean(params, "Enabled") is not False,
        tags=parse_tags(params),
    )


def parse_update(current: MappingSettings, params: Mapping[str, JsonValue]) -> UpdateRequest:
    """Read the members of an Update request of a mapping that has ``current`` settings. Raises ``SettingsError``.

    Rules: R21 what is absent stays, and the source and the starting position cannot be changed (no members of this
    request), R22 an empty FilterCriteria removes the filters, R23 an empty Destination removes the destination.
    """
    params = update_members(params)
    check_model(params)
    check_on_success(params, current.kind)
    return UpdateRequest(
        settings=_changed(current, params),
        function_name=text(params, "FunctionName"),
        enabled=boolean(params, "Enabled"),
    )


def update_members(params: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """What an Update request says. Members of Create alone are passed over unread, as all that AWS does not know
    (R21)."""
    return {name: value for name, value in params.items() if name not in _OF_CREATE}


def check_starting_moment(settings: MappingSettings, now: datetime) -> None:
    """Refuse a StartingPositionTimestamp that is still to come (R8). The text is ours."""
    if settings.starting_at is not None and settings.starting_at > now:
        raise SettingsError(
            f"StartingPositionTimestamp {settings.starting_at.isoformat()} is in the future; "
            "use LATEST for what is written from now on"
        )


def parse_tags(params: Mapping[str, JsonValue]) -> dict[str, str]:
    """The tags of a Create or a TagResource request (R19)."""
    check_model({"Tags": params.get("Tags")})
    given = members(params, "Tags") or {}
    tags = {key: text(given, key) or "" for key in given}
    if len(tags) > TAGS_MAX:
        raise SettingsError(f"{len(tags)} tags were given; a mapping has at most {TAGS_MAX}")
    for key in tags:
        if key.lower().startswith("aws:"):
            raise SettingsError(f"The tag key {key!r} is not allowed: names that begin with aws: are AWS's own")
    return tags


def unknown_parameters(params: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """The members that no Create request has, misspelt ones for instance: for files that a person wrote."""
    return tuple(sorted(set(params) - _KNOWN))


_OF_CREATE = frozenset({"EventSourceArn", "StartingPosition", "StartingPositionTimestamp", "Tags"})

_KNOWN = frozenset(
    {
        *(bounds.name for bounds in RANGES),
        *_OF_CREATE,
        *("FunctionName", "Enabled"),
        *("BisectBatchOnFunctionError", "FunctionResponseTypes", "DestinationConfig", "FilterCriteria"),
        *("MetricsConfig", "KMSKeyArn"),
        *UNSUPPORTED,
    }
)


def _defaults(params: Mapping[str, JsonValue], source: str, function: str) -> MappingSettings:
    """What a new mapping has before the rest of the request is looked at."""
    if source_kind(source) is SourceKind.QUEUE:
        return MappingSettings(
            event_source_arn=source,
            function_arn=function,
            starting_position=None,
            batch_size=BATCH_SIZE_OF_QUEUES,
        )
    position, starting_at = _starting_position(params, source)
    return MappingSettings(
        event_source_arn=source, function_arn=function, starting_position=position, starting_at=starting_at
    )


def _starting_position(params: Mapping[str, JsonValue], source: str) -> tuple[StartingPosition, datetime | None]:
    """Rules: R7 a stream needs one, AT_TIMESTAMP is Kinesis' alone (E9) and then needs its time stamp (R8, E10)."""
    given = text(params, "StartingPosition")
    if given is None:
        raise _missing("startingPosition")  # E7: not a ValidationException, and with a full stop
    position, starting_at = StartingPosition(given), moment(params, "StartingPositionTimestamp")
    if position is StartingPosition.AT_TIMESTAMP:
        if source_kind(source) is not SourceKind.KINESIS:
            raise SettingsError(f"Unsupported starting position for arn type: {source}")  # E9
        if starting_at is None:
            raise _missing("startingPositionTimestamp")  # by analogy with E7
    return position, starting_at


def _missing(name: str) -> SettingsError:
    return SettingsError(
        f"1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null."
    )


def _changed(current: MappingSettings, params: Mapping[str, JsonValue]) -> MappingSettings:
    """``current`` with what the request names. Raises ``SettingsError``."""
    check_unsupported(params, current.kind)
    age = integer(params, "MaximumRecordAgeInSeconds")
    attempts = integer(params, "MaximumRetryAttempts")
    responses = items(params, "FunctionResponseTypes")
    metrics = check_metrics(params)
    key = text(params, "KMSKeyArn")
    return replace(
        current,
        batch_size=_or(integer(params, "BatchSize"), current.batch_size),
        batching_window_s=_or(integer(params, "MaximumBatchingWindowInSeconds"), current.batching_window_s),
        parallelization_factor=_or(integer(params, "ParallelizationFactor"), current.parallelization_factor),
        record_age_max_s=current.record_age_max_s if age is None else _record_age(age),
        retry_attempts_max=current.retry_attempts_max if attempts is None else _limit(attempts),
        bisect=_or(boolean(params, "BisectBatchOnFunctionError"), current.bisect),
        report_batch_item_failures=current.report_batch_item_failures if responses is None else bool(responses),
        tumbling_window_s=_or(integer(params, "TumblingWindowInSeconds"), current.tumbling_window_s),
        on_failure=_on_failure(params, current.on_failure),
        filters=_filters(params, current),
        event_count=_or(metrics, current.event_count),
        kms_key_arn=current.kms_key_arn if key is None else key or None,
        concurrency_max=_concurrency(params, current.concurrency_max),
    )


def _on_failure(params: Mapping[str, JsonValue], current: str | None) -> str | None:
    """Where letters go from now on. A config without a Destination changes nothing; the empty one removes it (R23)."""
    config = members(params, "DestinationConfig") or {}
    destination = text(members(config, "OnFailure") or {}, "Destination")
    if destination is None:
        return current
    return check_destination(destination) if destination else None


def _concurrency(params: Mapping[str, JsonValue], current: int | None) -> int | None:
    """An empty ScalingConfig removes the limit (Q3)."""
    config = members(params, "ScalingConfig")
    return current if config is None else integer(config, "MaximumConcurrency")


def _filters(params: Mapping[str, JsonValue], current: MappingSettings) -> tuple[str, ...]:
    """The patterns as they are written (R24); an empty container is no filters at all (R22)."""
    criteria = members(params, "FilterCriteria")
    if criteria is None:
        return current.filters
    patterns = [text(one, "Pattern") if isinstance(one, dict) else None for one in items(criteria, "Filters") or []]
    return tuple(check_pattern(pattern, current.kind) for pattern in patterns)


def _record_age(value: int) -> int | None:
    """E11: a rule of Lambda's requests, not of what a mapping can do. A pipe's age may be shorter (X9)."""
    if value == -1 or RECORD_AGE_MIN_S <= value <= RECORD_AGE_MAX_S:
        return _limit(value)
    raise SettingsError(
        "MaximumRecordAgeInSeconds must be either -1 (forever) "
        f"or between {RECORD_AGE_MIN_S} and {RECORD_AGE_MAX_S} (inclusive)"
    )


def _limit(value: int) -> int | None:
    return None if value == -1 else value


def _or(value: _T | None, otherwise: _T) -> _T:
    return otherwise if value is None else value
