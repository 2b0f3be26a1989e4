"""A point-in-time export in S3: found, held against its checksums, read page by page and gone on with (E15)."""

from __future__ import annotations

import gzip
import json

import pytest

from afterbay.backfill.export import md5_of, parse_place, read_summary
from afterbay.backfill.export_files import Export, ExportFiles, find_export
from afterbay.backfill.plan import passed
from afterbay.errors import NotFoundError, RecordError, SettingsError, UnavailableError
from scanned import PassingTime

FOLDER = "exports/AWSDynamoDB/01700000000000-0a1b2c3d/"
SUMMARY = {
    "version": "2020-06-30",
    "exportArn": "arn:aws:dynamodb:eu-west-1:000000000000:table/items/export/01700000000000-0a1b2c3d",
    "tableArn": "arn:aws:dynamodb:eu-west-1:000000000000:table/items",
    "exportTime": "2026-02-03T04:05:06.789Z",
    "manifestFilesS3Key": FOLDER + "manifest-files.json",
    "itemCount": 7,
    "outputFormat": "DYNAMODB_JSON",
    "exportType": "FULL_EXPORT",
}


class Bucket:
    """Objects by key, behind the calls of S3. ``faults`` are raised by the next ones."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.faults: list[Exception] = []
        self.fetched: list[str] = []

    async def call(self, service: str, operation: str, **asked: object) -> dict[str, object]:
        assert service == "s3"
        if self.faults:
            raise self.faults.pop(0)
        if asked["Bucket"] != "b":
            raise NotFoundError("no bucket", code="NoSuchBucket")
        if operation == "list_objects_v2":
            prefix = str(asked["Prefix"])
            rest = {key[len(prefix) :].partition("/")[0] for key in self.objects if key.startswith(prefix)}
            return {"CommonPrefixes": [{"Prefix": f"{prefix}{one}/"} for one in sorted(rest)]}
        key = str(asked["Key"])
        self.fetched.append(key)
        if key not in self.objects:
            raise NotFoundError("no key", code="NoSuchKey")
        return {"Body": self.objects[key]}


def export(*files: list[str], folder: str = FOLDER, ending: str = ".md5", **summary: object) -> Bucket:
    """A bucket with an export of items by key, a list of them for each data file."""
    bucket = Bucket()
    listed = []
    for number, keys in enumerate(files):
        lines = [json.dumps({"Item": {"pk": {"S": key}}}) + "\n" for key in keys]
        body = gzip.compress("".join(lines).encode(), mtime=0)
        bucket.objects[f"{folder}data/file{number}.json.gz"] = body
        listed.append(
            {"itemCount": len(keys), "md5Checksum": md5_of(body), "dataFileS3Key": f"{FOLDER}data/file{number}.json.gz"}
        )
    manifests = {
        "manifest-files": "".join(json.dumps(one) + "\n" for one in listed).encode(),
        "manifest-summary": json.dumps({**SUMMARY, **summary}).encode(),
    }
    for name, body in manifests.items():
        bucket.objects[f"{folder}{name}.json"] = body
        bucket.objects[f"{folder}{name}{ending}"] = md5_of(body).encode()
    return bucket


async def found(bucket: Bucket, place: str = "s3://b/exports") -> Export:
    return await find_export(bucket, parse_place(place))


async def all_of(source: ExportFiles, export: Export) -> list[list[str]]:
    pages = []
    for part in export.parts:
        while not part.done:
            page = await source.read(part)
            pages.append([one["pk"]["S"] for one in page.items])
            part = passed(part, page.cursor, items=len(page.items), failed=0)
    return pages


@pytest.mark.parametrize("place", ["s3://b/exports", "s3://b/exports/", f"s3://b/{FOLDER}"])
async def test_an_export_is_found_by_its_prefix_and_by_its_folder(place: str) -> None:
    one = await found(export(["a"], ["b", "c"]), place)
    assert one.summary.arn == SUMMARY["exportArn"] and one.summary.items == 7
    assert one.summary.exported.isoformat() == "2026-02-03T04:05:06.789000+00:00"
    assert [(part.number, part.name) for part in one.parts] == [(0, "data/file0.json.gz"), (1, "data/file1.json.gz")]


async def test_every_item_of_every_file_is_read_once_page_by_page() -> None:
    bucket = export(["a", "b", "c"], [], ["d"], [f"k{n}" for n in range(4)])
    one = await found(bucket)
    source = ExportFiles(bucket, one, PassingTime(), page_items=2)
    assert await all_of(source, one) == [["a", "b"], ["c"], [], ["d"], ["k0", "k1"], ["k2", "k3"], []]
    data = [key for key in bucket.fetched if "/data/" in key]
    assert len(data) == len(set(data)) == 4, "each is fetched once"


async def test_a_file_is_gone_on_with_at_the_line_where_it_was() -> None:
    bucket = export(["a", "b", "c", "d", "e"])
    one = await found(bucket)
    (part,) = one.parts
    first = await ExportFiles(bucket, one, PassingTime(), page_items=2).read(part)
    again = ExportFiles(bucket, one, PassingTime(), page_items=2)
    page = await again.read(passed(part, first.cursor, items=2, failed=0))
    assert [item["pk"]["S"] for item in page.items] == ["c", "d"] and page.cursor == "4"


async def test_an_export_copied_elsewhere_is_read_where_it_is() -> None:
    bucket = export(["a"], folder="copied/here/")
    one = await found(bucket, "s3://b/copied/here")
    assert await all_of(ExportFiles(bucket, one, PassingTime()), one) == [["a"]]


@pytest.mark.parametrize("ending", [".md5", ".checksum"])
async def test_both_names_of_a_checksum_are_known(ending: str) -> None:
    assert (await found(export(["a"], ending=ending))).files


@pytest.mark.parametrize("name", ["manifest-summary.json", "manifest-files.json"])
async def test_a_manifest_that_was_changed_is_refused(name: str) -> None:
    bucket = export(["a"])
    bucket.objects[FOLDER + name] += b" "
    with pytest.raises(SettingsError, match=f"{name}: the checksum"):
        await found(bucket)


async def test_a_manifest_without_its_checksum_is_refused() -> None:
    bucket = export(["a"])
    del bucket.objects[FOLDER + "manifest-files.md5"]
    with pytest.raises(SettingsError, match="as a whole"):
        await found(bucket)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda body: body + b"x", "checksum"),
        (lambda body: None, "not there"),
    ],
)
async def test_a_damaged_or_missing_data_file_is_refused_before_a_line_of_it_is_used(damage, words: str) -> None:
    bucket = export(["a", "b"])
    one = await found(bucket)
    key = FOLDER + "data/file0.json.gz"
    body = damage(bucket.objects.pop(key))
    if body is not None:
        bucket.objects[key] = body
    with pytest.raises(SettingsError, match=words) as refused:
        await ExportFiles(bucket, one, PassingTime()).read(one.parts[0])
    assert key in str(refused.value)


async def test_a_file_with_fewer_items_than_the_manifest_says_is_refused() -> None:
    bucket = export(["a", "b"])
    short = gzip.compress(b'{"Item":{"pk":{"S":"a"}}}\n')
    bucket.objects[FOLDER + "data/file0.json.gz"] = short
    listed = {"itemCount": 2, "md5Checksum": md5_of(short), "dataFileS3Key": "x/data/file0.json.gz"}
    body = json.dumps(listed).encode()
    bucket.objects[FOLDER + "manifest-files.json"] = body
    bucket.objects[FOLDER + "manifest-files.md5"] = md5_of(body).encode()
    one = await found(bucket)
    with pytest.raises(SettingsError, match="1 items, and the manifest says 2"):
        await ExportFiles(bucket, one, PassingTime()).read(one.parts[0])


async def test_an_outage_of_the_bucket_is_waited_for() -> None:
    bucket = export(["a"])
    one = await found(bucket)
    bucket.faults = [UnavailableError("503", code="ServiceUnavailable")] * 2
    time = PassingTime()
    page = await ExportFiles(bucket, one, time).read(one.parts[0])
    assert page.items and len(time.slept) == 2


async def test_no_export_and_several_are_told_apart() -> None:
    with pytest.raises(SettingsError, match="holds no export"):
        await found(Bucket())
    two = export(["a"])
    two.objects |= export(["a"], folder="exports/AWSDynamoDB/01800000000000-ffffffff/").objects
    with pytest.raises(SettingsError, match="2 exports") as refused:
        await found(two)
    assert f"s3://b/{FOLDER}" in str(refused.value)
    with pytest.raises(SettingsError, match="no bucket other"):
        await found(two, "s3://other/exports")


async def test_an_export_that_is_being_made_is_refused() -> None:
    bucket = Bucket()
    bucket.objects[FOLDER + "_started"] = b""
    with pytest.raises(SettingsError, match="still being made"):
        await found(bucket)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"exportType": "INCREMENTAL_EXPORT"}, "changes, not all items"),
        (
            {"exportType": "INCREMENTAL_EXPORT", "exportTime": None, "exportFromTime": "2026-02-03T04:00:00Z"},
            "FULL_EXPORT",
        ),
        ({"outputFormat": "ION"}, "DYNAMODB_JSON"),
        ({"exportTime": "2026-02-03T04:05:06"}, "no zone"),
        ({"exportTime": "yesterday"}, "not the summary"),
        ({"itemCount": None}, "not the summary"),
    ],
)
def test_an_export_of_another_kind_is_refused(change: dict, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        read_summary(json.dumps({**SUMMARY, **change}).encode(), "s3://b/x")


async def test_a_line_that_is_no_item_is_an_error() -> None:
    bucket = export(["a"])
    body = gzip.compress(b'{"NotItem":{}}\n')
    bucket.objects[FOLDER + "data/file0.json.gz"] = body
    one = await found(bucket)
    files = (one.files[0].__class__("data/file0.json.gz", md5_of(body), 1),)
    source = ExportFiles(bucket, Export(one.bucket, one.folder, one.summary, files), PassingTime())
    with pytest.raises(RecordError, match=rf"s3://b/{FOLDER}data/file0\.json\.gz:1: the line holds no item"):
        await source.read(one.parts[0])


async def test_files_that_hold_another_number_of_items_than_the_summary_counts_are_doubted() -> None:
    assert (await found(export(["a"], ["b", "c"], itemCount=3))).doubt is None
    doubt = (await found(export(["a"], itemCount=3))).doubt
    assert doubt is not None and "lists 1 item(s), and the summary counts 3" in doubt


@pytest.mark.parametrize("place", ["exports", "s3:/b/x", "s3://", "http://b/x"])
def test_what_is_no_place_in_s3_is_refused(place: str) -> None:
    with pytest.raises(SettingsError, match="--from-export"):
        parse_place(place)
