"""Sink addresses: one line that says where changes go (interfaces.md section 4).

Decides what an address means and refuses what it does not know, by name. What a sink does is its own module's; those
are loaded when an address asks for them, so that a function with a SQLite sink never loads an SDK.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

from afterbay.errors import SettingsError
from afterbay.sinks.options import Expiry, SinkOptions
from afterbay.sinks.scheme import SinkAddress
from afterbay.sinks.schemes import SCHEMES
from afterbay.sinks.where import WhereSink, read_where

if TYPE_CHECKING:
    from afterbay.sinks.where import GuardedStore, Where

__all__ = ["SinkAddress", "open_sink", "parse_address", "sink"]

_COMMON = ("fields", "ttl", "where", "without")
"""What every address takes."""

_AS_IN = "an address is like dynamodb://orders-copy?region=eu-west-1"

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*", re.ASCII)
_PARAMETER = re.compile(r"[A-Za-z_]{1,40}", re.ASCII)
_USERINFO = re.compile(r"//.*@", re.DOTALL)
"""Greedy: a password may hold any character, and half of it must not be shown either."""


def sink(address: str, *, ttl: str | None = None, where: Where | None = None) -> GuardedStore:
    """Make the sink that one address line names; nothing is opened before the first change.

    ``ttl`` (``skip`` or ``mirror``) is what an expiry does, ``where`` the pattern (its JSON text, dict or ``Pattern``)
    that items must match, each where the address itself does not say. Raises ``SettingsError``.
    """
    return open_sink(parse_address(address, ttl=ttl, where=where))


def open_sink(address: SinkAddress) -> GuardedStore:
    """The sink of a checked address."""
    store = SCHEMES[address.scheme].make(address)
    return store if address.where is None else WhereSink(store, address.where)


def parse_address(address: str, *, ttl: str | None = None, where: Where | None = None) -> SinkAddress:
    """Check an address without opening anything. Values are percent-decoded; an unknown parameter is refused by
    name."""
    if not isinstance(address, str):  # pyright: ignore[reportUnnecessaryIsInstance] # a person's code: an unset variable
        raise SettingsError(f"a sink address is text, not {type(address).__name__}", hint=_AS_IN)
    otherwise = None if where is None else read_where(where, "where")
    shown = _redacted(address)
    scheme, colon, rest = address.partition(":")
    if not colon or not _SCHEME.fullmatch(scheme):
        raise SettingsError(f"{shown!r} is not a sink address", hint=_AS_IN)
    known = SCHEMES.get(scheme)
    if known is None:
        raise SettingsError(f"{shown}: there is no sink {scheme!r}", hint=f"there are {', '.join(sorted(SCHEMES))}")
    place_text, _, query = rest.partition("?")
    raw = _parameters(query, (*known.parameters, *_COMMON), shown)
    place = known.place(place_text, shown)
    own = {name: unquote(value) for name, value in raw.items() if name not in _COMMON}
    known.check(own, shown)
    judge = read_where(unquote(raw["where"]), f"{scheme}:{place}: where=") if "where" in raw else otherwise
    return SinkAddress(scheme, place, own, _options(raw, ttl, shown), judge, place_text)


def _parameters(query: str, known: tuple[str, ...], shown: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        name, equals, value = part.partition("=")
        if not _PARAMETER.fullmatch(name):
            # Half a password, it may be: not shown.
            raise SettingsError(f"{shown}: its parameters cannot be read", hint="write a ? in a password as %3F")
        if name not in known:
            raise SettingsError(f"{shown}: unknown parameter {name!r}", hint=f"known are {', '.join(sorted(known))}")
        if not equals or not value:
            raise SettingsError(f"{shown}: parameter {name} has no value", hint=f"write {name}=VALUE, or leave it out")
        if name in found:
            raise SettingsError(f"{shown}: parameter {name} is given twice", hint="give it once")
        found[name] = value
    return found


def _options(raw: Mapping[str, str], ttl: str | None, shown: str) -> SinkOptions:
    mode = unquote(raw["ttl"]) if "ttl" in raw else ttl
    if mode is not None and mode not in tuple(Expiry):
        raise SettingsError(f"{shown}: ttl={mode} is not known", hint="ttl is skip (the default) or mirror")
    fields = _names(raw["fields"]) if "fields" in raw else None
    without = _names(raw["without"]) if "without" in raw else frozenset[str]()
    if fields is not None and without:
        raise SettingsError(
            f"{shown}: fields= and without= exclude each other", hint="fields= alone leaves the rest out"
        )
    return SinkOptions(Expiry(mode) if mode is not None else Expiry.SKIP, fields, without)


def _names(value: str) -> frozenset[str]:
    """Attribute names between commas; a comma in a name is written %2C."""
    return frozenset(unquote(name) for name in value.split(",") if name)


def _redacted(address: str) -> str:
    """An address as an error may show it: without what stands before an ``@``, and without parameters."""
    return _USERINFO.sub("//***@", unquote(address)).partition("?")[0][:200]
