"""Sink addresses: one line that says where changes go (interfaces.md section 4).

Decides what an address means and refuses what it does not know, by name. What a sink does is its own module's; those
are loaded when an address asks for them, so that a function with a SQLite sink never loads an SDK.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from afterbay.errors import SettingsError
from afterbay.sinks.options import Expiry, SinkOptions
from afterbay.sinks.where import WhereSink, read_where

if TYPE_CHECKING:
    from afterbay.core.pattern import Pattern
    from afterbay.sinks.dynamodb import DynamoDbSink
    from afterbay.sinks.memory import MemorySink
    from afterbay.sinks.sqlite import SqliteSink
    from afterbay.sinks.where import Where

    Store = MemorySink | SqliteSink | DynamoDbSink
    AnySink = Store | WhereSink

__all__ = ["SinkAddress", "open_sink", "parse_address", "sink"]

_COMMON = ("fields", "ttl", "where", "without")
"""What every address takes."""

_NOT_YET = ("delta", "iceberg", "opensearch+http", "opensearch+https", "postgresql", "s3")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*", re.ASCII)
_USERINFO = re.compile(r"//.*@", re.DOTALL)
"""Greedy: a password may hold any character, and half of it must not be shown either."""
_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}", re.ASCII)
_SQL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SinkAddress:
    """An address taken apart and checked. Its text shows neither user, password nor parameters.

    ``place`` is what follows the scheme (a table's name, a file), ``parameters`` the sink's own ones, decoded.
    ``where`` judges items before they reach the sink; None takes all.
    """

    scheme: str
    place: str
    parameters: Mapping[str, str] = field(repr=False)
    options: SinkOptions = field(default_factory=SinkOptions, repr=False)
    where: Pattern | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.scheme}:{self.place}"


def sink(address: str, *, ttl: str | None = None, where: Where | None = None) -> AnySink:
    """Make the sink that one address line names; nothing is opened before the first change.

    ``ttl`` (``skip`` or ``mirror``) is what an expiry does, ``where`` the pattern (its JSON text, dict or ``Pattern``)
    that items must match, each where the address itself does not say. Raises ``SettingsError``.
    """
    return open_sink(parse_address(address, ttl=ttl, where=where))


def open_sink(address: SinkAddress) -> AnySink:
    """The sink of a checked address."""
    store = _SCHEMES[address.scheme].make(address)
    return store if address.where is None else WhereSink(store, address.where)


def parse_address(address: str, *, ttl: str | None = None, where: Where | None = None) -> SinkAddress:
    """Check an address without opening anything. Values are percent-decoded; an unknown parameter is refused by
    name."""
    otherwise = None if where is None else read_where(where, "where")
    shown = _redacted(address)
    scheme, colon, rest = address.partition(":")
    if not colon or not _SCHEME.fullmatch(scheme):
        raise SettingsError(
            f"{shown!r} is not a sink address", hint="an address is like dynamodb://orders-copy?region=eu-west-1"
        )
    known = _SCHEMES.get(scheme)
    if known is None:
        exists = f"there are {', '.join(sorted(_SCHEMES))}"
        if scheme in _NOT_YET:
            raise SettingsError(f"{shown}: {scheme} sinks are not built yet", hint=exists)
        raise SettingsError(f"{shown}: there is no sink {scheme!r}", hint=exists)
    place_text, _, query = rest.partition("?")
    raw = _parameters(query, (*known.parameters, *_COMMON), shown)
    place = known.place(place_text, shown)
    own = {name: unquote(value) for name, value in raw.items() if name not in _COMMON}
    known.check(own, shown)
    judge = read_where(unquote(raw["where"]), f"{scheme}:{place}: where=") if "where" in raw else otherwise
    return SinkAddress(scheme, place, own, _options(raw, ttl, shown), judge)


def _parameters(query: str, known: tuple[str, ...], shown: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        name, equals, value = part.partition("=")
        if name == "ledger":
            raise SettingsError(f"{shown}: ledger= is not built yet", hint="tokens are kept in the items themselves")
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


# ---- what each scheme takes


@dataclass(frozen=True, slots=True)
class _Scheme:
    parameters: tuple[str, ...]
    place: Callable[[str, str], str]
    check: Callable[[Mapping[str, str], str], None]
    make: Callable[[SinkAddress], Store]


def _memory_name(text: str, shown: str) -> str:
    name = unquote(text)
    if not name or name.startswith("/"):
        raise SettingsError(f"{shown}: a memory sink has a name", hint="write memory:NAME")
    return name


def _sqlite_file(text: str, shown: str) -> str:
    file = unquote(text.removeprefix("///"))
    if not text.startswith("///") or not file or file.endswith("/") or "\0" in file:
        raise SettingsError(
            f"{shown}: no file", hint="write sqlite:///FILE?table=T (four slashes for an absolute path)"
        )
    if file == ":memory:":
        raise SettingsError(f"{shown}: a SQLite sink is a file", hint="for tests there is memory:NAME")
    return file


def _dynamodb_table(text: str, shown: str) -> str:
    table = unquote(text.removeprefix("//"))
    if not text.startswith("//") or not _TABLE.fullmatch(table):
        raise SettingsError(
            f"{shown}: no table name",
            hint="write dynamodb://TABLE; a name has 3 to 255 letters, digits, dots, dashes or underscores",
        )
    return table


def _no_check(_parameters: Mapping[str, str], _shown: str) -> None:
    """For a scheme without parameters of its own."""


def _check_sqlite(parameters: Mapping[str, str], shown: str) -> None:
    table = parameters.get("table")
    if table is None:
        raise SettingsError(f"{shown}: no table", hint="write sqlite:///FILE?table=T")
    if not _SQL_NAME.fullmatch(table) or table.lower().startswith("sqlite_"):
        raise SettingsError(
            f"{shown}: table={table[:80]!r} is not a table name",
            hint="letters, digits and underscores, at most 63, not beginning with a digit or with sqlite_",
        )


def _check_dynamodb(parameters: Mapping[str, str], shown: str) -> None:
    endpoint = parameters.get("endpoint_url")
    if endpoint is not None and not endpoint.startswith(("http://", "https://")):
        raise SettingsError(f"{shown}: endpoint_url is not a URL", hint="as in endpoint_url=http://127.0.0.1:4566")


def _memory(address: SinkAddress) -> Store:
    from afterbay.sinks.memory import MemorySink

    return MemorySink.named(address.place, options=address.options)


def _sqlite(address: SinkAddress) -> Store:
    from afterbay.sinks.sqlite import SqliteSink

    return SqliteSink(address.place, address.parameters["table"], options=address.options)


def _dynamodb(address: SinkAddress) -> Store:
    try:
        from afterbay.sinks.dynamodb import DynamoDbSink
    except ModuleNotFoundError as missing:
        if missing.name not in ("boto3", "botocore"):
            raise
        raise SettingsError(
            f"{address}: the AWS SDK is not installed", hint="install it: pip install 'afterbay[aws]'"
        ) from missing

    return DynamoDbSink(
        address.place,
        region=address.parameters.get("region"),
        endpoint_url=address.parameters.get("endpoint_url"),
        options=address.options,
    )


_SCHEMES = {
    "memory": _Scheme((), _memory_name, _no_check, _memory),
    "sqlite": _Scheme(("table",), _sqlite_file, _check_sqlite, _sqlite),
    "dynamodb": _Scheme(("endpoint_url", "region"), _dynamodb_table, _check_dynamodb, _dynamodb),
}
