"""``afterbay backfill`` on a local address: into a function, from an export, with a filter, of a table without
stream."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from botocore.credentials import Credentials

from afterbay.aws.client import AwsSettings
from afterbay.backfill.report import Report
from afterbay.backfill.session import Session, Wanted
from afterbay.errors import NotFoundError, SettingsError
from afterbay.sinks.address import sink
from afterbay.sinks.memory import MemorySink
from integration.serving import REGION, Served, Table, afterbay, child, environment, unique
from unit.backfill.test_export import FOLDER, export

CREDENTIALS = Credentials("x", "y")
LAST_FILE = FOLDER + "data/file1.json.gz"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory):
    with child(tmp_path_factory.mktemp("address")) as one:
        yield one


@pytest.fixture
def memory():
    name = unique("m")
    yield f"memory:{name}"
    MemorySink.forget(name)


def run(served: Served, table: str, **wanted) -> tuple[Report, Exception | None, list[str]]:
    said: list[str] = []
    aws = AwsSettings(endpoint_url=served.url, region=REGION, credentials=CREDENTIALS)

    async def session():
        return await Session(Wanted(table=table, **wanted), aws, say=said.append).run()

    report, error = asyncio.run(session())
    return report, error, said


def keys(address: str) -> list[str]:
    return sorted(str(one.item["pk"]) for one in sink(address).read_live())


@pytest.fixture(scope="module")
def table(served: Served) -> Table:
    made = served.table()
    made.put(*[f"k{number:02d}" for number in range(30)])
    return made


def test_a_function_gets_every_item_once_marked_and_its_poison_is_reported(served, table, tmp_path: Path) -> None:
    function = served.function(tmp_path)
    function.plan("k07", partial=True)
    report, error, said = run(served, table.name, function=function.name, batch=10, segments=2)
    assert error is None and not report.complete
    assert (report.counts.scanned, report.counts.written, report.counts.failed) == (30, 29, 1)
    assert [one.keys for one in report.counts.failures] == [{"pk": {"S": "k07"}}]
    records = [one for line in function.lines() for one in line["records"]]
    assert all(one["afterbay"] == {"backfill": True} and one["eventName"] == "INSERT" for one in records)
    assert {one["dynamodb"]["Keys"]["pk"]["S"] for one in records} == {f"k{n:02d}" for n in range(30)}
    assert all(len(one) <= 10 for one in function.batches())
    assert any(function.name in line and "up to date" in line for line in said), "no mapping feeds it"


def test_a_mapping_that_feeds_the_function_is_found(served, table, tmp_path: Path) -> None:
    function = served.function(tmp_path)
    made = served.client("lambda").create_event_source_mapping(
        FunctionName=function.name, EventSourceArn=table.stream, StartingPosition="TRIM_HORIZON"
    )
    report, _, said = run(served, table.name, function=function.name, rcu=1_000)
    assert report.complete and not any("up to date" in line for line in said)
    served.client("lambda").delete_event_source_mapping(UUID=made["UUID"])


def test_a_function_that_is_not_there_ends_it_with_nothing_passed(served, table) -> None:
    report, error, _ = run(served, table.name, function="nobody")
    assert isinstance(error, NotFoundError) and not any(one.done for one in report.parts)


def test_a_filter_takes_only_what_matches(served, table, memory) -> None:
    report, error, _ = run(served, table.name, into=memory, where='{"pk":{"S":[{"prefix":"k0"}]}}')
    assert error is None and (report.counts.written, report.counts.filtered) == (10, 20)
    assert keys(memory) == [f"k{number:02d}" for number in range(10)]


def test_an_item_that_is_expired_and_still_there_is_written(served, memory) -> None:
    table = served.table()
    client = served.client("dynamodb")
    client.put_item(TableName=table.name, Item={"pk": {"S": "old"}, "expires": {"N": "1000000000"}})
    client.update_time_to_live(
        TableName=table.name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
    )
    report, _, _ = run(served, table.name, into=memory, ttl="mirror")
    assert report.counts.written == len(keys(memory)) <= 1


def test_a_table_without_a_stream_is_loaded_and_said_to_be_on_its_own(served, memory) -> None:
    name = unique("t")
    served.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    served.client("dynamodb").put_item(TableName=name, Item={"pk": {"S": "a"}, "data": {"B": b"\x00\xff"}})
    report, error, said = run(served, name, into=memory)
    assert error is None and report.complete and keys(memory) == ["a"]
    (line,) = said
    assert "no DynamoDB stream" in line and "keeps the sink up to date" in line


def test_an_export_is_a_first_load_too_and_goes_on_from_its_state(served, table, memory, tmp_path: Path) -> None:
    arn = served.client("dynamodb").describe_table(TableName=table.name)["Table"]["TableArn"]
    bucket = unique("exports")
    client = served.client("s3")
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    made = export(["k00", "gone"], ["k01"], tableArn=arn, exportTime="2099-01-01T00:00:00Z")
    for key, body in made.objects.items():
        client.put_object(Bucket=bucket, Key=key, Body=body)
    wanted = {"into": memory, "from_export": f"s3://{bucket}/exports", "state": tmp_path / "state"}
    client.delete_object(Bucket=bucket, Key=LAST_FILE)
    report, error, _ = run(served, table.name, **wanted)
    assert isinstance(error, SettingsError) and keys(memory) == ["gone", "k00"]
    client.put_object(
        Bucket=bucket, Key=FOLDER + "data/file1.json.gz", Body=made.objects[FOLDER + "data/file1.json.gz"]
    )
    report, error, _ = run(served, table.name, **wanted)
    assert error is None and report.complete and report.resumed
    assert (report.counts.scanned, report.counts.written) == (1, 1) and keys(memory) == ["gone", "k00", "k01"]


def test_a_sink_that_is_not_there_is_told_before_anything_is_read(
    served, table, memory, tmp_path: Path, monkeypatch
) -> None:
    """And the state file is still nobody's: the address can be corrected."""
    for name, value in environment(served.url).items():
        monkeypatch.setenv(name, value)
    state = tmp_path / "state"
    with pytest.raises(NotFoundError, match="no-such-copy"):
        run(served, table.name, into=f"dynamodb://no-such-copy?endpoint_url={served.url}&region={REGION}", state=state)
    with pytest.raises(SettingsError, match="is a folder, not a file"):
        run(served, table.name, into=f"sqlite:///{tmp_path}?table=t", state=state)
    report, error, _ = run(served, table.name, into=memory, state=state)
    assert error is None and report.complete
    with pytest.raises(SettingsError, match="has 4 segments, and --segments says 3"):
        run(served, table.name, into=memory, state=state, segments=3)


@pytest.mark.parametrize(
    "change", [{"tableArn": "arn:aws:dynamodb:x:0:table/other"}, {"exportTime": "2001-01-01T00:00:00Z"}]
)
def test_the_export_of_another_table_is_refused(served, table, memory, change: dict) -> None:
    arn = served.client("dynamodb").describe_table(TableName=table.name)["Table"]["TableArn"]
    bucket = unique("exports")
    client = served.client("s3")
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    for key, body in export(["a"], **{"tableArn": arn, "exportTime": "2099-01-01T00:00:00Z", **change}).objects.items():
        client.put_object(Bucket=bucket, Key=key, Body=body)
    with pytest.raises(SettingsError, match="the export is of"):
        run(served, table.name, into=memory, from_export=f"s3://{bucket}/exports")


def test_the_command_prints_its_result_and_does_nothing_twice(served, table, tmp_path: Path) -> None:
    words = ["backfill", table.name, "--into", f"sqlite:///{tmp_path}/copy.db?table=copy"]
    words += ["--state", str(tmp_path / "state"), "--json"]
    first, second = (afterbay(*words, url=served.url) for _ in range(2))
    told = json.loads(first.stdout)
    assert first.returncode == 0 and (told["scanned"], told["written"], told["refused"]) == (30, 30, 0)
    assert told.keys() >= {"failed", "segments", "seconds", "resumed"} and not told["resumed"]
    assert second.returncode == 0 and json.loads(second.stdout)["scanned"] == 0
    assert "already done, nothing to do" in second.stderr
