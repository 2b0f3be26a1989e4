"""What ``tail`` prints of a Kinesis stream: changes as those of a table, others by what Kinesis says of them."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest

from afterbay.aws.client import AwsSettings
from afterbay.cli.change_lines import Wanted
from afterbay.cli.stream import open_stream
from afterbay.cli.tail import Lines
from afterbay.core.change.kinesis import kinesis_record
from afterbay.core.change.raw import RawRecord
from afterbay.core.shard.position import ShardId
from afterbay.engine.found import RecordsFound
from afterbay.errors import SettingsError
from afterbay.sinks.where import read_where

ARN = "arn:aws:kinesis:eu-west-1:000000000000:stream/changes"
STREAM = "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/2026-01-01T00:00:00.000"
NUMBER = 49590338271490256608559692538361571095921575989136588898
NOON = datetime(2026, 9, 17, 12, 0, 0, 120_000, UTC)
S = ShardId("shardId-000000000000")
KEY = {"pk": {"S": "o1"}}


def data(kind: str = "INSERT", *, key=KEY, old=None, new=None, time: int = 1789649451123456, **more) -> bytes:
    inner = {"ApproximateCreationDateTime": time, "Keys": key}
    inner |= {name: {**key, **one} for name, one in (("OldImage", old), ("NewImage", new)) if one is not None}
    whole = {"eventID": "e", "eventName": kind, "tableName": "orders", "userIdentity": None, "dynamodb": inner}
    return json.dumps({**whole, "eventSource": "aws:dynamodb", **more}).encode()


def put(n: int, content: bytes, partition_key: str = "p") -> RawRecord:
    return kinesis_record(
        stream_arn=ARN,
        shard=S,
        sequence_number=str(NUMBER + n),
        partition_key=partition_key,
        data=content,
        arrived=NOON,
        role="r",
    )


INSERTED = put(0, data(new={"n": {"N": "1"}}), "f" * 32)
MODIFIED = put(1, data("MODIFY", old={"n": {"N": "1"}}, new={"n": {"N": "2"}}, time=1789649451123), "f" * 32)
FOREIGN = put(2, b"hello\n", "anna")
WHOLE_INNER = {
    "ApproximateCreationDateTime": 1789649451.0,
    "Keys": {"pk": {"S": "o2"}},
    "NewImage": {"pk": {"S": "o2"}},
    "SequenceNumber": "300000000000000000001",
    "StreamViewType": "NEW_AND_OLD_IMAGES",
}
WHOLE = {"eventName": "INSERT", "eventSource": "aws:dynamodb", "eventSourceARN": STREAM, "dynamodb": WHOLE_INNER}
CARRIED = put(3, json.dumps(WHOLE).encode(), "o2")
BROKEN = put(4, data("MODIFY", old={}), "f" * 32)


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]):
    def show(*records: RawRecord, key=None, where=None, as_json: bool = False, images: bool = False) -> list[str]:
        pattern = None if where is None else read_where(where, "--where")
        lines = Lines(Wanted(key, pattern), as_json=as_json, images=images)
        lines.stream_arn, lines.of_kinesis = ARN, True
        lines.tell(RecordsFound(S, records))
        return capsys.readouterr().out.splitlines()

    return show


def test_a_change_is_told_as_a_tables_and_its_time_as_fine_as_it_came(shown):
    assert shown(INSERTED, MODIFIED) == [
        "2026-09-17T12:50:51.123456Z INSERT o1  +n: 1",
        "2026-09-17T12:50:51.123Z MODIFY o1  n: 1 → 2",
    ]
    assert shown(INSERTED, images=True)[1:] == ['    new: {"pk":"o1","n":1}']
    expiry = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    (told,) = shown(put(5, data("REMOVE", old={}, userIdentity=expiry)))
    assert told.endswith("REMOVE (expired) o1")


def test_a_changes_json_has_a_tables_members_the_records_number_and_no_token(shown):
    (line,) = shown(MODIFIED, as_json=True, images=True)
    assert json.loads(line) == {
        "time": "2026-09-17T12:50:51.123Z",
        "kind": "MODIFY",
        "expired": False,
        "key": {"pk": "o1"},
        "table": "orders",
        "shard": S,
        "sequence_number": str(NUMBER + 1),
        "token": None,
        "changed": [{"path": ["n"], "old": 1, "new": 2}],
        "old": {"pk": "o1", "n": 1},
        "new": {"pk": "o1", "n": 2},
    }


def test_a_record_of_anybody_else_is_told_by_its_key_size_and_number_and_its_data_where_asked_for(shown):
    line = f"2026-09-17T12:00:00.120Z RECORD anna  6 bytes  {NUMBER + 2}"
    assert shown(FOREIGN) == [line]
    assert shown(FOREIGN, images=True) == [line, "    data: hello\\n"]
    (lone,) = shown(put(9, b"\x00", "a\x1b; 1"))
    assert ' RECORD "a\\u001b; 1"  1 byte  ' in lone
    document = {
        "time": "2026-09-17T12:00:00.120Z",
        "kind": "RECORD",
        "partition_key": "anna",
        "bytes": 6,
        "shard": S,
        "sequence_number": str(NUMBER + 2),
    }
    assert [json.loads(one) for one in shown(FOREIGN, as_json=True)] == [document]
    (with_data,) = shown(FOREIGN, as_json=True, images=True)
    assert json.loads(with_data) == {**document, "data": "aGVsbG8K"}


def test_a_whole_record_of_a_tables_stream_keeps_its_token_and_has_the_number_of_the_one_that_carries_it(shown):
    assert shown(CARRIED) == ["2026-09-17T12:50:51Z INSERT o2"]
    (line,) = shown(CARRIED, as_json=True)
    told = json.loads(line)
    assert (told["shard"], told["sequence_number"]) == (S, str(NUMBER + 3))
    assert told["token"] == f"2026-01-01T00:00:00.000/{WHOLE_INNER['SequenceNumber']:0>40}"


def test_a_change_that_is_broken_is_shown_as_its_data_came_whatever_is_asked_for(shown):
    (line,) = shown(BROKEN, key="somebody else")
    assert line.startswith(f"UNREADABLE {NUMBER + 4} in {S}: dynamodb.NewImage: missing") and '"tableName"' in line
    (document,) = shown(BROKEN, as_json=True, key="somebody else")
    told = json.loads(document)
    assert told["sequence_number"] == str(NUMBER + 4) and json.loads(told["record"])["tableName"] == "orders"


def test_one_item_is_asked_for_by_its_key_and_what_has_no_item_by_its_partition_key(shown):
    every = (INSERTED, FOREIGN, CARRIED)
    assert [line.split()[2] for line in shown(*every, key="o1")] == ["o1"]
    assert [line.split()[2] for line in shown(*every, key='{"pk": {"S": "o2"}}')] == ["o2"]
    assert [line.split()[2] for line in shown(*every, key="anna")] == ["anna"]
    assert shown(*every, key="f" * 32) == [], "the partition key of a change is nobody's name for it"


def test_items_that_match_are_asked_for_and_what_has_none_never_does(shown):
    where = '{"n": {"N": ["2"]}}'
    assert [line.split()[1] for line in shown(INSERTED, MODIFIED, FOREIGN, where=where)] == ["MODIFY"]
    assert shown(FOREIGN, where='{"n": {"S": [{"exists": false}]}}') == []


def open_named(named: str) -> bool:
    """Whether it is read by Kinesis."""

    async def scene() -> bool:
        settings = AwsSettings(endpoint_url="http://127.0.0.1:1", region="eu-west-1")
        async with open_stream(named, settings) as opened:
            assert opened.arn == named
            return opened.kinesis is not None

    return asyncio.run(scene())


def test_a_kinesis_stream_is_named_by_its_arn():
    assert open_named(ARN)


@pytest.mark.parametrize(
    ("named", "says"),
    [
        (f"{ARN}/consumer/c:1", f"a consumer of a Kinesis stream.*name the stream: {ARN}"),
        ("arn:aws:kinesis:eu-west-1::stream/changes", "no Kinesis stream.*stream/NAME"),
        ("arn:aws:kinesis:eu-west-1:000000000000:changes", "no Kinesis stream.*stream/NAME"),
        ("arn:aws:sqs:eu-west-1:000000000000:q", "no table, no stream of one and no Kinesis stream"),
    ],
)
def test_what_is_no_stream_is_refused_and_the_form_told(named, says):
    with pytest.raises(SettingsError, match=says):
        open_named(named)
