"""Event buses, their rules and archives, API destinations and connections."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import cast

from afterbay.declaration.resources import ApiDestination, Archive, Bus, Connection, Rule
from afterbay.declaration.template import Note, NoteKind
from afterbay.declaration.value import Unknown, Value
from afterbay.manifest.session import Session

__all__ = ["make_archive", "make_bus", "make_connection", "make_destination", "make_rule"]

BUS_NAME_MAX = 256
NAME_MAX = 64
ARCHIVE_NAME_MAX = 48


async def make_bus(session: Session, bus: Bus) -> dict[str, Value]:
    parameters = _without_tags(session.settled(bus.declared))
    name = parameters["Name"] = session.name(bus.declared, bus.name, BUS_NAME_MAX)
    answer = await session.create("events", "create_event_bus", **parameters)
    if answer is None:
        await session.call("events", "update_event_bus", **parameters)
        answer = {"EventBusArn": (await session.call("events", "describe_event_bus", Name=name))["Arn"]}
    return {"Ref": name, "Name": name, "Arn": str(answer["EventBusArn"])}


async def make_rule(session: Session, rule: Rule) -> dict[str, Value] | None:
    """The rule and its targets; None for one that has a schedule only, which nothing here fires."""
    declared = rule.declared
    parameters = _without_tags(session.settled(declared))
    targets = parameters.pop("Targets", None)
    if parameters.pop("ScheduleExpression", None) is not None and "EventPattern" not in parameters:
        return None
    name = parameters["Name"] = session.name(declared, rule.name, NAME_MAX)
    _write_pattern(parameters)
    answer = await session.call("events", "put_rule", **parameters)
    bus = {"EventBusName": parameters.get("EventBusName")}
    listed = targets if isinstance(targets, list) else []
    wanted = [_target(one, place) for place, one in enumerate(listed) if isinstance(one, dict)]
    with session.step(declared, "Targets"):
        await _leave_only(session, name, bus, {str(one.get("Id")) for one in wanted})
        known = [one for one in wanted if not _is_unknown(session, rule, one)]
        if known:
            await session.call("events", "put_targets", Rule=name, Targets=known, **bus)
    return {"Ref": name, "Arn": str(answer["RuleArn"])}


async def make_archive(session: Session, archive: Archive) -> dict[str, Value]:
    parameters = session.settled(archive.declared)
    name = parameters["ArchiveName"] = session.name(archive.declared, archive.name, ARCHIVE_NAME_MAX)
    _write_pattern(parameters)
    source = parameters.pop("SourceArn", None)
    answer = await session.create("events", "create_archive", EventSourceArn=source, **parameters)
    if answer is None:
        answer = await session.call("events", "describe_archive", ArchiveName=name)
        changes = {one: value for one, value in parameters.items() if one != "ArchiveName"}
        if changes:
            await session.call("events", "update_archive", **parameters)
    return {"Ref": name, "ArchiveName": name, "Arn": str(answer["ArchiveArn"])}


async def make_connection(session: Session, connection: Connection) -> dict[str, Value]:
    parameters = session.settled(connection.declared)
    name = parameters["Name"] = session.name(connection.declared, connection.name, NAME_MAX)
    answer = await session.create("events", "create_connection", **parameters)
    if answer is None:
        answer = await session.call("events", "update_connection", **parameters)
    told = await session.call("events", "describe_connection", Name=name)
    return {"Ref": name, "Arn": str(answer["ConnectionArn"]), "SecretArn": str(told["SecretArn"])}


async def make_destination(session: Session, destination: ApiDestination) -> dict[str, Value]:
    parameters = session.settled(destination.declared)
    name = parameters["Name"] = session.name(destination.declared, destination.name, NAME_MAX)
    answer = await session.create("events", "create_api_destination", **parameters)
    if answer is None:
        answer = await session.call("events", "update_api_destination", **parameters)
    arn = str(answer["ApiDestinationArn"])
    return {"Ref": name, "Arn": arn, "ArnForPolicy": arn.rpartition("/")[0]}


def _without_tags(parameters: dict[str, Value]) -> dict[str, Value]:
    """What is without effect here, and of another form in the API."""
    return {name: value for name, value in parameters.items() if name not in ("Tags", "Policy")}


def _write_pattern(parameters: dict[str, Value]) -> None:
    """The API takes a pattern as text, a template has it as an object or as text."""
    pattern = parameters.get("EventPattern")
    if isinstance(pattern, dict):
        parameters["EventPattern"] = json.dumps(pattern)


def _target(one: Mapping[str, Value], place: int) -> dict[str, Value]:
    """A target as the API takes it: Terraform draws an id where none is given, and may hold the input as an object."""
    text = one.get("Input")
    told = {"Input": json.dumps(text)} if isinstance(text, dict) else {}
    return {"Id": f"Target{place}", **one, **told}


def _is_unknown(session: Session, rule: Rule, target: Mapping[str, Value]) -> bool:
    """True, and a note, for a target whose ARN only a deployment knows: it was left out of what is settled."""
    if target.get("Arn") is not None:
        return False
    declared = rule.declared
    reasons = (_why_unknown(session, one) for one in rule.targets)
    reason = next((one for one in reasons if one is not None), "it has no Arn")
    text = f"target {target.get('Id')} is left out: {reason}"
    session.notes.append(Note(NoteKind.UNKNOWN, declared.place_of("Targets"), declared.id, text))
    return True


def _why_unknown(session: Session, target: Value) -> str | None:
    found = session.value(target.get("Arn")) if isinstance(target, dict) else None
    return found.reason if isinstance(found, Unknown) else None


async def _leave_only(session: Session, rule: str, bus: Mapping[str, Value], ids: set[str]) -> None:
    """Take away the targets of an earlier template."""
    told = await session.call("events", "list_targets_by_rule", Rule=rule, **bus)
    there = [str(one["Id"]) for one in cast("Sequence[Mapping[str, object]]", told["Targets"])]
    gone = [one for one in there if one not in ids]
    if gone:
        await session.call("events", "remove_targets", Rule=rule, Ids=gone, **bus)
