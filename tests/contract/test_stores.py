"""Every store keeps the same promises: positions, the outbox, each letter once, and a bounded journal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest

from afterbay.core.mapping.checkpoint import SavedShard
from afterbay.core.mapping.deadletter import Condition, Letter
from afterbay.core.mapping.outcome import ResponseContext
from afterbay.core.shard.position import After, AtTime, Position, ShardEnd, ShardId, TrimHorizon
from afterbay.ports import CheckpointStore, JournalRow, JournalStore
from afterbay.stores.journal_rows import JournalTable
from afterbay.stores.memory import MemoryStore
from afterbay.stores.sqlite import SqliteStore

ONE = ShardId("shardId-00000001573061021862-1573061a")
TWO = ShardId("shardId-00000001573061021863-1573061b")
BIG = Position(10**39 + 7)  # 40 digits (S46): no integer column holds it


class Store(CheckpointStore, JournalStore, Protocol):
    """What an engine keeps its state in."""


def a_letter(request_id: str = "r1", *, mapping: str = "m", last: int = BIG, event: bytes = b"") -> Letter:
    return Letter(
        mapping=mapping,
        shard=ONE,
        request_id=request_id,
        destination="arn:aws:sqs:us-east-1:000000000000:letters",
        function_arn="arn:aws:lambda:us-east-1:000000000000:function:f",
        stream_arn="arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-01-01T00:00:00.000",
        condition=Condition.RETRY_ATTEMPTS_EXHAUSTED,
        invoke_count=3,
        first=Position(10**20),
        last=Position(last),
        first_created_s=1789649451.0,
        last_created_s=1789649452.0,
        count=2,
        response=ResponseContext("$LATEST", "Unhandled"),
        event=event,
    )


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    makers: dict[str, Callable[[], Store]] = {
        "memory": lambda: MemoryStore(b"seed" * 8),
        "sqlite": lambda: SqliteStore(tmp_path / "state"),
    }
    made = makers[request.param]()
    yield made
    made.close()


@pytest.fixture(params=["memory", "sqlite"])
def small_journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Five rows or 1,000 bytes."""
    makers: dict[str, Callable[[], Store]] = {
        "memory": lambda: MemoryStore(b"seed" * 8, journal_rows_max=5, journal_bytes_max=1_000),
        "sqlite": lambda: SqliteStore(tmp_path / "state", journal=JournalTable(rows_max=5, bytes_max=1_000)),
    }
    made = makers[request.param]()
    yield made
    made.close()


@pytest.mark.parametrize(
    "at",
    [TrimHorizon(), AtTime(datetime(2026, 9, 17, 12, 30, 51, 123456, UTC)), After(BIG), ShardEnd()],
    ids=lambda at: type(at).__name__,
)
def test_a_saved_shard_comes_back_as_it_was(
    store: CheckpointStore, at: TrimHorizon | AtTime | After | ShardEnd
) -> None:
    epoch = "2026-01-01T00:00:00.000"
    lanes = (Position(0), Position(10**27 + 1))
    saved = SavedShard(ONE, at, parents=(TWO, ShardId("p")), epoch=epoch, window=b'{"n":\xff1}', lanes=lanes)
    store.save("m", [saved])
    assert store.load("m") == (saved,)


def test_a_save_replaces_its_rows_removes_those_to_forget_and_leaves_the_others(store: CheckpointStore) -> None:
    store.save("m", [SavedShard(ONE, TrimHorizon()), SavedShard(TWO, TrimHorizon())])
    store.save("m", [SavedShard(TWO, After(Position(5)))])
    assert store.load("m") == (SavedShard(ONE, TrimHorizon()), SavedShard(TWO, After(Position(5))))
    store.save("m", [], forget=[ONE])
    assert store.load("m") == (SavedShard(TWO, After(Position(5))),)


def test_mappings_do_not_see_each_other(store: CheckpointStore) -> None:
    store.save("m", [SavedShard(ONE, TrimHorizon())])
    store.save("n", [SavedShard(ONE, ShardEnd())])
    store.delete("m")
    assert store.load("m") == ()
    assert store.load("n") == (SavedShard(ONE, ShardEnd()),)


def test_a_letter_comes_back_as_it_was(store: CheckpointStore) -> None:
    letter = a_letter(event=b'{"Records":[{"eventID":"1"},{"eventID":"2"}]}')
    assert store.store_letter(letter, outbox_max=1)
    (entry,) = store.outbox(limit=10)
    assert (entry.letter, entry.tries, entry.last_error) == (letter, 0, None)


def test_a_letter_is_kept_once(store: CheckpointStore) -> None:
    for _ in range(2):
        assert store.store_letter(a_letter(), outbox_max=1)
    assert len(store.outbox(limit=10)) == 1


def test_the_same_batch_discarded_further_is_another_letter(store: CheckpointStore) -> None:
    """A batch that was cut again after a crash has its id again, and more of it may be too old."""
    for last in (5, 7, 5):
        assert store.store_letter(a_letter(last=last), outbox_max=10)
    assert [entry.letter.last for entry in store.outbox(limit=10)] == [5, 7]
    store.letter_sent(store.outbox(limit=1)[0].number)
    assert store.store_letter(a_letter(last=5), outbox_max=10)
    assert [entry.letter.last for entry in store.outbox(limit=10)] == [7], "what was sent is remembered as well"


def test_the_same_request_id_in_another_mapping_is_another_letter(store: CheckpointStore) -> None:
    store.store_letter(a_letter(mapping="m"), outbox_max=10)
    store.store_letter(a_letter(mapping="n"), outbox_max=10)
    assert [entry.letter.mapping for entry in store.outbox(limit=10)] == ["m", "n"]


def test_a_full_outbox_takes_no_new_letter_but_knows_the_old_ones(store: CheckpointStore) -> None:
    assert store.store_letter(a_letter("r1"), outbox_max=2)
    assert store.store_letter(a_letter("r2"), outbox_max=2)
    assert not store.store_letter(a_letter("r3"), outbox_max=2)
    assert store.store_letter(a_letter("r1"), outbox_max=2)
    store.letter_sent(store.outbox(limit=1)[0].number)
    assert store.store_letter(a_letter("r3"), outbox_max=2)


def test_a_replay_does_not_bring_back_a_letter_that_was_sent(store: CheckpointStore) -> None:
    store.store_letter(a_letter(), outbox_max=10)
    store.letter_sent(store.outbox(limit=1)[0].number)
    store.save("m", [SavedShard(ONE, After(Position(BIG - 1)))])  # another lane's progress: not past the letter
    assert store.store_letter(a_letter(), outbox_max=10)
    assert store.outbox(limit=10) == ()


@pytest.mark.parametrize("at", [After(BIG), ShardEnd()], ids=["passed", "shard end"])
def test_a_sent_letter_is_forgotten_once_its_checkpoint_has_passed_it(
    store: CheckpointStore, at: After | ShardEnd
) -> None:
    store.store_letter(a_letter(), outbox_max=10)
    store.letter_sent(store.outbox(limit=1)[0].number)
    store.save("m", [SavedShard(ONE, at)])
    store.store_letter(a_letter(), outbox_max=10)
    assert len(store.outbox(limit=10)) == 1, "it is remembered no longer, so it counts as new"


def test_letters_outlive_the_positions_of_their_mapping(store: CheckpointStore) -> None:
    store.save("m", [SavedShard(ONE, After(BIG))])
    store.store_letter(a_letter(), outbox_max=10)
    store.delete("m")
    assert [entry.letter for entry in store.outbox(limit=10)] == [a_letter()]


def test_a_letter_that_failed_waits_behind_the_others_and_says_why(store: CheckpointStore) -> None:
    for name in ("r1", "r2"):
        store.store_letter(a_letter(name), outbox_max=10)
    store.letter_failed(store.outbox(limit=1)[0].number, "no such queue")
    behind = store.outbox(limit=10)
    assert [(entry.letter.request_id, entry.tries, entry.last_error) for entry in behind] == [
        ("r2", 0, None),
        ("r1", 1, "no such queue"),
    ]
    assert store.outbox(limit=1) == behind[:1]


def test_a_number_that_is_gone_changes_nothing(store: CheckpointStore) -> None:
    store.store_letter(a_letter(), outbox_max=10)
    (entry,) = store.outbox(limit=1)
    store.letter_sent(entry.number)
    store.letter_sent(entry.number)
    store.letter_failed(entry.number, "late")
    assert store.outbox(limit=10) == ()


def test_the_seed_stays(store: CheckpointStore) -> None:
    assert len(store.seed()) == 32
    assert store.seed() == store.seed()


def test_many_threads_may_call(store: CheckpointStore) -> None:
    start = threading.Barrier(4)

    def work(name: str) -> None:
        start.wait()
        for number in range(20):
            store.save(name, [SavedShard(ONE, After(Position(number)))])
            store.store_letter(a_letter(f"{number}", mapping=name), outbox_max=100)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(store.load(name) == (SavedShard(ONE, After(Position(19))),) for name in "abcd")
    assert len(store.outbox(limit=100)) == 80


# ---- the journal


def a_row(first: int | None, last: int | None, *, shard: str = ONE, request_id: str | None = None) -> JournalRow:
    return JournalRow("m", shard, first, last, request_id, b"body of %d" % (first or 0))


def found(rows: list[tuple[int, JournalRow]]) -> list[JournalRow]:
    numbers = [number for number, _ in rows]
    assert numbers == sorted(set(numbers))
    return [row for _, row in rows]


def test_journal_rows_come_back_as_they_were_by_a_position_of_their_range(store: Store) -> None:
    rows = [a_row(10**20, BIG), a_row(5, 9), a_row(5, 9, shard=TWO), a_row(None, None)]
    store.append_journal(rows)
    assert found(store.journal_at([10**21], None)) == [rows[0]]
    assert found(store.journal_at([BIG], ONE)) == found(store.journal_at([10**20], ONE)) == [rows[0]]
    assert found(store.journal_at([BIG + 1], None)) == found(store.journal_at([10], None)) == []
    assert found(store.journal_at([7], None)) == rows[1:3]
    assert found(store.journal_at([7], TWO)) == [rows[2]]
    assert found(store.journal_at([BIG, 4, 9], None)) == rows[:3]
    assert found(store.journal_at([4, 10, 10**19], None)) == found(store.journal_at([], None)) == []


def test_a_journal_row_of_the_longest_position_comes_back(store: Store) -> None:
    longest = 10**57 - 1
    store.append_journal([a_row(longest - 1, longest)])
    assert found(store.journal_at([longest], ONE)) == [a_row(longest - 1, longest)]
    assert found(store.journal_at([longest - 2], ONE)) == []


def test_journal_rows_are_found_by_content_request_and_shard(store: Store) -> None:
    rows = [
        a_row(1, 1, request_id="r1"),
        JournalRow("", "", None, None, "r1", b"\x00verdicts"),
        a_row(None, None),
        JournalRow("m", "", None, None, None, b"the mapping's"),
        JournalRow("n", TWO, None, None, None, b"another's"),
    ]
    store.append_journal(rows[:2])
    store.append_journal(rows[2:])
    assert found(store.journal_holding(b"\x00verd")) == [rows[1]]
    assert found(store.journal_of_requests(["r1", "r2"])) == rows[:2]
    assert found(store.journal_of_requests([])) == []
    assert found(store.journal_of_shard("m", ONE)) == rows[2:4]
    assert found(store.journal_of_shard(None, TWO)) == rows[3:]
    assert found(store.journal_of_shard(None, None)) == rows[2:]


def test_the_oldest_journal_rows_go_beyond_a_count(small_journal: Store) -> None:
    for number in range(1, 8):
        small_journal.append_journal([a_row(number, number)])
    assert [row.first for row in found(small_journal.journal_holding(b""))] == [3, 4, 5, 6, 7]
    small_journal.append_journal([a_row(number, number) for number in range(8, 20)])
    assert [row.first for row in found(small_journal.journal_holding(b""))] == [15, 16, 17, 18, 19]


def test_the_oldest_journal_rows_go_beyond_a_size(small_journal: Store) -> None:
    small_journal.append_journal([a_row(1, 1), a_row(2, 2)])
    small_journal.append_journal([JournalRow("m", ONE, 3, 3, None, b"x" * 985)])
    assert [row.first for row in found(small_journal.journal_holding(b""))] == [2, 3]
    small_journal.append_journal([JournalRow("m", ONE, 4, 4, None, b"x" * 1001)])
    assert small_journal.journal_holding(b"") == [], "what is larger than the whole journal is not kept"
    small_journal.append_journal([a_row(5, 5)])
    assert [row.first for row in found(small_journal.journal_holding(b""))] == [5]


def test_the_journal_is_written_beside_positions_from_other_threads(store: Store) -> None:
    start = threading.Barrier(3)

    def journal() -> None:
        start.wait()
        for number in range(50):
            store.append_journal([a_row(number, number)] * 5)

    def save() -> None:
        start.wait()
        for number in range(50):
            store.save("m", [SavedShard(ONE, After(Position(number)))])

    def look() -> None:
        start.wait()
        for _ in range(20):
            assert len(store.journal_holding(b"")) % 5 == 0, "a piece is there whole, or not at all"

    threads = [threading.Thread(target=work) for work in (journal, save, look)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.journal_holding(b"")) == 250
    assert store.load("m") == (SavedShard(ONE, After(Position(49))),)
