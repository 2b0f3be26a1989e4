"""Dynamic parameters of a pipe's target or enrichment: a value that is a path is taken from the event (X60 to X62).

Decides which parameters take a path and what may come of it. What a parameter means is its target's.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from afterbay.core.change.scalar import json_kind
from afterbay.core.change.wire import JsonValue
from afterbay.core.template.errors import TemplateError
from afterbay.core.template.event import Event
from afterbay.core.template.exact import compact
from afterbay.core.template.path import MISSING, Path, is_path

__all__ = ["ENUMS", "Parameter"]

ENUMS = frozenset(
    {
        "BatchJobParameters.ContainerOverrides.ResourceRequirements.Type",
        "BatchJobParameters.DependsOn.Type",
        "EcsTaskParameters.LaunchType",
        "EcsTaskParameters.NetworkConfiguration.awsvpcConfiguration.AssignPublicIp",
        "EcsTaskParameters.Overrides.ContainerOverrides.EnvironmentFiles.type",
        "EcsTaskParameters.Overrides.ContainerOverrides.ResourceRequirements.type",
        "EcsTaskParameters.PlacementConstraints.type",
        "EcsTaskParameters.PlacementStrategy.type",
        "EcsTaskParameters.PropagateTags",
        "LambdaFunctionParameters.InvocationType",
        "StepFunctionStateMachineParameters.InvocationType",
        "TimestreamParameters.DimensionMappings.DimensionValueType",
        "TimestreamParameters.EpochTimeUnit",
        "TimestreamParameters.MultiMeasureMappings.MultiMeasureAttributeMappings.MeasureValueType",
        "TimestreamParameters.SingleMeasureMappings.MeasureValueType",
        "TimestreamParameters.TimeFieldType",
    }
)
"""Parameters of a closed set of values, which no path is in (X61). A test holds them against the service's model."""

_LITERAL = frozenset(
    {"InputTemplate", "CloudWatchLogsParameters.LogStreamName", "EventBridgeEventBusParameters.EndpointId"}
)
"""A path here is plain text (X61). The template is no parameter."""

_PATHS_ONLY = frozenset({"EventBridgeEventBusParameters.Time", "CloudWatchLogsParameters.Timestamp"})

_NO_TEXT = frozenset({"null", "an array", "an object"})

_INDEX = re.compile(r"\[[0-9]+\]")

_Resolve = Callable[[Event], JsonValue]


class Parameter:
    """One parameter of ``TargetParameters`` or ``EnrichmentParameters``, or a structure of several.

    ``name`` is its place, as in ``SqsQueueParameters.MessageGroupId`` or ``RedshiftDataParameters.Sqls[0]``. In lists
    and structures every string is looked at, never a key (X60, X61). Raises ``TemplateError`` ValidationException for a
    path where a closed set of values is wanted, or anything else where only a path is.
    """

    def __init__(self, name: str, value: JsonValue) -> None:
        self.name = name
        self.value = value
        self.paths: list[Path] = []
        """What is looked at in an event."""
        self._resolve = _compiled(name, value, self.paths)

    def __repr__(self) -> str:
        return f"Parameter({self.name!r})"

    @property
    def is_dynamic(self) -> bool:
        """Whether any part of it is taken from the event."""
        return self._resolve is not None

    def resolve(self, event: Event) -> JsonValue:
        """The value for one event, which is the one that enters the stage, never what its template made (X60).

        Numbers and booleans become their JSON text. Raises ``TemplateError``: MissingPath where nothing is found,
        InvalidValue for what is no text: an object, an array, null (X62).
        """
        return self.value if self._resolve is None else self._resolve(event)


def _compiled(name: str, value: JsonValue, paths: list[Path]) -> _Resolve | None:
    """None: nothing in it is taken from the event. ``paths`` gathers what is."""
    if isinstance(value, str):
        return _of_text(name, value, paths)
    if isinstance(value, list):
        items = [(_compiled(name, item, paths), item) for item in value]
        if not any(resolve for resolve, _ in items):
            return None
        return lambda event: [item if resolve is None else resolve(event) for resolve, item in items]
    if isinstance(value, dict):
        members = [(key, _compiled(f"{name}.{key}" if name else key, one, paths), one) for key, one in value.items()]
        if not any(resolve for _, resolve, _ in members):
            return None
        return lambda event: {key: one if resolve is None else resolve(event) for key, resolve, one in members}
    return None


def _of_text(name: str, text: str, paths: list[Path]) -> _Resolve | None:
    known_as = _INDEX.sub("", name)
    if known_as in _LITERAL:
        return None
    if not is_path(text):
        if known_as in _PATHS_ONLY:
            raise TemplateError(f"{text} is no path", code="ValidationException", where=name)
        return None
    if known_as in ENUMS:
        raise TemplateError("a path cannot stand here", code="ValidationException", where=name)
    paths.append(Path(text))
    return _from_event(name, paths[-1])


def _from_event(name: str, path: Path) -> _Resolve:
    def resolve(event: Event) -> str:
        found = path.find(event.parsed)
        if isinstance(found, str):
            return found
        if found is MISSING:
            raise TemplateError(f"the event has nothing at {path.text}", code="MissingPath", where=name)
        kind = json_kind(found)
        if kind in _NO_TEXT:
            raise TemplateError(f"text is wanted, and {path.text} is {kind}", code="InvalidValue", where=name)
        return compact(found)

    return resolve
