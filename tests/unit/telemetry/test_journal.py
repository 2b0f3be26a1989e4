"""Entries of the journal: written, read, and how a key is hashed."""

from __future__ import annotations

import random

import msgspec
import pytest

from afterbay.core.guard import APPLIED, Kind, Verdict
from afterbay.handler.report import verdict_line
from afterbay.telemetry.journal import (
    Answered,
    Entry,
    Lettered,
    LetterStep,
    Lifecycle,
    Lost,
    Passed,
    Read,
    Resting,
    Sent,
    SinkReason,
    Told,
    Verdicts,
    decode,
    encode,
    indexes_of_mark,
    pack,
    unpack,
    verdicts_of,
)
from afterbay.telemetry.marks import MARK_BYTES, KeyMarks

ENTRIES: list[Entry] = [
    Read(at_ms=1, positions=b"\x08", marks=b"12345678", filtered_out=3, end=True, keys=[b"k"]),
    Sent(at_ms=1, lane=2, generation=1, attempts=4, positions=b"\x08"),
    Answered(at_ms=1, lane=0, outcome="FailedFrom", failed_from=str(10**39)),
    Resting(at_ms=1, lane=0, delay_s=0.5),
    Lettered(at_ms=1, step=LetterStep.SENT, condition="c", destination="d", count=1, invoke_count=2, tries=3),
    Passed(at_ms=1, end=True),
    Told(at_ms=1, notice="BISECTED", detail="2 record(s)"),
    Lifecycle(at_ms=1, event="Created"),
    Verdicts(at_ms=1, records=2, failed=1, sinks={"s": {"applied": 1}}, reasons=[SinkReason("s", "poison", "r", 1)]),
    Lost(at_ms=1, rows=5),
]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: type(entry).__name__)
def test_an_entry_comes_back_as_it_was(entry: Entry) -> None:
    assert decode(encode(entry)) == entry


def test_there_is_an_example_of_every_entry() -> None:
    assert {type(entry) for entry in ENTRIES} == set(Entry.__args__)


def test_bytes_that_are_no_entry_are_refused() -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode(msgspec.msgpack.encode({"type": "read-0", "at_ms": 1}))


@pytest.mark.parametrize(
    "positions",
    [
        [7],
        [10**20, 10**20 + 1, 10**23],
        [0, 2**64 - 1],
        [0, 2**64],
        [1, 10**40 - 1],
        [9, 3, 5],
        [4, 4, 4],
    ],
    ids=["one", "a page", "eight bytes", "nine bytes", "the widest", "out of order", "repeats"],
)
def test_positions_come_back_in_their_order(positions: list[int]) -> None:
    first, last, packed = pack(positions)
    assert (first, last) == (min(positions), max(positions))
    assert unpack(first, packed) == positions


def test_marks_do_not_depend_on_how_they_are_made_and_differ_by_key_and_secret() -> None:
    ones, others = KeyMarks(b"seed" * 8), KeyMarks(b"another seed")
    keys = [b'{"pk":{"S":"%d"}}' % number for number in range(1_000)]
    marks = ones.of_all(keys)
    assert len(marks) == MARK_BYTES * len(keys)
    assert [marks[at : at + MARK_BYTES] for at in range(0, len(marks), MARK_BYTES)] == [ones.of(key) for key in keys]
    assert len({ones.of(key) for key in keys}) == len(keys)
    assert not {ones.of(key) for key in keys} & {others.of(key) for key in keys}
    assert KeyMarks(b"seed" * 8).of(keys[0]) == ones.of(keys[0]), "the same in the next process"


def test_a_mark_is_found_where_it_stands_and_not_across_two_others() -> None:
    marks = [bytes((number,)) * 4 + b"\x01" * 4 for number in (1, 2, 1)]
    read = Read(at_ms=0, positions=b"", marks=b"".join(marks), filtered_out=0)
    assert indexes_of_mark(read, marks[0]) == [0, 2]
    assert indexes_of_mark(read, b"\x01" * 4 + b"\x02" * 4) == []
    rng = random.Random(1)
    many = Read(at_ms=0, positions=b"", marks=rng.randbytes(8 * 1_000), filtered_out=0)
    for index in range(1_000):
        assert index in indexes_of_mark(many, many.marks[8 * index : 8 * index + 8])


def test_the_line_that_into_prints_is_understood() -> None:
    verdicts = {"memory:a": {0: APPLIED, 1: Verdict(Kind.POISON, "no number")}, "memory:b": {0: APPLIED, 1: APPLIED}}
    found = verdicts_of(verdict_line(verdicts, 2, "r-1") + "\n", 5)
    assert found is not None
    request_id, entry = found
    assert request_id == "r-1"
    assert (entry.at_ms, entry.records, entry.failed) == (5, 2, 1)
    assert entry.sinks["memory:a"] == {kind.value: int(kind in (Kind.APPLIED, Kind.POISON)) for kind in Kind}
    assert entry.sinks["memory:b"]["applied"] == 2
    assert entry.reasons == [SinkReason("memory:a", "poison", "no number", 1)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "INFO hello",
        '{"afterbay":"verdicts"',
        '{"afterbay":"verdicts","request_id":"r"}',
        '{"afterbay":"verdicts","request_id":"r","records":"many","failed":0,"sinks":[],"reasons":[]}',
        '{"afterbay":"verdicts","request_id":"r","records":1,"failed":0,"sinks":[[]],"reasons":[]}',
        '{"afterbay":"verdicts","request_id":"%s","records":1,"failed":0,"sinks":[],"reasons":[]}' % ("r" * 70_000),
        "[" * 100_000,
    ],
    ids=["empty", "a line", "cut", "members missing", "of another type", "nested wrongly", "too long", "deep"],
)
def test_a_line_that_only_looks_like_one_is_none(text: str) -> None:
    assert verdicts_of(text, 0) is None
