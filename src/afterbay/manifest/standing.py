"""A table that an earlier start has made: what the template adds is added, what it has otherwise is told.

Its items and its stream's records are why it is not made anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from afterbay.declaration.resources import Declared
from afterbay.declaration.template import Note, NoteKind
from afterbay.declaration.value import Attribute, Value
from afterbay.errors import SettingsError
from afterbay.manifest.session import Session, part_of

__all__ = ["take_table", "tell_kept"]

ANEW = "delete the state folder, or name another --state"

_Told = Mapping[str, object]


async def take_table(
    session: Session, declared: Declared, properties: Mapping[str, Value], *, name: str, view: str | None
) -> _Told:
    """The table as DescribeTable tells it once the template's stream is on. Raises ``SettingsError`` for other keys."""
    told = part_of(await session.call("dynamodb", "describe_table", TableName=name), "Table")
    if _is_of_this_template(session, name):
        return told  # two resources of one name: that is what is told
    _check_keys(properties, told)
    stream = cast("_Told", told.get("StreamSpecification") or {})
    before = stream.get("StreamViewType") if stream.get("StreamEnabled") else None
    if view and before is None:
        wanted = {"StreamEnabled": True, "StreamViewType": view}
        answer = await session.call("dynamodb", "update_table", TableName=name, StreamSpecification=wanted)
        told = part_of(answer, "TableDescription")
    elif before != view:
        tell_kept(session, declared, "StreamSpecification", cast("str", before), view)
    for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        there, wished = sorted(_index_names(told.get(kind))), sorted(_index_names(properties.get(kind)))
        if there != wished:
            tell_kept(session, declared, kind, ", ".join(there), ", ".join(wished))
    return told


def _is_of_this_template(session: Session, name: str) -> bool:
    return any(
        value == name and one.name == "Ref" and Attribute(one.resource, "TableId") in session.attributes
        for one, value in session.attributes.items()
    )


def _check_keys(properties: Mapping[str, Value], told: _Told) -> None:
    wanted, there = _keys(properties), _keys(told)
    if wanted != there:
        raise SettingsError(f"the state has this table with the key {there}, the template with {wanted}", hint=ANEW)


def _keys(table: _Told) -> str:
    """``pk (S), sk (N)``: attributes of the key and their types, the partition key first."""
    types = {one.get("AttributeName"): one.get("AttributeType") for one in _objects(table.get("AttributeDefinitions"))}
    schema = sorted(_objects(table.get("KeySchema")), key=lambda one: str(one.get("KeyType")))  # HASH, then RANGE
    names = [one.get("AttributeName") for one in schema]
    return ", ".join(f"{name} ({types.get(name)})" for name in names)


def _index_names(indexes: object) -> Iterator[str]:
    return (str(one.get("IndexName")) for one in _objects(indexes))


def _objects(listed: object) -> list[_Told]:
    elements = cast("list[object]", listed) if isinstance(listed, list) else []
    return [cast("_Told", one) for one in elements if isinstance(one, dict)]


def tell_kept(session: Session, declared: Declared, name: str, there: str | None, wanted: str | None) -> None:
    """A note of what the table has and the template has otherwise."""
    text = f"{there or 'none'}, and the template has {wanted or 'none'}: to have that, {ANEW}"
    session.notes.append(Note(NoteKind.KEPT, declared.place_of(name), f"{declared.id}.{name}", text))
