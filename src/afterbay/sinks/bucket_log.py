"""A bucket that holds a table's changes: whole objects, one for each batch and partition, for queries and archives.

The guard is the name: a batch that comes again replaces its object, and what another cut of batches repeats is removed
by (key, token) when it is read or compacted. So no verdict knows of duplicates: a log takes all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.view import ChangeKind
from afterbay.core.guard import APPLIED, DUPLICATE, SKIPPED, Kind, Verdict
from afterbay.errors import RecordError
from afterbay.sinks.bucket import FAULTS, Bucket
from afterbay.sinks.bucket_read import Compacted, compact, read_log
from afterbay.sinks.bucket_rows import EXPIRE, Format, LogRow, log_format, log_row, object_name, partition
from afterbay.sinks.entry import prepare_all
from afterbay.sinks.live import LiveItem
from afterbay.sinks.options import SinkOptions

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["BucketLogSink", "log_format"]


class BucketLogSink:
    """Writes to ``prefix`` in ``bucket``, which must exist. ``written`` is the format: JSON lines with gzip if None.

    Safe to use from several threads and processes.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str,
        *,
        written: Format | None = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        options: SinkOptions | None = None,
        client: S3Client | None = None,
    ) -> None:
        self._bucket = Bucket(bucket, prefix, region=region, endpoint_url=endpoint_url, client=client)
        self._format = written or log_format()
        self._options = options or SinkOptions()

    def __str__(self) -> str:
        return str(self._bucket)

    def apply(self, changes: Sequence[ChangeRecord]) -> list[Verdict]:
        """Write the batch's rows, whole objects. ``applied``, or ``skipped`` for an expiry that is not mirrored: its
        row is there and says so (E6). ``duplicate`` is known within the batch only."""
        entries, verdicts = prepare_all(changes, self._options)
        folders: dict[str, dict[tuple[str, str], LogRow]] = {}
        places: dict[int, str] = {}
        for index, entry in entries:
            try:
                row = log_row(changes[index], entry, self._options)
            except RecordError as broken:
                verdicts[index] = Verdict(Kind.POISON, str(broken))
                continue
            places[index] = folder = partition(changes[index].table, row)
            rows = folders.setdefault(folder, {})
            verdicts[index] = DUPLICATE if row.identity in rows else SKIPPED if entry.skips else APPLIED
            rows[row.identity] = row
        objects = [(folder, list(rows.values())) for folder, rows in folders.items()]
        failed = dict(zip(folders, self._bucket.side_by_side(self._write, objects), strict=True))
        return [(failed.get(places.get(index, "")) or verdicts[index]) for index in range(len(changes))]

    def read_log(self, *, table: str | None = None, date: str | None = None) -> Iterator[LogRow]:
        """Every change once, the tables and days in order and the changes of a day in none. Raises ``ServiceError``."""
        for _, row in read_log(self._bucket, table=table, date=date):
            yield row

    def read_live(self) -> Iterator[LiveItem]:
        """The items as the log's newest rows leave them: the tokens of all keys are held in memory. Raises
        ``ServiceError``."""
        newest: dict[tuple[str, str], LogRow] = {}
        for table, row in read_log(self._bucket):
            seen = newest.get((table, row.key))
            if row.kind != EXPIRE and (seen is None or row.token > seen.token):
                newest[table, row.key] = row
        for row in newest.values():
            item = row.new
            if row.kind != ChangeKind.REMOVE and item is not None:
                yield LiveItem(row.key, item)

    def compact(self, *, table: str, date: str) -> Compacted:
        """Make few objects of a day's many, without duplicates. May run beside writers, and again after it died.
        Raises ``ServiceError``."""
        return compact(self._bucket, self._format, table=table, date=date)

    def close(self) -> None:
        self._bucket.close()

    def _write(self, of_folder: tuple[str, list[LogRow]]) -> Verdict | None:
        """None: written."""
        folder, rows = of_folder
        name = folder + object_name(rows, self._format.suffix)
        put = partial(self._bucket.client().put_object, Bucket=self._bucket.name, Key=self._bucket.key(name))
        try:
            put(Body=self._format.encode(rows))
        except FAULTS as fault:
            return self._bucket.failed(fault)
        return None
