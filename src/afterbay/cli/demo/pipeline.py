"""The demo from start to end: an address, the pipeline on it, the orders, the wait, the proof."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from afterbay.cli.demo.awscli import AwsCli, find_aws
from afterbay.cli.demo.clients import REGION, Clients
from afterbay.cli.demo.delivered import Delivered
from afterbay.cli.demo.display import Display, Meter
from afterbay.cli.demo.orders import Life, lives, read_orders
from afterbay.cli.demo.places import Names, Places
from afterbay.cli.demo.progress import Counts
from afterbay.cli.demo.report import Kept, Report
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

    def run(self) -> Report:
        """All of it."""
        with self.delivered() as delivered:
            self._display.say("delivered; now the proof")
            serving = delivered.serving
            kept = Kept(serving.url, serving.pid, str(serving.folder)) if self._options.keep else None
            return delivered.check(self._before_checks(delivered.places), kept)

    @contextmanager
    def delivered(self) -> Generator[Delivered]:
        """Everything up to the checks, up for as long as the block lasts.

        Whatever happens, nothing that was started is left behind, but for an address that is to be kept, and that only
        if the block ends well.
        """
        program = find_aws()
        orders = read_orders(self._options.orders)
        began_s, clock = time.monotonic(), Clock()
        started_s = clock.now().timestamp()
        those = lives(orders, int(started_s))
        meter = Meter(writes=sum(len(life.writes) for life in those), changes=_changes(those))
        with ExitStack() as stack:
            folder = Path(tempfile.mkdtemp(prefix="afterbay-demo-"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            port = free_port() if self._options.port is None else self._options.port
            serving = Serving(port, folder, kept=self._options.keep)
            stack.callback(serving.stop)
            clients = stack.enter_context(Clients(serving.url))
            with self._display:
                self._display.say(f"$ afterbay dev --port {port}")
                serving.start()
                aws = AwsCli(program, serving.url, REGION, folder, self._display.say)
                places = put_up(aws, serving.url, folder, started_s)
                self._deliver(those, serving, clients, meter)
                yield Delivered(
                    places=places,
                    lives=those,
                    serving=serving,
                    clients=clients,
                    meter=meter,
                    clock=clock,
                    began_s=began_s,
                )
            if self._options.keep:
                clients.close()
                serving.leave()
                stack.pop_all()

    def _deliver(self, those: Sequence[Life], serving: Serving, clients: Clients, meter: Meter) -> None:
        """Write all lives and watch until the mapping is done with them, or does nothing any more."""
        changes = _changes(those)
        self._display.say(f"{len(those)} real orders: {changes} changes, one of them poison")
        with Writing(clients.dynamodb, Names.TABLE, those) as writing:
            counts, moved_s = Counts(), time.monotonic()
            while True:
                progress, now_s = serving.progress(), time.monotonic()
                writing.check()
                self._display.show(meter.read(now_s, writing.written, progress))
                if progress.done >= changes and progress.outbox == 0 and progress.age_s == 0:
                    return
                if progress.counts != counts:
                    counts, moved_s = progress.counts, now_s
                if now_s - moved_s > STALLED_S:
                    self._display.say(f"nothing moves: {progress.done} of {changes} changes are done")
                    return
                time.sleep(POLL_S)


def _changes(those: Sequence[Life]) -> int:
    """Changes that the stream must have in the end."""
    return sum(len(life.kinds) for life in those)
