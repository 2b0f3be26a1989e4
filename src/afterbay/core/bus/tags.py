"""Tags of buses and rules: TagResource, UntagResource, ListTagsForResource and the Tags of what is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from afterbay.core.bus.constraints import ARN_MAX, Listed, Text, invalid, objects, violations
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import items, text, validation_error

__all__ = ["TAGS", "TAGS_MAX", "merged", "read_resource", "read_tags", "read_untag", "tag_violations", "tags_body"]

TAGS_MAX = 50
TAGS = Listed(name="Tags")
_KEY = Text(name="Key", low=1, high=128, required=True)
_VALUE = Text(name="Value", high=256, required=True)
_RESOURCE = Text(name="ResourceARN", low=1, high=ARN_MAX, required=True)


def tag_violations(params: Mapping[str, JsonValue]) -> Iterator[str]:
    """What the model says of the Tags of a request."""
    for number, tag in enumerate(objects(params, "Tags"), start=1):
        yield from violations(tag, (_KEY, _VALUE), at=f"tags.{number}.member.")


def read_tags(params: Mapping[str, JsonValue]) -> dict[str, str]:
    """The Tags of a request, once the model took them."""
    return {text(tag, "Key") or "": text(tag, "Value") or "" for tag in objects(params, "Tags")}


def read_resource(params: Mapping[str, JsonValue], *, tags: bool = False) -> str:
    """The ARN that a request about tags is of; ``tags``: it brings some. Raises ``SettingsError``."""
    model = (_RESOURCE, Listed(name="Tags", required=True)) if tags else (_RESOURCE,)
    broken = [*violations(params, model), *tag_violations(params)]
    if broken:
        raise validation_error(broken)
    return text(params, "ResourceARN") or ""


def read_untag(params: Mapping[str, JsonValue]) -> tuple[str, frozenset[str]]:
    """The ARN and the keys of an UntagResource request. Raises ``SettingsError``."""
    keys = Listed(name="TagKeys", each=Text(name="TagKeys", low=1, high=128), required=True)
    broken = list(violations(params, (_RESOURCE, keys)))
    if broken:
        raise validation_error(broken)
    return text(params, "ResourceARN") or "", frozenset(map(str, items(params, "TagKeys") or []))


def merged(tags: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """Tags with others over them. Raises ``SettingsError`` (its texts are ours)."""
    reserved = next((key for key in more if key.lower().startswith("aws:")), None)
    if reserved is not None:
        raise invalid(f"The tag key {reserved!r} is not allowed: names that begin with aws: are AWS's own")
    whole = {**tags, **more}
    if len(whole) > TAGS_MAX:
        raise invalid(f"A resource has at most {TAGS_MAX} tags; this would make it {len(whole)}")
    return whole


def tags_body(tags: Mapping[str, str]) -> list[JsonValue]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
