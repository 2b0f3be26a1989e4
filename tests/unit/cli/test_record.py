"""What a recorder keeps of what is found, and what it says of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from afterbay.cli.main import app
from afterbay.cli.record import Recorder, trimmed_meanwhile
from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.change.wire import UnreadableRecordError
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import After, AtTime, Latest, Position, ShardEnd, ShardId, TrimHorizon
from afterbay.engine.clock import Clock
from afterbay.engine.found import Lost, RecordsFound, ShardFound, ShardOver, Started, Unreadable, Waiting
from afterbay.errors import NotFoundError, SettingsError
from afterbay.sources.kinesis import KinesisApi
from afterbay.sources.news import News
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


class Kinesis:
    """Of each shard the oldest number that is left; None: the shard is empty."""

    def __init__(self, **oldest: str | None) -> None:
        self.oldest = oldest

    async def call(self, service: str, operation: str, **asked: object) -> dict[str, object]:
        shard = str(asked.get("ShardId") or asked["ShardIterator"])
        if shard not in self.oldest:
            raise NotFoundError("no such shard", code="ResourceNotFoundException")
        number = self.oldest[shard]
        record = {"SequenceNumber": number, "PartitionKey": "p", "Data": b"", "ApproximateArrivalTimestamp": NOON}
        records = [] if number is None else [record]
        return {"ShardIterator": shard, "Records": records, "NextShardIterator": shard}


def test_what_kinesis_trimmed_between_two_runs_may_be_gone_and_is_told():
    clock = Clock()
    api = KinesisApi(Kinesis(kept="7", trimmed="9", idle=None), clock, News(clock), role="r", reads_apart_s=0)
    behind = After(Position(7))
    stood = dict.fromkeys(map(ShardId, ("kept", "trimmed", "idle", "gone")), behind)
    stood |= {ShardId("ended"): ShardEnd(), ShardId("begun"): None}
    lost = asyncio.run(trimmed_meanwhile(api, "arn:aws:kinesis:eu-west-1:000000000000:stream/s", stood))
    assert [one.shard for one in lost] == ["trimmed", "idle"]
    assert not any(one.over for one in lost) and "last record here, 7" in lost[0].reason


def test_a_file_that_is_there_is_refused_and_an_empty_one_is_not(tmp_path):
    (tmp_path / "r").touch()
    made = recorder(tmp_path / "r")
    made.tell(Started(TrimHorizon(), NOON))
    made.close()
    with pytest.raises(SettingsError, match="--append"):
        recorder(tmp_path / "r")


@pytest.mark.parametrize("append", [False, True])
def test_a_folder_is_no_file_to_go_on_with(tmp_path, append):
    with pytest.raises(SettingsError, match="is a folder"):
        Recorder(tmp_path, append=append).open(ARN)


@pytest.mark.parametrize("words", [["record", "items", "r"], ["tail", "items"]])
def test_an_empty_place_to_begin_is_refused(words):
    done = CliRunner().invoke(app, [*words, "--from", "", "--endpoint-url", "http://127.0.0.1:1"])
    assert done.exit_code == 2 and "'' is no place to begin" in done.stderr


def test_going_on_with_a_file_that_is_not_there_begins_it(tmp_path):
    assert Recorder(tmp_path / "r", append=True).open(ARN) is None
