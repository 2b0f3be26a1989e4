"""A plan says of every letter what would be done, what the guard would say, and what is lost (E17, E18)."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import msgspec
import pytest

from afterbay.core.change.raw import RawRecord
from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.value import canonical
from afterbay.errors import SettingsError
from afterbay.redrive.bodies import Bodies, BodiesFrom
from afterbay.redrive.letter import DeadLetter, QueuePlace, read_letter
from afterbay.redrive.owner import Form, Owner
from afterbay.redrive.plan import FORMAT, VERSION, Plan, PlannedLetter, Wanted, read_plan, write_plan
from afterbay.redrive.planning import Asked, plan_letter
from afterbay.redrive.report import plan_lines
from unit.redrive.world import DAY_S, FUNCTION, NOW, URL, document, later, number, record

INTO = "sqlite:///copy.db?table=copy"
OWNER = Owner(function=FUNCTION, batch_size=10, partial=True, filters=("{}",))
LOST = Bodies(lost="trimmed: the stream keeps a record for 24 hours")


def letter(body: object | None = None, **more: object) -> DeadLetter:
    written = document(1, 3, count=3, **more) if body is None else body
    return read_letter(QueuePlace(URL, "one"), json.dumps(written).encode())


def bodies(*records: RawRecord, left_out: tuple[RawRecord, ...] = ()) -> Bodies:
    return Bodies(records, left_out, BodiesFrom.STREAM)


def plan(about: DeadLetter, found: Bodies, asked: Asked | None = None, owner: Owner = OWNER, **more) -> PlannedLetter:
    options = {"now": NOW, "retention_s": DAY_S, **more}
    return plan_letter(about, owner, found, asked or Asked(), **options)


def token(of: RawRecord) -> str:
    return ChangeRecord(of.body).token


def key(of: RawRecord) -> bytes:
    return canonical(ChangeRecord(of.body).keys_typed)


def test_a_letter_goes_through_its_own_function_unless_asked_otherwise():
    told = plan(letter(), bodies(record(1), record(3), left_out=(record(2),)))
    assert told.wanted is Wanted.REDRIVE and told.send is not None
    assert (told.send.function, told.send.batch_size, told.send.partial) == (FUNCTION, 10, True)
    assert [one.sequence_number for one in told.records] == [str(number(1)), str(number(3))]
    assert [one.sequence_number for one in told.left_out] == [str(number(2))]
    assert told.records[0].key == msgspec.Raw(b'{"pk":"k"}') and told.records[0].guard is None


def test_a_poison_record_goes_through_the_function_that_stored_it():
    stored = {"afterbay": "poison", "functionArn": FUNCTION, "record": json.loads(record(3).body)}
    found = Bodies((record(3),), come_from=BodiesFrom.EVENT)
    told = plan(letter(stored), found, owner=Owner(function=FUNCTION))
    assert told.wanted is Wanted.REDRIVE and told.send is not None and told.send.function == FUNCTION
    assert (told.lost, told.time_left_s, told.why) == (None, None, "")


def test_images_are_shown_only_where_they_are_asked_for():
    assert b'"v":"1"' not in msgspec.json.encode(plan(letter(), bodies(record(1))))
    assert b'"v":"1"' in msgspec.json.encode(plan(letter(), bodies(record(1)), Asked(images=True)))


def test_the_guard_is_asked_for_every_record_in_its_turn():
    first, second, other, gone = record(1, "a"), record(2, "a"), record(3, "b"), record(4, "c")
    stored = {key(first): None, key(other): token(record(9, "b")), key(gone): token(gone)}
    told = plan(letter(), bodies(first, second, other, gone), Asked(into=INTO), tokens=stored)
    assert [one.guard for one in told.records] == [
        "would apply",
        "would apply",
        "stale: newer already applied",
        "duplicate",
    ]
    assert told.send is not None and told.send.into == INTO
    assert stored[key(first)] is None, "what the sink holds is not changed by planning"


def test_a_newer_change_of_the_letter_itself_makes_an_older_one_stale():
    told = plan(letter(), bodies(record(2, "a"), record(1, "a")), Asked(into=INTO), tokens={key(record(1, "a")): None})
    assert [one.guard for one in told.records] == ["would apply", "stale: newer already applied"]


def test_a_sink_that_cannot_be_asked_leaves_it_unknown():
    told = plan(letter(), bodies(record(1)), Asked(into=INTO))
    assert [one.guard for one in told.records] == ["unknown"]


def test_lost_records_are_said_to_be_lost_with_what_still_mends_the_sink():
    told = plan(letter(), LOST, Asked(into=INTO), now=later(48))
    assert told.wanted is Wanted.LOST and "trimmed" in told.why
    assert told.repair == f"afterbay verify items --against '{INTO}' --repair --yes"
    assert (told.time_left_s, told.send) == (0.0, None)
    lines = "\n".join(plan_lines(Plan(made_at="now", letters=(told,))))
    assert "trimmed" in lines and str(number(1)) in lines and "verify items" in lines


@pytest.mark.parametrize("into", [None, "postgresql://user:secret@host/db?table=t"])
def test_an_offer_repeats_no_password(into: str | None):
    assert plan(letter(), LOST, Asked(into=into)).repair == "afterbay verify items --against SINK --repair --yes"


def test_bodies_that_were_kept_make_a_trimmed_letter_whole():
    kept = Bodies((record(1),), (), BodiesFrom.ARCHIVE, "trimmed")
    told = plan(letter(), kept, now=later(48))
    assert told.wanted is Wanted.REDRIVE and told.bodies_from is BodiesFrom.ARCHIVE and told.lost == "trimmed"
    assert "archive" in told.why


def test_the_time_left_counts_from_the_first_record():
    told = plan(letter(), bodies(record(1)))
    assert told.time_left_s == DAY_S - 2 * 3600 + 5 and told.trimmed_at == "2026-01-02T00:00:05Z"
    kinesis = plan(letter(), bodies(record(1)), retention_s=7 * DAY_S)
    assert kinesis.time_left_s == 7 * DAY_S - 2 * 3600 + 5


def test_unknown_letters_are_left_alone():
    told = plan(letter({"Records": []}), Bodies(), Asked(into=INTO), Owner(found=False))
    assert told.wanted is Wanted.UNKNOWN and told.why and told.send is None


@pytest.mark.parametrize(
    ("owner", "found", "why"),
    [
        (Owner(why="the target of pipe p is no function"), bodies(record(1)), "is no function; give --into SINK"),
        (Owner(function=FUNCTION, hidden_filters=True), bodies(record(1)), "encrypted"),
        (OWNER, Bodies(unreadable="Records[0]: missing"), "cannot be read"),
    ],
)
def test_what_cannot_be_sent_is_held_with_the_reason(owner: Owner, found: Bodies, why: str):
    told = plan(letter(), found, owner=owner)
    assert told.wanted is Wanted.HELD and why in told.why and told.send is None


def test_the_final_invocation_of_a_window_had_no_records():
    written = document(1, 1)
    info = dict(written["DDBStreamBatchInfo"])  # type: ignore[call-overload]
    del info["startSequenceNumber"], info["endSequenceNumber"]
    told = plan(letter({**written, "DDBStreamBatchInfo": info}), Bodies(lost="no records"))
    assert told.wanted is Wanted.HELD and "final invocation" in told.why


def test_another_function_is_asked_as_a_mapping_asks_and_may_name_failures():
    told = plan(letter(), bodies(record(1)), Asked(function="mended"), Owner(form=Form.ARRAY, function=FUNCTION))
    assert told.send is not None
    assert (told.send.function, told.send.form, told.send.partial) == ("mended", Form.RECORDS, None)


@pytest.mark.parametrize("name", ["projector", FUNCTION])
def test_the_letters_own_function_by_name_is_asked_as_its_mapping_asks(name: str):
    told = plan(letter(), bodies(record(1)), Asked(function=name))
    assert told.send is not None and (told.send.function, told.send.partial) == (name, True)


def test_a_mapping_that_is_gone_is_told():
    told = plan(letter(), bodies(record(1)), owner=Owner(found=False, function=FUNCTION))
    assert told.wanted is Wanted.REDRIVE and "its mapping is gone" in told.why
    assert told.why == "its mapping is gone, or one of `afterbay run` (--mappings FILE): no filter of it is applied"


def test_a_record_that_no_sink_can_take_is_poison_in_the_plan():
    broken = RawRecord(b'{"detail": {}}', 7, record(1).key, 0.0, "event")
    told = plan(letter(), bodies(broken), Asked(into=INTO), tokens={})
    assert (told.records[0].guard or "").startswith("poison")


# The file


def test_a_plan_is_read_back_as_it_was_and_is_its_owners_alone(tmp_path: Path):
    file = tmp_path / "plan.json"
    file.write_text("before")
    file.chmod(0o644)
    made = Plan(
        made_at="2026-01-01T02:00:00Z",
        archive="bodies",
        letters=(
            plan(letter(), bodies(record(1), left_out=(record(2),)), Asked(into=INTO, images=True), tokens={}),
            plan(letter(), LOST),
            plan(letter({"x": 1}), Bodies()),
        ),
    )
    write_plan(made, file)
    back = read_plan(file)
    assert json.loads(msgspec.json.encode(back)) == json.loads(msgspec.json.encode(made))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = json.loads(file.read_text())
    assert (text["format"], text["version"]) == (FORMAT, VERSION)
    assert text["letters"][0]["records"][0]["key"] == {"pk": "k"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is no plan"),
        ("[]", "is no plan"),
        ("{}", "is no plan of a redrive"),
        (json.dumps({"format": FORMAT, "version": 99}), "version 99"),
        (json.dumps({"format": FORMAT, "version": VERSION}), "made_at"),
        (json.dumps({"format": FORMAT, "version": VERSION, "made_at": "x", "letters": [{}]}), "is no plan"),
        (
            json.dumps(
                {
                    "format": FORMAT,
                    "version": VERSION,
                    "made_at": "x",
                    "letters": [{"place": {"queue": "q"}, "kind": "mapping", "wanted": "lost"}],
                }
            ),
            "message_id",
        ),
    ],
)
def test_what_is_no_plan_is_refused_with_its_place(tmp_path: Path, text: str, why: str):
    file = tmp_path / "plan.json"
    file.write_text(text)
    with pytest.raises(SettingsError, match=why):
        read_plan(file)


@pytest.mark.parametrize(
    ("edited", "why"),
    [
        ({"first": "abc"}, r"letters\[0\]: first is no sequence number"),
        ({"send": None}, "send names not one of"),
        ({"send": {}}, "send names not one of"),
        ({"send": {"into": INTO, "function": "f"}}, "send names not one of"),
        ({"send": {"into": "nowhere:x"}}, "nowhere"),
        ({"send": {"function": "arn:bad"}}, "is not an ARN"),
    ],
)
def test_a_plan_that_was_edited_into_nonsense_is_refused_before_anything_is_sent(
    tmp_path: Path, edited: dict[str, object], why: str
):
    file = tmp_path / "plan.json"
    write_plan(Plan(made_at="x", letters=(plan(letter(), bodies(record(1)), Asked(into=INTO), tokens={}),)), file)
    text = json.loads(file.read_text())
    text["letters"][0] |= edited
    file.write_text(json.dumps(text))
    with pytest.raises(SettingsError, match=why):
        read_plan(file)


def test_a_plan_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"plan\.json: cannot be read"):
        read_plan(tmp_path / "plan.json")
