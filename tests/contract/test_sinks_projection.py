"""``fields=`` and ``without=`` on real items: what every kind of sink keeps of an image, whatever else changes."""

from __future__ import annotations

import random
import uuid
from urllib.parse import quote

import boto3
import pytest
from moto import mock_aws

import afterbay
from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import Kind
from afterbay.sinks.memory import MemorySink
from contract.histories import KEYS, History
from contract.opensearch_server import opensearch_place
from servers import server_url

ATTRIBUTES = {
    "total": {"N": "12345678901234567890.5"},
    "note, private": {"S": "secret"},
    "raw": {"B": "AQID"},
    "doc": {"M": {"total": {"N": "1"}}},
}
KEY = {"pk": KEYS[2][0], "sk": KEYS[2][1]}


@pytest.fixture(
    params=[
        "memory:projected",
        "sqlite:///{file}?table=copy",
        "dynamodb://copy?region=eu-west-1",
        "postgres",
        "delta:{file}",
        "opensearch",
        "s3://copy/p?mode=state&region=us-east-1",
    ]
)
def address(request, tmp_path, monkeypatch):
    """An address that parameters can be added to, of an empty store."""
    if request.param == "opensearch":
        with opensearch_place() as place:
            yield place.address + "?"
        return
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    MemorySink.forget("projected")
    if request.param == "postgres":
        yield f"{server_url('postgres')}?table=t{uuid.uuid4().hex}&"
        return
    with mock_aws():
        boto3.client("dynamodb", region_name="eu-west-1").create_table(
            TableName="copy",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="copy")
        filled = request.param.format(file=quote(str(tmp_path / "sink.db")))
        yield filled + ("&" if "?" in filled else "?")


@pytest.mark.parametrize(
    ("parameter", "kept"),
    [
        ("fields=total", {"total"}),
        ("fields=total,raw,never_there", {"total", "raw"}),
        ("fields=pk", set()),
        ("without=note%2C%20private", {"total", "raw", "doc"}),
        ("without=pk,sk,doc", {"total", "note, private", "raw"}),
    ],
)
def test_a_sink_keeps_the_chosen_attributes_and_the_key(address, parameter, kept):
    made = History(random.Random(1))
    sink = afterbay.sink(address + parameter)
    changes = [ChangeRecord(made.put(KEYS[2], **ATTRIBUTES)), ChangeRecord(made.put(KEYS[3], **ATTRIBUTES))]
    assert [verdict.kind for verdict in sink.apply(changes)] == [Kind.APPLIED] * 2
    items = {one.key: one.item for one in sink.read_live()}
    sink.close()
    whole = made.expected()
    assert items == {key: {name: whole[key][name] for name in {*kept, "pk", "sk"}} for key in whole}


def test_a_change_outside_the_projection_still_moves_the_token(address):
    """Else the older change, replayed, would be taken for a newer one."""
    made = History(random.Random(1))
    first, second = made.put(KEYS[2], total={"N": "1"}), made.put(KEYS[2], total={"N": "1"}, note={"S": "x"})
    sink = afterbay.sink(address + "fields=total")
    verdicts = sink.apply([ChangeRecord(first), ChangeRecord(second), ChangeRecord(first)])
    assert [one.kind for one in verdicts] == [Kind.APPLIED, Kind.APPLIED, Kind.STALE]
    assert [one.item for one in sink.read_live()] == [KEY | {"total": 1}]
    sink.close()
