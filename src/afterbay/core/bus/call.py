"""The HTTP call that brings an event to an API destination (B68; X56 of pipes, which make the same call).

Decides its address, headers and body from what the destination, its connection and the target say. Sending it, and
resolving paths in the target's values (B69), are for others: values arrive here as they go out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import msgspec
from msgspec import Raw

from afterbay.core.bus.constraints import Listed, Text, invalid, violations
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import items, members, text

__all__ = [
    "HEADER_NAME",
    "HEADER_VALUE",
    "QUERY_NAME",
    "QUERY_VALUE",
    "Additions",
    "HttpCall",
    "HttpParameters",
    "check_header",
    "compose",
    "http_violations",
    "read_http_parameters",
]

Pairs = tuple[tuple[str, str], ...]

HEADERS: Pairs = (
    ("User-Agent", "Amazon/EventBridge/ApiDestinations"),
    ("Content-Type", "application/json; charset=utf-8"),
    ("Range", "bytes=0-1048575"),
    ("Accept-Encoding", "gzip,deflate"),
    ("Connection", "close"),
)
"""What every call carries unless the target or the connection says otherwise (X56)."""

HEADER_NAME = Text(name="Key", high=512, pattern=r"^[!#$%&'*+-.^_`|~0-9a-zA-Z]+$")
HEADER_VALUE = Text(
    name="Value",
    high=512,
    pattern=r"^[ \t]*[\x20-\x7E]+([ \t]+[\x20-\x7E]+)*[ \t]*$",
    matches=r"\t*[\x20-\x7E][\x20-\x7E\t]*",
)
QUERY_NAME = Text(name="Key", high=512, pattern=r"[^\x00-\x1F\x7F]+")
QUERY_VALUE = Text(name="Value", high=512, pattern=r"[^\x00-\x09\x0B\x0C\x0E-\x1F\x7F]+")
_PATH_VALUE = Text(name="PathParameterValues", pattern=r"^(?!\s*$).+")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpParameters:
    """HttpParameters of a target: what fills the ``*`` of the address, in order, and headers and query of its own."""

    path_values: tuple[str, ...] = ()
    headers: Pairs = ()
    query: Pairs = ()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Additions:
    """What a connection adds to every call, its credentials included: they win over the target's (X56, B68)."""

    headers: Pairs = ()
    query: Pairs = ()
    body: Pairs = ()

    def __repr__(self) -> str:
        """Names only: any value may be a secret."""
        names = [name for pairs in (self.headers, self.query, self.body) for name, _ in pairs]
        return f"Additions({', '.join(names)})"


@dataclass(frozen=True, slots=True, repr=False)
class HttpCall:
    """One request, ready to send but for Host and Content-Length. ``repr`` shows no secrets."""

    method: str
    url: str
    headers: Pairs
    body: bytes

    def __repr__(self) -> str:
        return f"HttpCall({self.method} {urlsplit(self.url)._replace(query='').geturl()})"


def compose(
    method: str, endpoint: str, payload: bytes, *, target: HttpParameters, connection: Additions | None = None
) -> HttpCall:
    """The call that sends ``payload`` to ``endpoint``.

    Rules: B68 ``PathParameterValues`` fill ``*`` in order, X56 headers, and the connection's values win over the
    target's. Body parameters of the connection become members of a payload that is an object; another payload stays as
    it is (ours).
    """
    added = connection or Additions()
    parts = urlsplit(endpoint)
    query = _over(parse_qsl(parts.query, keep_blank_values=True), target.query, added.query)
    written = urlencode(query, quote_via=quote, errors="replace")
    url = parts._replace(path=_filled(parts.path, target.path_values), query=written)
    headers = _over(HEADERS, target.headers, added.headers, ignoring_case=True)
    return HttpCall(method, urlunsplit(url), headers, _with_members(payload, added.body))


def http_violations(params: Mapping[str, JsonValue], *, at: str) -> Iterator[str]:
    """What the model says of a target's HttpParameters."""
    yield from violations(params, (Listed(name="PathParameterValues", each=_PATH_VALUE),), at=at)
    for name, key_rule, value_rule in (
        ("HeaderParameters", HEADER_NAME, HEADER_VALUE),
        ("QueryStringParameters", QUERY_NAME, QUERY_VALUE),
    ):
        given, path = members(params, name) or {}, f"{at}{name[0].lower()}{name[1:]}"
        for key in given:
            yield from key_rule.broken_value(key, path)
            yield from value_rule.broken_value(text(given, key) or "", f"{path}.{key}")


def read_http_parameters(params: Mapping[str, JsonValue]) -> HttpParameters:
    """Raises ``SettingsError`` for a header that must not be set."""
    headers, query = members(params, "HeaderParameters") or {}, members(params, "QueryStringParameters") or {}
    for name in headers:
        check_header(name)
    return HttpParameters(
        path_values=tuple(map(str, items(params, "PathParameterValues") or [])),
        headers=tuple((name, text(headers, name) or "") for name in headers),
        query=tuple((name, text(query, name) or "") for name in query),
    )


def check_header(name: str) -> None:
    """Refuse what AWS keeps for itself (X56). The text is ours."""
    if name.lower().startswith("x-amz"):
        raise invalid(f"The header {name} is not allowed: names that begin with X-Amz are AWS's own")


def _filled(path: str, values: Iterable[str]) -> str:
    """Half a surrogate pair, which an event's text can hold and no address can, becomes a question mark."""
    for value in values:
        path = path.replace("*", quote(value, safe="", errors="replace").replace("*", "%2A"), 1)
    return path


def _over(*layers: Iterable[tuple[str, str]], ignoring_case: bool = False) -> Pairs:
    """The pairs of all layers; of one name a later layer's win, in the place of the first."""
    found: dict[str, list[tuple[str, str]]] = {}
    for layer in layers:
        pairs = list(layer)
        keys = [name.lower() if ignoring_case else name for name, _ in pairs]
        for key in keys:
            found[key] = []
        for key, pair in zip(keys, pairs, strict=True):
            found[key].append(pair)
    return tuple(pair for same in found.values() for pair in same)


def _with_members(payload: bytes, added: Pairs) -> bytes:
    if not added:
        return payload
    try:
        members_of = msgspec.json.decode(payload, type=dict[str, Raw])
    except (msgspec.DecodeError, RecursionError):
        return payload
    return msgspec.json.encode({**members_of, **dict(added)})
