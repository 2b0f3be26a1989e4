"""A Delta Lake table in a folder or in a bucket: a guarded MERGE per batch, committed right after the version read.

``deltalake`` would by itself repeat a commit on a newer version where it sees no conflict; here each batch is merged
anew instead, so that its verdicts are true. In a bucket the commit is a conditional put, which the server must know.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from deltalake import CommitProperties, DeltaTable, Field, QueryBuilder, Schema
from deltalake.exceptions import CommitFailedError, DeltaError, DeltaProtocolError, TableNotFoundError
from deltalake.schema import PrimitiveType

from afterbay.errors import ConflictError, NotFoundError, SettingsError, UnavailableError
from afterbay.sinks.lake_arrow import KEEPS, MENDS, ArrowFault, arrow_table, one_text, rows_of
from afterbay.sinks.lake_columns import OWN, Columns, check_own, check_table, column_name
from afterbay.sinks.lake_rows import LakeRow, column_values
from afterbay.sinks.reduced import Stored

if TYPE_CHECKING:
    from deltalake.table import TableMerger

__all__ = ["DeltaStore"]

_TEXT, _FLAG, _SECONDS = PrimitiveType("string"), PrimitiveType("boolean"), PrimitiveType("long")
_OWN_FIELDS = (
    Field("_key", _TEXT, nullable=False),
    Field("_item", _TEXT),
    Field("_tok", _TEXT, nullable=False),
    Field("_deleted", _FLAG, nullable=False),
    Field("_expires", _SECONDS),
)
_NO_REBASE = CommitProperties(max_commit_retries=0)

_REASON_CHARS_MAX = 400
_ARROWS = re.compile(r"\s*\x1b\[\d+m.\x1b\[0m\s*")
"""How deltalake joins a fault and its cause: an arrow in colour on a line of its own."""

_CALLS = {"connect_timeout": "3s", "timeout": "30s", "max_retries": "4", "retry_timeout": "30s"}
"""Of a bucket. By itself deltalake would try for three minutes, longer than most functions run."""


class DeltaStore:
    """The table at ``uri``, a path or an ``s3://`` URL. ``storage_options`` are deltalake's own; what they leave open
    it reads from the environment, as AWS's SDKs do."""

    newer = "target._tok < source._tok"
    """The guard (E5), in the MERGE itself."""

    seen = f"source.`{MENDS}` AND target._tok = source._tok"
    """The guard of a mend (E14)."""

    def __init__(self, uri: str, *, storage_options: Mapping[str, str] | None = None) -> None:
        self._uri = uri
        self._storage = _storage(uri) | dict(storage_options or {})
        self._table: DeltaTable | None = None
        self._required = frozenset[str]()

    def __str__(self) -> str:
        return f"delta:{self._uri}"

    def open(self, keys: Sequence[str]) -> Columns:
        with self._faults():
            self._table = self._newest() or self._created(keys)
            fields = self._table.schema().fields
        self._required = frozenset(field.name for field in fields if not field.nullable)
        check_table(self._required, {one.name: one.type == _TEXT for one in fields if one.nullable}, keys, str(self))
        return Columns(field.name for field in fields if field.name not in OWN)

    def stored(self, keys: Collection[str]) -> dict[str, Stored]:
        with self._faults():
            wanted = ", ".join(map(_literal, sorted(keys)))
            rows = _selected(self._opened(), f"SELECT _key, _tok, _deleted FROM sink WHERE _key IN ({wanted})")
            return {str(row["_key"]): Stored(str(row["_tok"]), deleted=bool(row["_deleted"])) for row in rows}

    def commit(self, rows: Sequence[LakeRow], columns: Columns) -> None:
        with self._faults():
            self._merge(self._opened(), rows, columns).execute()

    def held(self, keys: Collection[str]) -> dict[str, tuple[str, str | None]]:
        with self._faults():
            table = self._table = self._newest()
            if table is None:
                return {}
            wanted = ", ".join(map(_literal, sorted(keys)))
            rows = _selected(table, f"SELECT _key, _tok, _item FROM sink WHERE _key IN ({wanted})")
            return {str(row["_key"]): (str(row["_tok"]), one_text(row["_item"])) for row in rows}

    def live(self) -> Iterator[tuple[str, str]]:
        with self._faults():
            table = self._loaded()
            if table is None:
                return
            for row in _selected(table, "SELECT _key, _item FROM sink WHERE NOT _deleted"):
                yield str(row["_key"]), str(row["_item"])

    def purge(self, before_s: int) -> int:
        with self._faults():
            table = self._loaded()
            if table is None:
                return 0
            told = table.delete(f"_deleted AND _expires < {before_s}", commit_properties=_NO_REBASE)
            return int(told.get("num_deleted_rows") or 0)

    def compact(self) -> None:
        """Small files become few, and files that no version of the last 7 days needs are removed (Delta's default:
        readers of an older version would miss them)."""
        with self._faults():
            table = self._loaded()
            if table is not None:
                table.optimize.compact(commit_properties=_NO_REBASE)
                table.vacuum(dry_run=False)

    def close(self) -> None:
        self._table = None

    # ---- the table

    def _merge(self, table: DeltaTable, rows: Sequence[LakeRow], columns: Columns) -> TableMerger:
        values = column_values(rows, columns.names)
        # Declared never null as in the table: a MERGE that adds columns would loosen the table's own otherwise.
        source = arrow_table({**values, **_flags(rows)}, self._required)
        keeps = f"source.{_quoted(KEEPS)}"
        whole = {_quoted(name): f"source.{_quoted(name)}" for name in values}
        merging = table.merge(
            source,
            "target._key = source._key",
            source_alias="source",
            target_alias="target",
            merge_schema=bool(columns.added),
            commit_properties=_NO_REBASE,
        )
        return (
            merging.when_matched_update(
                {name: f"source.{name}" for name in ("_tok", "_expires")}, predicate=f"{keeps} AND {self.newer}"
            )
            .when_matched_update(whole, predicate=f"NOT {keeps} AND ({self.newer} OR {self.seen})")
            .when_not_matched_insert(whole)
        )

    def _opened(self) -> DeltaTable:
        assert self._table is not None, "open() comes first"
        return self._table

    def _newest(self) -> DeltaTable | None:
        if self._table is None:
            return self._loaded()
        self._table.update_incremental()
        return self._table

    def _loaded(self) -> DeltaTable | None:
        try:
            table = DeltaTable(self._uri, storage_options=self._storage)
        except TableNotFoundError:
            return None
        check_own((field.name for field in table.schema().fields), str(self))
        return table

    def _created(self, keys: Sequence[str]) -> DeltaTable:
        fields = [Field(column_name(key), _TEXT, nullable=False) for key in keys]
        try:
            return DeltaTable.create(
                self._uri, Schema([*fields, *_OWN_FIELDS]), mode="error", storage_options=self._storage
            )
        except DeltaError as fault:
            if self._loaded() is None:
                raise
            raise ConflictError(f"{self}: another writer made the table", code=type(fault).__name__) from fault

    @contextmanager
    def _faults(self) -> Generator[None]:
        """deltalake's errors as ours, by their class (E9). Whatever failed, the next attempt looks at the table
        anew."""
        try:
            yield
        except CommitFailedError as lost:
            self._table = None
            raise ConflictError(f"{self}: another writer was first", code=type(lost).__name__) from lost
        except DeltaProtocolError as foreign:
            raise SettingsError(
                f"{self}: {_reason(foreign)}", hint="the table asks for features that this version of deltalake lacks"
            ) from foreign
        except TableNotFoundError as gone:
            self._table = None
            raise NotFoundError(f"{self}: {_reason(gone)}", code=type(gone).__name__) from gone
        except (DeltaError, OSError, ArrowFault) as fault:
            self._table = None
            raise UnavailableError(f"{self}: {_reason(fault)}", code=type(fault).__name__) from fault


def _storage(uri: str) -> dict[str, str]:
    """What deltalake does not take from the environment as AWS's SDKs do: the endpoint of S3 alone, and plain HTTP.
    Raises ``SettingsError`` where the environment takes the condition off commits."""
    if not uri.startswith("s3"):
        return {}
    if os.environ.get("AWS_S3_ALLOW_UNSAFE_RENAME", "").lower() in ("1", "true", "yes", "on", "y", "t"):
        raise SettingsError(
            f"delta:{uri}: AWS_S3_ALLOW_UNSAFE_RENAME lets two writers make one commit, and one batch is lost",
            hint="take it away: commits are conditional puts, which S3 and servers like it know",
        )
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        return dict(_CALLS)
    plain = {"AWS_ALLOW_HTTP": "true"} if endpoint.startswith("http://") else {}
    return {"AWS_ENDPOINT_URL": endpoint} | plain | _CALLS


def _selected(table: DeltaTable, query: str) -> Iterator[dict[str, object]]:
    """Rows of a query on the table ``sink``, batch by batch. Its pyarrow dataset will not do: after a MERGE it cannot
    be filtered by text."""
    return rows_of(QueryBuilder().register("sink", table).execute(query))


def _flags(rows: Sequence[LakeRow]) -> dict[str, list[bool]]:
    """Columns of the MERGE's source alone."""
    return {KEEPS: [row.keeps for row in rows], MENDS: [row.mends for row in rows]}


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return f"`{name}`"


def _reason(fault: Exception) -> str:
    """What a fault says, in one line. Of the storage's all of it, which names places; of others the first line, since
    the rest may show data."""
    said = (
        _ARROWS.sub(": ", str(fault).strip()) if isinstance(fault, OSError) else str(fault).strip().partition("\n")[0]
    )
    return " ".join(said.split())[:_REASON_CHARS_MAX] or type(fault).__name__
