"""``afterbay run`` before anything runs: what it wants, and how a dry run is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from afterbay.cli.main import app
from afterbay.cli.run import SHOWN_MAX, _lines  # pyright: ignore[reportPrivateUsage] - what a person reads
from afterbay.engine.preview import Planned, SavedPosition
from unit.core.pipe.making import SOURCES, request

PLANNED = Planned(
    kind="pipe",
    name="arn:pipe",
    uuid="u",
    place="pipe.json[0]",
    enabled=False,
    source="arn:source",
    enrichment="arn:enrichment",
    target="arn:target",
    starts_at="LATEST",
    shards=2,
    positions=(),
    letters=3,
    warnings=("large",),
    faults=("not there",),
)


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log stays pytest's."""
    monkeypatch.setattr("afterbay.cli.run.logging_to_stderr", lambda: None)


def ran(*words: str):
    return CliRunner().invoke(app, ["run", *words])


@pytest.mark.parametrize(
    ("words", "told"),
    [((), "--mapping FILE or --pipe FILE"), (("--pipe", "none.json", "--json"), "--json is for --dry-run")],
)
def test_misuse_is_told_in_one_line(words, told):
    done = ran(*words)
    assert done.exit_code == 2 and told in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_wrong_member_is_told_by_file_and_name(tmp_path: Path):
    (tmp_path / "pipe.json").write_text(json.dumps([request(Tags={"a": "b"})]))
    done = ran("--pipe", str(tmp_path / "pipe.json"))
    assert done.exit_code == 2 and f"{tmp_path}/pipe.json[0]: Tags: " in done.stderr


def test_an_inline_function_that_nothing_calls_is_refused(tmp_path: Path):
    (tmp_path / "pipe.json").write_text(json.dumps(request("sqs", "sns")))
    done = ran("--pipe", str(tmp_path / "pipe.json"), "--inline", "json:dumps")
    assert done.exit_code == 2 and "--inline: no mapping and no pipe here calls a function" in done.stderr
    assert SOURCES["sqs"] not in done.stderr


def test_a_person_is_told_what_would_run_from_where_and_what_is_wrong():
    assert list(_lines(PLANNED)) == [
        "pipe arn:pipe (pipe.json[0]): would not run",
        "  source      arn:source: 2 shard(s)",
        "  enrichment  arn:enrichment",
        "  target      arn:target",
        "  position    none is saved: begins at LATEST",
        "  letters     3 wait to be sent",
        "  warning     large",
        "  fault       not there",
    ]


def test_many_positions_are_shown_in_part():
    many = tuple(SavedPosition(f"s{n}", str(n)) for n in range(SHOWN_MAX + 2))
    shown = list(_lines(replace(PLANNED, positions=many)))
    assert "  position    s0: behind 0" in shown and "  position    and 2 more" in shown
