"""Is the sink right: a survey, second looks, a report; and what differs, mended.

Decides the order of these steps. Each step's own rules are in its module.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace

from afterbay.backfill.both import BothSides
from afterbay.backfill.compare import DAMAGES, Kind
from afterbay.backfill.holdings import MendableHoldings
from afterbay.backfill.newest import Newest
from afterbay.backfill.notebook import Notebook
from afterbay.backfill.repair import mend_keys
from afterbay.backfill.settle import MANY, Pace, Settled, settle
from afterbay.backfill.survey import Progress, Survey, unheard
from afterbay.backfill.verified import Repair, Sample, Sampling, Values, Verified
from afterbay.errors import ServiceError

__all__ = ["NewestTokens", "Verification", "VerifyOptions"]

SAMPLES_MAX = 10
"""Keys of each kind that a report shows."""

FAILED_SHOWN_MAX = 100
"""Keys that a repair could not mend, told one by one."""

NewestTokens = Callable[[Collection[str]], Awaitable[Newest]]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """``sample`` None: everything. ``wait_s`` is how long a change may be on its way. ``looks_many``: more suspects
    than this are looked at only once."""

    sample: int | None = None
    wait_s: float = 10.0
    show_values: bool = False
    looks_many: int = MANY


class Verification:
    """One run over one table and one sink. ``newest`` asks the table's stream; None: it has none."""

    def __init__(
        self,
        both: BothSides,
        options: VerifyOptions,
        *,
        newest: NewestTokens | None,
        pace: Pace | None = None,
        rng: random.Random | None = None,
        progress: Progress = unheard,
    ) -> None:
        self._both = both
        self._options = options
        self._newest = newest
        self._pace = pace or Pace()
        self._rng = rng or random.Random()
        self._progress = progress
        self._notes: list[str] = []

    async def run(self, notebook: Notebook) -> Verified:
        """Find what differs. Afterwards ``notebook`` has it. Raises ``ServiceError`` or ``SettingsError``."""
        survey = Survey(self._both, notebook, pace=self._pace, progress=self._progress)
        size = self._options.sample
        if size is None:
            await survey.all()
        else:
            await survey.sample(size, self._rng)
        settled = await self._settle(notebook)
        await self._tell_stale(notebook)
        return Verified(
            table=self._both.reader.table.name,
            sink=self._both.origin,
            compared=survey.compared,
            counts={kind: notebook.count(kind) for kind in Kind},
            settled=settled.agreed,
            in_flight=settled.in_flight,
            samples=tuple(await self._samples(notebook)),
            sampling=None if size is None else Sampling(size, *survey.drawn),
            notes=tuple(self._notes),
        )

    async def repair(self, notebook: Notebook, holdings: MendableHoldings) -> Repair:
        """Mend what ``run`` left in the notebook, then look at all of it again. Afterwards the notebook has what still
        differs. Raises ``ServiceError`` or ``SettingsError``."""
        repaired = agreed = 0
        reasons: dict[str, str] = {}
        for page in notebook.suspects():
            keys = [one.key for one in page if one.finding.kind in DAMAGES]
            if not keys:
                continue
            mended = await mend_keys(
                [self._both.typed(key) for key in keys],
                read=self._both.reader.get,
                holdings=holdings,
                promise=self._both.promise,
                now_s=self._both.now_s,
                pace=self._pace,
            )
            repaired += len(mended.repaired)
            agreed += len(mended.agreed)
            reasons |= dict(list(mended.failed.items())[: FAILED_SHOWN_MAX - len(reasons)])
            now_s = self._pace.monotonic()
            looks = await self._both.look_at(keys)
            notebook.clear([look.key for look in looks if look.differing is None])
            notebook.suspect([one.suspect(look.key, now_s) for look in looks if (one := look.differing) is not None])
        await self._settle(notebook)
        left = [one for kind in DAMAGES for one in notebook.first(kind, FAILED_SHOWN_MAX)]
        return Repair(
            repaired=repaired,
            agreed=agreed,
            could_not={
                one.key: reasons.get(one.key, f"{one.finding.kind.value} again after it was written")
                for one in left[:FAILED_SHOWN_MAX]
            },
            remaining=sum(notebook.count(kind) for kind in DAMAGES),
        )

    async def _settle(self, notebook: Notebook) -> Settled:
        return await settle(
            notebook, self._both, wait_s=self._options.wait_s, pace=self._pace, looks_many=self._options.looks_many
        )

    async def _tell_stale(self, notebook: Notebook) -> None:
        """Tell what lacks a change that the stream has from what no change explains."""
        tokens = {
            one.key: one.token or ""
            for page in notebook.suspects(Kind.DIFFERENT)
            for one in page
            if one.finding.attributes
        }
        if not tokens or self._newest is None:
            return
        try:
            newest = await self._newest(tokens)
        except ServiceError as failed:
            self._notes.append(f"stale is not told from different: the stream cannot be read ({failed})")
            return
        if not newest.whole:
            self._notes.append("the stream is long: what is stale was looked for in a part of it only")
        for page in notebook.suspects(Kind.DIFFERENT):
            notebook.suspect(
                [
                    replace(one, finding=replace(one.finding, kind=Kind.STALE))
                    for one in page
                    if one.finding.attributes and newest.tokens.get(one.key, "") > (one.token or "")
                ]
            )

    async def _samples(self, notebook: Notebook) -> list[Sample]:
        shown = [one for kind in Kind for one in notebook.first(kind, SAMPLES_MAX)]
        if not self._options.show_values:
            return [Sample(one.key, one.finding, one.token) for one in shown]
        typed = [self._both.typed(one.key) for one in shown]
        held = await self._both.holdings.look_up(typed)
        images = await self._both.reader.get(typed)
        return [
            Sample(one.key, one.finding, one.token, Values(self._both.promise.shown(image), stored.item))
            for one, image, stored in zip(shown, images, held, strict=True)
        ]
