"""The service's own time, from an answer of the SDK (DESIGN section 8: "now" for ages is the source's)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

__all__ = ["date_of"]


class _Meta(msgspec.Struct):
    HTTPHeaders: dict[str, str] = {}


def date_of(answer: Mapping[str, object]) -> datetime | None:
    """The moment that an answer's ``Date`` tells; None where it tells none."""
    try:
        headers = msgspec.convert(answer.get("ResponseMetadata", {}), _Meta).HTTPHeaders
        moment = parsedate_to_datetime(headers["date"])
    except (msgspec.ValidationError, KeyError, ValueError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
