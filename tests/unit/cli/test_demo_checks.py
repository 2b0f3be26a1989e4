"""The demo's judgement of what a real run seldom shows: an age that stays, a letter unsent, nothing there at all."""

from dataclasses import replace
from pathlib import Path

import pytest

from afterbay.cli.demo.checks import AGE, LETTER, ORDER, REPLAY, SINKS, Check, judge
from afterbay.cli.demo.evidence import Evidence, SinkContents
from afterbay.cli.demo.orders import lives, read_orders
from afterbay.cli.demo.places import Places
from afterbay.cli.demo.progress import Progress
from afterbay.cli.demo.replay import Replay
from afterbay.core.guard import Kind

NOTHING = Evidence(
    places=Places(
        url="http://127.0.0.1:1",
        sqlite=Path("sink"),
        witness=Path("witness"),
        copy="orders-copy",
        queue_url="http://127.0.0.1:1/q",
        stream_arn="arn",
        mapping="m",
        function_arn="f",
        started_s=0,
    ),
    lives=lives(read_orders(8), 1_800_000_000),
    table={},
    sinks=(SinkContents("a sink", {}),),
    deliveries=(),
    letters=(),
    progress=Progress(),
    mapping_state="Enabled",
    stream=(),
    replays=(Replay("a sink", {Kind.POISON: 1}, 0, 0),),
    gathered_s=0,
)


def judged(evidence: Evidence) -> dict[str, Check]:
    return {check.name: check for check in judge(evidence)}


def test_a_pipeline_that_moved_nothing_at_all_fails_every_check_but_the_age():
    assert [name for name, check in judged(NOTHING).items() if not check.held] == [SINKS, ORDER, LETTER, REPLAY]


@pytest.mark.parametrize(
    ("progress", "state", "found"),
    [
        (Progress(age_s=31.4), "Enabled", "its oldest record is 31.4 s old"),
        (Progress(outbox=2), "Enabled", "2 letter(s) not sent"),
        (Progress(), "Disabling", "the mapping is Disabling"),
    ],
)
def test_an_age_that_stays_an_unsent_letter_or_another_state_is_not_caught_up(progress, state, found):
    check = judged(replace(NOTHING, progress=progress, mapping_state=state))[AGE]

    assert not check.held
    assert check.found == found


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ({Kind.APPLIED: 2}, "2 applied, 0 rows changed"),
        ({Kind.RETRYABLE: 2}, "2 retryable"),
        ({Kind.SKIPPED: 2}, "2 skipped"),
        ({Kind.POISON: 3}, "3 poison"),
        ({Kind.POISON: 0}, "only one record is poison"),
    ],
)
def test_a_replay_that_does_more_than_meet_duplicates_is_told(counts, found):
    told = Replay("the other sink", {Kind.POISON: 1, Kind.DUPLICATE: 5} | counts, 5, 0)

    check = judged(replace(NOTHING, replays=(told,)))[REPLAY]

    assert not check.held
    assert "the other sink: " in check.found
    assert found in check.found


def test_many_faults_are_counted_and_the_first_of_them_told():
    check = judged(NOTHING)[ORDER]

    assert "order#00001" in check.found
    assert check.found.endswith("and 5 more")
