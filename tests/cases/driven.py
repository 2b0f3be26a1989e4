"""Cases through the machine of a mapping: records cut as a page of the stream, settings as Create takes them."""

from __future__ import annotations

import json
from pathlib import Path

from afterbay.core.change.page import split_page
from afterbay.core.change.raw import RawRecord
from afterbay.core.mapping.settings import MappingSettings, parse_create

HERE = Path(__file__).parent


def case(name: str) -> dict:
    return json.loads((HERE / f"{name}.json").read_text())


def cut(records: list[dict]) -> list[RawRecord]:
    """In Lambda's form, as the source hands them on; ``label`` is the case's own."""
    own = [{name: value for name, value in one.items() if name not in ("label", "eventSourceARN")} for one in records]
    return list(split_page(json.dumps({"Records": own}).encode(), records[0]["eventSourceARN"])[0]) if own else []


def labels(records: list[dict]) -> dict[int, str]:
    """A record's label by its position."""
    return {int(one["dynamodb"]["SequenceNumber"]): one["label"] for one in records}


def created(mapping: dict, **changes: object) -> MappingSettings:
    return parse_create({**mapping, **changes}).settings
