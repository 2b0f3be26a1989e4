"""Pipes: created, or brought up to date, and waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

from afterbay.core.pipe.lifecycle import DesiredState, PipeState
from afterbay.declaration.resources import Pipe
from afterbay.declaration.template import Note, NoteKind
from afterbay.declaration.value import Unknown, Value
from afterbay.errors import SettingsError
from afterbay.manifest.session import Session
from afterbay.manifest.standing import tell_kept

__all__ = ["make_pipe"]

NAME_MAX = 64
LOOK_S = 0.02
"""A pipe here settles within milliseconds."""

PATIENCE = 1_500
"""Looks, some thirty seconds: more is a bug of ours, and better told than waited for."""

_CREATE_ONLY = frozenset({"Source", "Tags"})


_UNSAID: Mapping[str, Value] = {"Description": "", "Enrichment": "", "LogConfiguration": {"Level": "OFF"}}
_GROUPS = ("SourceParameters", "EnrichmentParameters", "TargetParameters")
_UNSAID_OF_GROUPS: Mapping[str, Value] = {"FilterCriteria": {"Filters": []}, "InputTemplate": ""}


async def make_pipe(session: Session, pipe: Pipe) -> dict[str, Value] | None:
    """None, and a note, for one whose source, enrichment or target is not of this template.

    Raises ``SettingsError`` with the StateReason of one that does not come up, and for a table without a stream.
    """
    declared = pipe.declared
    session.check_stream(pipe.source)
    for name, value in (("Source", pipe.source), ("Enrichment", pipe.enrichment), ("Target", pipe.target)):
        found = session.value(value)
        if found is None and name != "Enrichment":
            found = Unknown(f"its {name} is not known here")  # why was said when it was left out
        if isinstance(found, Unknown):
            kind = NoteKind.LEFT_OUT if found.left_out else NoteKind.UNKNOWN
            text = f"no pipe is made: {found.reason}"
            session.notes.append(Note(kind, declared.place_of(name), declared.id, text))
            return None
    parameters = session.settled(declared)
    name = session.name(declared, pipe.name, NAME_MAX)
    parameters["Name"] = name
    parameters.setdefault("RoleArn", session.any_role)
    parameters.pop("Tags", None)
    answer = await session.create("pipes", "create_pipe", **parameters)
    if answer is None:
        there = await session.call("pipes", "describe_pipe", Name=name)
        if "DesiredState" not in parameters and there["DesiredState"] == DesiredState.STOPPED:
            text = "it is stopped, and the template says nothing of it; DesiredState: RUNNING starts it"
            session.notes.append(Note(NoteKind.KEPT, declared.place, declared.id, text))
        reads, source = str(there["Source"]), str(parameters["Source"])
        if reads != source:
            tell_kept(session, declared, "Source", reads, source)
        answer = await session.call("pipes", "update_pipe", **_changes(parameters, there))
    await _settled(session, name)
    return {"Ref": name, "Arn": str(answer["Arn"])}


def _changes(parameters: Mapping[str, Value], there: Mapping[str, object]) -> dict[str, Value]:
    """What UpdatePipe takes of it, all but the source and where it began, and what takes the rest away (X10)."""
    changes = {name: value for name, value in parameters.items() if name not in _CREATE_ONLY}
    for name, nothing in _UNSAID.items():
        if there.get(name):
            changes.setdefault(name, nothing)
    for name in _GROUPS:
        given, before = parameters.get(name), there.get(name)
        groups = dict(given) if isinstance(given, dict) else {}
        for one in cast("Mapping[str, object]", before or {}):
            groups.setdefault(one, _UNSAID_OF_GROUPS.get(one, {}))
        if groups:
            changes[name] = {one: _without_start(value) for one, value in groups.items()}
    return changes


def _without_start(group: Value) -> Value:
    if not isinstance(group, dict):
        return group
    return {name: value for name, value in group.items() if not name.startswith("StartingPosition")}


async def _settled(session: Session, name: str) -> None:
    """Return once the pipe is RUNNING or STOPPED, as Terraform waits for it (X15)."""
    for _ in range(PATIENCE):
        told = await session.call("pipes", "describe_pipe", Name=name)
        state = PipeState(str(told["CurrentState"]))
        if state in (PipeState.RUNNING, PipeState.STOPPED):
            return
        if state.settled:
            raise SettingsError(f"the pipe is {state}: {told.get('StateReason', 'no reason is given')}")
        await asyncio.sleep(LOOK_S)
    raise SettingsError(f"the pipe {name} does not settle")
