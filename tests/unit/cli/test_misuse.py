"""DESIGN section 5 and docs/cli.md: an error is one line on stderr, whatever was wrong and wherever output goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from afterbay.cli.main import VERBS, app
from afterbay.cli.output import in_one_line

FULL = Path("/dev/full")
RECORD = json.dumps({"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"S": "ö→😀"}}}}, ensure_ascii=False)
TEMPLATE = '{"id": <$.dynamodb.Keys.pk.S>}'


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["check"], "afterbay: No such command 'check' (see afterbay --help)"),
        (["match"], "afterbay match: Missing option '--pattern' (see afterbay match --help)"),
        (["status", "--wat"], "afterbay status: No such option: --wat (see afterbay status --help)"),
        (["status", "more"], "afterbay status: Got unexpected extra argument(s) (more) (see afterbay status --help)"),
        (["deadletters", "x"], "afterbay deadletters: No such command 'x' (see afterbay deadletters --help)"),
        (
            ["match", "--pattern", "{}", "--event", "-", "--dialect", "x"],
            "afterbay match: Invalid value for '--dialect': 'x' is not one of 'rule', 'pipe', 'mapping' "
            "(see afterbay match --help)",
        ),
    ],
)
def test_a_wrong_word_is_told_in_one_line_with_exit_code_2(words, told):
    done = CliRunner().invoke(app, words)
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", told + "\n")


@pytest.mark.parametrize(
    ("verb", "option"),
    [
        ("backfill t", "--state"),
        ("backfill t", "--endpoint-url"),
        ("deadletters list", "--state"),
        ("deadletters show", "--archive"),
        ("dev", "--archive"),
        ("dev", "--imports"),
        ("dev", "--parameters"),
        ("dev", "--state"),
        ("dev", "--token-file"),
        ("match --pattern {}", "--event"),
        ("pause m", "--state"),
        ("redrive apply p", "--archive"),
        ("redrive plan", "--out"),
        ("render --template t", "--event"),
        ("resume m", "--region"),
        ("run", "--archive"),
        ("run", "--inline"),
        ("run", "--mapping"),
        ("run", "--metrics"),
        ("run", "--pipe"),
        ("run", "--state"),
        ("skip m", "--mappings"),
        ("skip m", "--state"),
        ("status", "--endpoint-url"),
        ("tail t", "--profile"),
        ("verify drill t", "--item"),
        ("why k", "--mappings"),
        ("why k", "--state"),
    ],
)
def test_an_empty_name_is_refused_and_not_taken_for_this_folder(verb, option):
    done = CliRunner().invoke(app, [*verb.split(), option, ""])
    words = " ".join(word for word in verb.split()[:2] if word in {*VERBS, "apply", "drill", "list", "plan", "show"})
    told = f"Invalid value for '{option}': '' names nothing: give a value, or leave it out"
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"afterbay {words}: {told} (see afterbay {words} --help)\n"


@pytest.mark.parametrize("verb", ["dev", "record t", "redrive apply", "replay", "verify drill"])
def test_an_empty_file_is_refused_and_not_taken_for_this_folder(verb):
    done = CliRunner().invoke(app, [*verb.split(), ""])
    assert (done.exit_code, done.stdout) == (2, "")
    assert ": '' names nothing: give a value, or leave it out" in done.stderr


@pytest.mark.parametrize("words", [[], ["deadletters"], ["redrive"], ["verify"]])
def test_no_word_at_all_shows_the_help(words):
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2 and "Usage: afterbay" in done.stdout and done.stderr == ""


def test_an_answer_of_many_lines_is_told_in_one():
    assert in_one_line("404: <html>\n  <p>no</p>\n\n") == "404: <html> <p>no</p>"


def afterbay(words, into, *, encoding="utf-8", close=False):
    """The command as a shell starts it."""
    code = "from afterbay.cli.main import main; main()"
    command = [sys.executable, "-c", code]
    if close:
        command = ["sh", "-c", '"$0" "$@" >&-', *command]
    variables = {**os.environ, "PYTHONIOENCODING": encoding}
    variables.pop("PYTHONUNBUFFERED", None)
    return subprocess.run(
        [*command, *words], input=RECORD.encode(), stdout=into, stderr=subprocess.PIPE, env=variables, timeout=60
    )


RENDER = ["render", "--template", TEMPLATE, "--event", "-"]


def test_a_terminal_that_cannot_show_a_letter_gets_it_as_json_escapes_it():
    done = afterbay(RENDER, subprocess.PIPE, encoding="latin-1")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u2192\\ud83d\\ude00" in done.stdout
    assert json.loads(done.stdout.decode("latin-1")) == {"id": "ö→😀"}


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")
def test_output_that_cannot_be_written_is_told_once():
    with FULL.open("wb") as full:
        done = afterbay(RENDER, full)
    assert (done.returncode, done.stderr) == (1, b"afterbay: the output: No space left on device\n")


def test_a_closed_output_leaves_the_exit_code():
    done = afterbay(RENDER, None, close=True)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_reader_that_leaves_is_the_shells_to_tell():
    reading, writing = os.pipe()
    os.close(reading)
    done = afterbay(RENDER, writing)
    os.close(writing)
    assert done.stderr == b""


@pytest.mark.parametrize("region", ["", "foo bar", "EU-WEST-1"])
def test_what_is_no_region_starts_no_address(region):
    done = CliRunner().invoke(app, ["dev", "--port", "0", "--region", region])
    assert (done.exit_code, done.stderr) == (2, f"afterbay: --region: {region!r} is no region (as in us-east-1)\n")
