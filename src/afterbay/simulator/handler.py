"""A model of the user's function: how long it takes, what it gets done, and what it answers, truly or not.

Decides what happened to the records and what the answer says. What the answer *means* is ``core.mapping.response``'s;
``Meaning`` is what it ought to mean, for the invariants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random

import msgspec

from afterbay.core.mapping.commands import Deliver
from afterbay.core.mapping.outcome import Cause, Failed, NotReached, Outcome
from afterbay.core.mapping.response import read_answer
from afterbay.core.mapping.window import STATE_BYTES_MAX
from afterbay.core.shard.position import Position
from afterbay.simulator.coverage import Coverage
from afterbay.simulator.record import Written
from afterbay.simulator.world import US, World

__all__ = ["Done", "Meaning", "SimulatedFunction", "count_in"]

TIMEOUT_US = 15 * US
VERSION = "$LATEST"


class Meaning(Enum):
    """What an attempt ought to come to, whatever the core makes of it."""

    OK = "ok"
    PROGRESS = "progress"
    FAIL = "fail"
    TOO_LARGE = "too large"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True)
class Done:
    """One attempt. The first ``done`` records count as done; ``worked`` are those that reached the sink.

    ``outcome``: what the core made of the answer.
    """

    meaning: Meaning
    done: int
    worked: int
    outcome: Outcome


class SimulatedFunction:
    """Answers deliveries. A record that is poison fails at every attempt until it heals."""

    def __init__(self, world: World, rng: Random, coverage: Coverage) -> None:
        self._world, self._rng, self._coverage = world, rng, coverage
        self._plan = world.handler

    def takes_us(self) -> int:
        """How long the next attempt takes."""
        return int(self._plan.latency_us * self._rng.uniform(0.2, 3.0))

    def times_out(self, now_us: int) -> bool:
        return self._falls(now_us, self._plan.timeout)

    def answer(
        self, command: Deliver, records: Sequence[Written], now_us: int, *, reports: bool, timed_out: bool
    ) -> Done:
        """Work on ``records`` at ``now_us`` and answer. ``reports``: the mapping has ``ReportBatchItemFailures``."""
        plan = self._plan
        if len(records) == 1 and records[0].index in plan.fat and not self._healed(now_us):
            return self._hit(Done(Meaning.TOO_LARGE, 0, 0, Failed(Cause.TOO_LARGE, splittable=False)), "too large")
        if self._falls(now_us, plan.throttled):
            advice = self._rng.choice((None, 2.0))
            return self._hit(Done(Meaning.NOT_REACHED, 0, 0, NotReached("429: too many", advice)), "throttled")
        if self._falls(now_us, plan.unavailable):
            return self._hit(Done(Meaning.NOT_REACHED, 0, 0, NotReached("503: unavailable")), "not reached")
        if timed_out:
            some = self._rng.randint(0, len(records))
            return self._failed(command, some, "timeout", reports=reports)
        if self._falls(now_us, plan.error):
            return self._failed(command, self._rng.randint(0, len(records)), "error", reports=reports)
        if self._falls(now_us, plan.oversized):
            return self._failed(command, len(records), "answer too large", reports=reports)
        return self._work(command, records, now_us, reports=reports)

    def _work(self, command: Deliver, records: Sequence[Written], now_us: int, *, reports: bool) -> Done:
        plan = self._plan
        bad = [] if self._healed(now_us) else [i for i, one in enumerate(records) if one.index in plan.poison]
        if not reports:
            if bad:
                return self._failed(command, bad[0], "poison", reports=False)
            return self._answered(command, records, [], reports=False, now_us=now_us)
        if records and self._falls(now_us, plan.partial):
            some = self._rng.sample(range(len(records)), k=min(len(records), self._rng.choice((1, 1, 2, 4))))
            bad = sorted({*bad, *some})
        if len(records) > 1 and self._falls(now_us, plan.dishonest):
            bad = sorted({*bad, *self._rng.sample(range(len(records)), 2)})
            self._coverage.hit("handler: hides an earlier failure")
            return self._answered(command, records, bad[1:], reports=True, now_us=now_us, hidden=bad[0])
        if self._falls(now_us, plan.malformed):
            return self._malformed(command, records, now_us)
        return self._answered(command, records, bad, reports=True, now_us=now_us)

    def _answered(
        self,
        command: Deliver,
        records: Sequence[Written],
        bad: list[int],
        *,
        reports: bool,
        now_us: int,
        hidden: int | None = None,
    ) -> Done:
        """An answer without an error; it names ``bad``, in any order."""
        done = bad[0] if bad else len(records)
        body: dict[str, object] = {}
        if bad:
            named = [str(records[index].raw.position) for index in bad]
            self._rng.shuffle(named)
            body["batchItemFailures"] = [{"itemIdentifier": one} for one in named]
        if command.window is not None:
            if self._falls(now_us, self._plan.stateless):
                outcome = self._read(command, msgspec.json.encode(body), None, reports=reports)
                return self._hit(Done(Meaning.FAIL, 0, len(records), outcome), "no window state")
            return self._with_state(command, records, body, done, reports=reports, now_us=now_us, hidden=hidden)
        payload = msgspec.json.encode(body) if bad else self._success(reports=reports)
        return self._told(command, records, bad, done, payload, reports=reports, hidden=hidden)

    def _with_state(
        self,
        command: Deliver,
        records: Sequence[Written],
        body: dict[str, object],
        done: int,
        *,
        reports: bool,
        now_us: int,
        hidden: int | None,
    ) -> Done:
        assert command.window is not None
        state: dict[str, object] = {"n": count_in(command.window.window.state) + done}
        if self._rng.random() < 0.01 and self._falls(now_us, 1.0):
            self._coverage.hit("handler: window state too large")
            state["pad"] = "x" * (STATE_BYTES_MAX + 64)
        payload = msgspec.json.encode({"state": state, **body})
        return self._told(
            command, records, [done] if done < len(records) else [], done, payload, reports=reports, hidden=hidden
        )

    def _told(
        self,
        command: Deliver,
        records: Sequence[Written],
        bad: list[int],
        done: int,
        payload: bytes,
        *,
        reports: bool,
        hidden: int | None,
    ) -> Done:
        outcome = self._read(command, payload, None, reports=reports)
        if not bad:
            return self._hit(Done(Meaning.OK, len(records), len(records), outcome), "success")
        if done == 0:
            return self._hit(Done(Meaning.FAIL, 0, 0, outcome), "first record failed")
        worked = done if hidden is None else hidden
        return self._hit(Done(Meaning.PROGRESS, done, worked, outcome), "partial")

    def _success(self, *, reports: bool) -> bytes:
        """Every way to say that all is well (R97), or, where answers are not read, to say anything (R86)."""
        if reports:
            return self._rng.choice(_SUCCESSES)
        return self._rng.choice((*_SUCCESSES, b'{"batchItemFailures":[{"itemIdentifier":"1"}]}', b"not JSON"))

    def _malformed(self, command: Deliver, records: Sequence[Written], now_us: int) -> Done:
        """An answer with a failure that cannot be placed: nothing is done (R97)."""
        known = str(records[0].raw.position) if records else "7"
        entries: object = self._rng.choice(
            (
                [{"itemIdentifier": ""}],
                [{"itemIdentifier": None}],
                [{"itemIdentifier": 123}],
                [{"foo": 1}],
                [{"itemIdentifier": "100000000000000000000"}],
                [{"itemIdentifier": known}, {"itemIdentifier": "100000000000000000000"}],
                {"itemIdentifier": known},
                "all of them",
            )
        )
        body: dict[str, object] = {"batchItemFailures": entries}
        if command.window is not None:
            body["state"] = {"n": 10**6}  # must never be kept
        outcome = self._read(command, msgspec.json.encode(body), None, reports=True)
        return self._hit(Done(Meaning.FAIL, 0, len(records), outcome), "malformed answer")

    def _failed(self, command: Deliver, worked: int, what: str, *, reports: bool) -> Done:
        payload = b'{"errorMessage":"no","errorType":"Error"}'
        return self._hit(
            Done(Meaning.FAIL, 0, worked, self._read(command, payload, "Unhandled", reports=reports)), what
        )

    def _read(self, command: Deliver, payload: bytes, error: str | None, *, reports: bool) -> Outcome:
        records = command.batch.records
        return read_answer(
            payload,
            function_error=error,
            executed_version=VERSION,
            positions={str(one.position): Position(one.position) for one in records} if reports else {},
            partial=reports,
            window=command.window is not None,
        )

    def _hit(self, done: Done, what: str) -> Done:
        self._coverage.hit(f"handler: {what}")
        return done

    def _healed(self, now_us: int) -> bool:
        return self._plan.heals_us is not None and now_us >= self._plan.heals_us

    def _falls(self, now_us: int, chance: float) -> bool:
        return chance > 0.0 and now_us < self._world.calm_us and self._rng.random() < chance


_SUCCESSES = (b"", b"null", b'""', b"[]", b"{}", b'{"batchItemFailures":[]}', b'{"batchItemFailures":null}')


def count_in(state: bytes) -> int:
    """How many records a window's state has counted; the first state is empty (R124)."""
    counted = msgspec.json.decode(state, type=dict[str, object]).get("n", 0)
    assert isinstance(counted, int)
    return counted
