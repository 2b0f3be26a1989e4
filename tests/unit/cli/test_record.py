"""What a recorder keeps of what is found, and what it says of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from afterbay.cli.record import Recorder
from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.change.wire import UnreadableRecordError
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import After, AtTime, Latest, Position, ShardEnd, ShardId, TrimHorizon
from afterbay.engine.found import Lost, RecordsFound, ShardFound, ShardOver, Started, Unreadable, Waiting
from afterbay.errors import SettingsError
from afterbay.sources.recording_reader import RecordingReader

ARN = "arn:aws:dynamodb:eu-west-1:000000000000:table/items/stream/2026-01-01T00:00:00.000"
NOON = datetime(2026, 9, 17, 12, 0, 0, tzinfo=UTC)
NUMBER = 10**20
S, GONE = ShardId("s"), ShardId("gone")


def record(number: int) -> RawRecord:
    body = (
        f'{{"eventName":"INSERT","dynamodb":{{"ApproximateCreationDateTime":1.0,"Keys":{{"pk":{{"S":"k"}}}},'
        f'"SequenceNumber":"{number}"}}}}'
    )
    return RawRecord(body.encode(), number, ItemKey(b"k"), 1.0, "INSERT")


def recorder(path: Path, *, append: bool = False) -> Recorder:
    made = Recorder(path, append=append)
    made.open(ARN)
    return made


@pytest.mark.parametrize(
    ("start", "begins"),
    [
        (TrimHorizon(), "trim"),
        (AtTime(NOON), "2026-09-17T12:00:00.000Z"),
        (Latest(NOON + timedelta(seconds=2)), "2026-09-17T12:00:00.000Z"),
    ],
)
def test_the_file_says_from_where_a_shard_that_is_found_later_is_read(tmp_path, start, begins):
    made = recorder(tmp_path / "r")
    made.tell(Started(start, NOON))
    made.close()
    with RecordingReader(tmp_path / "r") as reader:
        assert (reader.head.begins, reader.head.recorded_at) == (begins, "2026-09-17T12:00:00.000Z")


def test_everything_that_is_found_is_kept_and_gone_on_with(tmp_path, capsys):
    made = recorder(tmp_path / "r")
    for found in (
        Started(TrimHorizon(), NOON),
        ShardFound(ShardDescription(GONE)),
        Lost(GONE, "it is gone", over=True),
        ShardFound(ShardDescription(S, (GONE,))),
        Waiting("slow down"),
        RecordsFound(S, (record(NUMBER), record(NUMBER + 1))),
        Unreadable(S, UnreadableRecordError("no keys", body=b"{?", sequence_number=str(NUMBER + 2))),
        Lost(S, "trimmed"),
        RecordsFound(S, (record(NUMBER + 9),)),
    ):
        made.tell(found)
    made.close()
    assert made.sentence() == f"3 record(s) of 2 shard(s) recorded in {tmp_path / 'r'}; 2 gap(s), 1 unreadable"
    told = capsys.readouterr().err
    assert all(word in told for word in ("it is gone", "slow down", "no keys", "trimmed"))
    with RecordingReader(tmp_path / "r") as reader:
        assert len(list(reader)) == 9 and reader.cut is None

    again = Recorder(tmp_path / "r", append=True)
    resumed = again.open(ARN)
    assert resumed is not None and resumed.stood == {GONE: ShardEnd(), S: After(Position(NUMBER + 9))}
    again.tell(Started(TrimHorizon(), NOON))
    again.tell(ShardFound(ShardDescription(S, (GONE,))))
    again.tell(ShardOver(S))
    again.close()
    assert again.told() == {
        "file": str(tmp_path / "r"),
        "stream_arn": ARN,
        "records": 0,
        "shards": 1,
        "unreadable": 0,
        "gaps": 0,
    }
    with RecordingReader(tmp_path / "r") as reader:
        assert len(list(reader)) == 10


def test_a_file_that_is_there_is_refused_and_an_empty_one_is_not(tmp_path):
    (tmp_path / "r").touch()
    made = recorder(tmp_path / "r")
    made.tell(Started(TrimHorizon(), NOON))
    made.close()
    with pytest.raises(SettingsError, match="--append"):
        recorder(tmp_path / "r")


def test_going_on_with_a_file_that_is_not_there_begins_it(tmp_path):
    assert Recorder(tmp_path / "r", append=True).open(ARN) is None
