"""``python -m afterbay.simulator``: what it prints, and with which exit code it ends."""

from __future__ import annotations

import re
import shlex

import pytest

from afterbay.core.mapping import retry
from afterbay.simulator import __main__ as command
from afterbay.simulator.coverage import Coverage


def test_a_world_that_holds_is_summed_up_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--seed", "7"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert re.fullmatch(r"1 world\(s\), \d+ records, \d+ actions, \d+ crashes: all held \([\d.]+ s\)", lines[0])


def test_a_run_prints_how_often_each_thing_was_met(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--worlds", "2", "--from-seed", "5"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^fault: trimmed +[1-9]", out, re.MULTILINE)
    assert re.search(r"^command: SavePositions +[1-9]", out, re.MULTILINE)


def test_a_trace_shows_every_event_and_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--seed", "7", "--small", "--trace"]) == 0
    out = capsys.readouterr().out
    assert "> Created(enabled=True)" in out
    assert "< Deliver(" in out


def test_a_failure_prints_the_command_that_replays_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    halves = retry.halves
    monkeypatch.setattr(retry, "halves", lambda *args: halves(*args)[::-1])
    assert command.main(["--worlds", "30"]) == 1
    out = capsys.readouterr().out
    failed = re.search(
        r"^FAILED (seed \d+, step \d+: .*)\n  replay: python -m afterbay.simulator (.*)$", out, re.MULTILINE
    )
    assert failed
    assert command.main(shlex.split(failed[2])) == 1
    assert failed[1] in capsys.readouterr().out


def test_a_long_run_that_never_met_something_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "COVERING_WORLDS", 2)
    monkeypatch.setattr(Coverage, "never_met", lambda self: ("fault: trimmed",))
    assert command.main(["--worlds", "2"]) == 1
    assert "NEVER MET fault: trimmed" in capsys.readouterr().out


@pytest.mark.parametrize("words", ["--trace", "--small", "--every-crash", "--crash-at 3", "--worlds 0", "--seed x"])
def test_misuse_ends_with_2(words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(words.split())
    assert ended.value.code == 2
