"""Transactions that a client sends again: done once for each token, within ten minutes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import blake2b

import msgspec

from afterbay.core.change.wire import JsonValue
from afterbay.endpoint.protocol import Response
from afterbay.errors import EndpointError

__all__ = ["Repeats"]

TOKEN_LIFE = timedelta(minutes=10)


class Repeats:
    """Answers by ``ClientRequestToken``, for as long as the service remembers one. For moto's thread."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._answers: dict[tuple[str, str], tuple[bytes, Response]] = {}
        self._ages: deque[tuple[datetime, tuple[str, str]]] = deque()

    def once(self, region: str, members: dict[str, JsonValue], carry_out: Callable[[], Response]) -> Response:
        """The answer of the first call with this token; carries it out if this is the first, or if it has no token.

        Raises ``EndpointError`` for a token that came with another request. A request that fails uses up no token.
        """
        token = members.get("ClientRequestToken")
        if not isinstance(token, str):
            return carry_out()
        now, key = self._now(), (region, token)
        while self._ages and self._ages[0][0] + TOKEN_LIFE < now:
            del self._answers[self._ages.popleft()[1]]
        asked = {name: value for name, value in members.items() if name != "ClientRequestToken"}
        digest = blake2b(msgspec.json.encode(asked, order="sorted"), digest_size=16).digest()
        known = self._answers.get(key)
        if known is not None:
            if known[0] != digest:
                raise EndpointError(
                    "IdempotentParameterMismatchException",
                    "The provided token was used with other parameters in the last ten minutes",
                )
            return known[1]
        response = carry_out()
        if response.status < 400:
            self._answers[key] = (digest, response)
            self._ages.append((now, key))
        return response

    def reset(self) -> None:
        self._answers.clear()
        self._ages.clear()
