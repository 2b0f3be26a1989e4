"""A letter that cannot be looked at is said to be so, and keeps nobody from the others (E17)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest

from afterbay.errors import AfterbayError, DeniedError, SettingsError, ThrottledError, UnavailableError
from afterbay.redrive.bodies import Bodies
from afterbay.redrive.letter import DeadLetter, QueuePlace, read_letter
from afterbay.redrive.owner import Owner
from afterbay.redrive.survey import see
from unit.redrive.world import DAY_S, URL, document

LETTER = read_letter(QueuePlace(URL, "one"), json.dumps(document(1, 2)).encode())


class Refusing:
    def __init__(self, refusal: AfterbayError) -> None:
        self._refusal = refusal

    async def retention_s(self, stream_arn: str) -> float:
        return DAY_S

    async def owner(self, letter: DeadLetter) -> Owner:
        raise self._refusal

    async def bodies(self, letter: DeadLetter, filters: Sequence[str]) -> Bodies:
        raise AssertionError("it has no owner")


@pytest.mark.parametrize("refusal", [SettingsError("no ARN"), DeniedError("of another account", code="AccessDenied")])
def test_a_letter_that_names_what_is_none_or_anothers_is_unreadable(refusal: AfterbayError):
    seen = asyncio.run(see(Refusing(refusal), LETTER, records=True))
    assert (seen.bodies, seen.retention_s) == (Bodies(unreadable=str(refusal)), DAY_S)


@pytest.mark.parametrize("outage", [UnavailableError("down", code="Down"), ThrottledError("slow", code="Slow")])
def test_an_outage_is_no_word_on_a_letter(outage: AfterbayError):
    with pytest.raises(type(outage)):
        asyncio.run(see(Refusing(outage), LETTER, records=True))
