"""What a table did, as stream records, and what it holds in the end: the judge of every sink."""

from __future__ import annotations

import random
from base64 import b64encode
from dataclasses import dataclass, field

from afterbay.core.change.record import ChangeRecord
from afterbay.sinks.live import live_item

LABELS = ("2026-01-05T10:11:12.345", "2026-03-01T00:00:00.000")
KEYS = (("a#b", "c"), ("a", "b#c"), ("plain", "0"), ("plain", "00"), ("ключ/1", "x y"), ("<&'\"", ";--"))
PRINCIPAL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


@dataclass
class History:
    """Records in commit order, across a stream that was turned off and on again with lower numbers; digits grow."""

    rng: random.Random
    records: list[dict] = field(default_factory=list)
    items: dict[tuple[str, str], dict] = field(default_factory=dict)
    """The table's items as the sink is to show them: what expired is still there when expiries are skipped."""
    counter: int = 9_990
    label: str = LABELS[0]

    @property
    def changes(self) -> list[ChangeRecord]:
        return [ChangeRecord(record) for record in self.records]

    def expected(self) -> dict[str, dict]:
        """Live items by canonical key, in the form in which sinks show them."""
        found = (live_item(item, frozenset({"pk", "sk"})) for item in self.items.values())
        return {one.key: one.item for one in found}

    def enable_again(self) -> None:
        self.label, self.counter = LABELS[1], 3

    def put(self, key: tuple[str, str], **attributes: dict) -> dict:
        old = self.items.get(key)
        new = self.items[key] = {"pk": {"S": key[0]}, "sk": {"S": key[1]}, **attributes}
        images = {"NewImage": new} | ({"OldImage": old} if old else {})
        return self._record("MODIFY" if old else "INSERT", key, images)

    def delete(self, key: tuple[str, str]) -> dict:
        return self._record("REMOVE", key, {"OldImage": self.items.pop(key)})

    def expire(self, key: tuple[str, str], *, mirrored: bool) -> dict:
        old = self.items[key]
        if mirrored:
            del self.items[key]
        return self._record("REMOVE", key, {"OldImage": old}, userIdentity=PRINCIPAL)

    def _record(self, kind: str, key: tuple[str, str], images: dict, **members: object) -> dict:
        self.counter += self.rng.randrange(1, 4)
        number = f"{self.counter}{self.rng.randrange(10**20):020}"
        record = {
            "eventID": f"{len(self.records):032x}",
            "eventName": kind,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "eu-west-1",
            "dynamodb": {
                "ApproximateCreationDateTime": 1767607872.0 + len(self.records) // 5,
                "Keys": {"pk": {"S": key[0]}, "sk": {"S": key[1]}},
                **images,
                "SequenceNumber": number,
                "SizeBytes": 100,
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
            "eventSourceARN": f"arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/{self.label}",
            **members,
        }
        self.records.append(record)
        return record


def history(seed: int, *, changes: int = 60, mirrored: bool = False) -> History:
    """Inserts, updates, deletes, expiries and re-creations of a few keys, at random but the same for a seed."""
    made = History(random.Random(seed))
    for number in range(changes):
        if number == changes * 2 // 3:
            made.enable_again()
        key = made.rng.choice(KEYS)
        roll = made.rng.random()
        if key in made.items and roll < 0.25:
            made.delete(key)
        elif key in made.items and roll < 0.35:
            made.expire(key, mirrored=mirrored)
        else:
            made.put(key, **_attributes(number, made.rng))
    return made


def _attributes(number: int, rng: random.Random) -> dict:
    attributes = {
        "n": {"N": str(number)},
        "price": {"N": "12345678901234567890.123456789"},
        "raw": {"B": b64encode(bytes([number % 256, 0])).decode()},
        "tags": {"SS": sorted(rng.sample(["x", "y", "z"], 2))},
        "m": {"M": {"l": {"L": [{"S": "1.5"}, {"S": ""}, {"B": "AQID"}]}, "x": {"N": "1.5"}}},
        "gone": {"NULL": True},
    }
    return attributes | ({"extra": {"S": "only sometimes"}} if number % 3 == 0 else {})
