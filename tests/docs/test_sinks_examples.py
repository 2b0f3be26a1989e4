"""docs/sinks.md: its Python blocks run, one after the other, and the line it shows is the line that ``into`` prints."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import afterbay
from afterbay.sinks.memory import MemorySink
from afterbay.sinks.where import read_where

PAGE = (Path(__file__).parents[2] / "docs" / "sinks.md").read_text()
STREAM = "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/2026-01-05T10:11:12.345"


def record(kind: str, number: str, status: str) -> dict:
    key = {"pk": {"S": "order-1"}}
    image = key | {"status": {"S": status}, "total": {"N": "19.90"}, "card": {"S": "4929"}}
    old = {} if kind == "INSERT" else {"OldImage": image | {"status": {"S": "PAID"}}}
    return {
        "eventID": number,
        "eventName": kind,
        "eventSource": "aws:dynamodb",
        "eventSourceARN": STREAM,
        "dynamodb": {
            "ApproximateCreationDateTime": 1767607872,
            "Keys": key,
            "NewImage": image,
            **old,
            "SequenceNumber": number,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }


EVENT = {
    "Records": [
        record("INSERT", "99000000000000000000000001", "PAID"),
        record("MODIFY", "100000000000000000000000001", "SHIPPED"),
    ]
}


def test_the_examples_of_the_page_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 4
    names: dict[str, object] = {"EVENT": EVENT, "Decimal": Decimal}
    opened, sink = [], afterbay.sink
    # A function's sinks last as long as its process; the page's, as long as the test.
    monkeypatch.setattr(afterbay, "sink", lambda *given, **named: opened.append(sink(*given, **named)) or opened[-1])
    try:
        for block in blocks:
            exec(compile(block, "docs/sinks.md", "exec"), names)
    finally:
        for one in opened:
            one.close()
        for name in ("orders", "open-orders", "shipped", "paid"):
            MemorySink.forget(name)


def test_the_line_that_the_page_shows_has_the_members_that_into_prints(capsys):
    shown = json.loads(re.search(r'^    (\{"afterbay": "verdicts".*?^     .*?\}\]\})$', PAGE, re.M | re.S).group(1))

    class Away:
        def apply(self, changes):
            return [afterbay.Verdict(afterbay.Kind.RETRYABLE, "away")] * len(changes)

        def close(self): ...

    afterbay.into(Away())(EVENT, None)
    printed = json.loads(capsys.readouterr().out)
    assert printed.keys() == shown.keys() and printed["afterbay"] == shown["afterbay"]
    for members in ("sinks", "reasons"):
        assert printed[members][0].keys() == shown[members][0].keys()


def test_each_pattern_of_the_page_matches_the_item_beside_it():
    rows = re.findall(
        r"^\| (`[^|]*|no `hidden`) \| ([^|]*)\| `([^`]*)`[^|]*\|$", PAGE.partition("## Some items only")[2], re.M
    )
    assert len(rows) >= 6
    for _, typed, pattern in rows:
        where, item = read_where(pattern, "the page"), json.loads(typed.strip(" `") or "{}")
        assert where.matches(item) and not where.matches({"hidden": {"BOOL": True}})


def test_the_page_names_every_kind_of_verdict_and_every_variable():
    for kind in afterbay.Kind:
        assert kind.value in PAGE
    for variable in ("AFTERBAY_SINK", "AFTERBAY_TTL", "AFTERBAY_WHERE"):
        assert variable in PAGE
