"""Looking at a queue takes nothing away, and shows everything that can be seen."""

from __future__ import annotations

import asyncio

import pytest

from afterbay.errors import ConflictError, SettingsError, UnavailableError
from afterbay.redrive.letter import LetterKind, QueuePlace
from afterbay.redrive.queue import HOLD_S, QueueMailbox
from unit.redrive.world import NOW, URL, Sqs, document


def filled(letters: int, **options) -> Sqs:
    sqs = Sqs(**options)
    for n in range(letters):
        sqs.send(document(n + 1, n + 1, request=f"r-{n}"), group=str(n % 3))
    return sqs


def read(sqs: Sqs):
    return asyncio.run(QueueMailbox(sqs, URL).read())


@pytest.mark.parametrize("letters", [0, 1, 10, 11, 137])
def test_every_letter_is_shown_once_and_all_are_given_back(letters: int):
    sqs = filled(letters)
    told = read(sqs)
    assert sorted(one.request_id or "" for one in told.letters) == sorted(f"r-{n}" for n in range(letters))
    assert told.not_shown == 0 and len(sqs.visible) == letters and "delete_message" not in sqs.calls


def test_a_queue_that_shows_few_at_a_time_is_asked_again():
    assert len(read(filled(30, page=1)).letters) == 30


def test_what_another_reader_has_is_counted_and_not_shown():
    sqs = filled(4)
    sqs.messages[0].visible_at = 1e9
    told = read(sqs)
    assert len(told.letters) == 3 and told.not_shown == 1


def test_a_fifo_queue_shows_the_first_of_each_group_and_says_how_many_are_behind():
    sqs = filled(30, fifo=True, page=10)
    told = read(sqs)
    assert told.letters and len(told.letters) + told.not_shown == 30 and len(sqs.visible) == 30


def test_letters_are_told_apart_from_what_is_none():
    sqs = filled(1)
    sqs.send("hello")
    sqs.send({"detail": {}}, attributes={"RULE_ARN": "arn:aws:events:eu-west-1:000000000000:rule/r"})
    assert {one.kind for one in read(sqs).letters} == {LetterKind.MAPPING, LetterKind.UNKNOWN, LetterKind.RULE}


def test_the_services_time_is_heard():
    heard = []
    asyncio.run(QueueMailbox(filled(1), URL, on_date=heard.append).read())
    assert set(heard) == {NOW}


def test_a_queue_that_is_not_there_is_named():
    with pytest.raises(SettingsError, match="there is no queue http://other"):
        asyncio.run(QueueMailbox(Sqs(), "http://other/q").read())


def test_an_answer_that_breaks_off_gives_back_what_was_seen():
    sqs = filled(20)

    class Breaking:
        async def call(self, service, operation, **asked):
            if operation == "receive_message" and sqs.calls.count(operation) == 1:
                raise UnavailableError("gone", code="x")
            return await sqs.call(service, operation, **asked)

    with pytest.raises(UnavailableError):
        asyncio.run(QueueMailbox(Breaking(), URL).read())
    assert len(sqs.visible) == 20


def test_held_letters_are_hidden_until_they_are_released():
    sqs = filled(25)
    wanted = [QueuePlace(URL, sqs.messages[n].message_id) for n in (3, 17)]

    async def check():
        box = QueueMailbox(sqs, URL)
        told = await box.hold(wanted)
        assert told.held == frozenset(wanted) and len(sqs.visible) == 23
        letter = await box.letter(wanted[0])
        assert letter is not None and letter.request_id == "r-3"
        await box.release()

    asyncio.run(check())
    assert len(sqs.visible) == 25


def test_a_letter_that_is_gone_is_neither_held_nor_hidden():
    told = asyncio.run(QueueMailbox(filled(3), URL).hold([QueuePlace(URL, "deleted")]))
    assert told.held == told.hidden == frozenset()


def test_a_letter_that_another_reader_has_is_hidden_not_gone():
    sqs = filled(3)
    sqs.messages[1].visible_at = 1e9
    place = QueuePlace(URL, sqs.messages[1].message_id)
    assert asyncio.run(QueueMailbox(sqs, URL).hold([place])).hidden == frozenset([place])


def test_a_letter_behind_others_of_its_group_is_hidden_not_gone():
    sqs = Sqs(fifo=True)
    for n in range(12):
        sqs.send(document(n + 1, n + 1), group="one")
    last = QueuePlace(URL, sqs.messages[-1].message_id)
    assert asyncio.run(QueueMailbox(sqs, URL).hold([last])).hidden == frozenset([last])


def held_too_long(monkeypatch, sqs, place, meanwhile=lambda: None):
    """What ``remove`` says of a letter that was held a second longer than the shortest hold."""
    now = [0.0]
    monkeypatch.setattr("afterbay.redrive.queue._now_s", lambda: now[0])

    async def removed():
        box = QueueMailbox(sqs, URL)
        await box.hold([place])
        now[0] = sqs.now = HOLD_S + 1.0
        meanwhile()
        return await box.remove(place)

    return asyncio.run(removed())


def test_removing_takes_a_fresh_receipt_where_the_held_one_is_too_old(monkeypatch):
    sqs = filled(2)
    place = QueuePlace(URL, sqs.messages[0].message_id)
    assert held_too_long(monkeypatch, sqs, place) == "deleted"
    assert place.message_id not in [one.message_id for one in sqs.messages] and len(sqs.messages) == 1
    assert sqs.calls.count("receive_message") >= 2


def test_removing_one_that_another_reader_took_is_refused():
    sqs = filled(1)
    place = QueuePlace(URL, sqs.messages[0].message_id)
    sqs.messages[0].visible_at = 1e9
    with pytest.raises(ConflictError, match="another reader"):
        asyncio.run(QueueMailbox(sqs, URL).remove(place))
    assert len(sqs.messages) == 1


def test_what_a_large_queue_hides_for_longer_is_removed_with_its_own_receipt(monkeypatch):
    """It was taken for another reader's: its records had succeeded, and a second run sent them again."""
    sqs = filled(1000)
    place = QueuePlace(URL, sqs.messages[0].message_id)
    assert held_too_long(monkeypatch, sqs, place) == "deleted"
    assert len(sqs.messages) == 999 and sqs.calls.count("receive_message") == 1


def test_removing_one_that_is_gone_by_then_says_so(monkeypatch):
    sqs = filled(1)
    place = QueuePlace(URL, sqs.messages[0].message_id)
    assert "gone already" in held_too_long(monkeypatch, sqs, place, meanwhile=sqs.messages.clear)
