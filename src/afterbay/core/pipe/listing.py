"""ListPipes: which pipes are shown, and page by page (X11).

Pages go by name. A token says after which name the next page begins and when it was given.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from afterbay.core.change.wire import JsonValue
from afterbay.core.pipe.described import summary
from afterbay.core.pipe.errors import Field, PipeError, invalid
from afterbay.core.pipe.model import LIST
from afterbay.core.pipe.request import check
from afterbay.core.pipe.resource import PipeResource

__all__ = ["TOKEN_AGE_MAX_S", "ListQuery", "page"]

LIMIT_DEFAULT = 100
"""Ours: the model says no more than 1 to 100."""

TOKEN_AGE_MAX_S = 24 * 3600


class _Token(msgspec.Struct, frozen=True):
    after: str
    given_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """What is asked for; None is any. A name must *begin* with ``name_prefix``: the model's note says that it may stand
    anywhere in the name (X11, conflict)."""

    name_prefix: str | None = None
    desired_state: str | None = None
    current_state: str | None = None
    source_prefix: str | None = None
    target_prefix: str | None = None
    token: str | None = None
    limit: int = LIMIT_DEFAULT

    @classmethod
    def read(cls, query: Mapping[str, str]) -> ListQuery:
        """The members of a query string. Raises ``PipeError``."""
        limit = query.get("Limit")
        number = int(limit) if limit is not None and limit.isascii() and limit.isdecimal() else limit
        check(LIST, {**query, **({} if number is None else {"Limit": number})})
        return cls(
            name_prefix=query.get("NamePrefix"),
            desired_state=query.get("DesiredState"),
            current_state=query.get("CurrentState"),
            source_prefix=query.get("SourcePrefix"),
            target_prefix=query.get("TargetPrefix"),
            token=query.get("NextToken"),
            limit=number if isinstance(number, int) else LIMIT_DEFAULT,
        )

    def wants(self, pipe: PipeResource) -> bool:
        settings = pipe.settings
        return (
            settings.name.startswith(self.name_prefix or "")
            and self.desired_state in (None, pipe.desired_state)
            and self.current_state in (None, pipe.state)
            and settings.source.startswith(self.source_prefix or "")
            and settings.target.startswith(self.target_prefix or "")
        )


def page(pipes: Iterable[PipeResource], query: ListQuery, now_s: float) -> dict[str, JsonValue]:
    """The answer of ListPipes. Raises ``PipeError`` for a token that is none, or is older than a day."""
    after = "" if query.token is None else _after(query.token, now_s)
    wanted = sorted((one for one in pipes if one.name > after and query.wants(one)), key=lambda one: one.name)
    shown = wanted[: query.limit]
    whole: dict[str, JsonValue] = {"Pipes": [summary(one) for one in shown]}
    if len(wanted) > len(shown):
        token = msgspec.json.encode(_Token(shown[-1].name, now_s))
        whole["NextToken"] = base64.urlsafe_b64encode(token).decode("ascii")
    return whole


def _after(token: str, now_s: float) -> str:
    try:
        read = msgspec.json.decode(base64.urlsafe_b64decode(token), type=_Token)
    except (binascii.Error, msgspec.DecodeError, UnicodeError, ValueError) as error:
        raise _bad_token("This is no token of ListPipes") from error
    if now_s - read.given_s > TOKEN_AGE_MAX_S:
        raise _bad_token("The token is older than 24 hours: begin again without one")
    return read.after


def _bad_token(sentence: str) -> PipeError:
    return invalid([Field("NextToken", sentence)])
