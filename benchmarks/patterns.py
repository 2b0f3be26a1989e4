"""Event patterns per second, from dicts and from JSON bytes, beside other engines in the same run.

    python benchmarks/patterns.py [--records N] [--seconds S] [--java COMMAND]

Peers take part where they are installed: moto's matcher, the PyPI package ``event_ruler`` (a quamina binding), and
AWS's Java engine through ``--java`` (a command that reads pairs as the recipe's ``event-ruler.sh run --machine`` does).
Records are 1 KB stream records with two images; of them half match the seed's pattern, or one in twenty.
"""

from __future__ import annotations

import argparse
import importlib
import json
import shlex
import subprocess
import time

from afterbay.core.pattern import Pattern, PatternSet

SEED = {"dynamodb": {"NewImage": {"status": {"S": ["SHIPPED"]}}}}
FIVE = [{"dynamodb": {"NewImage": {"status": {"S": [status]}}}} for status in ("SHIPPED", "A", "B", "C", "D")]


def record(number, share):
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


def rate(match, events, seconds):
    """The best of the rounds, so that a neighbour on the machine does not count."""
    best, until = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < until or not best:
        begun = time.perf_counter()
        for event in events:
            match(event)
        best = max(best, len(events) / (time.perf_counter() - begun))
    return best


def many(count):
    return PatternSet(
        Pattern({"dynamodb": {"NewImage": {"pk": {"S": [f"order-{n}"]}, "status": {"S": ["SHIPPED"]}}}})
        for n in range(count)
    )


def peers(share):
    """(name, takes bytes, matcher) of what is installed."""
    try:
        moto = importlib.import_module("moto.events.models").EventPattern.load(json.dumps(SEED))
        yield "moto", False, moto.matches_event
    except ImportError:
        print("moto is not installed")
    try:
        ruler, text = importlib.import_module("event_ruler"), json.dumps(SEED)
        yield "event_ruler (PyPI)", True, lambda data: ruler.test_event_pattern(data.decode(), text)
    except (ImportError, AttributeError) as missing:
        print("event_ruler takes no part:", missing)


def java(command, texts):
    """Records per second of the Java engine and its pipe: a long run less a short one, so without its start."""

    def run(times):
        pattern = json.dumps(SEED)
        pairs = [f'{{"id": 0, "pattern": {pattern}, "event": {json.dumps(text.decode())}}}\n' for text in texts]
        lines = "".join(pairs * times)
        begun = time.perf_counter()
        subprocess.run(shlex.split(command), input=lines.encode(), stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - begun

    return 20 * len(texts) / (run(30) - run(10))


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=int, default=1000)
    options.add_argument("--seconds", type=float, default=1.0)
    options.add_argument("--java")
    chosen = options.parse_args()
    rows = []
    for share in (2, 20):
        dicts = [record(number, share) for number in range(chosen.records)]
        texts = [json.dumps(one, separators=(",", ":")).encode() for one in dicts]
        seed, five = Pattern(SEED), PatternSet(map(Pattern, FIVE))
        for name, match in (
            ("1", seed.matches),
            ("5, any", five.matches),
            ("5, which", five.matching),
            ("100, which", many(100).matching),
            ("1000, which", many(1000).matching),
        ):
            rows.append(
                (f"afterbay, {name}", share, rate(match, dicts, chosen.seconds), rate(match, texts, chosen.seconds))
            )
        for name, takes_bytes, match in peers(share):
            speed = rate(match, texts if takes_bytes else dicts, chosen.seconds)
            rows.append((name, share, 0.0 if takes_bytes else speed, speed if takes_bytes else 0.0))
        if chosen.java:
            rows.append(("event-ruler (Java, with pipe)", share, 0.0, java(chosen.java, texts)))
    print(f"{'engine, patterns':32} {'1 in':>5} {'dicts/s':>12} {'bytes/s':>12}")
    for name, share, on_dicts, on_bytes in rows:
        print(f"{name:32} {share:5} {on_dicts:12,.0f} {on_bytes:12,.0f}")


if __name__ == "__main__":
    main()
