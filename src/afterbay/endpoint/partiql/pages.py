"""Pages of a SELECT: the token that says where the next one begins."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from afterbay.core.change.wire import JsonValue
from afterbay.endpoint.protocol import json_object
from afterbay.errors import EndpointError

__all__ = ["Pages"]


@dataclass(frozen=True, slots=True)
class Pages:
    """Of one statement with its parameters; a token holds for them alone."""

    statement: str

    @classmethod
    def of(cls, members: Mapping[str, JsonValue]) -> Pages:
        asked = [members.get("Statement"), members.get("Parameters")]
        return cls(blake2b(msgspec.json.encode(asked, order="sorted"), digest_size=8).hexdigest())

    def token(self, last: JsonValue) -> str:
        """The token of the page behind this key."""
        return urlsafe_b64encode(msgspec.json.encode({"of": self.statement, "after": last})).decode()

    def start(self, token: JsonValue) -> JsonValue:
        """The key behind which a page begins. Raises ``EndpointError`` for a token of another statement."""
        try:
            told = json_object(urlsafe_b64decode(str(token)))
        except (EndpointError, ValueError):  # no token of ours
            told = {}
        if told.get("of") != self.statement or not isinstance(told.get("after"), dict):
            raise EndpointError("ValidationException", "NextToken does not match request")
        return told["after"]
