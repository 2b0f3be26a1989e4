"""The verb: exit codes, JSON lines, explanations, one line for what is wrong."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from afterbay.cli.match import app_command

EVENTS = "\n".join(json.dumps({"eventName": name}) for name in ("INSERT", "REMOVE"))


@pytest.fixture
def match():
    app = typer.Typer()
    app.command()(app_command)
    return lambda pattern, *more, events=EVENTS: CliRunner().invoke(
        app, ["--pattern", pattern, "--event", "-", *more], input=events
    )


def test_exit_codes(match):
    assert match('{"eventName": ["REMOVE"]}').exit_code == 0
    assert match('{"eventName": ["MODIFY"]}').exit_code == 1
    wrong = match('{"eventName": "MODIFY"}')
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "eventName" in wrong.stderr


def test_json_has_a_line_for_each_event(match):
    lines = [json.loads(line) for line in match('{"eventName": ["REMOVE"]}', "--json", "--explain").stdout.splitlines()]
    assert [line["matched"] for line in lines] == [False, True]
    assert lines[0]["leaves"][0]["there"] == ['"INSERT"']


def test_one_event_of_many_lines(match):
    assert match('{"a": {"b": [1]}}', events=json.dumps({"a": {"b": 1}}, indent=1)).exit_code == 0


def test_a_pattern_from_a_file_and_a_file_that_is_not_there(match, tmp_path):
    file = tmp_path / "pattern.json"
    file.write_text('{"eventName": ["INSERT"]}', encoding="utf-8")
    assert match(str(file)).exit_code == 0
    missing = match(str(tmp_path / "no.json"))
    assert missing.exit_code == 2
    assert "no.json" in missing.stderr


def test_an_operator_that_the_guide_does_not_list_is_a_warning(match):
    assert "wildcard" in match('{"eventName": [{"wildcard": "I*"}]}', "--dialect", "mapping").stderr


def test_broken_lines_match_nothing_and_hide_no_other(match):
    events = 'broken\n\n{"eventName": "REMOVE"}\n{'
    lines = match('{"eventName": ["REMOVE"]}', events=events).stdout.splitlines()
    assert lines == ["1: does not match", "2: matches", "3: does not match"]
    assert match('{"a": [1]}', events="").exit_code == 1


def test_what_is_no_json_and_nothing_at_all_are_told(match, tmp_path):
    assert match('{"a": [1]}', events='{"a": 2}\nbroken').stderr == "event 2 is no JSON: no pattern matches it\n"
    assert match('{"a": [1]}', events="").stderr == "no event was read\n"


def test_an_events_file_may_have_an_at_in_front(match, tmp_path):
    (tmp_path / "event.json").write_text('{"a": 1}')
    assert match('{"a": [1]}', "--event", f"@{tmp_path / 'event.json'}").exit_code == 0


def test_a_pattern_file_that_is_no_text_is_refused(match, tmp_path):
    file = tmp_path / "pattern.json"
    file.write_bytes(b'{"a": ["\xff"]}')
    refused = match(str(file))
    assert refused.exit_code == 2
    assert "Not JSON" in refused.stderr
