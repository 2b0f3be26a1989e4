"""Records come from the stream, and from where their bodies were kept once it has dropped them (E16, E18)."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from afterbay.core.change.kinesis import kinesis_record
from afterbay.core.change.raw import RawRecord
from afterbay.core.change.wire import payload
from afterbay.redrive.bodies import Bodies, BodiesFrom, compile_filters, find_bodies
from afterbay.redrive.letter import DeadLetter, QueuePlace, read_letter
from afterbay.sources.span import Reread
from afterbay.targets.archive import FolderArchive, archive_key_of
from unit.redrive.world import FUNCTION, NOW, SHARD, STREAM, URL, Stream, document, number, record

PLACE = QueuePlace(URL, "one")
ORDERS = ('{"dynamodb": {"NewImage": {"kind": {"S": ["order"]}}}}',)
KINESIS = "arn:aws:kinesis:eu-west-1:000000000000:stream/clicks"


def letter(first: int = 2, last: int = 4, **more: object) -> DeadLetter:
    return read_letter(PLACE, json.dumps(document(first, last, count=3, **more)).encode())


def find(about: DeadLetter, stream, *, filters: tuple[str, ...] = (), archive=None) -> Bodies:
    passes = compile_filters(filters, about.stream_arn, about.owner) if filters else None
    return asyncio.run(find_bodies(about, passes, stream.read, archive))


def numbers(records) -> list[int]:
    return [one.position - number(0) for one in records]


def test_the_closed_range_is_read_and_the_filter_leaves_out_what_it_left_out_before():
    stream = Stream([record(n, kind="noise" if n == 3 else "order") for n in range(1, 7)])
    told = find(letter(), stream, filters=ORDERS)
    assert (numbers(told.records), numbers(told.left_out)) == ([2, 4], [3])
    assert told.come_from is BodiesFrom.STREAM and told.lost is None


def test_a_pipes_filter_is_compiled_as_the_pipe_does():
    pipe = replace(letter(), owner="arn:aws:pipes:eu-west-1:000000000000:pipe/p")
    stream = Stream([record(n) for n in range(2, 5)])
    assert find(pipe, stream, filters=('{"eventSource": ["aws:dynamodb"]}',)).records == ()  # X21: it does not see it


def test_a_poison_record_comes_with_its_letter_and_nothing_is_read():
    stored = {"afterbay": "poison", "functionArn": FUNCTION, "record": json.loads(record(3).body)}
    told = find(read_letter(PLACE, json.dumps(stored).encode()), Stream([]))
    assert numbers(told.records) == [3] and told.come_from is BodiesFrom.EVENT and told.lost is None


def test_a_trimmed_range_is_lost_and_nothing_else_is_read_instead():
    stream = Stream([record(n) for n in range(1, 7)])
    stream.trimmed_below = 3
    told = find(letter(), stream)
    assert told == Bodies(lost=told.lost) and "trimmed" in (told.lost or "")


def test_a_range_that_begins_with_another_record_is_lost():
    """Kinesis begins with the oldest that it has, and says nothing."""
    told = find(letter(), Stream([record(3), record(4)]))
    assert told.come_from is None and "trimmed" in (told.lost or "")


def test_a_range_whose_last_record_does_not_show_is_held_and_not_sent_in_part():
    """E17: the letter would be removed, and a part of it sent."""
    told = find(letter(), Stream([record(2), record(3)]))
    assert told == Bodies(unreadable=told.unreadable) and str(number(3)) in (told.unreadable or "")
    kept = payload([record(2), record(4)]).decode()
    whole = find(letter(payload=kept), Stream([record(2), record(3)]))
    assert numbers(whole.records) == [2, 4] and whole.come_from is BodiesFrom.PAYLOAD


def test_a_letter_in_s3_has_them_itself():
    kept = payload([record(2), record(4)]).decode()
    told = find(letter(payload=kept), Stream())
    assert numbers(told.records) == [2, 4] and told.come_from is BodiesFrom.PAYLOAD and told.lost is not None


def test_the_stream_is_asked_first():
    kept = payload([record(2)]).decode()
    told = find(letter(payload=kept), Stream([record(2), record(3), record(4)]))
    assert numbers(told.records) == [2, 3, 4] and told.come_from is BodiesFrom.STREAM


def test_an_archive_has_them(tmp_path):
    about = letter()
    archive = FolderArchive(tmp_path)
    key = archive_key_of(STREAM, SHARD, FUNCTION, (number(2), number(4)), 3, "r")
    asyncio.run(archive.put(key, payload([record(2, kind="noise"), record(4)])))
    told = find(about, Stream(), archive=archive, filters=ORDERS)
    assert (numbers(told.records), numbers(told.left_out)) == ([4], [2]) and told.come_from is BodiesFrom.ARCHIVE


def test_an_archive_without_them_changes_nothing(tmp_path):
    assert find(letter(), Stream(), archive=FolderArchive(tmp_path)).come_from is None


def test_kept_records_of_kinesis_are_read_too():
    kept = kinesis_record(
        stream_arn=KINESIS,
        shard="shardId-000000000000",
        sequence_number=str(number(2)),
        partition_key="k",
        data=b"hello",
        arrived=NOW,
        role="arn:aws:iam::000000000000:role/r",
    )
    about = replace(letter(payload=payload([kept]).decode()), stream_arn=KINESIS)
    (told,) = find(about, Stream()).records
    assert (told.body, told.position, told.key, told.created_s) == (
        kept.body,
        kept.position,
        kept.key,
        kept.created_s,
    )


@pytest.mark.parametrize("kept", ["", "[]", '{"Records": [1]}', '{"Records": [{}]}', '{"Records": '])
def test_bodies_that_cannot_be_read_are_said_to_be_so(kept: str):
    told = find(letter(payload=kept or " "), Stream())
    assert told.unreadable and told.come_from is None and told.records == ()


def test_a_rules_letter_needs_no_stream():
    about = read_letter(PLACE, b'{"detail": {}}', {"RULE_ARN": "arn:aws:events:eu-west-1:000000000000:rule/r"}, 5.0)
    told = find(about, Stream())
    assert [one.body for one in told.records] == [b'{"detail": {}}'] and told.come_from is BodiesFrom.EVENT


def test_a_record_that_no_one_can_read_holds_its_letter():
    class Broken:
        async def read(self, span) -> Reread:
            from afterbay.core.change.wire import raw_from_lambda

            raw_from_lambda(b"{}")
            raise AssertionError

    assert find(letter(), Broken()).unreadable


def test_records_are_never_shown_by_accident():
    assert isinstance(record(1), RawRecord) and "order" not in repr(find(letter(1, 1), Stream([record(1)])))
