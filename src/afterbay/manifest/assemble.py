"""A template's resources, created in dependency order through the address's own APIs."""

from __future__ import annotations

from pathlib import Path

from afterbay.aws.client import Aws
from afterbay.declaration.resources import (
    Alarm,
    Alias,
    ApiDestination,
    Archive,
    Bucket,
    Bus,
    Connection,
    Declared,
    DeliveryStream,
    Function,
    FunctionVersion,
    KinesisStream,
    Layer,
    LocalCode,
    Pipe,
    Queue,
    Resource,
    Rule,
    SourceMapping,
    Subscription,
    Table,
    Topic,
)
from afterbay.declaration.template import Template
from afterbay.declaration.value import Attribute, Value
from afterbay.errors import ServiceError, SettingsError
from afterbay.manifest.buses import make_archive, make_bus, make_connection, make_destination, make_rule
from afterbay.manifest.functions import make_alias, make_function, make_layer, make_version
from afterbay.manifest.mappings import make_mapping
from afterbay.manifest.messaging import make_queue, make_subscription, make_topic
from afterbay.manifest.observed import make_alarm
from afterbay.manifest.order import in_order
from afterbay.manifest.package import WatchedCode
from afterbay.manifest.pipes import make_pipe
from afterbay.manifest.report import Assembled
from afterbay.manifest.session import Session
from afterbay.manifest.storage import make_bucket, make_delivery_stream, make_kinesis_stream
from afterbay.manifest.tables import make_table

__all__ = ["assemble"]

_NAMED = (
    *(Table, Function, SourceMapping, Queue, Topic, Bucket, KinesisStream, Alarm),
    *(DeliveryStream, Pipe, Bus, Archive, ApiDestination, Connection),
)
"""Of one kind and one name is one thing; a rule's name is one on its bus only."""


async def assemble(template: Template, folder: Path, aws: Aws) -> Assembled:
    """Create what ``template`` declares; ``folder`` is where its code lies. Returns once everything exists.

    Raises ``SettingsError`` with a line, file and number first, for each resource that the address refuses. With
    ``skip_unknown`` those are noted, and what depends on one is created without it.
    """
    session = Session(template, folder, aws)
    made: list[Resource] = []
    for resource in in_order(template.resources):
        declared = resource.declared
        if not template.wanted.skip_unknown and declared.needs & session.failed.keys():
            session.failed[declared.id] = "is not there"  # the refusal of what it needs is told, and stops everything
            continue
        try:
            found = await _make(session, resource)
        except (ServiceError, SettingsError) as error:
            session.failed[declared.id] = "is not there"
            session.refuse(declared.place, str(declared), error)
            continue
        if found is None:
            session.failed[declared.id] = "is not made"
            continue
        twin = next((one for one in made if isinstance(one, _NAMED) and _is_twin(session, one, declared, found)), None)
        if twin is not None:
            session.refuse(declared.place, str(declared), SettingsError(f"{twin.declared} is the same, {found['Ref']}"))
            continue
        session.attributes |= {Attribute(declared.id, name): value for name, value in found.items()}
        made.append(resource)
    session.problems.raise_if_any()
    return Assembled(template, made, [*template.notes, *session.notes], _code_of(session, made))


def _is_twin(session: Session, one: Resource, declared: Declared, found: dict[str, Value]) -> bool:
    """True if ``declared`` turned out to be what ``one`` is: two resources of one name, or two mappings of one pair."""
    return one.declared.kind == declared.kind and session.attributes[Attribute(one.declared.id)] == found["Ref"]


def _code_of(session: Session, made: list[Resource]) -> list[WatchedCode]:
    """The functions whose code is a folder or file here."""
    return [
        WatchedCode(str(session.attributes[Attribute(one.declared.id, "Ref")]), session.folder / one.code.path)
        for one in made
        if isinstance(one, Function) and isinstance(one.code, LocalCode)
    ]


async def _make(session: Session, resource: Resource) -> dict[str, Value] | None:
    """Create one resource; what Ref and Fn::GetAtt then give."""
    match resource:
        case Table():
            return await make_table(session, resource)
        case Function():
            return await make_function(session, resource)
        case FunctionVersion():
            return await make_version(session, resource)
        case Alias():
            return await make_alias(session, resource)
        case Layer():
            return await make_layer(session, resource)
        case SourceMapping():
            return await make_mapping(session, resource)
        case Queue():
            return await make_queue(session, resource)
        case Topic():
            return await make_topic(session, resource)
        case Subscription():
            return await make_subscription(session, resource)
        case Bucket():
            return await make_bucket(session, resource)
        case KinesisStream():
            return await make_kinesis_stream(session, resource)
        case DeliveryStream():
            return await make_delivery_stream(session, resource)
        case Alarm():
            return await make_alarm(session, resource)
        case Pipe():
            return await make_pipe(session, resource)
        case Bus():
            return await make_bus(session, resource)
        case Rule():
            return await make_rule(session, resource)
        case Archive():
            return await make_archive(session, resource)
        case ApiDestination():
            return await make_destination(session, resource)
        case Connection():
            return await make_connection(session, resource)
