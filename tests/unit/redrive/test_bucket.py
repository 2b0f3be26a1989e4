"""Letters in S3 stay where they are; one that is done is tagged, and passed by from then on."""

from __future__ import annotations

import asyncio
import json

import pytest

from afterbay.errors import NotFoundError, SettingsError
from afterbay.redrive.bucket import DONE_TAG, BucketMailbox
from afterbay.redrive.letter import LetterKind
from unit.redrive.world import NOW, S3, document, s3_place

KEYS = [f"aws/lambda/m/shard/2026/01/01/2026-01-01T00.00.0{n}-u" for n in range(5)]


def filled() -> S3:
    return S3({key: json.dumps(document(n + 1, n + 1)).encode() for n, key in enumerate(KEYS)})


def box(s3: S3, prefix: str = "", **options) -> BucketMailbox:
    return BucketMailbox(s3, "letters", prefix, now=lambda: NOW, **options)


def test_every_page_of_a_prefix_is_read_and_nothing_is_taken():
    s3 = filled()
    s3.objects["elsewhere"] = b"{}"
    told = asyncio.run(box(s3, "aws/lambda/").read())
    assert sorted(str(one.place) for one in told.letters) == [f"s3://letters/{key}" for key in KEYS]
    assert len(s3.objects) == 6 and not s3.tags


def test_a_bucket_that_is_not_there_is_named():
    class Gone(S3):
        async def call(self, service, operation, **parameters):
            raise NotFoundError("the bucket does not exist", code="NoSuchBucket")

    with pytest.raises(SettingsError, match=r"there is no bucket letters \(.*list-buckets"):
        asyncio.run(box(Gone({})).read())


def test_what_is_no_letter_is_unknown_and_bodies_of_an_archive_are_no_letters():
    s3 = S3({"note.txt": b"hello", "bodies/1-2-3.bodies.json": b"{}"})
    (told,) = asyncio.run(box(s3).read()).letters
    assert told.kind is LetterKind.UNKNOWN and told.sent_s == NOW.timestamp()


def test_a_letter_that_is_done_is_tagged_and_not_shown_again():
    s3 = filled()
    mailbox = box(s3)
    place = s3_place(KEYS[0])
    assert asyncio.run(mailbox.hold([place])).held == {place}
    assert DONE_TAG in asyncio.run(mailbox.remove(place))
    assert s3.tags[KEYS[0]] == [{"Key": DONE_TAG, "Value": "2026-01-01T02:00:00Z"}]
    assert asyncio.run(mailbox.hold([place])).held == frozenset()
    assert len(asyncio.run(mailbox.read()).letters) == 4


def test_other_tags_are_nobodys_business():
    s3 = filled()
    s3.tags[KEYS[0]] = [{"Key": "team", "Value": "orders"}]
    assert len(asyncio.run(box(s3).read()).letters) == 5


def test_deleting_is_done_only_where_it_is_asked_for():
    s3 = filled()
    assert asyncio.run(box(s3, deletes=True).remove(s3_place(KEYS[0]))) == "deleted"
    assert KEYS[0] not in s3.objects


def test_an_object_that_is_gone_is_done_with():
    assert asyncio.run(box(filled()).hold([s3_place("gone")])).held == frozenset()
    assert asyncio.run(box(filled()).letter(s3_place("gone"))) is None
