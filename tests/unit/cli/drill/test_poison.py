"""What is said of a poison record, by what was seen and by the mapping's settings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from afterbay.cli.drill.poison import NAMES, judge_isolation, tell_attempts
from afterbay.cli.drill.report import Steps, Verdict
from afterbay.core.mapping.outcome import Cause, Failed
from unit.cli.drill.test_witness import NOW, SETTINGS, attempt, record

ALONE = [attempt(Failed(Cause.FUNCTION_ERROR), record("bad", 5))]
TOGETHER = [attempt(Failed(Cause.FUNCTION_ERROR), record("a", 4), record("bad", 5)), *ALONE]


@pytest.mark.parametrize(
    ("settings", "tried", "lost", "given_up", "verdict", "named"),
    [
        ({"bisect": True}, TOGETHER, 0, True, Verdict.HELD, ""),
        ({"bisect": False}, TOGETHER, 1, True, Verdict.BROKEN, "BisectBatchOnFunctionError"),
        ({"bisect": True}, TOGETHER, 1, True, Verdict.BROKEN, "more MaximumRetryAttempts"),
        ({"bisect": True}, ALONE, 3, False, Verdict.BROKEN, "set MaximumRetryAttempts or MaximumRecordAgeInSeconds"),
    ],
)
def test_isolation_is_judged_by_who_arrived(settings, tried, lost, given_up, verdict, named):
    steps = Steps(NOW)
    judge_isolation(replace(SETTINGS, **settings), tried, lost, given_up, steps)
    (step,) = steps.done
    assert step.name in NAMES and step.verdict is verdict and named in step.why


def test_attempts_of_one_size_are_told_together():
    steps = Steps(NOW)
    tell_attempts([*TOGETHER, *ALONE, *ALONE], steps)
    assert [one.what for one in steps.seen] == ["failed in a batch of 2, 1 time(s)", "failed alone, 3 time(s)"]
    tell_attempts([], steps)
    assert len(steps.seen) == 2
