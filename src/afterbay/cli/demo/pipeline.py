"""The demo from start to end: an address, the pipeline on it, the orders, the wait, the evidence, the report."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from afterbay.cli.demo.awscli import AwsCli, find_aws
from afterbay.cli.demo.checks import judge
from afterbay.cli.demo.clients import REGION, Clients
from afterbay.cli.demo.display import Display, Meter
from afterbay.cli.demo.evidence import gather
from afterbay.cli.demo.orders import Life, lives, read_orders
from afterbay.cli.demo.places import Names, Places
from afterbay.cli.demo.progress import Counts
from afterbay.cli.demo.report import Report
from afterbay.cli.demo.serving import Serving, free_port
from afterbay.cli.demo.setup import put_up
from afterbay.cli.demo.writing import Writing
from afterbay.engine.clock import Clock

__all__ = ["Demo", "Options", "unchanged"]

POLL_S = 0.25

STALLED_S = 30.0
"""Without any progress for this long we stop waiting, and let the checks say what is missing. A retry's pause is two
seconds, a sweep comes about every second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """``port`` None: a free one. ``keep`` leaves the address up."""

    orders: int
    port: int | None = None
    keep: bool = False


def unchanged(places: Places) -> Places:
    """What happens between "delivered" and "checked" when nobody plants a fault."""
    return places


class Demo:
    """``before_checks`` gets the places once all is delivered; what it returns is what is checked (tests)."""

    def __init__(
        self, options: Options, display: Display, *, before_checks: Callable[[Places], Places] = unchanged
    ) -> None:
        self._options = options
        self._display = display
        self._before_checks = before_checks
        self._clock = Clock()
        self._lives: Sequence[Life] = ()
        self._meter = Meter(0)
        self._started_s = 0.0

    def run(self) -> Report:
        """All of it. Whatever happens, nothing that was started is left, but for the address that is to be kept."""
        aws = find_aws()
        orders = read_orders(self._options.orders)
        began = time.monotonic()
        self._started_s = self._clock.now().timestamp()
        self._lives = lives(orders, int(self._started_s))
        self._meter = Meter(self.changes)
        with ExitStack() as stack:
            folder = Path(tempfile.mkdtemp(prefix="afterbay-demo-"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            port = free_port() if self._options.port is None else self._options.port
            serving = Serving(port, folder, kept=self._options.keep)
            stack.callback(serving.stop)
            with self._display:
                self._display.say(f"$ afterbay dev --port {port}")
                serving.start()
                places = put_up(
                    AwsCli(aws, serving.url, REGION, folder, self._display.say), serving.url, folder, self._started_s
                )
                clients = Clients(serving.url)
                stack.callback(clients.close)
                self._deliver(serving, clients)
                self._display.say("delivered; now the proof")
                report = self.check(self._before_checks(places), serving, clients, began)
            if self._options.keep:
                clients.close()
                stack.pop_all()
                return self._kept(report, serving, folder)
        return report

    @property
    def changes(self) -> int:
        """Changes that the stream must have in the end."""
        return sum(len(life.kinds) for life in self._lives)

    def check(self, places: Places, serving: Serving, clients: Clients, began: float) -> Report:
        """Gather the evidence at ``places``, judge it, and sum up. ``began`` is a moment of the monotonic clock."""
        progress = serving.progress()
        evidence = gather(places, self._lives, clients, progress, self._clock.now().timestamp())
        counts = progress.counts
        return Report(
            orders=len(self._lives),
            changes=self.changes,
            checks=judge(evidence),
            took_s=time.monotonic() - began,
            records_per_s_peak=self._meter.peak_rate,
            iterator_age_s_peak=self._meter.peak_age_s,
            batches=counts.invocations,
            retries=counts.retries,
            bisects=counts.bisects,
            letters=counts.letters,
        )

    def _deliver(self, serving: Serving, clients: Clients) -> None:
        """Write all lives and watch until the mapping is done with them, or does nothing any more."""
        self._display.say(f"{len(self._lives)} real orders: {self.changes} changes, one of them poison")
        with Writing(clients.dynamodb, Names.TABLE, self._lives) as writing:
            counts, moved_s = Counts(), time.monotonic()
            while True:
                progress = serving.progress()
                now_s = time.monotonic()
                writing.check()
                self._display.show(self._meter.read(now_s, writing.written, progress))
                if progress.done >= self.changes and progress.outbox == 0 and progress.age_s == 0:
                    return
                if progress.counts != counts:
                    counts, moved_s = progress.counts, now_s
                if now_s - moved_s > STALLED_S:
                    self._display.say(f"nothing moves: {progress.done} of {self.changes} changes are done")
                    return
                time.sleep(POLL_S)

    def _kept(self, report: Report, serving: Serving, folder: Path) -> Report:
        pid = serving.pid
        serving.leave()
        return replace(report, address=serving.url, address_pid=pid, folder=str(folder))
