"""The verb: exit codes, JSON lines, files and texts, one line for what is wrong."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from afterbay.cli.output import told_in_one_line
from afterbay.cli.render import render as verb

EVENTS = "\n".join(json.dumps({"id": one, "n": n}) for n, one in enumerate(("a", 'b"'), start=1))


@pytest.fixture
def render():
    app = typer.Typer()
    app.command()(told_in_one_line(verb))
    return lambda template, *more, events=EVENTS: CliRunner().invoke(
        app, ["--template", template, "--event", "-", *more], input=events
    )


def test_every_event_is_rendered_on_its_own(render):
    done = render('{"id": <$.id>}')
    assert (done.exit_code, done.stdout) == (0, '{"id": "a"}\n{"id": "b\\""}\n')


def test_an_event_that_cannot_be_rendered_hides_no_other(render):
    done = render('{"id": "<$.id>"}')
    assert (done.exit_code, done.stdout) == (1, '{"id": "a"}\n')
    assert done.stderr.startswith("event 2: InvalidJson: target template: ")


def test_no_template_lets_each_event_through_without_its_line_end(render):
    """X30."""
    done = render("", "--json", events='{"id": 1} \n{"id": 2}\r\n')
    assert [json.loads(line)["rendered"] for line in done.stdout.splitlines()] == ['{"id": 1}', '{"id": 2}']


def test_json_has_a_line_for_each_event(render):
    lines = [json.loads(line) for line in render('{"id": "<$.id>"}', "--json").stdout.splitlines()]
    assert lines[0] == {"event": 1, "rendered": '{"id": "a"}'}
    assert (lines[1]["event"], lines[1]["error"]) == (2, "InvalidJson")
    assert "no JSON" in lines[1]["message"]


@pytest.mark.parametrize(
    ("template", "more", "code"),
    [
        ("<$['id']>", (), "InvalidPath"),
        ("<aws.pipes.nope>", (), "UnknownVariable"),
        ('"<id>"', ("--kind", "bus"), "UnknownVariable"),
        ("order <id>", ("--kind", "bus", "--variables", '{"id": "$.id"}'), "ValidationException"),
    ],
)
def test_a_wrong_template_is_misuse(render, template, more, code):
    done = render(template, *more)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"template refused: {code}: ")


def test_variables_of_a_bus_and_their_file(render, tmp_path):
    assert render('"n <x>"', "--kind", "bus", "--variables", '{"x": "$.n"}').stdout == '"n 1"\n"n 2"\n'
    file = tmp_path / "paths.json"
    file.write_text('{"x": "$.n"}', encoding="utf-8")
    assert render("<x>", "--kind", "bus", "--variables", str(file)).stdout == "1\n2\n"


def test_source_and_stage_are_heeded(render):
    body = json.dumps({"body": '{"k": 1}'})
    assert render("<$.body.k>", "--source", "sqs", events=body).stdout == "1\n"
    assert "enrichment template" in render("{", "--stage", "enrichment", events=body).stderr


def test_reserved_names_come_from_the_context_and_the_time_from_the_clock(render):
    template = "<aws.pipes.pipe-name> <aws.pipes.enrichment-arn>|"
    context = '{"pipe_name": "orders", "enrichment_arn": null}'
    assert render(template, "--context", context, events="{}").stdout == "orders |\n"
    assert len(render("<aws.pipes.event.ingestion-time>", events="{}").stdout) == len("2026-01-02T03:04:06.789Z\n")
    fixed = '{"now": "2026-01-02T03:04:06Z"}'
    assert (
        render("<aws.pipes.event.ingestion-time>", "--context", fixed, events="{}").stdout == "2026-01-02T03:04:06Z\n"
    )


def test_a_template_is_a_text_or_a_file(render, tmp_path):
    file = tmp_path / "template.txt"
    file.write_text("order <$.id>\n", encoding="utf-8")
    assert render(str(file)).stdout == render(f"@{file}").stdout == 'order a\n\norder b"\n\n'
    assert render("order <$.id>").stdout == 'order a\norder b"\n'
    assert render('"static"', events="{}").stdout == '"static"\n'
    assert render("", events='{"a":  1.50}').stdout == '{"a":  1.50}\n'
    missing = render(str(tmp_path / "no.json"))
    assert missing.exit_code == 2
    assert "no.json: " in missing.stderr
    file.write_bytes(b"\xff")
    assert render(str(file)).exit_code == 2


def test_one_event_of_many_lines(render):
    assert render("<$.a.b>", events=json.dumps({"a": {"b": 1}}, indent=1)).stdout == "1\n"


def test_broken_lines_are_told_and_hide_no_other(render):
    done = render("<$.id>", events='broken\n{"id": "a"}\n{')
    assert (done.exit_code, done.stdout) == (1, "a\n")
    assert [line[:22] for line in done.stderr.splitlines()] == ["event 1: InvalidValue:", "event 3: InvalidValue:"]


def test_without_an_event_nothing_was_rendered(render):
    done = render("<$.id>", events="")
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", "no event was read\n")


@pytest.mark.parametrize(
    ("option", "text", "words"),
    [
        ("--variables", "{", "--variables is no JSON"),
        ("--variables", "[]", "--variables is a JSON object"),
        ("--variables", '{"x": 1}', "--variables is a JSON object"),
        ("--context", '{"pipe": "orders"}', "context takes no pipe"),
    ],
)
def test_a_wrong_option_is_misuse(render, option, text, words):
    done = render("<$.id>", option, text)
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
