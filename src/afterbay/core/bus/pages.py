"""Pages of lists: Limit and NextToken of every List call."""

from __future__ import annotations

import binascii
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import TypeVar

from afterbay.core.bus.constraints import Text, Whole, invalid
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import integer, text

__all__ = ["PAGING", "page"]

_T = TypeVar("_T")

PAGE_MAX = 100

PAGING = (Text(name="NextToken", low=1, high=2048), Whole(name="Limit", low=1, high=PAGE_MAX))
"""The two members of the model."""


def page(named: Mapping[str, _T], params: Mapping[str, JsonValue]) -> tuple[list[_T], dict[str, JsonValue]]:
    """The entries asked for, by name, and the NextToken of the next page (empty at the end).

    A token holds the last name shown, so that what is made or deleted meanwhile moves nothing. Raises
    ``SettingsError`` for a token that is none of ours.
    """
    after = _name_in(text(params, "NextToken"))
    rest = sorted(name for name in named if after is None or name > after)
    shown = rest[: integer(params, "Limit") or PAGE_MAX]
    more: dict[str, JsonValue] = {}
    if len(shown) < len(rest):
        more["NextToken"] = urlsafe_b64encode(shown[-1].encode()).decode()
    return [named[name] for name in shown], more


def _name_in(token: str | None) -> str | None:
    if token is None:
        return None
    try:
        return b64decode(token.encode(), b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise invalid("Parameter NextToken is not valid.") from error
