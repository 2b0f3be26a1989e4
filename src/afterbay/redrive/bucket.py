"""Dead letters as objects of an S3 bucket, with what the function got inside (R114, R115).

A letter that was redriven stays, since such buckets are kept as a record: a tag says that it is done, and later runs
pass it by. It is deleted only if that is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime

import msgspec

from afterbay.aws.client import Caller
from afterbay.aws.date import date_of
from afterbay.errors import NotFoundError, SettingsError, UnavailableError
from afterbay.redrive.letter import DeadLetter, ObjectPlace, Place, read_letter
from afterbay.redrive.mailbox import LETTERS_MAX, Contents, Holding
from afterbay.targets.archive import is_archive_key

__all__ = ["DONE_TAG", "BucketMailbox"]

DONE_TAG = "afterbay-redriven"
"""Its value is the moment."""

OBJECT_BYTES_MAX = 16 * 1024 * 1024
"""A letter's payload is an event of 6 MB, escaped once more; what is larger is no letter and is not fetched."""


class _Object(msgspec.Struct):
    Key: str
    Size: int = 0
    LastModified: datetime | None = None


class _Page(msgspec.Struct):
    Contents: list[_Object] = []
    IsTruncated: bool = False
    NextContinuationToken: str | None = None


class _Tag(msgspec.Struct):
    Key: str


class BucketMailbox:
    """The letters under one prefix. ``on_date`` hears the service's time, which ``now`` tells; ``deletes``: what is
    redriven is deleted."""

    def __init__(
        self,
        caller: Caller,
        bucket: str,
        prefix: str = "",
        *,
        now: Callable[[], datetime],
        on_date: Callable[[datetime], None] = lambda date: None,
        deletes: bool = False,
    ) -> None:
        self._caller = caller
        self._bucket = bucket
        self._prefix = prefix
        self._now = now
        self._on_date = on_date
        self._deletes = deletes

    @property
    def name(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}"

    async def read(self) -> Contents:
        """Letters that a redrive has done with are left out."""
        letters: list[DeadLetter] = []
        left = 0
        for listed in await self._list():
            if is_archive_key(listed.Key):
                continue
            if len(letters) >= LETTERS_MAX:
                left += 1
                continue
            letter = await self._letter(listed)
            if letter is not None:
                letters.append(letter)
        return Contents(tuple(letters), left)

    async def hold(self, places: Collection[Place]) -> Holding:
        """Objects cannot be kept from others; what is there and not done is held."""
        return Holding(frozenset([one for one in places if isinstance(one, ObjectPlace) and await self._is_open(one)]))

    async def letter(self, place: Place) -> DeadLetter | None:
        assert isinstance(place, ObjectPlace)
        return await self._letter(_Object(place.key))

    async def remove(self, place: Place) -> str:
        assert isinstance(place, ObjectPlace)
        if self._deletes:
            await self._call("delete_object", Key=place.key)
            return "deleted"
        moment = self._now().astimezone(UTC).isoformat(timespec="seconds")
        tags = {"TagSet": [{"Key": DONE_TAG, "Value": moment.replace("+00:00", "Z")}]}
        await self._call("put_object_tagging", Key=place.key, Tagging=tags)
        return f"kept, tagged {DONE_TAG}"

    async def release(self) -> None:
        """Nothing is held."""

    async def _list(self) -> list[_Object]:
        listed: list[_Object] = []
        token: dict[str, object] = {}
        while True:
            try:
                answer = await self._call("list_objects_v2", Prefix=self._prefix, **token)
            except NotFoundError as gone:
                raise SettingsError(
                    f"there is no bucket {self._bucket}", hint="`aws s3api list-buckets` names those of an account"
                ) from gone
            page = _read(answer, _Page)
            listed += page.Contents
            if not page.IsTruncated or not page.NextContinuationToken or len(listed) > 10 * LETTERS_MAX:
                return listed
            token = {"ContinuationToken": page.NextContinuationToken}

    async def _letter(self, listed: _Object) -> DeadLetter | None:
        place = ObjectPlace(self._bucket, listed.Key)
        written_s = None if listed.LastModified is None else listed.LastModified.timestamp()
        if listed.Size > OBJECT_BYTES_MAX:
            return read_letter(place, b"", sent_s=written_s)
        try:
            answer = await self._call("get_object", Key=listed.Key)
        except NotFoundError:
            return None  # gone since it was listed
        if answer.get("TagCount") and await self._is_done(listed.Key):
            return None
        body = answer["Body"]
        return read_letter(place, body if isinstance(body, bytes) else b"", sent_s=written_s)

    async def _is_open(self, place: ObjectPlace) -> bool:
        try:
            await self._call("head_object", Key=place.key)
        except NotFoundError:
            return False
        return not await self._is_done(place.key)

    async def _is_done(self, key: str) -> bool:
        answer = await self._call("get_object_tagging", Key=key)
        tags = msgspec.convert(answer.get("TagSet", []), list[_Tag])
        return any(one.Key == DONE_TAG for one in tags)

    async def _call(self, operation: str, **parameters: object) -> dict[str, object]:
        answer = await self._caller.call("s3", operation, Bucket=self._bucket, **parameters)
        date = date_of(answer)
        if date is not None:
            self._on_date(date)
        return answer


def _read(answer: dict[str, object], kind: type[_Page]) -> _Page:
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as error:
        raise UnavailableError(f"S3 answered something else: {error}", code="UnreadableAnswer") from error
