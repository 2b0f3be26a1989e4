"""``--state`` that names what cannot be one: one line, exit code 2, and nothing is made (interfaces 2)."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from typer.testing import CliRunner

from afterbay.cli.main import app

MAPPING = {
    "EventSourceArn": "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-01-01T00:00:00.000",
    "FunctionName": "f",
    "StartingPosition": "LATEST",
}
VERBS = {
    "deadletters": "deadletters list --outbox",
    "run": "run --mapping MAPPING",
    "dry run": "run --dry-run --mapping MAPPING",
    "skip": "skip f --shard s --through 1 --mappings MAPPING",
    "why": "why k --key-name pk",
}


@pytest.fixture
def mapping(tmp_path, monkeypatch):
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    file = tmp_path / "mapping.json"
    file.write_text(json.dumps(MAPPING))
    return file


def refused(verb, mapping, state, told):
    words = VERBS[verb].replace("MAPPING", str(mapping)).split()
    before = sorted(mapping.parent.rglob("*"))
    done = CliRunner().invoke(app, [*words, "--state", str(state)])
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    assert done.stderr.startswith("afterbay: ") and told in done.stderr and done.stderr.count("\n") == 1
    made = {one.name for one in mapping.parent.rglob("*")} - {one.name for one in before}
    assert made <= {"state.lock"}


@pytest.mark.parametrize("verb", VERBS)
def test_a_folder_is_misused(verb, mapping, tmp_path):
    (tmp_path / "state").mkdir()
    refused(verb, mapping, tmp_path / "state", "is a folder")
    assert not (tmp_path / "state.lock").exists()
    refused(verb, mapping, "/", "is a folder")


@pytest.mark.parametrize("verb", VERBS)
def test_a_file_of_another_kind_is_misused(verb, mapping, tmp_path):
    (tmp_path / "state").write_text("Dear all\n" * 100)
    refused(verb, mapping, tmp_path / "state", "no state file of afterbay")


@pytest.mark.parametrize("verb", VERBS)
def test_a_database_of_another_kind_is_misused(verb, mapping, tmp_path):
    with closing(sqlite3.connect(tmp_path / "state")) as database:
        database.execute("CREATE TABLE mine (a)")
    refused(verb, mapping, tmp_path / "state", "no state file of afterbay")


def test_a_folder_that_is_missing_is_misused(mapping, tmp_path):
    refused("run", mapping, tmp_path / "gone" / "state", "No such file or directory")


def test_a_folder_of_another_kind_is_misused_as_the_state_of_an_address(tmp_path):
    (tmp_path / "mine").write_text("mine")
    for state, told in ((tmp_path, "no state of afterbay"), (tmp_path / "mine", "is no folder")):
        done = CliRunner().invoke(app, ["dev", "--port", "0", "--state", str(state)])
        assert (done.exit_code, done.stdout) == (2, "") and told in done.stderr
