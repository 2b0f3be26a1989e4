"""``pattern_dict`` and ``pattern_bytes``: which of some event patterns match a stream record, beside other engines.

Each figure is measured with 1, 5, 100 and 1,000 patterns, and with one record in 2 or in 20 matching. The main figure
is the seed pattern's with one in two. Peers that are not there have no figure: moto comes with the tests;
``event_ruler`` is taken from wherever Python finds it; AWS's engine wants ``java`` and its jars in the folder
``AFTERBAY_RULER_JARS``.

Rates are per second of CPU time of the matching thread, so that another process's work counts against nobody.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from afterbay.core.pattern import Pattern, PatternSet
from benchmarks.harness import Benchmark, Better, Budget, Peer, Result, median

__all__ = ["BYTES", "DICTS"]

SEED = {"dynamodb": {"NewImage": {"status": {"S": ["SHIPPED"]}}}}
FILTERS_MAX = 5
COUNTS = (1, FILTERS_MAX, 100, 1000)
SHARES = (2, 20)
"""One record in so many matches, by one pattern."""

RECORDS = 500
ROUNDS = 5
ROUND_S = 0.15
WARM_UP_S = 1.0
WARM_UPS_MAX = 5
WARM_GAIN_MIN = 1.05
"""Java compiles what it runs often: it is warm once another second makes it no faster than that."""

LOOK_AT_CLOCK = 50
"""Records between two looks at the clock: moto needs a second for fifty of them with 1,000 patterns."""

MOTO_RATIO_MIN = 100.0
JAVA_RATIO_MIN = {2: 0.8, 20: 1.0}
DICT_US_MAX = 0.5

Rate = Callable[[float], float]
"""CPU seconds to measure for -> records per CPU second."""


def record(number: int, share: int) -> dict[str, Any]:
    """A MODIFY of about 1 KB."""
    image = {f"field{place:02d}": {"S": f"value {number} of field {place}"} for place in range(6)}
    status = "SHIPPED" if number % share == 0 else "PENDING"
    return {
        "eventID": f"{number:032x}",
        "eventName": "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1767607872.0,
            "Keys": {"pk": {"S": f"order-{number}"}},
            "NewImage": {**image, "pk": {"S": f"order-{number}"}, "status": {"S": status}, "total": {"N": str(number)}},
            "OldImage": {"pk": {"S": f"order-{number}"}, "status": {"S": "PAID"}},
            "SequenceNumber": str(4 * 10**20 + number),
            "SizeBytes": 900,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/2026-01-01T00:00:00.000",
    }


def patterns(count: int) -> list[dict[str, Any]]:
    """Every second or twentieth of the records matches one of them: five ask for a status, more also for a key."""
    if count <= FILTERS_MAX:
        return [
            {"dynamodb": {"NewImage": {"status": {"S": [status]}}}}
            for status in ("SHIPPED", "LOST", "RETURNED", "PAID", "HELD")[:count]
        ]
    return [
        {"dynamodb": {"NewImage": {"pk": {"S": [f"order-{number}"]}, "status": {"S": ["SHIPPED"]}}}}
        for number in range(count)
    ]


def rate_of(match: Callable[[Any], object], events: Sequence[Any]) -> Rate:
    """The rate of a matcher in this process."""

    def measure(seconds: float) -> float:
        done, begun = 0, time.thread_time()
        while True:
            for start in range(0, len(events), LOOK_AT_CLOCK):
                for event in events[start : start + LOOK_AT_CLOCK]:
                    match(event)
                done += len(events[start : start + LOOK_AT_CLOCK])
                spent = time.thread_time() - begun
                if spent >= seconds:
                    return done / spent

    return measure


def ours(wanted: Sequence[dict[str, Any]]) -> Callable[[Any], object]:
    """Up to five, a mapping's filters, are asked whether any matches; more, a bus's rules, which of them do."""
    if len(wanted) == 1:
        return Pattern(wanted[0]).matches
    chosen = PatternSet(map(Pattern, wanted))
    return chosen.matches if len(wanted) <= FILTERS_MAX else chosen.matching


def moto(wanted: Sequence[dict[str, Any]]) -> Callable[[Any], object] | None:
    try:
        engine = importlib.import_module("moto.events.models").EventPattern
    except ImportError:
        return None
    matchers = [engine.load(json.dumps(one)).matches_event for one in wanted]

    def match(event: Any) -> object:
        decoded = json.loads(event) if isinstance(event, bytes) else event
        return [place for place, matcher in enumerate(matchers) if matcher(decoded)]

    return match


def event_ruler(wanted: Sequence[dict[str, Any]]) -> Callable[[Any], object] | None:
    """The PyPI package takes one pattern at a time, as text, with each event."""
    try:
        ask = importlib.import_module("event_ruler").test_event_pattern
    except ImportError:
        return None
    texts = [json.dumps(one) for one in wanted]

    def match(event: bytes) -> object:
        text = event.decode()
        return [place for place, pattern in enumerate(texts) if ask(text, pattern)]

    return match


@contextmanager
def java(wanted: Sequence[dict[str, Any]], events: Sequence[bytes]) -> Generator[Rate | None]:
    """AWS's engine in a process of its own, warmed up; None without java or the jars."""
    folder_of_jars = os.environ.get("AFTERBAY_RULER_JARS")
    jars = sorted(map(str, Path(folder_of_jars).glob("*.jar"))) if folder_of_jars else []
    if shutil.which("java") is None or not jars:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="afterbay-bench-") as folder:
        files = [Path(folder, name) for name in ("patterns", "events")]
        files[0].write_text("\n".join(map(json.dumps, wanted)), encoding="utf-8")
        files[1].write_bytes(b"\n".join(events))
        source = Path(__file__).parent / "java" / "RulerRate.java"
        command = ["java", "-cp", os.pathsep.join(jars), str(source), *map(str, files)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as engine:
            questions, answers = engine.stdin, engine.stdout
            assert questions is not None
            assert answers is not None

            def measure(seconds: float) -> float:
                print(round(seconds * 1000), file=questions, flush=True)
                return float(answers.readline().split()[0])

            fastest = 0.0
            for _ in range(WARM_UPS_MAX):
                now = measure(WARM_UP_S)
                if now < fastest * WARM_GAIN_MIN:
                    break
                fastest = max(fastest, now)
            yield measure
            questions.close()


def in_turn(rates: dict[str, Rate | None]) -> dict[str, float | None]:
    """The median of each, round by round, so that what else the machine does meets all of them."""
    seen: dict[str, list[float]] = {name: [] for name in rates}
    for _ in range(ROUNDS):
        for name, rate in rates.items():
            if rate is not None:
                seen[name].append(rate(ROUND_S))
    return {name: median(values) if values else None for name, values in seen.items()}


def _suffix(count: int, share: int) -> str:
    return ("" if count == 1 else f"_{count}") + ("" if share == SHARES[0] else f"_1_in_{share}")


def _cases() -> Iterator[tuple[str, int, list[dict[str, Any]], list[dict[str, Any]], int]]:
    for share in SHARES:
        records = [record(number, share) for number in range(RECORDS)]
        for count in COUNTS:
            yield _suffix(count, share), count, patterns(count), records, share


def _rate_of(match: Callable[[Any], object] | None, events: Sequence[Any]) -> Rate | None:
    return None if match is None else rate_of(match, events)


def _run_dicts() -> list[Result]:
    results: list[Result] = []
    for suffix, _, wanted, records, _ in _cases():
        got = in_turn({"ours": rate_of(ours(wanted), records), "moto": _rate_of(moto(wanted), records)})
        own = got["ours"] or 0.0
        name = f"pattern_dict{suffix}"
        results.append(
            Result(
                name,
                own,
                "records/s",
                Better.HIGHER,
                Peer("moto", got["moto"]),
                Budget(MOTO_RATIO_MIN, of_ratio=True),
            )
        )
        if name == "pattern_dict":
            results.append(
                Result("pattern_dict_us", 1e6 / own, "us a record", Better.LOWER, budget=Budget(DICT_US_MAX))
            )
    return results


def _run_bytes() -> list[Result]:
    results: list[Result] = []
    for suffix, _, wanted, records, share in _cases():
        texts = [json.dumps(one, separators=(",", ":")).encode() for one in records]
        with ExitStack() as up:
            got = in_turn(
                {
                    "ours": rate_of(ours(wanted), texts),
                    "moto": _rate_of(moto(wanted), texts),
                    "event_ruler": _rate_of(event_ruler(wanted), texts),
                    "java": up.enter_context(java(wanted, texts)),
                }
            )
        own = got["ours"] or 0.0
        java_budget = Budget(JAVA_RATIO_MIN[share], of_ratio=True)
        for name, peer, budget in (
            ("pattern_bytes", Peer("moto, after json.loads", got["moto"]), None),
            ("pattern_bytes_event_ruler", Peer("event_ruler (PyPI)", got["event_ruler"]), None),
            ("pattern_bytes_java", Peer("AWS's engine in Java", got["java"]), java_budget),
        ):
            results.append(Result(f"{name}{suffix}", own, "records/s", Better.HIGHER, peer, budget))
    return results


def _names(*figures: str) -> tuple[str, ...]:
    return tuple(f"{figure}{_suffix(count, share)}" for figure in figures for share in SHARES for count in COUNTS)


DICTS = Benchmark((*_names("pattern_dict"), "pattern_dict_us"), _run_dicts)
BYTES = Benchmark(_names("pattern_bytes", "pattern_bytes_java", "pattern_bytes_event_ruler"), _run_bytes)
