"""Small parts of the demo: the AWS CLI it looks for, the stream's order, the figures, the lines, the report."""

import io
import json
import stat
import sys
from pathlib import Path

import pytest
from rich.console import Console

from afterbay.cli.demo.awscli import AwsCli, find_aws, text_at
from afterbay.cli.demo.checks import Check
from afterbay.cli.demo.display import LINE_EVERY_S, LiveDisplay, Meter, PlainDisplay
from afterbay.cli.demo.progress import Counts, Progress, read_progress
from afterbay.cli.demo.report import Report, print_report
from afterbay.cli.demo.stream import parents_first
from afterbay.cli.demo.witness import read_witness
from afterbay.errors import RecordError, ServiceError, SettingsError, UnavailableError


def program(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def test_without_an_aws_cli_the_error_says_how_to_get_one(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(SettingsError, match="make setup"):
        find_aws()


def test_the_aws_cli_beside_this_python_goes_before_the_path(monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "venv").mkdir()
    on_path = program(tmp_path / "bin", "aws", "")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    assert find_aws() == str(on_path)
    beside = program(tmp_path / "venv", "aws", "")
    assert find_aws() == str(beside)


def test_the_cli_gets_the_endpoint_as_a_word_for_sqs_and_in_its_environment_for_all(tmp_path):
    echo = program(tmp_path, "aws", """printf '{"words": "%s", "url": "%s"}' "$*" "$AWS_ENDPOINT_URL" """)
    told: list[str] = []
    aws = AwsCli(str(echo), "http://127.0.0.1:1", "us-east-1", tmp_path, told.append)

    tables, queue = aws.side_by_side(("dynamodb", "list-tables"), ("sqs", "list-queues"))

    assert tables == {"words": "dynamodb list-tables", "url": "http://127.0.0.1:1"}
    assert queue == {"words": "--endpoint-url http://127.0.0.1:1 sqs list-queues", "url": "http://127.0.0.1:1"}
    assert sorted(told) == [
        "$ aws --endpoint-url http://127.0.0.1:1 sqs list-queues",
        "$ aws dynamodb list-tables",
    ]


def test_what_the_cli_complains_of_is_told(tmp_path):
    failing = program(tmp_path, "aws", "echo 'An error occurred (ResourceInUseException)' >&2; exit 254")

    with pytest.raises(ServiceError, match=r"dynamodb create-table ended with 254: .*ResourceInUseException"):
        AwsCli(str(failing), "http://127.0.0.1:1", "us-east-1", tmp_path, print).run(("dynamodb", "create-table"))


def test_a_text_that_an_answer_lacks_is_named():
    assert text_at({"Table": {"Arn": "a"}}, "Table", "Arn") == "a"
    with pytest.raises(ServiceError, match=r"Table\.Name"):
        text_at({"Table": {"Arn": "a"}}, "Table", "Name")


@pytest.mark.parametrize(
    ("parents", "order"),
    [
        ({}, []),
        ({"b": "a", "a": None, "c": "b"}, ["a", "b", "c"]),
        ({"left": "root", "other": None, "right": "root", "root": "trimmed"}, ["root", "left", "other", "right"]),
        ({"a": "b", "b": "a"}, ["b", "a"]),
    ],
)
def test_parents_come_before_their_children(parents, order):
    assert parents_first(parents) == order


def test_the_rate_is_of_the_last_seconds_and_the_peaks_are_kept():
    meter = Meter(writes=90, changes=100)

    assert meter.read(0.0, 0, Progress()).rate == 0
    assert meter.read(1.0, 50, Progress(age_s=3.0, counts=Counts(delivered=40, lettered=1))).rate == 41
    assert meter.read(11.0, 99, Progress(counts=Counts(delivered=41, lettered=1))).rate < 1
    assert (meter.peak_rate, meter.peak_age_s) == (41, 3.0)


def test_plain_lines_come_now_and_then_and_name_every_figure():
    out = io.StringIO()
    display, meter = PlainDisplay(Console(file=out, width=40)), Meter(writes=8, changes=9)

    for at_s in (0.0, 0.1, LINE_EVERY_S - 0.1, LINE_EVERY_S):
        display.show(meter.read(at_s, 5, Progress(counts=Counts(retries=2, bisects=7))))

    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    for figure in (
        "written 5 of 8",
        "delivered 0 of 9",
        "records/s 0",
        "iterator age 0.0 s",
        "batches 0",
        "retries 2",
        "bisects 7",
    ):
        assert figure in lines[0]


def test_the_live_display_draws_its_figures_below_the_lines_that_stay():
    out = io.StringIO()
    with LiveDisplay(Console(file=out, force_terminal=True, width=80)) as display:
        display.say("$ aws dynamodb create-table")
        display.show(Meter(writes=8, changes=9).read(0.0, 5, Progress(counts=Counts(bisects=7))))

    assert "$ aws dynamodb create-table" in out.getvalue()
    assert "iterator age" in out.getvalue()


def test_status_of_an_address_without_a_mapping_is_no_progress():
    empty = json.dumps({"at": "", "mappings": [], "outbox": {"waiting": 2, "full": False, "last_error": None}})

    assert read_progress(empty.encode()) == Progress(outbox=2)
    with pytest.raises(UnavailableError, match="another form"):
        read_progress(b"{}")


def test_notes_that_were_cut_off_are_an_error_and_none_are_no_notes(tmp_path):
    assert read_witness(tmp_path / "none") == ()
    (tmp_path / "cut").write_text('{"key": "order#1", "sequence": "1')
    with pytest.raises(RecordError, match="cut"):
        read_witness(tmp_path / "cut")


def report(*checks: Check) -> Report:
    return Report(
        orders=1,
        changes=2,
        took_s=3.0,
        records_per_s_peak=4.0,
        iterator_age_s_peak=5.0,
        batches=6,
        retries=7,
        bisects=8,
        letters=9,
        checks=checks,
    )


@pytest.mark.parametrize("terminal", [True, False])
def test_the_report_shows_each_check_and_what_was_found(terminal):
    out = io.StringIO()

    print_report(
        report(Check("one", "it works", True, "3 of 3"), Check("two", "it lasts", False, "it broke")),
        Console(file=out, force_terminal=terminal, width=120),
    )

    for text in ("one", "it works", "3 of 3", "FAIL", "two", "it lasts", "it broke", "8 bisects"):
        assert text in out.getvalue()


def test_a_report_without_checks_proves_nothing():
    assert report().exit_code == 1
    assert report(Check("one", "", True, "")).exit_code == 0
    assert report(Check("one", "", True, ""), Check("two", "", False, "")).failed == ["two"]
