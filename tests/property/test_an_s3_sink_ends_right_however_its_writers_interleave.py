"""Writers to one item in one bucket, every call of theirs at a moment that a seed chooses, replies lost among them.

The bucket is a plain one in memory with S3's conditions and ETags, which are of the content alone: two tombstones look
the same, and so do two items of one content.
"""

from __future__ import annotations

import hashlib
import io
import queue
import random
import threading

from botocore.exceptions import ClientError, ConnectionClosedError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from afterbay.core.guard import Kind
from afterbay.sinks.bucket_state import BucketStateSink
from afterbay.sinks.options import Expiry, SinkOptions
from contract.histories import KEYS, History
from contract.sink_suite import kinds, live

KEY = KEYS[2]
LOST = 0.08
"""How often a call is lost, before the server acts or after."""

TURN = 0.2
"""How often the urgency of one writer changes."""


class Turns:
    """Threads of which one goes on at a time, from call to call, in an order that ``rng`` says.

    The most urgent one goes on for as long as it is: so some stand still while others do a lot, which is what races are
    made of. Evenly mixed turns find few of them.
    """

    def __init__(self, rng: random.Random, count: int):
        self.rng, self.count = rng, count
        self.urgency = [rng.random() for _ in range(count)]
        self.came: queue.Queue[tuple[int, bool]] = queue.Queue()
        self.go = [threading.Semaphore(0) for _ in range(count)]

    def wait(self, number: int) -> None:
        self.came.put((number, True))
        self.go[number].acquire()

    def run(self, work) -> None:
        def one(number: int) -> None:
            try:
                work(number)
            except BaseException as error:  # noqa: BLE001 - shown by the test's own thread
                errors.append(error)
            finally:
                self.came.put((number, False))

        errors: list[BaseException] = []
        threads = [threading.Thread(target=one, args=(number,)) for number in range(self.count)]
        for thread in threads:
            thread.start()
        waiting: list[int] = []
        running = self.count
        while running or waiting:
            if running:
                number, waits = self.came.get()
                running -= 1
                if waits:
                    waiting.append(number)
                continue
            if self.rng.random() < TURN:
                self.urgency[self.rng.randrange(self.count)] = self.rng.random()
            chosen = max(sorted(waiting), key=self.urgency.__getitem__)
            waiting.remove(chosen)
            self.go[chosen].release()
            running = 1
        for thread in threads:
            thread.join()
        assert not errors, errors


class MemoryBucket:
    """As much of S3 as the sink uses."""

    def __init__(self):
        self.objects: dict[str, tuple[bytes, dict]] = {}

    def etag(self, key: str) -> str | None:
        return f'"{hashlib.md5(self.objects[key][0]).hexdigest()}"' if key in self.objects else None

    def check(self, request: dict) -> None:
        etag = self.etag(request["Key"])
        if (request.get("IfNoneMatch") and etag) or request.get("IfMatch", etag) != etag:
            raise refusal("PreconditionFailed", 412)


class Client:
    """One writer's calls to the bucket; ``turns`` None: they are made at once and never lost."""

    def __init__(self, bucket: MemoryBucket, number: int = 0, turns: Turns | None = None):
        self.bucket, self.number, self.turns = bucket, number, turns

    def call(self, act):
        if self.turns is None:
            return act()
        self.turns.wait(self.number)
        roll = self.turns.rng.random()
        if roll < LOST / 2:
            raise ConnectionClosedError(endpoint_url="http://bucket")
        answer = act()
        if roll < LOST:
            raise ConnectionClosedError(endpoint_url="http://bucket")
        return answer

    def head_object(self, *, Key, **_):
        def act():
            if Key not in self.bucket.objects:
                raise refusal("404", 404)
            body, metadata = self.bucket.objects[Key]
            return {
                "ContentLength": len(body),
                "Metadata": metadata,
                "ETag": self.bucket.etag(Key),
                "Body": io.BytesIO(body),
            }

        return self.call(act)

    get_object = head_object

    def put_object(self, **request):
        def act():
            self.bucket.check(request)
            self.bucket.objects[request["Key"]] = (request["Body"], request.get("Metadata", {}))

        return self.call(act)

    def delete_object(self, **request):
        def act():
            self.bucket.check(request)
            self.bucket.objects.pop(request["Key"], None)

        return self.call(act)

    def get_paginator(self, _):
        return self

    def paginate(self, *, Prefix, Delimiter="", **_):
        def act():
            return [
                {"Key": key, "Size": len(body)}
                for key, (body, _) in self.bucket.objects.items()
                if key.startswith(Prefix) and not (Delimiter and Delimiter in key[len(Prefix) :])
            ]

        return [{"Contents": self.call(act)}]


def refusal(code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Call")


def sink_of(*client):
    return BucketStateSink("b", "p", client=Client(*client), options=SinkOptions(ttl=Expiry.MIRROR))


def one_item(rng: random.Random) -> History:
    """Of few contents, so that states look alike, and with as many deletions as puts."""
    made = History(rng)
    for _ in range(rng.randrange(4, 9)):
        if KEY in made.items and rng.random() < 0.7:
            made.delete(KEY)
        else:
            made.put(KEY, n={"N": str(rng.randrange(2))})
    return made


def runs_right(seed: int, writers: int) -> None:
    rng = random.Random(seed)
    made, bucket = one_item(rng), MemoryBucket()
    changes = made.changes
    turns = Turns(rng, writers)
    replays = [rng.randrange(1, len(changes)) for _ in range(1, writers)]
    slices = [changes, *(changes[start : start + rng.randrange(1, 3)] for start in replays)]
    size = rng.randrange(1, 3)

    def write(number: int) -> None:
        """The first delivers all, the others again a part of it: who writes last may have nothing new."""
        sink, mine = sink_of(bucket, number, turns), slices[number]
        for start in range(0, len(mine), size):
            while any(kind.failed for kind in kinds(sink, mine[start : start + size])):
                pass

    turns.run(write)
    assert live(sink_of(bucket)) == made.expected()
    sizes = [len(body) for key, (body, _) in bucket.objects.items() if not key.startswith("p/_gone/")]
    assert sum(map(bool, sizes)) == len(made.items), "who reads the bucket without us sees the same"
    assert set(kinds(sink_of(bucket), changes)) <= {Kind.DUPLICATE, Kind.STALE}
    assert live(sink_of(bucket)) == made.expected()


# Each of these ends wrong when one step is left out: the look behind a write, the grave, the mark of who came after a
# tombstone, the token in the body, the condition itself.
@example(807, 2)
@example(130, 3)
@example(131, 4)
@example(881, 4)
@example(293, 4)
@settings(max_examples=150)
@given(st.integers(0, 2**32), st.integers(2, 4))
def test_an_s3_sink_ends_right_however_its_writers_interleave(seed, writers):
    runs_right(seed, writers)
