"""What moved between two looks, and how a drill is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from afterbay.cli.drill.report import Drilled, Report, Steps, Verdict, lines
from afterbay.cli.drill.verb import read_item
from afterbay.cli.drill.world import World, few, moved
from afterbay.errors import SettingsError

BEFORE = World({"copy": {"a": {"v": b"1", "n": b"1"}, "b": {"v": b"1"}}}, {"x/1": "e1 3", "x/2": "e2 3"}, {"q": 1})


def test_nothing_moved_where_all_is_equal():
    assert moved(BEFORE, BEFORE) == []
    assert str(BEFORE) == "2 items in 1 tables, 2 objects, 1 messages"


def test_what_moved_is_told_by_name():
    after = World(
        {"copy": {"a": {"v": b"2", "n": b"1"}, "c": {"v": b"1"}}}, {"x/2": "e9 3", "x/3": "e3 3"}, {"q": 2, "r": 0}
    )
    assert moved(BEFORE, after) == [
        "table copy: a: v changed",
        "table copy: b is gone",
        "table copy: c is new",
        "object x/1 is gone",
        "object x/2 changed",
        "object x/3 is new",
        "queue q: 1 messages before, 2 after",
    ]  # fmt: skip
    assert moved(BEFORE.without("copy"), after.without("copy"))[0] == "object x/1 is gone"
    assert few(moved(BEFORE, after))[-1] == "and 2 more"


def test_a_report_names_what_does_not_hold():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    steps = Steps(now)
    steps.see(now + timedelta(seconds=2), "later")
    steps.see(now + timedelta(seconds=1), "earlier")
    steps.held("trace", "it arrives")
    steps.broken("replay", "nothing moves", "it moved")
    steps.not_applicable("poison", "it is isolated", "no reason")
    report = Report("t.yaml", [Drilled("uuid", "orders", "copy", tuple(steps.done))], ["a pipe"])
    assert report.broken == ["copy: replay"]
    document = json.loads(msgspec.json.encode(report.document()))
    assert document["held"] is False and document["broken"] == ["copy: replay"]
    assert [one["verdict"] for one in document["mappings"][0]["steps"]] == ["held", "does not hold", "not applicable"]
    assert [one["what"] for one in document["mappings"][0]["steps"][0]["seen"]] == ["earlier", "later"]
    told = list(lines(report))
    assert told[-1] == "1 of 3 promises does not hold" and "left out: a pipe" in told
    assert any("it moved" in line for line in told)
    assert {step.verdict for step in steps.done} == set(Verdict)


def test_an_item_is_read_in_either_form(tmp_path):
    file = tmp_path / "item.json"
    file.write_text('{"total": {"N": "1.50"}, "status": {"S": "PAID"}}')
    assert read_item(file) == {"total": {"N": "1.50"}, "status": {"S": "PAID"}}
    file.write_text('{"total": 1.5, "status": "PAID", "lines": [{"sku": "x"}]}')
    assert read_item(file) == {
        "total": {"N": "1.5"},
        "status": {"S": "PAID"},
        "lines": {"L": [{"M": {"sku": {"S": "x"}}}]},
    }
    file.write_text("[]")
    with pytest.raises(SettingsError, match="an item is a JSON object"):
        read_item(file)
    with pytest.raises(SettingsError, match="no JSON can be read"):
        read_item(tmp_path / "none.json")
