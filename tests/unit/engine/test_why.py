"""What the journal's account of a record comes to, in order and in words."""

from __future__ import annotations

import json

from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.mapping.whereabouts import Whereabouts
from afterbay.core.shard.position import Position, ShardId
from afterbay.engine.inquiry import READ_AGAIN_MAX, Question, answer, search
from afterbay.engine.recall import Place
from afterbay.engine.why import RecordStory, Story, as_document, of_mapping, tell
from afterbay.errors import UnavailableError
from afterbay.ports import JournalRow
from afterbay.sources.span import Reread
from afterbay.stores.memory import MemoryStore
from afterbay.telemetry.journal import (
    Answered,
    Entry,
    Lettered,
    LetterStep,
    Lifecycle,
    Lost,
    Passed,
    Read,
    Resting,
    Sent,
    SinkReason,
    Told,
    Verdicts,
    encode,
    pack,
)
from afterbay.telemetry.marks import KeyMarks
from unit.core.mapping.driving import settings

SEED = b"seed" * 8
QUEUE = "arn:aws:sqs:eu-west-1:000000000000:dlq"
SHIPPED = '{"dynamodb": {"NewImage": {"status": {"S": ["SHIPPED"]}}}}'
BASE = 10**20  # sequence numbers have 21 digits and more


def key(name: str) -> bytes:
    return json.dumps({"pk": {"S": name}}, separators=(",", ":")).encode()


class Kept:
    """A journal that is written by hand."""

    def __init__(self, *, in_clear: bool = True) -> None:
        self.store = MemoryStore(SEED)
        self._in_clear = in_clear
        self._at_ms = 1_767_225_600_000

    def row(self, entry: Entry, first: int | None, last: int | None, request: str | None, **home: str) -> None:
        where = {"mapping": "m", "shard": "s"} | home
        self.store.append_journal([JournalRow(where["mapping"], where["shard"], first, last, request, encode(entry))])

    def _ms(self) -> int:
        self._at_ms += 10
        return self._at_ms

    def read(self, *names: str, first: int = 1, filtered: int = 0, **home: str) -> None:
        positions = [BASE + first + index for index in range(len(names))]
        low, high, packed = pack(positions)
        keys = [key(one) for one in names]
        marks = KeyMarks(SEED).of_all(keys)
        entry = Read(
            at_ms=self._ms(),
            positions=packed,
            marks=marks,
            filtered_out=filtered,
            keys=keys if self._in_clear else None,
        )
        self.row(entry, low, high, None, **home)

    def sent(self, *numbers: int, request: str = "r", attempts: int = 0, **home: str) -> None:
        low, high, packed = pack([BASE + one for one in numbers])
        entry = Sent(
            at_ms=self._ms(), lane=0, generation=0, attempts=attempts, positions=packed, why="BatchSize reached"
        )
        self.row(entry, low, high, request, **home)

    def answered(self, first: int, last: int, outcome: str, *, request: str = "r", **more: object) -> None:
        entry = Answered(at_ms=self._ms(), lane=0, outcome=outcome, **more)  # type: ignore[arg-type]
        self.row(entry, BASE + first, BASE + last, request)

    def letter(self, first: int, last: int, step: LetterStep, *, request: str = "r", condition: str) -> None:
        entry = Lettered(
            at_ms=self._ms(), step=step, condition=condition, destination=QUEUE, count=last - first + 1, invoke_count=2
        )
        self.row(entry, BASE + first, BASE + last, request)

    def passed(self, first: int, last: int) -> None:
        self.row(Passed(at_ms=self._ms()), BASE + first, BASE + last, None)

    def loose(self, entry_type: type, request: str | None = None, **members: object) -> None:
        entry = entry_type(at_ms=self._ms(), **members)
        home = {"mapping": "", "shard": ""} if request is not None else {}
        self.row(entry, None, None, request, **home)

    def story(self, text: str, **more: object) -> Story:
        return tell(text, search(self.store, Question(text)), {"m": settings(**more)}, {})

    def one(self, text: str, **more: object) -> RecordStory:
        (one,) = self.story(text, **more).records
        return one


def told(one: RecordStory) -> list[str]:
    return [event.text for event in one.events]


def test_a_record_that_was_delivered() -> None:
    kept = Kept()
    kept.read("a", "b")
    kept.sent(1, 2)
    verdicts = {"copy": {"applied": 1, "duplicate": 1, "stale": 0}}
    kept.loose(Verdicts, "r", records=2, failed=0, sinks=verdicts, reasons=[])
    kept.answered(1, 2, "Delivered")
    kept.passed(1, 2)
    one = kept.one("a")
    assert (one.outcome, one.key, one.sequence_number) == ("delivered", {"pk": {"S": "a"}}, str(BASE + 1))
    assert told(one) == [
        "read from s, with 1 other record(s)",
        "sent to f with 1 other record(s) (BatchSize reached)",
        "of its batch's 2 record(s): copy applied 1, duplicate 1",
        "delivered after 20 ms",
        "its position is saved: no restart reads it again",
    ]
    assert one.events[0].at == "2026-01-01T00:00:00.010Z"


def test_every_attempt_and_the_letter() -> None:
    kept = Kept()
    kept.read("bad")
    kept.sent(1)
    kept.answered(1, 1, "Failed", reason="function error", error_type="ValueError", error_message="poison")
    kept.row(Resting(at_ms=kept._ms(), lane=0, delay_s=0.25), BASE + 1, BASE + 1, "r")
    kept.sent(1, attempts=1)
    kept.answered(1, 1, "NotReached", reason="throttled")
    for step in LetterStep:
        kept.letter(1, 1, step, condition="RetryAttemptsExhausted")
    kept.passed(1, 1)
    one = kept.one("bad")
    assert one.outcome == "discarded"
    assert told(one)[2:6] == [
        "failed after 10 ms: function error; ValueError: poison",
        "its batch rests for about 0.25 s",
        "sent to f alone (BatchSize reached, attempt 2)",
        "not reached after 10 ms: throttled",
    ]
    assert told(one)[6] == (
        f"given up: RetryAttemptsExhausted after 2 attempt(s); the letter names 1 record(s) and goes to {QUEUE}"
    )
    assert f"its dead letter is at {QUEUE}" in told(one)


def test_what_an_operator_skipped_is_called_so() -> None:
    kept = Kept()
    kept.read("a")
    kept.loose(Lifecycle, event="SkipRequested", detail="through 1")
    kept.letter(1, 1, LetterStep.ASKED, condition="SkippedByOperator")
    one = kept.one("a")
    assert one.outcome == "skipped" and "somebody asked the mapping: SkipRequested through 1" in told(one)


def test_part_of_a_batch_failed_and_the_other_did_not() -> None:
    kept = Kept()
    kept.read("good", "bad")
    kept.sent(1, 2)
    kept.answered(1, 2, "FailedFrom", failed_from=str(BASE + 2))
    assert kept.one("good").outcome == "delivered"
    assert told(kept.one("good"))[-1] == "delivered after 10 ms; other records of its batch failed"
    assert kept.one("bad").outcome == "waiting"
    assert told(kept.one("bad"))[-1] == f"failed after 10 ms: the answer goes on from {BASE + 2}"


def test_a_pipes_stage_is_named() -> None:
    kept = Kept()
    kept.read("a", "b")
    kept.sent(1, 2)
    kept.answered(1, 2, "FailedSome", failed_some=[str(BASE + 2)], error_type="target: invocation partly failed")
    assert kept.one("a").outcome == "delivered"
    pipe = "arn:aws:pipes:eu-west-1:000000000000:pipe/orders"
    one = kept.one("b", function_arn=pipe)
    assert told(one)[-2:] == [
        "sent to pipe orders with 1 other record(s) (BatchSize reached)",
        "failed after 10 ms: target: invocation partly failed",
    ]


def test_a_letter_of_a_batch_that_was_never_sent_is_not_told_of_another_lanes_record() -> None:
    kept = Kept()
    kept.read("a", "mine", "b")
    kept.sent(2, request="own")
    kept.answered(2, 2, "Delivered", request="own")
    kept.letter(1, 3, LetterStep.ASKED, request="never sent", condition="RecordAgeExceeded")
    assert kept.one("mine").outcome == "delivered" and "given up" not in " ".join(told(kept.one("mine")))
    assert kept.one("a").outcome == "discarded"


def test_what_was_dropped_without_a_destination() -> None:
    kept = Kept()
    kept.read("a")
    kept.row(Told(at_ms=kept._ms(), notice="DROPPED", detail="1 record(s)"), BASE + 1, BASE + 1, None)
    assert kept.one("a").outcome == "dropped"


def test_what_failed_until_its_stream_dropped_it_does_not_wait_any_more() -> None:
    """R51; a shard of which something was trimmed unread says nothing of a record that was read."""
    kept = Kept()
    kept.read("a", "b")
    kept.sent(1, 2)
    kept.answered(1, 2, "Failed")
    kept.loose(Told, notice="TRIMMED", detail="nothing behind the starting position")
    assert kept.one("a").outcome == "waiting"
    kept.row(Told(at_ms=kept._ms(), notice="TRIMMED", detail="1 record(s)"), BASE + 1, BASE + 1, None)
    kept.sent(2, request="rest")
    kept.answered(2, 2, "Delivered", request="rest")
    assert (kept.one("a").outcome, kept.one("b").outcome) == ("trimmed", "delivered")


def test_what_befell_the_mapping_is_told_while_the_record_was_on_its_way() -> None:
    kept = Kept()
    kept.loose(Lifecycle, event="Created")
    kept.read("a")
    kept.loose(Lifecycle, event="DisableRequested")
    kept.loose(Lost, rows=3)
    kept.passed(1, 1)
    kept.loose(Lifecycle, event="EnableRequested")
    texts = " ".join(told(kept.one("a")))
    assert "DisableRequested" in texts and "3 row(s)" in texts
    assert "Created" not in texts and "EnableRequested" not in texts


def test_why_a_sink_failed() -> None:
    kept = Kept()
    kept.read("a")
    kept.sent(1)
    reason = SinkReason(sink="copy", kind="poison", reason="no number", records=1)
    kept.loose(Verdicts, "r", records=1, failed=1, sinks={"copy": {"applied": 0, "poison": 1}}, reasons=[reason])
    assert told(kept.one("a"))[-1] == "of its batch's 1 record(s): copy poison 1; copy poison: no number"


def test_where_it_waits_is_the_answer_while_it_waits() -> None:
    kept = Kept()
    kept.read("a")
    place = Place("m", ShardId("s"), Position(BASE + 1), key("a"))
    waits = Whereabouts(0, "resting", 1, 4, "1 record(s)", "waits in lane 0 behind 1 record(s)")
    (one,) = tell("a", search(kept.store, Question("a")), {}, {place: waits}).records
    assert (one.outcome, one.summary, one.waits) == ("read", waits.text, waits)
    assert one.function is None and told(one) == ["read from s"]


def test_a_key_is_found_by_its_name_its_whole_and_a_record_by_its_number() -> None:
    kept = Kept()
    kept.read("a#b", "c")
    for text in ("a#b", '{"pk": {"S": "a#b"}}', str(BASE + 1)):
        assert kept.one(text).sequence_number == str(BASE + 1)
    assert kept.story("nobody").records == ()
    by_key = search(kept.store, Question(str(BASE + 1), by_key=True))
    assert by_key.places == (), "asked for as a key, it is none"


def test_marks_are_found_by_the_names_of_key_attributes() -> None:
    kept = Kept(in_clear=False)
    kept.read("a")
    assert kept.story("a").records == ()
    found = search(kept.store, Question("a", schemas=((("id", None),), (("pk", None),))))
    (one,) = tell("a", found, {}, {}).records
    assert one.key is None and one.sequence_number == str(BASE + 1)


def test_one_mappings_part_is_named_by_uuid_function_or_pipe() -> None:
    kept = Kept()
    kept.read("a")
    kept.read("a", mapping="other")
    whole = kept.story("a")
    assert len(whole.records) == 2
    for name in ("m", "f", settings().function_arn):
        assert [one.mapping for one in of_mapping(whole, name).records] == ["m"]
    assert [one.mapping for one in of_mapping(whole, "other").records] == ["other"]
    assert of_mapping(whole, "nobody").records == ()


def body(status: str) -> bytes:
    record = {"dynamodb": {"Keys": {"pk": {"S": "a"}}, "NewImage": {"status": {"S": status}}}}
    return json.dumps(record).encode()


async def asked(kept: Kept, again: Reread | Exception, *, images: bool = False, **more: object) -> RecordStory:
    async def fetch(settings: object, shard: ShardId, position: Position) -> Reread:
        if isinstance(again, Exception):
            raise again
        return again

    question = Question(str(BASE + 1), images=images)
    story = await answer(question, search(kept.store, question), {"m": settings(**more)}, {}, fetch)
    (one,) = story.records
    return one


def found(status: str) -> Reread:
    return Reread((RawRecord(body(status), BASE + 1, ItemKey(b"k"), 0.0, "INSERT"),))


async def test_what_a_filter_left_out_says_which_condition() -> None:
    kept = Kept(in_clear=False)
    kept.read("a", filtered=1)
    kept.passed(1, 1)
    one = await asked(kept, found("PENDING"), filters=(SHIPPED,))
    assert one.outcome == "filtered" and one.key == {"pk": {"S": "a"}} and one.record is None
    assert one.summary == 'left out by filter 1: dynamodb.NewImage.status.S was "PENDING", wanted "SHIPPED"'
    assert [verdict.matched for verdict in one.filters] == [False]


async def test_it_is_known_to_be_left_out_before_its_position_is_saved() -> None:
    kept = Kept()
    kept.read("a", filtered=1)
    assert (await asked(kept, found("PENDING"), filters=(SHIPPED,))).outcome == "filtered"
    assert (await asked(kept, found("SHIPPED"), filters=(SHIPPED,))).outcome == "read"


async def test_a_record_that_passes_the_filters_was_finished_before() -> None:
    kept = Kept()
    kept.read("a")
    kept.passed(1, 1)
    one = await asked(kept, found("SHIPPED"), filters=(SHIPPED,))
    assert one.summary.startswith("the filters let it pass: an earlier run had finished it")


async def test_what_cannot_be_read_again_is_told_as_lost() -> None:
    kept = Kept()
    kept.read("a")
    kept.passed(1, 1)
    assert (await asked(kept, Reread((), lost="trimmed"), filters=(SHIPPED,))).lost == "trimmed"
    assert "down" in ((await asked(kept, UnavailableError("down", code="X"), filters=(SHIPPED,))).lost or "")
    assert (await asked(kept, Reread(()))).lost == "the stream has no record of this number"


async def test_images_are_there_only_when_they_are_asked_for() -> None:
    kept = Kept()
    kept.read("a")
    kept.sent(1)
    kept.answered(1, 1, "Delivered")
    assert (await asked(kept, AssertionError("not read again"))).record is None  # type: ignore[arg-type]
    one = await asked(kept, found("SHIPPED"), images=True)
    assert one.record == json.loads(body("SHIPPED")) and one.outcome == "delivered"


async def test_only_so_many_records_are_read_again_for_one_question() -> None:
    kept = Kept(in_clear=False)
    for number in range(1, READ_AGAIN_MAX + 3):
        kept.read("a", first=number)
    calls: list[Position] = []

    async def fetch(settings: object, shard: ShardId, position: Position) -> Reread:
        calls.append(position)
        return Reread((), lost="trimmed")

    question = Question('{"pk": {"S": "a"}}')
    story = await answer(question, search(kept.store, question), {"m": settings()}, {}, fetch)
    assert len(story.records) == READ_AGAIN_MAX + 2 and len(calls) == READ_AGAIN_MAX


def test_the_document_has_a_happenings_members_beside_its_line() -> None:
    kept = Kept()
    kept.read("a")
    kept.sent(1)
    kept.answered(1, 1, "Failed", reason="function error", error_type="ValueError", error_message="poison")
    document = as_document(kept.story("a"))
    (record,) = json.loads(json.dumps(document))["records"]
    assert record["outcome"] == "waiting" and record["filters"] == [] and record["waits"] is None
    assert record["events"][-1]["error_message"] == "poison" and record["events"][-1]["duration_ms"] == 10
    assert [one["what"] for one in record["events"]] == ["read", "sent", "answered"]
