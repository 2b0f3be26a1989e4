"""Each check of the demo sees its fault, and the demo then ends with 1 and names the check.

The pipeline runs once, for real; each fault is planted in a copy of what it left behind, and goes through the demo's
own gathering, judging and ending.
"""

import io
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
import typer
from rich.console import Console

from afterbay.cli.demo.checks import AGE, LETTER, ORDER, REPLAY, SINKS
from afterbay.cli.demo.delivered import Delivered
from afterbay.cli.demo.display import PlainDisplay
from afterbay.cli.demo.pipeline import Demo, Options
from afterbay.cli.demo.places import Places
from afterbay.cli.demo.verb import finish
from integration.demo_faults import Planter

ORDERS = 24


def quiet() -> PlainDisplay:
    return PlainDisplay(Console(file=io.StringIO()))


@pytest.fixture(scope="module")
def delivered() -> Iterator[Delivered]:
    with Demo(Options(orders=ORDERS), quiet()).delivered() as that:
        yield that


@pytest.mark.parametrize(
    ("fault", "seen_by"),
    [
        ("nothing", []),
        ("row_lost", [SINKS, REPLAY]),
        ("row_too_many", [SINKS]),
        ("last_digit_wrong", [SINKS]),
        ("delivery_lost", [ORDER]),
        ("changes_swapped", [ORDER]),
        ("second_letter", [LETTER]),
        ("letter_missing", [LETTER]),
        ("letter_of_two_records", [LETTER]),
        ("token_too_low", [REPLAY]),
        ("mapping_disabled", [AGE]),  # the last one: it touches the pipeline itself
    ],
)
def test_a_fault_ends_the_demo_with_1_and_the_name_of_its_check(delivered, fault, seen_by, tmp_path, capsys):
    planter = Planter(delivered.places, list(delivered.lives), delivered.clients, tmp_path)

    report = delivered.check(getattr(planter, fault)())

    assert report.failed == seen_by, [check.found for check in report.checks if not check.held]
    with pytest.raises(typer.Exit) as ended:
        finish(report, as_json=False)
    assert ended.value.exit_code == (1 if seen_by else 0)
    told = capsys.readouterr()
    for check in report.checks:
        assert f"{'FAIL' if check.name in seen_by else 'ok  '} {check.name}" in told.out
    assert told.err.rstrip().endswith(", ".join(seen_by))


def test_what_is_planted_between_delivered_and_checked_is_what_is_checked(delivered, monkeypatch):
    def lose_the_notes(places: Places) -> Places:
        places.witness.write_text("")
        return places

    demo = Demo(Options(orders=ORDERS), quiet(), before_checks=lose_the_notes)
    monkeypatch.setattr(demo, "delivered", lambda: nullcontext(delivered))  # it has run so far
    report = demo.run()

    assert ORDER in report.failed
    assert report.exit_code == 1
