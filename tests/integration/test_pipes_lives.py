"""The lives of pipes on the running address: transitions, refusals, the stream under them, reset, and the clients that
make them (X1 to X15)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from integration.pipes import HOME, Pipes, Queue
from integration.serving import ROLE, Served, child, unique, wait_for
from integration.state_address import killed
from integration.test_aws_cli import Shell

GONE = "Stream not found. To resume processing please delete the pipe and create a new one."


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with child(tmp_path_factory.mktemp("address")) as one:
        yield one


@pytest.fixture
def pipes(served: Served) -> Iterator[Pipes]:
    made = Pipes(served)
    yield made
    made.close()


def code(call: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]["Code"]


KEY = {"InputTemplate": "<$.dynamodb.Keys.pk.S>"}


def words(queue: Queue, count: int) -> list[str]:
    return [one["Body"] for one in queue.take(count)]


def test_terraform_makes_changes_and_deletes_a_pipe_and_finds_what_it_set(served, pipes):
    """X15: the calls of aws_pipes_pipe, in its order."""
    table, out, client, name = served.table(), Queue(served), pipes.client, unique("p")
    source = {
        "DynamoDBStreamParameters": {"StartingPosition": "LATEST", "BatchSize": 10, "MaximumRetryAttempts": 3},
        "FilterCriteria": {"Filters": [{"Pattern": '{"eventName": ["INSERT"]}'}]},
    }
    made = client.create_pipe(
        Name=name,
        Description="Managed by Terraform",
        DesiredState="RUNNING",
        RoleArn=ROLE,
        Source=table.stream,
        SourceParameters=source,
        Target=out.arn,
        TargetParameters=KEY,
        Tags={"team": "blue"},
    )
    told = pipes.settle(name, "RUNNING")
    assert client.list_tags_for_resource(resourceArn=made["Arn"])["tags"] == {"team": "blue"}
    shown = told["SourceParameters"]
    assert shown["FilterCriteria"] == source["FilterCriteria"]
    assert shown["DynamoDBStreamParameters"].items() >= source["DynamoDBStreamParameters"].items()
    assert told["TargetParameters"] == KEY and told["RoleArn"] == ROLE and told["DesiredState"] == "RUNNING"

    changed = {"DynamoDBStreamParameters": {"BatchSize": 5}, "FilterCriteria": {"Filters": []}}
    answer = client.update_pipe(Name=name, RoleArn=ROLE, DesiredState="RUNNING", SourceParameters=changed)
    assert answer["CurrentState"] == "UPDATING"
    told = pipes.settle(name, "RUNNING")
    assert told["SourceParameters"]["DynamoDBStreamParameters"]["BatchSize"] == 5
    assert told["SourceParameters"]["DynamoDBStreamParameters"]["StartingPosition"] == "LATEST"
    assert "FilterCriteria" not in told["SourceParameters"] and told["TargetParameters"] == KEY
    client.tag_resource(resourceArn=made["Arn"], tags={"env": "dev"})
    client.untag_resource(resourceArn=made["Arn"], tagKeys=["team"])
    assert pipes.describe(name)["Tags"] == {"env": "dev"}

    assert client.delete_pipe(Name=name)["CurrentState"] == "DELETING"
    wait_for(lambda: pipes.describe(name) is None, "the pipe is gone")
    assert code(lambda: client.delete_pipe(Name=name)) == "NotFoundException"


def test_the_aws_cli_makes_lists_and_stops_a_pipe(served, pipes, tmp_path):
    table, out, name = served.table(), Queue(served), unique("p")
    shell = Shell(served.url, tmp_path)
    position = "DynamoDBStreamParameters={StartingPosition=TRIM_HORIZON,BatchSize=10}"
    made = shell.aws(
        f"aws pipes create-pipe --name {name} --source {table.stream} --target {out.arn} --role-arn {ROLE}"
        f" --source-parameters '{position}'"
        """ --target-parameters '{"InputTemplate": "<$.dynamodb.Keys.pk.S>"}'"""
    )
    assert made["CurrentState"] == "CREATING"
    pipes.settle(name, "RUNNING")
    table.put("a")
    assert words(out, 1) == ["a"]
    (listed,) = shell.aws(f"aws pipes list-pipes --name-prefix {name}")["Pipes"]
    assert (listed["Source"], listed["CurrentState"]) == (table.stream, "RUNNING")
    assert shell.aws(f"aws pipes stop-pipe --name {name}")["CurrentState"] == "STOPPING"
    pipes.settle(name, "STOPPED")
    done = shell.run(f"aws pipes describe-pipe --name no-{name}")
    assert done.returncode != 0 and "NotFoundException" in done.stderr
    shell.aws(f"aws pipes delete-pipe --name {name}")


def test_an_update_and_a_pause_keep_the_position(served, pipes):
    table, out, client = served.table(), Queue(served), pipes.client
    name = pipes.make(table.stream, out.arn, sending=KEY, reading={"BatchSize": 1})
    table.put("a")
    assert words(out, 1) == ["a"]
    client.update_pipe(Name=name, RoleArn=ROLE, TargetParameters={"InputTemplate": "new <$.dynamodb.Keys.pk.S>"})
    pipes.settle(name, "RUNNING")
    table.put("b")
    assert words(out, 2) == ["a", "new b"]
    client.stop_pipe(Name=name)
    pipes.settle(name, "STOPPED")
    table.put("c")
    client.start_pipe(Name=name)
    pipes.settle(name, "RUNNING")
    assert words(out, 3) == ["a", "new b", "new c"]
    assert client.start_pipe(Name=name)["CurrentState"] == "RUNNING", "it runs already"


def test_another_pipe_of_the_name_begins_anew(served, pipes):
    table, out = served.table(), Queue(served)
    name = pipes.make(table.stream, out.arn, sending=KEY, reading={"BatchSize": 1})
    table.put("a")
    assert words(out, 1) == ["a"]
    pipes.delete(name)
    pipes.client.create_pipe(
        Name=name,
        RoleArn=ROLE,
        Source=table.stream,
        Target=out.arn,
        SourceParameters={"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON"}},
        TargetParameters=KEY,
    )
    assert words(out, 2) == ["a", "a"]


def test_what_is_denied_by_a_planned_fault_fails_a_new_pipe_and_stops_one_that_runs(served, pipes):
    """X5."""
    source, out = Queue(served), Queue(served)
    table, head = served.table(), "Input parameter is invalid from the request due to : "
    try:
        for operation, arn, reading, told in (
            ("ReceiveMessage", source.arn, {}, "The provided customer role does not have permissions to call"),
            ("SendMessage", table.stream, {"DeadLetterConfig": {"Arn": out.arn}}, "Error occurred while sending"),
        ):
            served.call("faults", service="sqs", operation=operation, error="AccessDenied", times=1)
            name = pipes.make(arn, out.arn, reading=reading, until="CREATE_FAILED")
            assert pipes.describe(name)["StateReason"].startswith(head + told)
        name = pipes.make(source.arn, out.arn)
        served.call("faults", service="sqs", operation="ReceiveMessage", error="AccessDenied", times=1)
        source.send("a")
        wait_for(lambda: pipes.describe(name)["CurrentState"] == "STOPPED", "it stopped")
        assert "required permissions to perform Queue operations" in pipes.describe(name)["StateReason"]
    finally:
        served.call("faults", "DELETE")
    pipes.client.start_pipe(Name=name)
    assert wait_for(lambda: out.left() == 1, "it goes on where it was")


def test_a_pipe_whose_queue_lets_nobody_delete_stops(served, pipes):
    """X5."""
    source, out = Queue(served), Queue(served)
    name = pipes.make(source.arn, out.arn)
    try:
        served.call("faults", service="sqs", operation="DeleteMessageBatch", error="AccessDenied", times=1)
        source.send("a")
        wait_for(lambda: pipes.describe(name)["CurrentState"] == "STOPPED", "it stopped")
    finally:
        served.call("faults", "DELETE")
    assert "required permissions to perform Queue operations" in pipes.describe(name)["StateReason"]
    assert out.left() == 1, "it was delivered, and comes again"


def test_what_is_missing_fails_the_pipe_with_its_reason_and_an_update_mends_it(served, pipes):
    table, out, letters = served.table(), Queue(served), Queue(served)
    nowhere = f"arn:aws:sqs:{HOME}:{unique('nowhere')}"
    name = pipes.make(nowhere, out.arn, until="CREATE_FAILED")
    assert pipes.describe(name)["StateReason"] == (
        "Input parameter is invalid from the request due to : The provided customer role does not have permissions to"
        " call ReceiveMessage on SQS"
    )
    reading = {"DeadLetterConfig": {"Arn": nowhere}, "BatchSize": 1}
    name = pipes.make(table.stream, out.arn, reading=reading, sending=KEY, until="CREATE_FAILED")
    assert pipes.describe(name)["StateReason"].endswith(f"sending message to SQS queue: {nowhere}")
    mended = {"DynamoDBStreamParameters": {"DeadLetterConfig": {"Arn": letters.arn}, "BatchSize": 1}}
    pipes.client.update_pipe(Name=name, RoleArn=ROLE, SourceParameters=mended)
    assert "StateReason" not in pipes.settle(name, "RUNNING")
    table.put("a")
    assert words(out, 1) == ["a"]

    broken = {"DynamoDBStreamParameters": {"DeadLetterConfig": {"Arn": nowhere}, "BatchSize": 1}}
    pipes.client.update_pipe(Name=name, RoleArn=ROLE, SourceParameters=broken)
    assert pipes.settle(name, "UPDATE_FAILED")["StateReason"].endswith(nowhere)
    table.put("b")
    wait_for(lambda: _again(pipes, name, mended), "the pipe takes another update")
    pipes.settle(name, "RUNNING")
    assert words(out, 2) == ["a", "b"]


def _again(pipes: Pipes, name: str, parameters: dict) -> bool:
    try:
        pipes.client.update_pipe(Name=name, RoleArn=ROLE, SourceParameters=parameters)
    except pipes.client.exceptions.ConflictException:  # it ends what it has under way
        return False
    return True


@pytest.mark.parametrize("end", ["disabled", "deleted"])
def test_a_pipe_stops_with_its_stream_once_all_of_it_is_delivered(served, pipes, end):
    """X12."""
    table, out = served.table(), Queue(served)
    name = pipes.make(table.stream, out.arn, sending=KEY, reading={"BatchSize": 1})
    table.put("a", "b")
    if end == "disabled":
        served.client("dynamodb").update_table(TableName=table.name, StreamSpecification={"StreamEnabled": False})
    else:
        served.client("dynamodb").delete_table(TableName=table.name)
    stopped = '"message":"pipe stopped by itself"'
    lines = wait_for(
        lambda: [one for one in served.log.read_text().splitlines() if stopped in one and name in one], "log"
    )
    assert len(lines) == 1, "noticed though nobody asked for the pipe, and once"
    told = pipes.settle(name, "STOPPED")
    assert told["StateReason"] == GONE and told["DesiredState"] == "RUNNING"
    assert words(out, 2) == ["a", "b"]
    wait_for(lambda: _starts(pipes, name), "the pipe has nothing under way")
    assert pipes.settle(name, "START_FAILED")["StateReason"] == GONE
    pipes.delete(name)


def _starts(pipes: Pipes, name: str) -> bool:
    try:
        pipes.client.start_pipe(Name=name)
    except pipes.client.exceptions.ConflictException:
        return False
    return True


def _told_to_have_stopped(served: Served, name: str) -> int:
    lines = served.log.read_text().splitlines()
    return sum('"message":"pipe stopped by itself"' in line and name in line for line in lines)


def test_a_pipe_stops_with_its_kinesis_stream(served, pipes):
    kinesis, name, out = served.client("kinesis"), unique("s"), Queue(served)
    kinesis.create_stream(StreamName=name, ShardCount=1)
    pipe = pipes.make(f"arn:aws:kinesis:{HOME}:stream/{name}", out.arn)
    kinesis.delete_stream(StreamName=name)

    def stopped() -> bool:
        served.call("clock", advance_s=61)  # the shards are listed every minute
        return pipes.describe(pipe)["CurrentState"] == "STOPPED"

    wait_for(stopped, "the pipe is stopped")
    assert pipes.describe(pipe)["StateReason"] == GONE


def test_what_this_address_does_not_run_is_refused(served, pipes):
    table = served.table()
    base = {
        "RoleArn": ROLE,
        "Source": table.stream,
        "SourceParameters": {"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON", "BatchSize": 1}},
    }
    create = pipes.client.create_pipe
    machine = f"arn:aws:states:{HOME}:stateMachine:m"
    gateway = f"arn:aws:execute-api:{HOME}:abc123/prod/POST/orders"
    for more in ({"Target": machine}, {"Target": gateway}, {"Target": Queue(served).arn, "Enrichment": machine}):
        with pytest.raises(ClientError) as caught:
            create(Name=unique("p"), **base, **more)
        told = json.loads(caught.value.response["Error"]["Message"])["ValidationErrorFields"]
        assert told[0]["Name"] in ("Target", "Enrichment") and "this address" in told[0]["Message"]
    name = pipes.make(table.stream, Queue(served).arn)
    taken = {**base, "Target": Queue(served).arn}
    assert code(lambda: create(Name=name, **taken)) == "ConflictException"
    assert code(lambda: pipes.client.stop_pipe(Name="no-pipe")) == "NotFoundException"


def test_a_live_line_and_the_journal_tell_of_a_pipe(served, pipes, tmp_path):
    table, out = served.table(), Queue(served)
    name = pipes.make(table.stream, out.arn, sending=KEY)
    table.put("a")
    words(out, 1)
    (mapping,) = [one for one in served.call("status", "GET")["mappings"] if one["uuid"].endswith(f"pipe/{name}")]
    assert mapping["function_arn"] == mapping["uuid"] and mapping["counters"]["delivered"] == 1


def test_a_reset_empties_pipes(served, pipes):
    table, out = served.table(), Queue(served)
    name = pipes.make(table.stream, out.arn)
    served.call("reset")
    assert pipes.client.list_pipes()["Pipes"] == [] and served.call("status", "GET")["pipes"] == []
    assert pipes.describe(name) is None


@pytest.mark.timeout(200)
def test_a_pipe_goes_on_where_it_was_after_kills(tmp_path: Path) -> None:
    state, rounds, each = tmp_path / "state", 2, 12
    with killed(state, tmp_path) as served:
        table, out = served.table(), Queue(served)
        stopped_table = served.table()
        makers = Pipes(served)
        name = makers.make(table.stream, out.arn, sending=KEY, reading={"BatchSize": 2}, Tags={"team": "blue"})
        halted = makers.make(stopped_table.stream, out.arn, sending=KEY)
        served.client("dynamodb").delete_table(TableName=stopped_table.name)
        makers.settle(halted, "STOPPED")
        resting = makers.make(table.stream, out.arn, DesiredState="STOPPED", until="STOPPED")
    written: list[str] = []
    for number in range(rounds):
        with killed(state, tmp_path) as served:
            table.served = served
            for n in range(each):
                table.put(f"{number}-{n}")
                written.append(f"{number}-{n}")
    with killed(state, tmp_path) as served:
        out.client, makers = served.client("sqs"), Pipes(served)
        out.url = out.client.get_queue_url(QueueName=out.name)["QueueUrl"]
        wait_for(lambda: set(written) <= set(words(out, 0)), "all are delivered")
        told = makers.settle(name, "RUNNING")
        assert told["Tags"] == {"team": "blue"}
        assert makers.describe(halted)["StateReason"] == GONE
        assert makers.describe(resting)["CurrentState"] == "STOPPED"
        makers.delete(halted)
    delivered = [one["Body"] for one in out.got]
    assert list(dict.fromkeys(delivered)) == written, "in their order"
    assert len(delivered) - len(written) <= 2 * (rounds + 1), "a kill repeats one batch at most"
