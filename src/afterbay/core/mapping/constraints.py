"""What the service's model says of each parameter, before the service itself looks at any (E5, E8, E12; R25).

Decides types, ranges, lengths and closed sets of values. What parameters mean for one another is ``settings.py``'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from afterbay.core.change.wire import JsonValue
from afterbay.errors import SettingsError

__all__ = [
    "RANGES",
    "Range",
    "boolean",
    "check_model",
    "enum_rule",
    "integer",
    "items",
    "length_rule",
    "members",
    "moment",
    "number_rule",
    "pattern_rule",
    "text",
    "validation_error",
]


@dataclass(frozen=True, slots=True)
class Range:
    """The whole numbers that the parameter ``name`` takes, both ends included."""

    name: str
    low: int
    high: int

    def violation(self, value: int) -> str | None:
        """AWS's sentence about a value outside, or None (E5; the one for minima is by analogy)."""
        rule = number_rule(value, self.low, self.high)
        return _violation(self.name, value, rule) if rule else None


RANGES = (
    Range("BatchSize", 1, 10_000),  # R4
    Range("MaximumBatchingWindowInSeconds", 0, 300),  # R5
    Range("ParallelizationFactor", 1, 10),  # R6
    Range("MaximumRecordAgeInSeconds", -1, 604_800),  # R9: 0 to 59 pass here and fail later (E11)
    Range("MaximumRetryAttempts", -1, 10_000),  # R10
    Range("TumblingWindowInSeconds", 0, 900),  # R13
)

_CONCURRENCY = Range("scalingConfig.maximumConcurrency", 2, 1_000)  # Q3

_FUNCTION_NAME_MAX = 256  # R2
_DESTINATION_MAX = 350  # R14
_PATTERN_MAX = 4096  # R16
_ARN_MAX = 10_000  # R1, R17
_TAG_KEY_MAX = 128  # R19
_TAG_VALUE_MAX = 256  # R19
_RESPONSE_TYPES = ("ReportBatchItemFailures",)
_METRICS = ("EventCount", "ErrorCount", "KafkaMetrics")
_STARTING_POSITIONS = ("LATEST", "AT_TIMESTAMP", "TRIM_HORIZON")  # in the order of E8
_FUNCTION_NAME = re.compile(
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)


def check_model(params: Mapping[str, JsonValue], *, required: Sequence[str] = ()) -> None:
    """Raise one ValidationException that names every parameter the model does not take.

    Several violations in one text is how AWS's services write them; for this one a single violation was recorded (E5).
    """
    found = list(_violations(params, required))
    if found:
        raise validation_error(found)


def validation_error(violations: Sequence[str]) -> SettingsError:
    """The refusal that AWS's model check makes of ``violations``, at least one (E5)."""
    count = len(violations)
    head = f"{count} validation error{'s' if count > 1 else ''} detected: "
    return SettingsError(head + "; ".join(violations), code="ValidationException")


def number_rule(value: int, low: int, high: int) -> str | None:
    """What AWS's model says of a number outside ``low`` to ``high``, both included; None of one inside (E5)."""
    return _bound_rule("value", value, low, high)


def length_rule(length: int, low: int, high: int) -> str | None:
    """The same of the length of a text or a list."""
    return _bound_rule("length", length, low, high)


def enum_rule(allowed: Sequence[str]) -> str:
    """What AWS's model says of a value outside a closed set (E8)."""
    return f"Member must satisfy enum value set: [{', '.join(allowed)}]"


def pattern_rule(pattern: str) -> str:
    """What AWS's model says of a text that a regular expression does not describe."""
    return f"Member must satisfy regular expression pattern: {pattern}"


def integer(params: Mapping[str, JsonValue], name: str) -> int | None:
    """A whole number; None where it is absent or null, as in all readers here."""
    value = params.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise _wrong_type(name, value, "a whole number")


def boolean(params: Mapping[str, JsonValue], name: str) -> bool | None:
    value = params.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise _wrong_type(name, value, "true or false")


def text(params: Mapping[str, JsonValue], name: str) -> str | None:
    value = params.get(name)
    if value is None or isinstance(value, str):
        return value
    raise _wrong_type(name, value, "a string")


def members(params: Mapping[str, JsonValue], name: str) -> dict[str, JsonValue] | None:
    value = params.get(name)
    if value is None or isinstance(value, dict):
        return value
    raise _wrong_type(name, value, "an object")


def items(params: Mapping[str, JsonValue], name: str) -> list[JsonValue] | None:
    value = params.get(name)
    if value is None or isinstance(value, list):
        return value
    raise _wrong_type(name, value, "a list")


def moment(params: Mapping[str, JsonValue], name: str) -> datetime | None:
    """A time stamp: epoch seconds, as clients send it, or ISO 8601 text, as people write it (UTC where it does not
    say)."""
    value = params.get(name)
    if value is None:
        return None
    try:
        if isinstance(value, str):
            read = datetime.fromisoformat(value)
            return read.astimezone(UTC) if read.tzinfo is not None else read.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise _wrong_type(name, value, "a time stamp") from error
    raise _wrong_type(name, value, "a time stamp")


def _violations(params: Mapping[str, JsonValue], required: Sequence[str]) -> Iterator[str]:
    for name in required:
        if params.get(name) is None:
            yield _null(name)
    for bounds in RANGES:
        number = integer(params, bounds.name)
        if number is not None and (sentence := bounds.violation(number)):
            yield sentence
    concurrency = integer(members(params, "ScalingConfig") or {}, "MaximumConcurrency")
    if concurrency is not None and (sentence := _CONCURRENCY.violation(concurrency)):
        yield sentence
    yield from _lengths("EventSourceArn", text(params, "EventSourceArn"), 0, _ARN_MAX)
    function = text(params, "FunctionName")
    yield from _lengths("FunctionName", function, 1, _FUNCTION_NAME_MAX)
    if function and not _FUNCTION_NAME.fullmatch(function):
        yield _violation("FunctionName", function, pattern_rule(_FUNCTION_NAME.pattern))
    yield from _lengths("KMSKeyArn", text(params, "KMSKeyArn"), 0, _ARN_MAX)
    position = text(params, "StartingPosition")
    if position is not None and position not in _STARTING_POSITIONS:
        yield _violation("StartingPosition", position, enum_rule(_STARTING_POSITIONS))
    yield from _choices("FunctionResponseTypes", items(params, "FunctionResponseTypes"), _RESPONSE_TYPES, most=1)
    metrics = items(members(params, "MetricsConfig") or {}, "Metrics")
    yield from _choices("metricsConfig.metrics", metrics, _METRICS, most=3)
    yield from _destination(members(params, "DestinationConfig") or {})
    for number, one in enumerate(items(members(params, "FilterCriteria") or {}, "Filters") or [], start=1):
        pattern = text(one, "Pattern") if isinstance(one, dict) else None
        yield from _lengths(f"filterCriteria.filters.{number}.member.pattern", pattern, 0, _PATTERN_MAX)
    yield from _tags(members(params, "Tags") or {})


def _destination(config: dict[str, JsonValue]) -> Iterator[str]:
    for name in ("OnFailure", "OnSuccess"):
        target = text(members(config, name) or {}, "Destination")
        yield from _lengths(f"destinationConfig.{_camel(name)}.destination", target, 0, _DESTINATION_MAX)


def _tags(tags: dict[str, JsonValue]) -> Iterator[str]:
    for key in tags:
        value = text(tags, key) or ""
        if not key or len(key) > _TAG_KEY_MAX:
            rule = f"length less than or equal to {_TAG_KEY_MAX}" if key else "length greater than or equal to 1"
            yield _violation(
                "Tags", f"{{{key}={value}}}", f"Map keys must satisfy constraint: [Member must have {rule}]"
            )
        if len(value) > _TAG_VALUE_MAX:
            rule = f"Member must have length less than or equal to {_TAG_VALUE_MAX}"
            yield _violation("Tags", f"{{{key}={value}}}", f"Map value must satisfy constraint: [{rule}]")


def _choices(name: str, given: list[JsonValue] | None, allowed: Sequence[str], *, most: int) -> Iterator[str]:
    """E12, and the length of the list."""
    if given is None:
        return
    shown = "[" + ", ".join("null" if one is None else str(one) for one in given) + "]"
    if any(one not in allowed for one in given):
        yield _violation(
            name, shown, f"Member must satisfy constraint: [{enum_rule(allowed)}, Member must not be null]"
        )
    if len(given) > most:
        yield _violation(name, shown, f"Member must have length less than or equal to {most}")


def _lengths(name: str, value: str | None, low: int, high: int) -> Iterator[str]:
    rule = None if value is None else length_rule(len(value), low, high)
    if rule:
        yield _violation(name, value, rule)


def _null(name: str) -> str:
    return f"Value null at '{_camel(name)}' failed to satisfy constraint: Member must not be null"


def _violation(name: str, value: object, rule: str) -> str:
    return f"Value '{value}' at '{_camel(name)}' failed to satisfy constraint: {rule}"


def _bound_rule(noun: str, value: int, low: int, high: int) -> str | None:
    if value > high:
        return f"Member must have {noun} less than or equal to {high}"
    if value < low:
        return f"Member must have {noun} greater than or equal to {low}"
    return None


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


def _wrong_type(name: str, value: JsonValue, wanted: str) -> SettingsError:
    """Text of ours: what AWS says to a value of another JSON type is not captured."""
    return SettingsError(f"{name} must be {wanted}, not {value!r:.100}", code="SerializationException")
