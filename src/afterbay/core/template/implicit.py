"""What is parsed on the way: payloads that a source wraps as text (X37).

Decides which fields those are and what becomes of them. A change of a table has none. Strings inside a parsed payload
are not parsed again.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Literal, cast, get_args

from afterbay.core.template.exact import read_json
from afterbay.core.template.path import MISSING, Missing
from afterbay.errors import SettingsError

__all__ = ["ENCODED_FIELDS", "Source", "check_source", "parse_fields"]

Source = Literal["dynamodb", "kinesis", "sqs", "kafka", "mq", "none"]
"""Where a record comes from. ``none`` is no source: an answer of an enrichment (X29), or an event of a bus."""

_Payload = Callable[[str], bytes | str]


def _as_it_is(text: str) -> str:
    return text


def _from_base64(text: str) -> bytes:
    return b64decode(text, validate=True)


_FIELDS: dict[Source, tuple[tuple[str, ...], _Payload]] = {
    "sqs": (("body",), _as_it_is),
    "kinesis": (("data",), _from_base64),
    "mq": (("data",), _from_base64),
    "kafka": (("key", "value"), _from_base64),
}

ENCODED_FIELDS = frozenset(name for names, _ in _FIELDS.values() for name in names)
"""The fields of any source: a path that starts elsewhere sees the record as it came."""


def check_source(source: str) -> None:
    """Raises ``SettingsError`` for a source that there is not."""
    if source not in get_args(Source):
        raise SettingsError(f"{source!r} is no source", hint=f"source is one of {', '.join(get_args(Source))}")


def parse_fields(record: object, source: Source) -> tuple[object, bool]:
    """The record with its payloads parsed, itself unchanged, and whether all that are there are JSON.

    A payload that is not keeps its text: SQS the body, the others base64 (X37). Any JSON value is JSON, a number or a
    string too.
    """
    if source not in _FIELDS or not isinstance(record, dict):
        return record, True
    given = cast("Mapping[str, object]", record)
    names, payload = _FIELDS[source]
    parsed = dict(given)
    all_json = True
    for name in names:
        text = given.get(name)
        if not isinstance(text, str):
            continue
        value = _parsed(text, payload)
        if value is MISSING:
            all_json = False
        else:
            parsed[name] = value
    return parsed, all_json


def _parsed(text: str, payload: _Payload) -> object | Missing:
    try:
        return read_json(payload(text))
    except (ValueError, binascii.Error):
        return MISSING
