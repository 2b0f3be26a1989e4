"""Pages of a SELECT: what is on one, and the token that says where the next one begins."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeAlias

import msgspec

from afterbay.core.change.wire import JsonValue
from afterbay.endpoint.protocol import Response, json_object
from afterbay.errors import EndpointError

__all__ = ["BEGINNING", "Page", "PageEnd", "Pages", "Request", "read_page"]

ITEMS_MAX = 10
"""Of a page of a statement that names several partition keys, as AWS says of IN."""

Request: TypeAlias = tuple[str, dict[str, JsonValue]]
"""Query or Scan, with its members."""

Read: TypeAlias = Callable[[str, dict[str, JsonValue]], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class PageEnd:
    """In which of a statement's requests a page ended, by number, and behind which key of it; None: before all."""

    read: int
    after: dict[str, JsonValue] | None


BEGINNING = PageEnd(0, None)


@dataclass(frozen=True, slots=True)
class Page:
    """``end`` is None where nothing follows."""

    items: list[JsonValue]
    end: PageEnd | None
    capacity: JsonValue


@dataclass(frozen=True, slots=True)
class Pages:
    """Of one statement with its parameters; a token holds for them alone."""

    statement: str

    @classmethod
    def of(cls, members: Mapping[str, JsonValue]) -> Pages:
        asked = [members.get("Statement"), members.get("Parameters")]
        return cls(blake2b(msgspec.json.encode(asked, order="sorted"), digest_size=8).hexdigest())

    def token(self, end: PageEnd) -> str:
        """The token of the page behind this one."""
        told = {"of": self.statement, "read": end.read, "after": end.after}
        return urlsafe_b64encode(msgspec.json.encode(told)).decode()

    def start(self, token: JsonValue) -> PageEnd:
        """Where a page begins. Raises ``EndpointError`` for a token of another statement."""
        try:
            told = json_object(urlsafe_b64decode(str(token)))
        except (EndpointError, ValueError):  # no token of ours
            told = {}
        read, after = told.get("read"), told.get("after")
        if told.get("of") != self.statement or not isinstance(read, int) or not isinstance(after, dict | None):
            raise _other_request()
        return PageEnd(read, after)


async def read_page(read: Read, requests: Sequence[Request], start: PageEnd, limit: JsonValue) -> Page | Response:
    """The items that the requests find one after the other, from ``start`` on; a refusal as it came.

    ``limit`` counts items that are looked at. A page of several requests has ``ITEMS_MAX`` at most. Raises
    ``EndpointError`` for a place that is none of theirs.
    """
    if not 0 <= start.read < len(requests):
        raise _other_request()
    most = min(limit, ITEMS_MAX) if isinstance(limit, int) else limit if limit is not None else ITEMS_MAX
    limit = most if len(requests) > 1 else limit
    items: list[JsonValue] = []
    capacity: JsonValue = None
    looked = 0
    number, after = start.read, start.after
    while True:
        operation, members = requests[number]
        wanted = dict(members)
        if after is not None:
            wanted["ExclusiveStartKey"] = after
        if limit is not None:
            wanted["Limit"] = limit - looked if isinstance(limit, int) else limit
        response = await read(operation, wanted)
        if response.status >= 400:
            return response
        answer = json_object(response.body)
        found, last, count = answer.get("Items"), answer.get("LastEvaluatedKey"), answer.get("ScannedCount")
        items += found if isinstance(found, list) else []
        capacity = _summed(capacity, answer.get("ConsumedCapacity"))
        looked += count if isinstance(count, int) else 0
        if isinstance(last, dict):
            return Page(items, PageEnd(number, last), capacity)
        number, after = number + 1, None
        if number == len(requests):
            return Page(items, None, capacity)
        if isinstance(limit, int) and looked >= limit:
            return Page(items, PageEnd(number, None), capacity)


def _other_request() -> EndpointError:
    return EndpointError("ValidationException", "NextToken does not match request")


def _summed(one: JsonValue, other: JsonValue) -> JsonValue:
    """Consumed capacity of two requests of one table."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: _summed(one.get(name), other.get(name)) for name in one | other}
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one + other
    return other if one is None else one
