"""A recording: what is written is read again byte for byte and in its order, and a cut is told by its place."""

from __future__ import annotations

import asyncio
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from afterbay.core.change.kinesis import kinesis_record
from afterbay.core.change.source import SourceKind
from afterbay.core.change.wire import UnreadableRecordError, raw_from_lambda
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import After, Position, ShardEnd, ShardId, TrimHorizon
from afterbay.errors import NotFoundError, SettingsError, StateError
from afterbay.sources.recording import RecordedSource, load_recording
from afterbay.sources.recording_lines import (
    Entry,
    Head,
    RecordedEnd,
    RecordedGap,
    RecordedRecord,
    RecordedShard,
    RecordedUnreadable,
)
from afterbay.sources.recording_reader import RecordingReader
from afterbay.sources.recording_writer import RecordingWriter

ARN = "arn:aws:dynamodb:eu-west-1:000000000000:table/items/stream/2026-01-01T00:00:00.000"
HEAD = Head(ARN, "trim", "2026-01-01T12:00:00.000Z")
P, L, R = map(ShardId, ("parent", "left", "right"))
FIRST = 10**20
TRIM = TrimHorizon()


def body(number: int, *, blank: str = "") -> bytes:
    """A record as the service spells it: a number with trailing zeros, a member that nobody knows."""
    return (
        f'{{"eventName":"INSERT",{blank}"dynamodb":{{"ApproximateCreationDateTime":1789649451.0,'
        f'"Keys":{{"pk":{{"S":"é"}}}},"NewImage":{{"pk":{{"S":"é"}},"n":{{"N":"1.500"}}}},'
        f'"SequenceNumber":"{FIRST + number}"}},"later":[1.0],"eventSourceARN":"{ARN}"}}'
    ).encode()


def record(shard: ShardId, number: int, **more: str) -> RecordedRecord:
    return RecordedRecord(shard, raw_from_lambda(body(number, **more)))


def named(shard: ShardId, *parents: ShardId) -> RecordedShard:
    return RecordedShard(ShardDescription(shard, parents))


KINESIS = "arn:aws:kinesis:eu-west-1:000000000000:stream/items"
QUEUE = "arn:aws:sqs:eu-west-1:000000000000:items"
CLICKS = 49590338271490256608559692538361571095921575989136588898


def click(number: int, data: bytes = b"\xff\x00") -> RecordedRecord:
    """A record of Kinesis, whose numbers have 56 digits."""
    made = kinesis_record(
        stream_arn=KINESIS,
        shard=L,
        sequence_number=str(CLICKS + number),
        partition_key="p",
        data=data,
        arrived=datetime(2026, 9, 17, 12, 0, 0, 123_000, UTC),
        role="r",
    )
    return RecordedRecord(L, made)


SPLIT: list[Entry] = [
    named(P),
    record(P, 1),
    RecordedEnd(P),
    named(L, P),
    named(R, P),
    record(R, 3),
    record(L, 2),
    record(R, 5),
]


def written(path: Path, *entries: Entry) -> Path:
    with RecordingWriter.create(path, HEAD) as writer:
        for entry in entries:
            writer.write(entry)
    return path


def read(path: Path) -> tuple[list[Entry], object]:
    with RecordingReader(path) as reader:
        return list(reader), reader.cut


@pytest.fixture(params=["items.changes", "items.changes.gz"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / request.param


def unpacked(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def test_the_first_line_says_version_and_stream_and_each_other_line_is_json(path):
    first, *others = map(json.loads, unpacked(written(path, *SPLIT)).splitlines())
    assert first == {
        "afterbay": "recording",
        "version": 1,
        "streamArn": ARN,
        "begins": "trim",
        "recordedAt": "2026-01-01T12:00:00.000Z",
    }
    assert others[0] == {"shard": "parent", "parents": []} and others[3] == {"shard": "left", "parents": ["parent"]}
    assert others[2] == {"shard": "parent", "end": True}
    assert others[1]["record"]["dynamodb"]["SequenceNumber"] == str(FIRST + 1)


def test_a_record_is_kept_byte_for_byte(path):
    entries, cut = read(written(path, *SPLIT))
    assert [one.record.body for one in entries if isinstance(one, RecordedRecord)] == [body(n) for n in (1, 3, 2, 5)]
    assert cut is None and body(5) in unpacked(path)


def test_line_ends_between_tokens_become_blanks(tmp_path):
    entries, _ = read(written(tmp_path / "r", named(P), record(P, 1, blank="\r\n")))
    assert entries[1].record.body == body(1, blank="  ")


def test_all_that_can_be_written_is_read_again(path):
    unreadable = RecordedUnreadable(P, str(FIRST + 1), "no keys", b'{"\xff\n')
    entries: list[Entry] = [named(P), unreadable, RecordedGap(P, "trimmed"), RecordedEnd(P)]
    assert read(written(path, *entries)) == (entries, None)


def test_a_line_that_was_cut_off_is_told_by_its_place(tmp_path):
    path = written(tmp_path / "r", *SPLIT)
    whole = path.read_bytes()
    last = len(whole.splitlines(keepends=True)[-1])
    path.write_bytes(whole[:-40])
    entries, cut = read(path)
    assert len(entries) == len(SPLIT) - 1
    assert (cut.line, cut.offset) == (9, len(whole) - last)
    assert str(cut) == f"line 9, which begins at byte {len(whole) - last}, is cut off"
    with pytest.raises(SettingsError, match=r"r: line 9, which .* --append"):
        load_recording(path)


def test_a_packed_file_that_was_cut_off_keeps_what_was_flushed(tmp_path):
    path = tmp_path / "r.gz"
    flushed: list[bytes] = []
    with RecordingWriter.create(path, HEAD) as writer:
        for entry in SPLIT:
            writer.write(entry)
            writer.flush()
            flushed.append(path.read_bytes())
    path.write_bytes(flushed[-1])
    entries, cut = read(path)
    assert len(entries) == len(SPLIT) and cut is not None, "a kill leaves no end of the packing"
    path.write_bytes(flushed[-1][: len(flushed[-2]) + 3])
    entries, cut = read(path)
    assert len(entries) == len(SPLIT) - 1 and cut.line == len(SPLIT) + 1


@pytest.mark.parametrize("cut", [0, 40], ids=["whole", "cut off"])
def test_a_recording_is_gone_on_with_behind_its_last_whole_line(path, cut):
    written(path, *SPLIT)
    if cut:
        if path.suffix == ".gz":
            path.write_bytes(gzip.compress(unpacked(path)[:-cut])[:-8])
        else:
            path.write_bytes(path.read_bytes()[:-cut])
    with RecordingWriter.append(path, ARN) as writer:
        assert writer.head == HEAD and writer.records == (3 if cut else 4)
        last = After(Position(FIRST + (3 if cut else 5)))
        assert writer.stood == {P: ShardEnd(), L: After(Position(FIRST + 2)), R: last}
        writer.write(named(L, P))
        writer.write(record(L, 7))
    entries, left = read(path)
    assert left is None and [type(one).__name__ for one in entries].count("RecordedShard") == 3
    assert entries[-1].record.body == body(7)


def test_a_file_that_is_there_is_not_written_over(path):
    written(path, *SPLIT)
    before = path.read_bytes()
    with pytest.raises(SettingsError, match="--append"):
        RecordingWriter.create(path, HEAD)
    assert path.read_bytes() == before


def test_a_kinesis_stream_is_kept_as_a_tables_is_and_gone_on_with(path):
    """A merged shard has two parents; its records are in the form of their own service."""
    entries: list[Entry] = [named(P), named(R), named(L, P, R), click(1), click(2, b"{}")]
    with RecordingWriter.create(path, Head(KINESIS, "trim", "2026-01-01T12:00:00.000Z")) as writer:
        for entry in entries:
            writer.write(entry)
    with RecordingReader(path) as reader:
        assert reader.head.kind is SourceKind.KINESIS
        found = list(reader)
    assert found[2] == entries[2]
    for told, kept in zip(found[3:], entries[3:], strict=True):
        ours, theirs = kept.record, told.record
        assert (theirs.body, theirs.position, theirs.key) == (ours.body, ours.position, ours.key)
        assert (theirs.created_s, theirs.event_name) == (ours.created_s, "aws:kinesis:record")
    with RecordingWriter.append(path, KINESIS) as writer:
        assert writer.stood == {P: None, R: None, L: After(Position(CLICKS + 2))}


def test_one_recorder_has_a_file_at_a_time(path):
    with RecordingWriter.create(path, HEAD) as writer:
        for another in (lambda: RecordingWriter.append(path, ARN), lambda: RecordingWriter.create(path, HEAD)):
            with pytest.raises(StateError, match="by another process"):
                another()
        writer.write(named(P))
    with RecordingWriter.append(path, ARN), pytest.raises(StateError):
        RecordingWriter.append(path, ARN)
    assert len(read(path)[0]) == 1


def test_where_nothing_can_be_written_is_named(tmp_path):
    with pytest.raises(SettingsError, match="nowhere/r: cannot be written"):
        RecordingWriter.create(tmp_path / "nowhere" / "r", HEAD)


def test_a_full_disk_is_told_with_the_file():
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no device that is always full")
    with pytest.raises(StateError, match=r"/dev/full cannot be written: No space left"):
        RecordingWriter.create(full, HEAD)


def test_a_recording_of_another_stream_is_not_gone_on_with(path):
    written(path, *SPLIT)
    with pytest.raises(SettingsError, match=r"items.*not of .*other"):
        RecordingWriter.append(path, ARN.replace("items", "other"))


CLICK = json.loads(click(1).record.body)
LINE = json.dumps({"afterbay": "recording", "version": 1, "streamArn": ARN}) + "\n"
REFUSED = {
    "another version": (LINE.replace("1,", "2,", 1), r":1: is a recording of version 2; this reads version 1"),
    "something else of ours": (LINE.replace("recording", "journal"), r":1: is no recording but 'journal'"),
    "something else": ('{"Records":[]}\n', r":1: is no recording"),
    "a queue": (LINE.replace(ARN, QUEUE), r":1: streamArn: .*:items' is a queue, not a stream"),
    "a consumer of a stream": (LINE.replace(ARN, f"{KINESIS}/consumer/c:1"), r":1: streamArn: "),
    "no stream": (LINE.replace("/stream/", "/index/"), r":1: streamArn: "),
    "nothing": ("", r": is no recording: its first line is not whole"),
    "half a first line": (LINE[:30], r": is no recording: its first line is not whole"),
    "a line that is none": (LINE + "{}\n", r":2: is no line of a recording"),
    "a member that nobody knows": (LINE + '{"shard":"s","record2":1}\n', r":2: is no line of a recording"),
    "a record that is none": (LINE + '{"shard":"s","parents":[]}\n{"shard":"s","record":{}}\n', r":3: Records\[0\]"),
    "a record of Kinesis in a table's": (
        LINE + '{"shard":"s","parents":[]}\n' + json.dumps({"shard": "s", "record": CLICK}) + "\n",
        r":3: Records\[0\]",
    ),
    "a record of a table in Kinesis'": (
        LINE.replace(ARN, KINESIS) + '{"shard":"s","parents":[]}\n{"shard":"s","record":{"dynamodb":{}}}\n',
        r":3: no record of a Kinesis stream",
    ),
    "a shard out of nowhere": (LINE + '{"shard":"s","end":true}\n', r":2: s is a shard that no line before it names"),
}


@pytest.mark.parametrize(("text", "told"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_recording_is_refused_by_file_and_line(tmp_path, text, told):
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises(SettingsError, match=rf"file{told}"):
        read(path)


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(SettingsError, match="nowhere: cannot be read"):
        RecordingReader(tmp_path / "nowhere")


# ---- as a source


def test_a_source_lists_the_lineage_of_a_stream_that_is_over(tmp_path):
    source = RecordedSource(written(tmp_path / "r", *SPLIT))
    listing = asyncio.run(source.list_shards(pin_latest=True))
    assert [(one.shard, one.parents, one.closed) for one in listing.shards] == [
        (P, (), True),
        (L, (P,), True),
        (R, (P,), True),
    ]
    assert listing.complete and listing.stream_disabled
    assert listing.tips == {L: After(Position(FIRST + 2)), R: After(Position(FIRST + 5))}
    children = asyncio.run(source.list_shards(pin_latest=False, children_of=P))
    assert [one.shard for one in children.shards] == [L, R] and not children.complete


def test_a_source_reads_each_shard_in_its_order_page_by_page(tmp_path):
    source = RecordedSource(written(tmp_path / "r", *SPLIT))
    first = source.page(R, TRIM, limit=1)
    assert [one.position for one in first.records] == [FIRST + 3] and not first.end
    rest = asyncio.run(source.read(R, After(Position(FIRST + 3)), limit=1, pause_s=9.0))
    assert [one.position for one in rest.records] == [FIRST + 5] and rest.end
    with pytest.raises(NotFoundError):
        source.page(ShardId("nowhere"), TRIM, limit=1)


def test_a_source_stops_at_a_record_that_could_not_be_read_and_goes_on_behind_it(tmp_path):
    broken = RecordedUnreadable(P, str(FIRST + 2), "no keys", b"{}")
    source = RecordedSource(written(tmp_path / "r", named(P), record(P, 1), broken, record(P, 3)))
    before = source.page(P, TRIM, limit=10)
    assert [one.position for one in before.records] == [FIRST + 1] and not before.end
    with pytest.raises(UnreadableRecordError, match="no keys"):
        source.page(P, After(Position(FIRST + 1)), limit=10)
    behind = source.page(P, After(Position(FIRST + 2)), limit=10)
    assert [one.position for one in behind.records] == [FIRST + 3] and behind.end
