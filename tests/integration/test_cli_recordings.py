"""``afterbay tail``, ``record`` and ``replay`` as programs, on a stream that is split meanwhile."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from afterbay.cli.main import app
from integration.forked import Process, launch
from integration.serving import REGION, WAIT_S, Served, Table, child, environment, unique, wait_for


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with child(tmp_path_factory.mktemp("address")) as one:
        yield one


def verb(*words: str, url: str | None = None) -> Result:
    """A verb that ends by itself, in this process: half of its time would be its start."""
    variables: dict[str, str | None] = {"AWS_PROFILE": None, **environment(url)}
    return CliRunner().invoke(app, words, env=variables)


@contextmanager
def going_on(served: Served, folder: Path, *words: str, says: str) -> Iterator[Process]:
    """A verb that goes on, once it says that it began; what it prints is in ``out``."""
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = launch(*words, env=environment(served.url), stdout=out, stderr=err)
    try:
        wait_for(lambda: says in (folder / "err").read_text() or process.poll() is not None, f"it says {says!r}")
        yield process
    finally:
        process.kill()
        process.wait(WAIT_S)


def lines(folder: Path) -> list[dict]:
    text = (folder / "out").read_text()
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def split(served: Served, table: Table) -> list[str]:
    (shard,) = table.shards()
    return served.call("streams/split", StreamArn=table.stream, ShardId=shard)["ChildShardIds"]


def test_a_live_table_is_followed_through_a_split_until_ctrl_c(served: Served, tmp_path: Path) -> None:
    table = served.table()
    table.put("before")
    words = ("tail", table.name, "--from", "latest", "--json")
    with going_on(served, tmp_path, *words, says="reading arn:") as process:
        table.put("a", n=1)
        table.put("a", n=2)
        children = split(served, table)
        table.put("b", "c", "d")
        wait_for(lambda: len(lines(tmp_path)) == 5, "all changes are told")
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_S) == 0, (tmp_path / "err").read_text()
    told = lines(tmp_path)
    assert [one["key"]["pk"] for one in told[:2]] == ["a", "a"] and {one["key"]["pk"] for one in told[2:]} == set("bcd")
    assert told[1]["changed"] == [{"path": ["n"], "old": 1, "new": 2}]
    assert {one["shard"] for one in told[2:]} <= set(children) and told[0]["shard"] not in children
    shown = verb("tail", table.name, "--no-follow", "--key", "a", url=served.url)
    assert shown.exit_code == 0
    assert [line.partition(" ")[2] for line in shown.stdout.splitlines()] == ["INSERT a  +n: 1", "MODIFY a  n: 1 → 2"]


def live(copy: Path) -> dict[str, int]:
    with sqlite3.connect(copy) as db:
        found = [json.loads(row[0]) for row in db.execute("SELECT item FROM copy_live")]
    db.close()
    return {one["pk"]: one["n"] for one in found}


def test_a_recording_is_gone_on_with_and_plays_again_in_order(served: Served, tmp_path: Path) -> None:
    table = served.table()
    for n in range(6):
        table.put("ab"[n % 2], n=n)
    file = tmp_path / "items.changes"
    words = ("record", table.stream, str(file), "--follow")
    with going_on(served, tmp_path, *words, says="recording") as process:
        split(served, table)
        table.put("a", n=6)
        wait_for(lambda: '"N":"6"' in file.read_text(), "it is recorded")
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0, (tmp_path / "err").read_text()
    table.put("b", n=7)
    file.write_bytes(file.read_bytes()[:-20])  # as a kill may leave it

    refused = verb("record", table.stream, str(file), url=served.url)
    assert refused.exit_code == 2 and "--append" in refused.stderr
    copy = tmp_path / "copy.db"
    sink = f"sqlite:///{copy}?table=copy"
    played = verb("replay", str(file), "--into", sink)
    assert played.exit_code == 0 and "is cut off" in played.stderr, played.stderr
    assert "b" in live(copy) and live(copy)["b"] == 5

    again = verb("record", table.stream, str(file), "--append", "--json", url=served.url)
    assert again.exit_code == 0, again.stderr
    assert json.loads(again.stdout)["gaps"] == 0
    for verdicts in ({"applied", "duplicate", "stale"}, {"duplicate", "stale"}):
        done = verb("replay", str(file), "--into", sink, "--json")
        told = json.loads(done.stdout)
        assert done.exit_code == 0 and (told["records"], told["cut"], told["failed"]) == (8, None, 0)
        assert set(told["verdicts"]) <= verdicts and live(copy) == {"a": 6, "b": 7}
    nowhere = verb("replay", str(file), "--into", f"sqlite:///{tmp_path}?table=copy")
    assert (nowhere.exit_code, nowhere.stdout) == (2, "") and "is a folder" in nowhere.stderr, "nothing was played"
    dry = verb("replay", str(file), "--into", "memory:t", "--dry-run", "--batch", "3")
    assert dry.stdout == "8 record(s) in 3 batch(es) would be played: 2 INSERT, 6 MODIFY\n"


def test_a_function_is_invoked_as_a_mapping_does_it_and_failures_are_told(served: Served, tmp_path: Path) -> None:
    table = served.table()
    table.put("a", "b", "c", "d")
    file = tmp_path / "items.changes.gz"
    assert verb("record", table.name, str(file), url=served.url).exit_code == 0
    function = served.function(tmp_path)
    function.plan("c", partial=True)
    done = verb("replay", str(file), "--function", function.name, "--json", url=served.url)
    told = json.loads(done.stdout)
    assert done.exit_code == 1 and (told["delivered"], told["calls"], told["failed"]) == (3, 3, 1)
    assert [one["dynamodb"]["Keys"]["pk"]["S"] for one in function.records()] == ["d"]
    assert function.batches() == [["a", "b", "c", "d"], ["c", "d"], ["d"]]
    (failure,) = told["failures"]
    assert failure["reason"] == "named in batchItemFailures" and failure["sequence_number"].isdigit()
    assert function.lines()[0]["records"][2]["dynamodb"]["SequenceNumber"] == failure["sequence_number"]


def kinesis_copy(served: Served, table: Table) -> str:
    """The ARN of a new Kinesis stream that the table writes its changes to."""
    name, kinesis = unique("k"), served.client("kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    served.client("dynamodb").enable_kinesis_streaming_destination(
        TableName=table.name,
        StreamArn=arn,
        EnableKinesisStreamingConfiguration={"ApproximateCreationDateTimePrecision": "MICROSECOND"},
    )
    return arn


def split_kinesis(served: Served, arn: str) -> None:
    kinesis = served.client("kinesis")
    (shard,) = kinesis.list_shards(StreamARN=arn)["Shards"]
    kinesis.split_shard(StreamARN=arn, ShardToSplit=shard["ShardId"], NewStartingHashKey=str(2**127))


def test_changes_in_a_kinesis_stream_are_followed_through_a_split_beside_records_of_others(
    served: Served, tmp_path: Path
) -> None:
    table = served.table()
    arn = kinesis_copy(served, table)
    table.put("before")
    with going_on(served, tmp_path, "tail", arn, "--json", says=f"reading {arn}") as process:
        table.put("a", n=1)
        table.put("a", n=2)
        served.client("kinesis").put_record(StreamARN=arn, Data=b"hello", PartitionKey="anna")
        split_kinesis(served, arn)
        table.put("b", "c", "d")
        wait_for(lambda: len(lines(tmp_path)) == 6, "all records are told")
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_S) == 0, (tmp_path / "err").read_text()
    told = lines(tmp_path)
    assert [one["kind"] for one in told] == ["INSERT", "MODIFY", "RECORD", "INSERT", "INSERT", "INSERT"]
    assert told[1]["changed"] == [{"path": ["n"], "old": 1, "new": 2}] and told[1]["token"] is None
    assert (told[2]["partition_key"], told[2]["bytes"]) == ("anna", 5)
    assert {one["key"]["pk"] for one in told[3:]} == set("bcd") and told[0]["shard"] not in {
        one["shard"] for one in told[3:]
    }
    shown = verb("tail", arn, "--no-follow", "--key", "a", url=served.url)
    assert shown.exit_code == 0, shown.stderr
    assert [line.partition(" ")[2] for line in shown.stdout.splitlines()] == ["INSERT a  +n: 1", "MODIFY a  n: 1 → 2"]
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z ", shown.stdout), "as fine as it was written"


def test_a_kinesis_stream_is_recorded_gone_on_with_and_played_into_a_function_and_into_no_sink(
    served: Served, tmp_path: Path
) -> None:
    arn, kinesis = kinesis_copy(served, served.table()), served.client("kinesis")
    file = tmp_path / "clicks.changes"
    for name in ("a", "b"):
        kinesis.put_record(StreamARN=arn, Data=name.encode(), PartitionKey=name)
    done = verb("record", arn, str(file), url=served.url)
    assert done.exit_code == 0 and done.stdout.startswith("2 record(s) of 1 shard(s)"), done.stderr
    split_kinesis(served, arn)
    for name in ("c", "d"):
        kinesis.put_record(StreamARN=arn, Data=name.encode(), PartitionKey=name)
    again = verb("record", arn, str(file), "--append", "--json", url=served.url)
    told = json.loads(again.stdout)
    assert again.exit_code == 0 and (told["records"], told["gaps"], told["stream_arn"]) == (2, 0, arn)

    for words in ((), ("--dry-run",)):
        refused = verb("replay", str(file), "--into", "memory:t", *words)
        (line,) = refused.stderr.splitlines()
        assert refused.exit_code == 2 and "clicks.changes: is a recording of a Kinesis stream" in line
        assert "--function NAME" in line and refused.stdout == ""
    function = served.function(tmp_path)
    function.plan("b", partial=True)
    played = verb("replay", str(file), "--function", function.name, "--json", url=served.url)
    told = json.loads(played.stdout)
    assert played.exit_code == 1 and (told["delivered"], told["failed"]) == (3, 1), played.stderr
    assert told["kinds"] == {"aws:kinesis:record": 4}
    assert function.batches()[:2] == [["a", "b"], ["b"]]
    assert sorted(name for one in function.batches()[2:] for name in one) == ["c", "d"]
    (record, *_) = function.lines()[0]["records"]
    assert record["eventSourceARN"] == arn and record["invokeIdentityArn"].endswith(":role/afterbay")


def test_what_cannot_be_read_or_played_is_said_in_one_line(served: Served, tmp_path: Path) -> None:
    table = served.table()
    (tmp_path / "letter.txt").write_text("Dear all\n")
    for words, code, named in (
        (("tail", "nothing-such"), 1, "nothing-such not found (a Kinesis stream is named by its ARN)"),
        (("tail", f"arn:aws:kinesis:{REGION}:000000000000:stream/nothing-such"), 1, "nothing-such"),
        (("tail", f"arn:aws:kinesis:{REGION}:000000000000:stream/k/consumer/c:1"), 2, "name the stream: arn:"),
        (("tail", table.name, "--from", "yesterday"), 2, "15m"),
        (("replay", str(tmp_path / "letter.txt"), "--into", "memory:t"), 2, "letter.txt:1: is no recording"),
        (("replay", str(tmp_path / "letter.txt")), 2, "--into"),
    ):
        done = verb(*words, url=served.url)
        assert done.exit_code == code, (words, done.stderr)
        (line,) = done.stderr.splitlines()
        assert line.startswith("afterbay: ") and named in line
