"""Event source mappings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from afterbay.declaration.resources import SourceMapping
from afterbay.declaration.template import Note, NoteKind
from afterbay.declaration.value import Unknown, Value
from afterbay.manifest.session import Session

__all__ = ["make_mapping"]

_CREATE_ONLY = frozenset({"EventSourceArn", "StartingPosition", "StartingPositionTimestamp", "Tags"})
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
        answer = await _update(session, parameters)
    uuid = str(answer["UUID"])
    return {"Ref": uuid, "Id": uuid, "EventSourceMappingArn": str(answer.get("EventSourceMappingArn", ""))}


async def _update(session: Session, parameters: dict[str, Value]) -> Mapping[str, object]:
    """Bring the mapping of this source and function, which is there already, up to date; it goes on where it was."""
    named = {name: parameters.get(name) for name in ("EventSourceArn", "FunctionName")}
    told = await session.call("lambda", "list_event_source_mappings", **named)
    (found,) = cast("Sequence[Mapping[str, object]]", told["EventSourceMappings"])
    changes = {name: value for name, value in parameters.items() if name not in _CREATE_ONLY}
    return await session.call("lambda", "update_event_source_mapping", UUID=found["UUID"], **changes)


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
