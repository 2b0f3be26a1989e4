"""The moment between "delivered" and "checked": everything still up, nothing judged yet."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from afterbay.cli.demo.checks import judge
from afterbay.cli.demo.clients import Clients
from afterbay.cli.demo.display import Meter
from afterbay.cli.demo.evidence import gather
from afterbay.cli.demo.orders import Life
from afterbay.cli.demo.places import Places
from afterbay.cli.demo.report import Kept, Report
from afterbay.cli.demo.serving import Serving
from afterbay.engine.clock import Clock

__all__ = ["Delivered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A pipeline that has done its work. ``began_s`` is a moment of the monotonic clock."""

    places: Places
    lives: Sequence[Life]
    serving: Serving
    clients: Clients
    meter: Meter
    clock: Clock
    began_s: float

    def check(self, places: Places, kept: Kept | None = None) -> Report:
        """Gather the evidence at ``places`` (these, or ones with a planted fault), judge it, and sum up."""
        progress = self.serving.progress()
        evidence = gather(places, self.lives, self.clients, progress, self.clock.now().timestamp())
        counts = progress.counts
        return Report(
            orders=len(self.lives),
            changes=sum(len(life.kinds) for life in self.lives),
            checks=judge(evidence),
            took_s=round(time.monotonic() - self.began_s, 1),
            records_per_s_peak=round(self.meter.peak_rate, 1),
            iterator_age_s_peak=round(self.meter.peak_age_s, 1),
            batches=counts.invocations,
            retries=counts.retries,
            bisects=counts.bisects,
            letters=counts.letters,
            kept=kept,
        )
