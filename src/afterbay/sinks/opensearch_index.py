"""A sink's index and the alias that readers see: their names, their mapping, and whether what is found is ours.

Tombstones are documents (E6), so the index holds more than the table's items; the alias shows the live ones. Index and
alias are made in one request, so of several writers that begin at once one makes both.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import msgspec

from afterbay.core.change.value import TypedItem, canonical, encode_item
from afterbay.errors import ServiceError, SettingsError
from afterbay.sinks.guard_names import GuardNames
from afterbay.sinks.opensearch_cluster import Answer, Cluster, within

__all__ = ["ALIAS_BYTES_MAX", "SUFFIX", "SinkIndex", "find", "find_or_make", "key_types"]

SUFFIX = "-with-tombstones"
"""What the index is called beside its alias."""

ALIAS_BYTES_MAX = 255 - len(SUFFIX)
"""A name of an index has at most 255 bytes."""

_DEPTH_MAX = 40
"""An attribute may have 32 levels (S100), the index's default is 20."""

_NEEDED = ("type", "store")
"""Of a field's mapping, what the sink depends on."""

KeyTypes = Mapping[str, str]
"""Key attributes and their DynamoDB types (S, N or B)."""


@dataclass(frozen=True, slots=True)
class SinkIndex:
    """The index behind the alias. ``keys`` None: the index was made by hand and no change has come yet."""

    name: str
    keys: KeyTypes | None

    def key_of(self, item: Mapping[str, object]) -> str:
        """The canonical key text of a live document."""
        if self.keys is None or not self.keys.keys() <= item.keys():
            raise SettingsError(
                f"index {self.name} holds a document without its table's key", hint="did another program write to it?"
            )
        plain = {
            name: b64decode(cast("str", item[name])) if kind == "B" else item[name] for name, kind in self.keys.items()
        }
        return canonical(encode_item(plain)).decode()


def key_types(keys: TypedItem) -> KeyTypes:
    """The type of each attribute of a typed key, by name."""
    return {name: next(iter(cast("Answer", keys[name]))) for name in sorted(keys)}


def find(cluster: Cluster, alias: str, names: GuardNames) -> SinkIndex | None:
    """The index behind ``alias``; None where there is no such alias. Raises ``SettingsError`` for one that cannot be a
    sink's."""
    found = _look(cluster, alias)
    return None if found is None else _checked(found, alias, names)


def find_or_make(cluster: Cluster, alias: str, keys: KeyTypes, names: GuardNames) -> SinkIndex:
    """The index behind ``alias``, made where it is missing. Raises ``SettingsError`` for one that cannot be this
    sink's."""
    found = _look(cluster, alias)
    if found is None:
        _make(cluster, alias, keys, names)
        found = _look(cluster, alias)
    if found is None:
        raise SettingsError(
            f"index {alias}{SUFFIX} is there without its alias {alias}",
            hint="put the alias back, with its filter, or delete the index",
        )
    index = _checked(found, alias, names)
    if index.keys is None:
        _adopt(cluster, index.name, found, keys, names)
        return SinkIndex(index.name, keys)
    if index.keys != keys:
        raise SettingsError(
            f"{alias} holds items with the key {_key_text(index.keys)}, not {_key_text(keys)}",
            hint="give each source table an index of its own",
        )
    return index


def _make(cluster: Cluster, alias: str, keys: KeyTypes, names: GuardNames) -> None:
    try:
        cluster.call("PUT", f"/{alias}{SUFFIX}", _definition(alias, keys, names))
    except ServiceError as fault:
        if fault.code == "invalid_alias_name_exception":
            raise _an_index(alias) from fault
        if fault.code != "resource_already_exists_exception":  # another writer was first: its index is as good
            raise


def _definition(alias: str, keys: KeyTypes, names: GuardNames) -> Answer:
    number = {"mapping": {"type": "double"}}
    return {
        # Hidden: a search over a wildcard is to meet the alias alone.
        "settings": {"index.hidden": True, "index.mapping.depth.limit": _DEPTH_MAX},
        "mappings": {
            "_meta": _meta(keys),
            # The first value fixes a field's type. A text that looks like a date must not refuse the next that does
            # not, nor a whole number the next that has a fraction or no room in 64 bits.
            "date_detection": False,
            "dynamic_templates": [
                {"whole_numbers": {"match_mapping_type": "long", **number}},
                {"fractions": {"match_mapping_type": "double", **number}},
            ],
            "properties": _properties(names),
        },
        "aliases": {alias: {"filter": {"bool": {"must_not": {"term": {names.deleted: True}}}}}},
    }


def _properties(names: GuardNames) -> Mapping[str, Answer]:
    return {
        # Stored, so that reading a token does not read its document.
        names.token: {"type": "keyword", "index": False, "doc_values": False, "store": True},
        names.deleted: {"type": "boolean"},
        names.expires: {"type": "long"},
    }


def _meta(keys: KeyTypes) -> Answer:
    return {"afterbay": {"keys": keys}}


def _look(cluster: Cluster, alias: str) -> Mapping[str, Answer] | None:
    try:
        return cast("Mapping[str, Answer]", cluster.call("GET", f"/{alias}"))
    except ServiceError as fault:
        if fault.code == "index_not_found_exception":
            return None
        raise


def _checked(found: Mapping[str, Answer], alias: str, names: GuardNames) -> SinkIndex:
    if alias in found:
        raise _an_index(alias)
    if len(found) != 1:
        raise SettingsError(f"alias {alias} stands for {len(found)} indices", hint="a sink's alias stands for one")
    ((name, description),) = found.items()
    hides = within(description, "aliases", alias, "filter")
    if names.deleted not in msgspec.json.encode(hides).decode():
        raise SettingsError(
            f"alias {alias} does not hide tombstones",
            hint=f'give it the filter {{"bool":{{"must_not":{{"term":{{"{names.deleted}":true}}}}}}}}',
        )
    fields = within(description, "mappings", "properties")
    for field, wanted in _properties(names).items():
        is_there = within(fields, field)
        if is_there is not None and any(within(is_there, part) != wanted[part] for part in wanted if part in _NEEDED):
            raise SettingsError(
                f"index {name} maps {field} as something else than the sink's own",
                hint="leave that field to the sink, or choose other GuardNames",
            )
    keys = within(description, "mappings", "_meta", "afterbay", "keys")
    return SinkIndex(name, cast("KeyTypes", keys) if isinstance(keys, dict) else None)


def _adopt(cluster: Cluster, name: str, found: Mapping[str, Answer], keys: KeyTypes, names: GuardNames) -> None:
    """An index made by hand gets the sink's own fields."""
    meta = within(found, name, "mappings", "_meta")
    kept: Answer = cast("Answer", meta) if isinstance(meta, dict) else {}
    cluster.call("PUT", f"/{name}/_mapping", {"_meta": {**kept, **_meta(keys)}, "properties": _properties(names)})


def _an_index(alias: str) -> SettingsError:
    return SettingsError(
        f"{alias} is an index; a sink makes an alias of that name over its own index",
        hint="choose another name in the sink's address",
    )


def _key_text(keys: KeyTypes) -> str:
    return ", ".join(f"{name} ({kind})" for name, kind in keys.items())
