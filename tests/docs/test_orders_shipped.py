"""examples/orders-shipped/README.md: its commands run and print what it shows, and its files say one thing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from afterbay.declaration.resources import Pipe
from afterbay.manifest.load import load
from integration.serving import environment
from integration.test_templates import Up, up

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples/orders-shipped"
README = (FOLDER / "README.md").read_text()
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INDEX = "/tmp/orders-index.sqlite3"  # as the README has it: replaced where the commands run
REGION = "us-east-1"
FORMS = ("template.yaml", "plan.json")


def commands(*of: str) -> list[tuple[str, str | None]]:
    """The shell blocks that begin with one of these words, each with the output that the page shows behind it."""
    blocks = BLOCK.findall(README)
    following = [*blocks[1:], ("", "")]
    return [
        (text, shown if kind == "text" else None)
        for (language, text), (kind, shown) in zip(blocks, following, strict=True)
        if language == "sh" and text.startswith(of)
    ]


def run(command: str, folder: Path, *, url: str | None = None) -> subprocess.CompletedProcess[str]:
    """A block, word for word, with ``afterbay`` and ``aws`` on the path."""
    tools = folder / "tools"
    if not tools.exists():
        tools.mkdir()
        (tools / "afterbay").write_text(f'#!/bin/sh\nexec {sys.executable} -m afterbay "$@"\n')
        (tools / "afterbay").chmod(0o755)
    path = f"{tools}:{Path(sys.executable).parent}:/usr/bin:/bin"
    variables = environment(url, AWS_PAGER="", AWS_DEFAULT_REGION=REGION, PATH=path)
    return subprocess.run(
        ["sh", "-c", command], cwd=FOLDER, env=variables, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("block", commands("afterbay match", "afterbay render"), ids=lambda one: one[0].split()[-1])
def test_a_pattern_or_template_does_what_the_page_shows(tmp_path, block):
    command, shown = block
    done = run(command, tmp_path)
    assert shown is not None and (done.stdout, done.stderr) == (shown, "")


def test_the_page_starts_each_form():
    assert [command for command, _ in commands("afterbay dev")] == ["afterbay dev template.yaml\n"]
    assert "`afterbay dev plan.json`" in README and (FOLDER / "plan.json").exists()


def test_the_commands_on_the_address_do_what_the_page_says(tmp_path):
    here = tmp_path / "orders-shipped"
    shutil.copytree(FOLDER, here)
    template = here / "template.yaml"
    template.write_text(template.read_text().replace(INDEX, str(tmp_path / "index.sqlite3")))
    (write, _), (look, _), (replay, _), (breaking, _), (letters, shown) = commands("aws", "python3")
    with up(tmp_path, template, "--region", REGION) as one:

        def does(command: str) -> str:
            done = run(command.replace(INDEX, str(tmp_path / "index.sqlite3")), tmp_path, url=one.url)
            assert done.returncode == 0, done.stderr
            return done.stdout

        does(write)
        one.until(lambda: calls(one) == {"search": 1, "archive": 1, "analytics": 1}, "each consumer was called")
        index, archive, row = does(look).splitlines()
        assert json.loads(index.split("'")[1])["city"] == "Lyon" and "ORDER%2342" in archive
        assert row == "ORDER#42\tPAID\t19.9"
        assert json.loads(does(replay))["State"] == "STARTING"
        one.until(lambda: calls(one) == {"search": 2, "archive": 2, "analytics": 2}, "each was called again")
        assert len(re.findall(r'"duplicate":1', one.log)) == 2
        assert does(look).splitlines()[::2] == [index, row]
        does(breaking)
        one.until(lambda: calls(one) == {"search": 2, "archive": 3, "analytics": 3}, "two consumers were called")
        one.until(lambda: does(letters) == shown, "the letter is in the queue")


def calls(one: Up) -> dict[str, int]:
    """How often each consumer was called: each says one line a call."""
    return {name: one.log.count(f"\n{name} | ") for name in ("search", "archive", "analytics")}


# ---- what stands in several files


def pipe_of(file: str) -> dict:
    (pipe,) = [one for one in load(FOLDER / file, region=REGION).resources if isinstance(one, Pipe)]
    return dict(pipe.declared.properties)


def filter_of(pipe: dict) -> dict:
    (one,) = pipe["SourceParameters"]["FilterCriteria"]["Filters"]
    return json.loads(one["Pattern"])


def test_the_forms_have_the_filters_and_the_template_that_are_tried_on_the_page():
    sam, terraform = pipe_of("template.yaml"), pipe_of("plan.json")
    assert filter_of(sam) == json.loads((FOLDER / "transition.json").read_text())
    assert filter_of(terraform) == json.loads((FOLDER / "every-edit.json").read_text())
    assert sam["TargetParameters"]["InputTemplate"] == (FOLDER / "detail.template").read_text()
    assert "TargetParameters" not in terraform


def test_both_forms_read_the_stream_alike():
    sam, terraform = (pipe_of(file)["SourceParameters"]["DynamoDBStreamParameters"] for file in FORMS)
    assert {**sam, "DeadLetterConfig": None} == {**terraform, "DeadLetterConfig": None}


def test_the_block_that_this_product_started_from_is_in_the_configuration_word_for_word():
    assert (ROOT / "tests/data/seed-pipe.tf").read_text() in (FOLDER / "main.tf").read_text()
