"""What ``why`` and ``skip`` print, and what they ask for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from afterbay.cli import skip, why
from afterbay.cli.main import app
from afterbay.cli.pausing import switch
from afterbay.cli.which_mapping import Named
from afterbay.errors import SettingsError

STREAM = "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/2026-01-01T00:00:00.000"
UUID = "10000000-0000-4000-8000-000000000000"


def plan(**changes: object) -> skip.Plan:
    values: dict[str, object] = {
        "mapping": UUID,
        "shard": "s",
        "through": "7",
        "destination": "arn:aws:sqs:eu-west-1:000000000000:dlq",
        "records": 3,
        "keys": 2,
        "attempts": 4,
        "first": "5",
        "last": "7",
        "oldest_age_s": 90.4,
    }
    return skip.Plan(**{**values, **changes})  # type: ignore[arg-type]


def test_a_plan_is_printed_and_asks_for_yes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        skip._tell(plan(in_flight=1), 3, yes=False, as_json=False)
    told = capsys.readouterr()
    assert ended.value.exit_code == 2 and "--yes" in told.err
    assert told.out.splitlines() == [
        "would skip 3 record(s) of 2 item(s) in s",
        "  from 5 to 7",
        "  the oldest is 90 s old, after 4 failed attempt(s)",
        "  1 of them are being delivered: what the answer says is done is not skipped",
        "  letters (SkippedByOperator) to arn:aws:sqs:eu-west-1:000000000000:dlq",
    ]


def test_what_was_done_is_told_and_what_is_left_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    skip._tell(plan(), 0, yes=True, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["skipped"], told["left"], told["records"]) == (True, 0, 3)
    with pytest.raises(typer.Exit) as ended:
        skip._tell(plan(), 2, yes=True, as_json=False)
    assert ended.value.exit_code == 1 and "2 record(s) are still on their way out" in capsys.readouterr().err
    skip._tell(plan(records=0), 0, yes=False, as_json=False)
    assert capsys.readouterr().err == "nothing is unfinished in s through 7\n"


def test_on_aws_the_nearest_command_is_named_whole() -> None:
    mapping = Named("mapping", UUID, "orders", STREAM, "Enabled")
    assert skip._on_aws(mapping) == (
        f"aws lambda update-event-source-mapping --uuid {UUID}"
        " --maximum-retry-attempts 0 --maximum-record-age-in-seconds 60"
    )
    pipe = Named("pipe", "arn", "shipped", STREAM, "RUNNING")
    assert "aws pipes update-pipe --name shipped" in skip._on_aws(pipe)
    assert '"MaximumRetryAttempts": 0' in skip._on_aws(pipe)


def test_a_file_is_named_with_the_mappings_that_it_is_about(tmp_path: Path) -> None:
    two = [{"FunctionName": name, "EventSourceArn": STREAM, "StartingPosition": "LATEST"} for name in ("f", "g")]
    file = tmp_path / "mapping.json"
    file.write_text(json.dumps(two))
    one = skip._wanted(file, None, "g")
    assert one.settings.function_arn.endswith(":function:g")
    assert skip._wanted(file, None, one.uuid) == one == skip._wanted(file, None, one.settings.function_arn)
    with pytest.raises(SettingsError, match=r"no mapping is called h .*UUID"):
        skip._wanted(file, None, "h")
    with pytest.raises(SettingsError, match="there is no such file"):
        skip._opened(tmp_path / "state")


def test_a_pipe_of_a_file_is_named_as_a_mapping_is(tmp_path: Path) -> None:
    mapping = {"FunctionName": "f", "EventSourceArn": STREAM, "StartingPosition": "LATEST"}
    pipe = {
        "Name": "shipped",
        "RoleArn": "arn:aws:iam::000000000000:role/any",
        "Source": STREAM,
        "SourceParameters": {"DynamoDBStreamParameters": {"StartingPosition": "LATEST"}},
        "Target": "arn:aws:sqs:eu-west-1:000000000000:q",
    }
    mappings, pipes = tmp_path / "mapping.json", tmp_path / "pipe.json"
    mappings.write_text(json.dumps(mapping))
    pipes.write_text(json.dumps(pipe))
    one = skip._wanted(mappings, pipes, "shipped")
    assert one.settings.function_arn == "arn:aws:pipes:eu-west-1:000000000000:pipe/shipped"
    assert skip._wanted(None, pipes, one.uuid) == one == skip._wanted(None, pipes, one.settings.function_arn)
    with pytest.raises(SettingsError, match=r"no pipe is called f .*UUID"):
        skip._wanted(None, pipes, "f")
    with pytest.raises(SettingsError, match=r"--mappings FILE, or the pipe's, with --pipes FILE"):
        skip._wanted(None, None, "f")


@pytest.mark.parametrize("option", ["--mappings", "--pipes"])
def test_a_file_of_settings_is_not_dropped_where_an_address_is_asked(option: str) -> None:
    words = ["skip", "f", "--shard", "s", "--through", "7", option, "x", "--endpoint-url", "http://127.0.0.1:1"]
    done = CliRunner().invoke(app, words)
    assert (done.exit_code, done.stdout) == (2, "") and f"{option} is for --state" in done.stderr


@pytest.mark.parametrize(("on", "member"), [(True, '"Enabled": true'), (False, '"Enabled": false')])
def test_what_afterbay_run_runs_is_switched_in_its_file(on: bool, member: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=member):
        switch("f", None, on=on, wait_s=1.0, state=tmp_path, as_json=False)  # type: ignore[arg-type]


def test_digits_are_asked_for_as_a_number_unless_they_are_a_key() -> None:
    number = "1" * 21
    assert why._parameters(number, False, None, None, False) == {"sequence": number}
    assert why._parameters(number, True, "m", "s", True) == {"key": number, "mapping": "m", "shard": "s", "images": "1"}
    assert why._parameters("a#1", False, None, None, False) == {"key": "a#1"}


def test_a_long_story_shows_its_beginning_and_its_end() -> None:
    events = [why._Event(at=str(number), text="x") for number in range(why.LINES_MAX + 60)]
    lines = why._lines(events)
    assert len(lines) == why.LINES_MAX + 1 and lines[0] == "0  x" and lines[-1] == f"{why.LINES_MAX + 59}  x"
    assert lines[why.LINES_MAX // 2] == "(60 more; --json has all)"
    assert len(why._lines(events[: why.LINES_MAX])) == why.LINES_MAX


def test_without_an_address_and_without_a_file_there_is_nobody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with pytest.raises(SettingsError, match=r"AWS keeps none of its managed mappings.*--state"):
        why.why("a")


def test_a_state_file_that_is_not_there_is_told_before_what_its_keys_would_want(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["why", "k", "--state", str(tmp_path / "none")])
    assert (done.exit_code, done.stdout) == (2, "") and "none is not there" in done.stderr


@pytest.mark.parametrize("option", ["--mappings", "--pipes", "--key-name"])
def test_what_is_for_a_state_file_is_not_dropped_without_one(option: str) -> None:
    done = CliRunner().invoke(app, ["why", "k", option, "x", "--endpoint-url", "http://127.0.0.1:1"])
    assert (done.exit_code, done.stdout) == (2, "") and f"{option} is for --state" in done.stderr


def test_a_skip_shows_the_token_of_its_file_to_the_address_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text("0123456789abcdef\n")
    shown: list[str | None] = []

    def on_address(*asked: object, do: bool, token: str | None) -> tuple[skip.Plan, int]:
        shown.append(token)
        return plan(), 0

    monkeypatch.setattr(skip, "_on_address", on_address)
    asked = ["skip", "f", "--shard", "s", "--through", "7", "--yes", "--token-file", str(file)]
    assert CliRunner().invoke(app, asked).exit_code == 0 and shown == ["0123456789abcdef"]
    done = CliRunner().invoke(app, [*asked, "--state", str(tmp_path / "state")])
    assert (done.exit_code, done.stdout) == (2, "") and "a file asks for no token" in done.stderr


def test_where_it_was_looked_is_told_when_nothing_is_known() -> None:
    assert "no record of k by f in s: none was read" in why._unknown("k", "f", "s")
    assert "messages of queues" in why._unknown("k", None, None)
