"""Event source mappings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from afterbay.core.change.source import SourceKind, source_kind
from afterbay.declaration.resources import Declared, SourceMapping
from afterbay.declaration.template import Note, NoteKind
from afterbay.declaration.value import Unknown, Value, text_of
from afterbay.manifest.session import Session

__all__ = ["make_mapping"]

_OFF = frozenset({"Disabled", "Disabling"})
_CREATE_ONLY = frozenset({"EventSourceArn", "StartingPosition", "StartingPositionTimestamp", "Tags"})
_UNSAID: Mapping[str, Value] = {
    "MaximumBatchingWindowInSeconds": 0,
    "FunctionResponseTypes": [],
    "FilterCriteria": {"Filters": []},
    "MetricsConfig": {"Metrics": []},
}
_UNSAID_OF_STREAMS: Mapping[str, Value] = {
    "BatchSize": 100,
    "BisectBatchOnFunctionError": False,
    "DestinationConfig": {"OnFailure": {"Destination": ""}},
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "ParallelizationFactor": 1,
    "TumblingWindowInSeconds": 0,
}
_UNSAID_OF_QUEUES: Mapping[str, Value] = {"BatchSize": 10, "ScalingConfig": {}}
"""What takes a setting of an earlier template away: an update leaves alone what it does not name (R21)."""

_RENAMED = {"KmsKeyArn": "KMSKeyArn"}


async def make_mapping(session: Session, mapping: SourceMapping) -> dict[str, Value] | None:
    """Create the mapping, or bring the one that is there up to date.

    None, and a note, for one whose source or function is not of this template. Raises ``SettingsError`` for a table
    without a stream.
    """
    declared = mapping.declared
    session.check_stream(mapping.source)
    for name, value in (("EventSourceArn", mapping.source), ("FunctionName", mapping.function)):
        found = session.value(value)
        if isinstance(found, Unknown):
            kind = NoteKind.LEFT_OUT if found.left_out else NoteKind.UNKNOWN
            _leave_out(session, mapping, name, found.reason, kind)
            return None
    source = session.text(mapping.source)
    if source is not None and source not in session.attributes.values():
        _leave_out(session, mapping, "EventSourceArn", f"nothing in this template is {source}")
        return None
    parameters = {_RENAMED.get(name, name): value for name, value in session.settled(declared).items()}
    tags = parameters.pop("Tags", None)
    if isinstance(tags, list):
        pairs = [one for one in tags if isinstance(one, dict)]
        parameters["Tags"] = {str(one.get("Key")): one.get("Value", "") for one in pairs}
    _tell_strange_destination(session, mapping, parameters.get("DestinationConfig"))
    answer = await session.create("lambda", "create_event_source_mapping", **parameters)
    if answer is None:
        answer = await _update(session, declared, parameters)
    uuid = str(answer["UUID"])
    return {"Ref": uuid, "Id": uuid, "EventSourceMappingArn": str(answer.get("EventSourceMappingArn", ""))}


async def _update(session: Session, declared: Declared, parameters: dict[str, Value]) -> Mapping[str, object]:
    """Bring the mapping of this source and function, which is there already, up to date; it goes on where it was."""
    named = {name: parameters.get(name) for name in ("EventSourceArn", "FunctionName")}
    told = await session.call("lambda", "list_event_source_mappings", **named)
    (found,) = cast("Sequence[Mapping[str, object]]", told["EventSourceMappings"])
    if "Enabled" not in parameters and str(found["State"]) in _OFF:
        text = "it is disabled, and the template says nothing of it; Enabled: true enables it"
        session.notes.append(Note(NoteKind.KEPT, declared.place, declared.id, text))
    kind = source_kind(text_of(parameters.get("EventSourceArn")) or "")
    of_kind = _UNSAID_OF_QUEUES if kind is SourceKind.QUEUE else _UNSAID_OF_STREAMS
    changes = {name: value for name, value in parameters.items() if name not in _CREATE_ONLY}
    return await session.call(
        "lambda", "update_event_source_mapping", UUID=found["UUID"], **{**_UNSAID, **of_kind, **changes}
    )


def _tell_strange_destination(session: Session, mapping: SourceMapping, config: Value) -> None:
    failure = config.get("OnFailure") if isinstance(config, dict) else None
    destination = failure.get("Destination") if isinstance(failure, dict) else None
    if isinstance(destination, str) and destination not in session.attributes.values():
        declared = mapping.declared
        text = f"letters wait in the outbox: nothing in this template is {destination}"
        place = declared.place_of("DestinationConfig")
        session.notes.append(Note(NoteKind.UNKNOWN, place, f"{declared.id}.DestinationConfig", text))


def _leave_out(
    session: Session, mapping: SourceMapping, name: str, reason: str, kind: NoteKind = NoteKind.UNKNOWN
) -> None:
    declared = mapping.declared
    session.notes.append(Note(kind, declared.place_of(name), declared.id, f"no mapping is made: {reason}"))
